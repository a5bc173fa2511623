/** How a run's client connects when its first link does not answer. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { Scenario, ScenarioLink, ScenarioResult } from "../scenario/types.ts";
import { Trace } from "../trace.ts";
import { bulk, event, link, requests, scenario, side } from "./fixture_test.ts";
import { runScenario } from "./run.ts";

const DEAD = { delayMs: 10, rateMbps: 10, dead: true };
const ALIVE = link({ both: { delayMs: 30, rateMbps: 10 } }, 1);
const ASKS = requests({ response: 2000 });

/** Runs it, and checks that the result counts each datagram that was sent, once. */
function run(what: Scenario, seed = 1): ScenarioResult {
  const sent = new Map<string, number>();
  const result = runScenario(what, {
    seed,
    onDatagram: ({ link, direction, data }) => {
      const key = `${link} ${direction}`;
      sent.set(key, (sent.get(key) ?? 0) + data.length);
    },
  });
  const counted = new Map<string, number>();
  for (const { label, up, down } of result.paths) {
    for (const [direction, { bytes }] of [["up", up], ["down", down]] as const) {
      const key = `${label} ${direction}`;
      if (bytes > 0) counted.set(key, (counted.get(key) ?? 0) + bytes);
    }
  }
  assertEquals(new Map([...counted].sort()), new Map([...sent].sort()));
  return result;
}

function completed(what: Scenario, seed = 1): ScenarioResult {
  const result = run(what, seed);
  assertEquals(result.error, null);
  return result;
}

/** Which link each path runs over, by id. */
function linksOf({ paths }: ScenarioResult): number[][] {
  return paths.map(({ id, link }) => [id, link]);
}

Deno.test("runScenario() a first link that is dead costs 250 ms; the one that answers has path 0", () => {
  for (const mode of ["interactive", "min-rtt", "aggregation", "handover", "redundant"]) {
    const sides = { client: side({ mode }), server: side({ mode }) };
    const result = completed(scenario(ASKS, { links: [link({ both: DEAD }), ALIVE], ...sides }));
    // A handshake takes a round trip of 60 ms, its confirmation and the request another one each.
    assert(result.completedMs > 250 + 180 && result.completedMs < 250 + 195, `${mode} ${result.completedMs}`);
    assertEquals(linksOf(result), [[0, 1], [1, 0]]);
    assertEquals(result.bytes, { up: 257, down: 2000 });
  }
});

Deno.test("runScenario() all other links are tried at once, those that the client has later or never are not", () => {
  const links = [0, 1, 2].map((i) => link({ both: DEAD }, i)).concat([
    link({ both: { delayMs: 1 }, openMs: 500 }, 3),
    link({ both: { delayMs: 1 }, openMs: null }, 4),
    link({ both: { delayMs: 30 } }, 5),
  ]);
  const result = completed(scenario(ASKS, { links, client: side({ maxPaths: 8 }), server: side({ maxPaths: 8 }) }));
  assert(result.completedMs < 500, `${result.completedMs}`);
  assertEquals(result.paths.find(({ id }) => id === 0)?.link, 5);
  assertEquals(result.paths.find(({ link }) => link === 4), undefined);
});

Deno.test("runScenario() a backup that wins is told to be one, with its label and cost", () => {
  const trace = new Trace();
  const spare = { ...ALIVE, label: "cell", status: "backup" as const, cost: 2, metered: true };
  const what = scenario(bulk(100_000), { links: [link({ both: DEAD }), spare] });
  assertEquals(runScenario(what, { observers: { client: trace } }).error, null);
  const told = trace.frames("sent", "path_status");
  assert(told.length > 0 && told.every(({ frame }) => frame.path === 0 && frame.status === "backup"));
  // The trace is of the connection alone.
  assertEquals(
    trace.filter("quic:packet_sent", ({ header }) => header.type === "initial" && header.number === 0).length,
    1,
  );
  trace.assertNone("quic:packet_sent", ({ local, header }) => header.path === 0 && local.hostname === "10.0.0.1");
});

Deno.test("runScenario() a slow first link and a second one: either may win, and nothing is delivered twice", () => {
  for (const delayMs of [120, 124, 126, 140, 150, 155, 160, 200]) {
    const result = completed(scenario(bulk(50_000), { links: [link({ both: { delayMs } }), ALIVE] }));
    assertEquals(result.bytes.down, 50_000);
    const first = result.paths.find(({ id }) => id === 0)?.link;
    // A handshake over the second link is complete a little after 310 ms.
    assertEquals(first, delayMs <= 155 ? 0 : 1, `${delayMs}`);
  }
});

Deno.test("runScenario() links that are all dead: one error, when the handshake of the last has timed out", () => {
  const links = [0, 1, 2].map((i) => link({ both: DEAD }, i));
  const result = run(scenario(ASKS, { links }));
  assertEquals(result.completed, false);
  assertMatch(result.error ?? "", /^The connection ended at 10250 ms: The handshake did not complete within 10000 ms$/);
  assertEquals(linksOf(result), [[0, 0], [-1, 1], [-1, 2]]);
  for (const { up, down } of result.paths) assert(up.packets > 1 && down.packets === 0);
});

Deno.test("runScenario() a link that refuses to send starts the others at once", () => {
  const result = completed(scenario(ASKS, { links: [link({ both: { delayMs: 10, unreachable: true } }), ALIVE] }));
  assert(result.completedMs < 200, `${result.completedMs}`);
  assertEquals(linksOf(result)[0], [0, 1]);
});

Deno.test("runScenario() a link that was dead becomes a path when it answers", () => {
  const events = [event("start", 3000, { type: "set", link: 0, direction: "both", set: { dead: false } })];
  const load = { kind: "stream", start: "confirmed", direction: "down", duration: 9000, streams: 1 } as const;
  const result = completed(scenario(load, { links: [link({ both: DEAD }), ALIVE], events }));
  const back = result.paths.filter(({ link, state }) => link === 0 && state === "open");
  assertEquals(back.length, 1);
  assert(back[0]!.down.streamBytes > 1_000_000);
});

Deno.test("runScenario() without RFC 10069 at the client there is the first link alone; without it at the server, any", () => {
  const links = [link({ both: DEAD }), ALIVE];
  const off = side({ numberSpaces: "off" });
  assertEquals(run(scenario(ASKS, { links, client: off })).completed, false);
  assertEquals(linksOf(completed(scenario(ASKS, { links, server: off }))), [[0, 1], [-1, 0]]);
});

Deno.test("runScenario() random losses of first packets never harm the connection", () => {
  const chance = fc.integer({ min: 0, max: 60 });
  const rough = (loss: number, delayMs: number, i: number): ScenarioLink =>
    link({ both: { delayMs, rateMbps: 10, lossPercent: loss } }, i);
  const setting = fc.record({
    seed: fc.nat(1e6),
    losses: fc.array(chance, { minLength: 2, maxLength: 4 }),
    delays: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(setting, ({ seed, losses, delays }) => {
      const links = losses.map((loss, i) => rough(loss, delays[i]!, i));
      // Only the beginning is rough, so that all must come through in the end.
      const calm = links.map((_, i) =>
        event("start", 2000, { type: "set", link: i, direction: "both", set: { lossPercent: 0 } })
      );
      const result = completed(
        scenario(requests({ response: 3000 }, { response: 20_000 }), { links, events: calm }),
        seed,
      );
      assertEquals(result.bytes, { up: 514, down: 23_000 });
      assertEquals(result.paths.filter(({ id }) => id === 0).length, 1);
    }),
    { numRuns: 40 },
  );
});
