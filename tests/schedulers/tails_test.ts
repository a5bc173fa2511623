/** Aggregation beside the best of its paths, over transfers and paths that are drawn. */
import { assertLess } from "@std/assert";
import { parseScenario, runScenario } from "../kit/mod.ts";
import { Random } from "../kit/random.ts";

/** Transfers that are drawn. */
const DRAWN = 60;

interface Drawn {
  readonly links: readonly Record<string, number>[];
  readonly load: { readonly kind: "bulk"; readonly direction: string; readonly bytes: number };
}

/** Two or three paths that may be very unlike, and a transfer that is over soon. */
function draw(random: Random): Drawn {
  const between = (least: number, most: number) => least * (most / least) ** random.next();
  const links = Array.from({ length: random.chance(0.75) ? 2 : 3 }, () => ({
    rateMbps: between(1, 100),
    delayMs: between(5, 300),
    ...(random.chance(0.7) ? { queueMs: between(20, 500) } : {}),
  }));
  const direction = random.chance(0.8) ? "down" : "up";
  return { links, load: { kind: "bulk", direction, bytes: Math.round(between(20_000, 2_000_000)) } };
}

/** Milliseconds from the end of the handshake until all is there; with `pin`, of one path alone while the others are there too. */
function timeOf({ links, load }: Drawn, mode: string, pin?: number): number {
  const side = { mode, ...(pin === undefined ? {} : { pin: { "0": pin } }) };
  const file = {
    name: "tails",
    limitMs: 300_000,
    links: pin === 0 ? links.slice(0, 1) : links,
    client: side,
    server: side,
    load,
  };
  const result = runScenario(parseScenario(JSON.stringify(file), "tails.json"), { crypto: "plain" });
  if (!result.completed) throw new Error(`The transfer did not complete: ${result.error}`);
  return result.completedMs - result.confirmedMs;
}

Deno.test("Aggregation is hardly ever slower than the best of its paths, however short the transfer and unlike the paths", () => {
  const random = new Random(20261121);
  const ratios = Array.from({ length: DRAWN }, () => {
    const drawn = draw(random);
    const alone = drawn.links.map((_, path) => timeOf(drawn, "min-rtt", path));
    return timeOf(drawn, "aggregation") / Math.min(...alone);
  }).sort((a, b) => a - b);
  const said = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
  // What is begun on the only path that there is yet may be begun on the slow one.
  assertLess(ratios.at(-1)!, 1.8, said);
  assertLess(ratios[Math.floor(0.9 * DRAWN)]!, 1.1, said);
  assertLess(ratios[Math.floor(0.5 * DRAWN)]!, 1, said);
});
