import { assert, assertAlmostEquals, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fastestProvider, nobleProvider } from "../../../crypto/mod.ts";
import type { CryptoProvider } from "../../../crypto/provider.ts";
import { minRtt } from "../../../schedulers/min_rtt.ts";
import type { Load, Scenario, ScenarioResult } from "../scenario/types.ts";
import { Trace } from "../trace.ts";
import { bulk, event, link, requests, scenario, side } from "./fixture_test.ts";
import type { RunScenarioOptions } from "./options.ts";
import { runScenario } from "./run.ts";

const TWO = [link({ both: { delayMs: 10, rateMbps: 10 } }), link({ both: { delayMs: 25, rateMbps: 10 } }, 1)];
const ROUGH = [
  link({ both: { delayMs: 10, rateMbps: 10, jitterMs: 3, reorder: true, lossPercent: 2 } }),
  link({ both: { delayMs: 25, rateMbps: 10, jitterMs: 5, lossPercent: 1 } }, 1),
];

function completed(result: ScenarioResult): ScenarioResult {
  assertEquals(result.error, null);
  assert(result.completed);
  return result;
}

/** A hash of all datagrams, with their links and times. */
function digest(what: Scenario, options: RunScenarioOptions = {}): string {
  const hash = fastestProvider().hash("sha256");
  const text = new TextEncoder();
  completed(runScenario(what, {
    ...options,
    onDatagram: ({ link, direction, data, now }) => {
      hash.update(text.encode(`${link} ${direction} ${now} ${data.length} `));
      hash.update(data);
    },
  }));
  return hash.digest().toHex();
}

Deno.test("runScenario() one seed, the same datagrams to the byte", () => {
  const parts = [bulk(300_000), requests({ response: 2000, at: 100 })];
  const cross = [{ link: 0, direction: "down" as const, congestion: "newreno", start: 100, stop: 400 }];
  const rough = scenario({ kind: "mixed", start: "confirmed", parts }, { links: ROUGH, cross });
  assertEquals(digest(rough), digest(rough));
  assertEquals(digest(rough, { seed: 7 }), digest({ ...rough, seed: 7 }));
  assertNotEquals(digest(rough), digest(rough, { seed: 2 }));
});

Deno.test("runScenario() the same datagrams whatever provider there is, in whatever order it prefers suites", () => {
  const small = scenario(bulk(20_000), { links: ROUGH });
  const noble = nobleProvider();
  const other: CryptoProvider = { ...noble, suites: [...noble.suites].reverse(), groups: [...noble.groups].reverse() };
  assertEquals(digest(small, { provider: other }), digest(small));
});

Deno.test("runScenario() plain cryptography changes nothing in virtual time", () => {
  const events = [event("confirmed", 200, { type: "keyUpdate", side: "client" })];
  const rough = scenario(bulk(500_000), { links: ROUGH, events });
  assertEquals(runScenario(rough, { crypto: "plain" }), runScenario(rough));
});

Deno.test("runScenario() two links together are faster than either", () => {
  const both = completed(runScenario(scenario(bulk(2_000_000), { links: TWO })));
  assert(both.goodputMbps > 15, `${both.goodputMbps}`);
  assertEquals(both.paths.map(({ id, link, label, state }) => [id, link, label, state]), [
    [0, 0, "link0", "open"],
    [1, 1, "link1", "open"],
  ]);
  assertAlmostEquals(both.paths[0]!.minRttMs, 20, 3);
  assertAlmostEquals(both.paths[1]!.minRttMs, 50, 3);
  const sent = both.paths[0]!.down.streamBytes + both.paths[1]!.down.streamBytes;
  const repeated = both.paths[0]!.down.repeatedBytes + both.paths[1]!.down.repeatedBytes;
  assertEquals(sent - repeated, 2_000_000);
});

Deno.test("runScenario() validated is when the slower path is usable at both ends, one and a half round trips after its challenge", () => {
  const links = [link(), link({ both: { delayMs: 30 } }, 1)];
  const trace = new Trace();
  const what = scenario(requests({ response: 10, at: 200 }), { links });
  const result = completed(runScenario(what, { observers: { client: trace } }));
  // The challenge arrives after 30 ms, the server's own after 60, the answer to that after 90.
  const [challenge] = trace.frames("sent", "path_challenge");
  assertAlmostEquals(result.validatedMs, challenge!.now + 90, 1);
});

