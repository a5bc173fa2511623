/**
 * Two equal flows and one bottleneck.
 *
 * @module
 */
import { Random } from "../kit/random.ts";
import type { ScenarioResult } from "../kit/scenario/types.ts";
import { assertWithin, goodput, mean, runFlow } from "./flow.ts";

/** Worlds, each with another time at which the second flow begins. */
const SEEDS = 20;

/** How long both flows are there, in seconds. */
const TOGETHER = 60;

/** The second flow begins within the first so many seconds. */
const LATEST = 2;

/** What the first flow had for each bit of the second, in the time in which both were there. */
function ratio(result: ScenarioResult, startMs: number): number {
  // The step of the series in which the second begins is left out: less than a second of sixty.
  const from = Math.ceil(startMs / 1000);
  return goodput(result, from, from + TOGETHER) / result.cross[0]!.goodputMbps;
}

for (const congestion of ["cubic", "newreno"]) {
  Deno.test(`Two flows with ${congestion} have equal shares of a bottleneck over a minute, within 10 %`, () => {
    const ratios = Array.from({ length: SEEDS }, (_, i) => {
      const startMs = Math.round(new Random(i + 1).next() * LATEST * 1000);
      const result = runFlow({
        name: "share",
        seed: i + 1,
        link: { rateMbps: 2, delayMs: 20 },
        // Cross traffic has the defaults: packets of the same size, then.
        side: { congestion, payloadLimit: 1452 },
        seconds: TOGETHER + LATEST,
        cross: [{ link: 0, direction: "down", congestion, startMs }],
      });
      return ratio(result, startMs);
    });
    assertWithin(mean(ratios), 1, 0.1, `Ratio of the flows (${ratios.map((each) => each.toFixed(2)).join(" ")})`);
  });
}
