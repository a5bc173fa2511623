import { assertEquals, assertStrictEquals } from "@std/assert";
import { connectionView, pathView, workOf } from "../tests/kit/views.ts";
import { minRtt } from "./min_rtt.ts";
import { HOLD, type PathView } from "./scheduler.ts";

const work = workOf();

function choice(...paths: PathView[]): number {
  return minRtt().schedule(work, connectionView(paths)).path;
}

Deno.test("minRtt() takes the lowest round-trip time, the first of equals", () => {
  assertEquals(choice(pathView(0, { srtt: 40 }), pathView(1, { srtt: 20 }), pathView(2, { srtt: 20 })), 1);
});

Deno.test("minRtt() goes on to a slower path when the fast one is full", () => {
  assertEquals(choice(pathView(0, { srtt: 20, room: 0 }), pathView(1, { srtt: 400 })), 1);
});

Deno.test("minRtt() holds when no path has room, or there is none", () => {
  const scheduler = minRtt();
  assertStrictEquals(scheduler.schedule(work, connectionView([pathView(0, { room: 0 })])), HOLD);
  assertStrictEquals(scheduler.schedule(work, connectionView([])), HOLD);
});

Deno.test("minRtt() holds rather than spill on a backup while an available path is only full", () => {
  assertEquals(choice(pathView(0, { room: 0 }), pathView(1, { status: "backup" })), -1);
  assertEquals(choice(pathView(1, { status: "backup" }), pathView(2, { room: 0 })), -1);
});

Deno.test("minRtt() uses a backup when there is no available path, or only one in trouble", () => {
  assertEquals(choice(pathView(1, { status: "backup", srtt: 300 })), 1);
  assertEquals(choice(pathView(0, { ptoCount: 1 }), pathView(1, { status: "backup", srtt: 300 })), 1);
});

Deno.test("minRtt() takes a path in trouble only when all are", () => {
  assertEquals(choice(pathView(0, { srtt: 5, ptoCount: 1 }), pathView(1, { srtt: 300 })), 1);
  assertEquals(choice(pathView(0, { srtt: 5, ptoCount: 1 }), pathView(1, { srtt: 300, ptoCount: 2 })), 0);
  const backup = pathView(1, { srtt: 1, ptoCount: 1, status: "backup" });
  assertEquals(choice(backup, pathView(0, { srtt: 5, ptoCount: 1 })), 0);
});

Deno.test("minRtt() sends what is in flight on a path again on another one only", () => {
  const again = workOf({ kind: "reinject", lastPath: 0 });
  const scheduler = minRtt();
  const [fast, slow, spare] = [pathView(0, { srtt: 5 }), pathView(1, { srtt: 50 }), pathView(2, { status: "backup" })];
  assertEquals(scheduler.schedule(again, connectionView([fast, slow])).path, 1);
  assertEquals(scheduler.schedule(again, connectionView([fast])).path, -1);
  assertEquals(scheduler.schedule(again, connectionView([fast, spare])).path, 2);
});

Deno.test("minRtt() may send lost data on the path that lost it", () => {
  const lost = workOf({ kind: "retransmit", lastPath: 0 });
  assertEquals(minRtt().schedule(lost, connectionView([pathView(0), pathView(1, { srtt: 50 })])).path, 0);
});

Deno.test("minRtt() leaves a silent path before its probe timer fires", () => {
  const view = connectionView([pathView(0, { oldestUnackedAt: 0 }), pathView(1, { srtt: 300 })]);
  view.now = 50;
  assertEquals(minRtt().schedule(work, view).path, 0);
  view.now = 60;
  assertEquals(minRtt().schedule(work, view).path, 1);
});
