import { assertAlmostEquals, assertEquals } from "@std/assert";
import { connectionView, pathView } from "../tests/kit/views.ts";
import type { PathView } from "./scheduler.ts";
import {
  answerTime,
  fastest,
  heldAnswerTime,
  isHealthy,
  isSuspect,
  needsBackup,
  overdue,
  suspectAt,
} from "./select.ts";

Deno.test("fastest() takes the lowest round-trip time of those that are let through", () => {
  const view = connectionView([
    pathView(0, { srtt: 30 }),
    pathView(1, { srtt: 10, room: 0 }),
    pathView(2, { srtt: 20 }),
  ]);
  assertEquals(fastest(view)?.id, 1);
  assertEquals(fastest(view, (path) => path.room > 0)?.id, 2);
  assertEquals(fastest(view, () => false), undefined);
  assertEquals(fastest(connectionView([])), undefined);
});

Deno.test("isHealthy() is no longer so with the first probe timeout", () => {
  assertEquals([0, 1, 2].map((ptoCount) => isHealthy(pathView(0, { ptoCount }), 0)), [true, false, false]);
});

Deno.test("isHealthy() is no longer so when the oldest packet is older than a probe timeout, timer or not", () => {
  const path = pathView(0, { srtt: 20, rttVar: 2, oldestUnackedAt: 100 });
  assertEquals([isHealthy(path, 153), isHealthy(path, 153.5)], [true, false]);
});

Deno.test("isHealthy() holds as long as anything is acknowledged, and on a path that is idle", () => {
  const path = pathView(0, { srtt: 20, rttVar: 2, oldestUnackedAt: 100, lastAckAt: 490 });
  assertEquals([isHealthy(path, 500), isHealthy(path, 543), isHealthy(path, 544)], [true, true, false]);
  assertEquals(isHealthy(pathView(0, { lastAckAt: -Infinity }), 1e9), true);
});

Deno.test("overdue() counts from one round trip after the oldest packet", () => {
  const path = pathView(0, { srtt: 20, oldestUnackedAt: 100 });
  assertEquals([overdue(path, 110), overdue(path, 120), overdue(path, 125)], [-10, 0, 5]);
  assertEquals(overdue(pathView(0), 1e9), -Infinity);
});

Deno.test("isSuspect() allows twice the deviation", () => {
  const path = pathView(0, { srtt: 20, rttVar: 4, ackGap: 1, oldestUnackedAt: 100 });
  assertEquals([isSuspect(path, 128), isSuspect(path, 128.01)], [false, true]);
});

Deno.test("isSuspect() allows twice the gap between acknowledgements, up to 25 ms and half a round trip", () => {
  const late = (changes: { ackGap: number; srtt: number }) =>
    suspectAt(pathView(0, { rttVar: 0, oldestUnackedAt: 0, ...changes })) - changes.srtt;
  assertAlmostEquals(late({ ackGap: 4, srtt: 100 }), 8);
  assertAlmostEquals(late({ ackGap: 400, srtt: 100 }), 25);
  assertAlmostEquals(late({ ackGap: 400, srtt: 30 }), 15);
});

Deno.test("heldAnswerTime() allows what the peer holds acknowledgements back, and twice the deviation up to half a round trip", () => {
  const late = (changes: Partial<PathView>) => {
    const path = pathView(0, { srtt: 20, rttVar: 2, ackGap: 0, ...changes });
    return heldAnswerTime(path) - path.srtt;
  };
  assertEquals([late({ ackDelay: 0 }), late({ ackDelay: 10 }), late({ ackDelay: 25 })], [4, 14, 29]);
  assertEquals([late({ ackDelay: 25, rttVar: 0 }), late({ ackDelay: 25, rttVar: 8 })], [26, 35]);
});

Deno.test("heldAnswerTime() allows no less than answerTime()", () => {
  for (const changes of [{ ackDelay: 5, ackGap: 50 }, { ackDelay: 5, rttVar: 20 }, { ackDelay: 0 }]) {
    const path = pathView(0, { srtt: 20, rttVar: 2, ...changes });
    assertEquals(heldAnswerTime(path), answerTime(path));
  }
});

Deno.test("isHealthy() waits for a peer that is seen to hold acknowledgements back for longer than others may", () => {
  const at = (ackDelay: number) => pathView(0, { srtt: 20, rttVar: 2, ackDelay, oldestUnackedAt: 100 });
  assertEquals([isHealthy(at(10), 153), isHealthy(at(10), 153.5)], [true, false]);
  assertEquals([isHealthy(at(60), 188), isHealthy(at(60), 188.5)], [true, false]);
});

Deno.test("isSuspect() allows a millisecond at least, and nothing in flight is never suspect", () => {
  const path = pathView(0, { srtt: 20, rttVar: 0, ackGap: 0, oldestUnackedAt: 100 });
  assertEquals([isSuspect(path, 121), isSuspect(path, 121.5)], [false, true]);
  assertEquals(suspectAt(pathView(0)), Infinity);
  assertEquals(isSuspect(pathView(0), 1e9), false);
});

Deno.test("needsBackup() holds when no available path is healthy", () => {
  const spare = pathView(1, { status: "backup" });
  assertEquals(needsBackup(connectionView([pathView(0), spare])), false);
  assertEquals(needsBackup(connectionView([pathView(0, { room: 0 }), spare])), false);
  assertEquals(needsBackup(connectionView([pathView(0, { ptoCount: 1 }), spare])), true);
  assertEquals(needsBackup(connectionView([pathView(0, { oldestUnackedAt: 0 }), spare], { now: 1000 })), true);
  assertEquals(needsBackup(connectionView([spare])), true);
});