Deno.test("runScenario() without multipath there is one path", () => {
  for (const who of ["client", "server"] as const) {
    const off = scenario(bulk(100_000), { links: TWO, [who]: side({ numberSpaces: "off" }) });
    const result = completed(runScenario(off));
    assertEquals(result.numberSpaces, "off");
    assertEquals(result.paths.length, 1);
    assertEquals(result.validatedMs, result.confirmedMs);
  }
});

Deno.test("runScenario() a link has its time, or none", () => {
  const links = [link(), link({ openMs: 100 }, 1), link({ openMs: null }, 2)];
  const trace = new Trace();
  const result = completed(
    runScenario(scenario(requests({ response: 10, at: 300 }), { links }), { observers: { client: trace } }),
  );
  assertEquals(result.paths.map(({ link }) => link), [0, 1]);
  assertAlmostEquals(trace.first("multipath:path_assigned", ({ path }) => path === 1)!.now, 140, 1);
  assertEquals(result.validatedMs, result.confirmedMs);
});

Deno.test("runScenario() a path over a link that is dead at first comes later", () => {
  const links = [link(), link({ both: { delayMs: 10, dead: true } }, 1)];
  const events = [event("start", 5000, { type: "set", link: 1, direction: "both", set: { dead: false } })];
  const load = requests({ response: 10, at: 20_000 });
  const result = completed(runScenario(scenario(load, { links, events })));
  assertEquals(result.paths.at(-1)?.link, 1);
  assertEquals(result.paths.at(-1)?.state, "open");
  assert(result.validatedMs > 5000, `${result.validatedMs}`);
});

Deno.test("runScenario() what the client says of its links reaches the server", () => {
  const links = [link({ cost: 2 }), link({ label: "cell", cost: 5, metered: true, status: "backup" }, 1)];
  const seen: unknown[] = [];
  const run = (hints: boolean): unknown => {
    const what = scenario(requests({ response: 10, at: 300 }), { links, client: side({ hints }) });
    completed(runScenario(what, {
      schedulers: {
        server: () => {
          const scheduler = minRtt();
          return {
            name: "listening",
            schedule(work, view) {
              seen.push(view.paths.map(({ label, cost, metered, status }) => ({ label, cost, metered, status })));
              return scheduler.schedule(work, view);
            },
          };
        },
      },
    }));
    return seen.at(-1);
  };
  assertEquals(run(true), [
    { label: "link0", cost: 2, metered: false, status: "available" },
    { label: "cell", cost: 5, metered: true, status: "backup" },
  ]);
  assertEquals(run(false), [
    { label: "", cost: 0, metered: false, status: "available" },
    { label: "", cost: 0, metered: false, status: "backup" },
  ]);
});

Deno.test("runScenario() events count from the start, the confirmation and the validation", () => {
  const links = [link(), link({ both: { delayMs: 30 } }, 1)];
  const events = [
    event("start", 100, { type: "mode", mode: "round-robin", side: "server" }),
    event("start", 0, { type: "mode", mode: "round-robin", side: "server" }),
    event("confirmed", 100, { type: "status", link: 1, to: "backup" }),
    event("validated", 100, { type: "close", link: 1 }),
    event("validated", 300, { type: "open", link: 1 }),
    event("start", 500, { type: "keyUpdate", side: "client" }),
    event("start", 600, { type: "renewConnectionId", link: 0 }),
    event("start", 700, { type: "rebind", link: 0, address: true }),
    event("start", 50, { type: "signal", signals: { bufferMs: 5 }, side: "server" }),
  ];
  const [client, server] = [new Trace(), new Trace()];
  const load = requests({ response: 10, at: 1000 });
  const result = completed(runScenario(scenario(load, { links, events }), { observers: { client, server } }));
  assertAlmostEquals(client.first("multipath:path_status_updated", ({ owner }) => owner === "local")!.now, 140, 1);
  assertAlmostEquals(client.first("multipath:path_closed")!.now, result.validatedMs + 100, 1);
  assertAlmostEquals(client.last("multipath:path_assigned")!.now, result.validatedMs + 300, 1);
  assertEquals(result.paths.map(({ id, link, state }) => [id, link, state]), [
    [0, 0, "open"],
    [1, 1, "closed"],
    [2, 1, "open"],
  ]);
  assertEquals(client.count("quic:key_updated", ({ trigger }) => trigger === "local_update"), 1);
  assert(client.frames("sent", "retire_connection_id").some(({ now }) => Math.abs(now - 600) < 1));
  server.assertSeen("quic:migration_state_updated");
});

