/** What aggregation promises a player whose free path fades, however far: fades are drawn, and none may stop it. */
import { assertEquals, assertLess } from "@std/assert";
import { parseScenario, Random, runScenario, type ScenarioResult } from "../kit/mod.ts";

interface Fade {
  /** Mbit/s of what is left of the free path. */
  readonly rate: number;
  readonly forMs: number;
  readonly maxBufferMs: number;
}

const START = 20_000;
const CHUNKS = 25;

/** A player of 320 kbit/s whose Wi-Fi fades for a while; cellular is metered. */
function play({ rate, forMs, maxBufferMs }: Fade, hints: boolean, seed: number): ScenarioResult {
  const mode = "aggregation";
  return runScenario(
    parseScenario(
      JSON.stringify({
        name: `fade-${rate}`,
        seed,
        limitMs: 300_000,
        links: [
          { label: "wifi", rateMbps: 2, delayMs: 15 },
          { label: "cell", rateMbps: 10, delayMs: 30, cost: 1, metered: true },
        ],
        events: [
          { atMs: START, link: 0, set: { rateMbps: rate } },
          { atMs: START + forMs, link: 0, set: { rateMbps: 2 } },
        ],
        client: { mode, hints },
        server: { mode },
        load: { kind: "video", chunkBytes: 160_000, chunkMs: 4000, chunks: CHUNKS, startBufferMs: 1000, maxBufferMs },
      }),
      "fade",
    ),
    { crypto: "plain" },
  );
}

for (const hints of [true, false]) {
  const way = hints ? "with hints" : "by path status alone";
  Deno.test(`Aggregation keeps a player going when the free path fades, ${way}`, () => {
    const random = new Random(41);
    for (let seed = 1; seed <= 8; seed++) {
      const fade = {
        rate: 0.03 * 10 ** random.next(),
        forMs: 10_000 + 30_000 * random.next(),
        maxBufferMs: 8000 + 20_000 * random.next(),
      };
      const { completed, error, video, repeatedShare } = play(fade, hints, seed);
      const told = `seed ${seed}, ${JSON.stringify(fade)}`;
      assertEquals([completed, error ?? "", video?.stalls], [true, "", 0], told);
      assertLess(repeatedShare, 0.05, told);
    }
  });
}
