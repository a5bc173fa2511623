import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { LinkOptions } from "../link_options.ts";
import type { Load, Scenario } from "../scenario/types.ts";
import { event, link, scenario, side } from "./fixture_test.ts";
import { runScenario } from "./run.ts";

const RUNS = 25;

const bytes = fc.integer({ min: 0, max: 60_000 });
const start = fc.constantFrom("confirmed" as const, "complete" as const);
const direction = fc.constantFrom("up" as const, "down" as const, "both" as const);
const streams = fc.integer({ min: 1, max: 4 });

const load: fc.Arbitrary<Load> = fc.oneof(
  fc.record({
    kind: fc.constant("requests" as const),
    start,
    list: fc.array(fc.record({ request: bytes, response: bytes, after: fc.constant(null), at: fc.nat(300) }), {
      minLength: 1,
      maxLength: 5,
    }),
  }),
  fc.record({
    kind: fc.constant("bulk" as const),
    start,
    direction,
    bytes: fc.integer({ min: 1, max: 300_000 }),
    streams,
  }),
  fc.record({
    kind: fc.constant("periodic" as const),
    start,
    every: fc.integer({ min: 1, max: 60 }),
    request: fc.integer({ min: 1, max: 3000 }),
    response: fc.nat(3000),
    count: fc.integer({ min: 1, max: 40 }),
    streams: fc.constantFrom("one" as const, "each" as const),
    late: fc.constant(100),
  }),
  fc.record({
    kind: fc.constant("datagrams" as const),
    start,
    direction,
    bytes: fc.integer({ min: 0, max: 1000 }),
    every: fc.integer({ min: 1, max: 30 }),
    count: fc.integer({ min: 1, max: 60 }),
    pin: fc.constantFrom(undefined, 0, 1),
  }),
  fc.record({
    kind: fc.constant("video" as const),
    start,
    chunkBytes: fc.integer({ min: 1, max: 60_000 }),
    chunkDuration: fc.integer({ min: 50, max: 1000 }),
    chunks: fc.integer({ min: 1, max: 6 }),
    startBuffer: fc.nat(2000),
    maxBuffer: fc.integer({ min: 1, max: 3000 }),
  }),
);

const conditions: fc.Arbitrary<LinkOptions> = fc.record({
  rateMbps: fc.constantFrom(null, 2, 20),
  delayMs: fc.integer({ min: 0, max: 60 }),
  jitterMs: fc.constantFrom(0, 4),
  reorder: fc.boolean(),
  lossPercent: fc.constantFrom(0, 0, 3),
});

const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(1e6),
  first: conditions,
  second: conditions,
  parts: fc.array(load, { minLength: 1, maxLength: 3 }),
  mode: fc.constantFrom("min-rtt", "round-robin"),
  outage: fc.option(fc.record({ at: fc.nat(400), lasts: fc.nat(600) }), { nil: undefined }),
}).map(({ seed, first, second, parts, mode, outage }) => {
  const dead = (at: number, isDead: boolean) =>
    event("confirmed", at, { type: "set", link: 1, direction: "both", set: { dead: isDead } });
  return scenario({ kind: "mixed", start: "confirmed", parts }, {
    seed,
    limit: 120_000,
    links: [link({ both: first }), link({ both: second }, 1)],
    client: side({ mode }),
    server: side({ mode }),
    events: outage === undefined ? [] : [dead(outage.at, true), dead(outage.at + outage.lasts, false)],
  });
});

/** How many bytes streams carry to their ends; requests that loads send by themselves count too. */
function streamBytes(load: Load): { up: number; down: number } {
  const sum = (all: { up: number; down: number }[]): { up: number; down: number } =>
    all.reduce((a, b) => ({ up: a.up + b.up, down: a.down + b.down }), { up: 0, down: 0 });
  switch (load.kind) {
    case "mixed":
      return sum(load.parts.map(streamBytes));
    case "requests":
      return sum(load.list.map(({ request, response }) => ({ up: request, down: response })));
    case "bulk":
      return {
        up: 100 * load.streams + (load.direction === "down" ? 0 : load.bytes),
        down: load.direction === "up" ? 0 : load.bytes,
      };
    case "periodic":
      return { up: load.count * load.request, down: load.count * load.response };
    case "video":
      return { up: 257 * load.chunks, down: load.chunks * load.chunkBytes };
    default:
      return { up: 0, down: 0 };
  }
}

function latenciesOf(load: Load): number {
  if (load.kind === "mixed") return load.parts.reduce((total, part) => total + latenciesOf(part), 0);
  return load.kind === "periodic" ? load.count : load.kind === "video" ? load.chunks : 0;
}

Deno.test("runScenario() whatever the load and the links, every byte arrives and every figure adds up", () => {
  fc.assert(
    fc.property(anyScenario, (what) => {
      const result = runScenario(what, { crypto: "plain" });
      assertEquals(result.error, null);
      assert(result.completed);
      const expected = streamBytes(what.load);
      for (const way of ["up", "down"] as const) {
        const first = result.paths.reduce((sum, path) => sum + path[way].streamBytes - path[way].repeatedBytes, 0);
        assertEquals(first, expected[way], way);
        assert(result.bytes[way] >= expected[way]);
      }
      assertEquals(result.latencyMs.count, latenciesOf(what.load));
      assert(result.requests.every(({ startMs, endMs }) => endMs >= startMs));
      assert(result.datagrams.received <= result.datagrams.sent);
      assert(result.video.stallMs >= 0 && result.repeatedShare >= 0);
    }),
    { numRuns: RUNS },
  );
});