Deno.test("runScenario() marks instead of drops where a link can, and its ends can then too", () => {
  const marking = link({ both: { delayMs: 10, rateMbps: 5, queueMs: 100, ecn: true } });
  const trace = new Trace({ names: ["quic:packet_received"] });
  const what = scenario(bulk(1_000_000), { links: [marking] });
  completed(runScenario(what, { observers: { client: trace } }));
  assert(trace.count("quic:packet_received", ({ ecn }) => ecn === "ce") > 0);
});

Deno.test("runScenario() cross traffic takes its share between its times", () => {
  const links = [link({ both: { delayMs: 10, rateMbps: 10 } })];
  const load: Load = { kind: "stream", start: "confirmed", direction: "down", duration: 6000, streams: 1 };
  const cross = [{ link: 0, direction: "down" as const, congestion: "cubic", start: 2000, stop: 4000 }];
  const result = completed(runScenario(scenario(load, { links, cross })));
  const { downMbps } = result.series;
  assert(downMbps[1]! > 9 && downMbps[3]! < 8 && downMbps[5]! > 8, `${downMbps}`);
  assert(result.cross[0]!.goodputMbps > 1.5 && result.cross[0]!.goodputMbps < 8, `${result.cross[0]!.goodputMbps}`);
  const up = { ...cross[0]!, direction: "up" as const, stop: Infinity };
  const other = completed(runScenario(scenario(load, { links, cross: [up] })));
  assert(other.cross[0]!.goodputMbps > 5, `${other.cross[0]!.goodputMbps}`);
});

Deno.test("runScenario() tells what went wrong in words", () => {
  const dead = event("confirmed", 100, { type: "set", link: 0, direction: "both", set: { dead: true } });
  const broken: readonly [RegExp, Scenario][] = [
    [/^Not complete at the limit of 500 ms: 1 of 1 streams$/, scenario(bulk(1e8), { limit: 500, links: TWO })],
    [/The connection ended at .* ms: /, scenario(requests({ response: 1, at: 40_000 }), { events: [dead] })],
    [/"none-such"/, scenario(bulk(1), { server: side({ mode: "none-such" }) })],
    [
      /Scheduler of the client is \/x\.ts: expected it to be loaded/,
      scenario(bulk(1), { client: side({ scheduler: "/x.ts" }) }),
    ],
    [
      /Cannot close path 0/,
      scenario(requests({ response: 1, at: 900 }), { events: [event("start", 99, { type: "close", link: 0 })] }),
    ],
    [/no links/, scenario(bulk(1), { links: [] })],
  ];
  for (const [expected, what] of broken) {
    const result = runScenario(what);
    assertEquals(result.completed, false);
    assertMatch(result.error ?? "", expected);
    assertEquals(result.completedMs, -1);
  }
});

Deno.test("runScenario() a wrong byte fails the run", () => {
  const corrupt = [link({ both: { delayMs: 10 }, down: { corruptPercent: 20 } })];
  // Without encryption nobody notices before the application does.
  const result = runScenario(scenario(bulk(300_000), { links: corrupt, limit: 5000 }), { crypto: "plain" });
  assertEquals(result.completed, false);
  assertEquals(completed(runScenario(scenario(bulk(30_000), { links: corrupt }))).bytes.down, 30_000);
});

Deno.test("runScenario() tells the time that the caller's clock says it took", () => {
  let now = 5;
  assertEquals(runScenario(scenario(bulk(1)), { clock: () => now += 10 }).wallMs, 10);
  assertEquals(runScenario(scenario(bulk(1))).wallMs, 0);
});

Deno.test("runScenario() links with one bottleneck share its rate", () => {
  const shared = { both: { delayMs: 10, rateMbps: 10 }, share: "backbone" };
  const result = completed(runScenario(scenario(bulk(2_000_000), { links: [link(shared), link(shared, 1)] })));
  assert(result.goodputMbps > 8 && result.goodputMbps < 10, `${result.goodputMbps}`);
  assert(result.paths.every(({ down }) => down.streamBytes > 200_000));
});

Deno.test("runScenario() what a direction says of its queue or rate replaces what both say", () => {
  const links = [link({ both: { delayMs: 10, rateMbps: 10, queueMs: 50 }, down: { queueBytes: 60_000, rateMbps: 4 } })];
  const result = completed(runScenario(scenario(bulk(1_000_000), { links })));
  assert(result.goodputMbps > 3.2 && result.goodputMbps < 4, `${result.goodputMbps}`);
});
