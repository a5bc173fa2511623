import { assert, assertEquals } from "@std/assert";
import { connectionView, pathView, type PlainPath, workOf } from "../tests/kit/views.ts";
import { ecf } from "./ecf.ts";
import type { Scheduler } from "./scheduler.ts";

/** A path whose window is full. */
function full(id: number, changes: Partial<PlainPath> = {}): PlainPath {
  return pathView(id, { room: 0, inFlight: 12_000, oldestUnackedAt: 0, ...changes });
}

/** What it says of so many bytes over a full path of 20 ms and an empty one of this round-trip time. */
function choice(scheduler: Scheduler, backlog: number, srtt: number): number {
  const paths = [full(0), pathView(1, { srtt, minRtt: srtt })];
  return scheduler.schedule(workOf(), connectionView(paths, { backlog })).path;
}

Deno.test("ecf() takes the fastest path while it has room", () => {
  const paths = [pathView(0, { srtt: 90 }), pathView(1, { srtt: 15 })];
  for (const backlog of [100, 1e6]) {
    assertEquals(ecf().schedule(workOf(), connectionView(paths, { backlog })).path, 1);
  }
});

Deno.test("ecf() lets the last bytes wait for the fast path, and sends much on both", () => {
  // 5 kB: two rounds of 20 ms are less than the way there of one of 100.
  assertEquals(choice(ecf(), 5000, 100), -1);
  // 120 kB: eleven rounds are more.
  assertEquals(choice(ecf(), 120_000, 100), 1);
});

Deno.test("ecf() does not wait when the slower path is hardly slower", () => {
  assertEquals(choice(ecf(), 5000, 30), 1);
});

Deno.test("ecf() stays with waiting for a while when it looks worse", () => {
  const scheduler = ecf();
  // 11 ms there and 500 bytes a millisecond against 52 ms: 24 kB take 59 ms, and waiting is given up only when it looks a quarter worse.
  const [before, between] = [15_000, 24_000];
  assertEquals(choice(ecf(), between, 100), 1);
  assertEquals([before, between, 70_000, between].map((bytes) => choice(scheduler, bytes, 100)), [-1, -1, 1, 1]);
});

Deno.test("ecf() never waits for a path that has nothing in flight, as nothing would end the wait", () => {
  const paths = [pathView(0, { room: 0 }), pathView(1, { srtt: 500 })];
  assertEquals(ecf().schedule(workOf(), connectionView(paths, { backlog: 1000 })).path, 1);
});

Deno.test("ecf() counts lost data that waits as well", () => {
  const paths = [full(0), pathView(1, { srtt: 100 })];
  const lost = workOf({ kind: "retransmit", bytes: 200_000, lastPath: 0 });
  assertEquals(ecf().schedule(lost, connectionView(paths, { backlog: 0 })).path, 1);
});

Deno.test("ecf() compares only paths that answer, and backups only when there is nothing else", () => {
  const dead = full(0, { srtt: 5, ptoCount: 2 });
  const spare = pathView(2, { srtt: 6, status: "backup" });
  const paths = [dead, pathView(1, { srtt: 300 }), spare];
  const view = connectionView(paths, { backlog: 1000 });
  assertEquals(ecf().schedule(workOf(), view).path, 1);
  view.paths = [dead, spare];
  assertEquals(ecf().schedule(workOf(), view).path, 2);
});

Deno.test("ecf() sends data in flight on another path only", () => {
  const again = workOf({ kind: "reinject", lastPath: 0 });
  assertEquals(ecf().schedule(again, connectionView([pathView(0), pathView(1, { srtt: 500 })])).path, 1);
  assertEquals(ecf().schedule(again, connectionView([pathView(0)])).path, -1);
  assertEquals(ecf().schedule(workOf(), connectionView([])).path, -1);
});

Deno.test("ecf() waits longer, the slower the other path is", () => {
  const most = [60, 100, 200, 400].map((srtt) => {
    let bytes = 0;
    while (bytes < 1e6 && choice(ecf(), bytes + 1000, srtt) === -1) bytes += 1000;
    return bytes;
  });
  for (let i = 1; i < most.length; i++) assert(most[i]! > most[i - 1]!, `${most}`);
});

/** What it says of 1000 bytes in flight on path 0 that were sent at a time, when it is 100 ms. */
function again(from: Partial<PlainPath>, to: Partial<PlainPath> = {}, firstSentAt = 90): number {
  const paths = [
    pathView(0, { srtt: 200, minRtt: 200, inFlight: 6000, oldestUnackedAt: firstSentAt, ...from }),
    pathView(1, { lastAckAt: 100, ...to }),
  ];
  const view = connectionView(paths, { now: 100, backlog: 0 });
  return ecf().schedule(workOf({ kind: "reinject", lastPath: 0, firstSentAt }), view).path;
}

Deno.test("ecf() sends the tail once more on a path that brings all of it in half of the time", () => {
  assertEquals(again({}), 1);
  // It is almost there.
  assertEquals(again({}, {}, -80), -1);
  assertEquals(again({}, { srtt: 120, minRtt: 120 }), -1, "not that much sooner");
  assertEquals(again({}, { room: 0 }), -1);
  assertEquals(again({}, { status: "backup" }), -1);
  assertEquals(
    again({ inFlight: 60_000, deliveryRate: 900, cwnd: 90_000 }),
    -1,
    "all of it takes the other path as long",
  );
  // What is left in a queue counts as well.
  const thin = { srtt: 40, minRtt: 30, deliveryRate: 50 };
  assertEquals([again({ ...thin, inFlight: 8000 }), again({ ...thin, inFlight: 1000 })], [1, -1]);
});

Deno.test("ecf() asks for what is in flight only while some of it may be slow", () => {
  const scheduler = ecf();
  const heard = (...paths: PlainPath[]): unknown => {
    scheduler.onEvent!({ type: "ack", path: 0, bytes: 100 }, connectionView(paths));
    return scheduler.reinjection;
  };
  const [near, far] = [pathView(0), pathView(1, { srtt: 90, minRtt: 90 })];
  assertEquals(heard(near, far), "never");
  assertEquals(heard(near, { ...far, inFlight: 1200 }), "when-idle");
  assertEquals(heard({ ...far, inFlight: 1200 }), "never");
});
