import { assert, assertEquals } from "@std/assert";
import { connectionView, pathView, type PlainConnection, workOf } from "../tests/kit/views.ts";
import { blest } from "./blest.ts";
import type { Scheduler } from "./scheduler.ts";

/** A full path of 20 ms beside an empty one of 100, with so much credit. */
function view(sendWindow: number, now = 0): PlainConnection {
  const fast = pathView(0, { room: 0, inFlight: 12_000, oldestUnackedAt: now, lastAckAt: now });
  return connectionView([fast, pathView(1, { srtt: 100, minRtt: 100 })], { sendWindow, now });
}

function choice(sendWindow: number, scheduler: Scheduler = blest(), now = 0): number {
  return scheduler.schedule(workOf(), view(sendWindow, now)).path;
}

/** The least credit with which it uses the slow path. */
function threshold(scheduler: Scheduler, now: number): number {
  let window = 0;
  while (choice(window, scheduler, now) === -1) window += 100;
  return window;
}

Deno.test("blest() takes the fastest path while it has room, however little credit there is", () => {
  const paths = [pathView(0, { srtt: 90 }), pathView(1, { srtt: 15 })];
  assertEquals(blest().schedule(workOf(), connectionView(paths, { sendWindow: 1000 })).path, 1);
});

Deno.test("blest() uses the slow path only when the window has room for what the fast one sends meanwhile", () => {
  assertEquals(choice(1_000_000), 1);
  assertEquals(choice(30_000), -1);
  // Six rounds of 12 kB and a little more, times 1.2, of which 12 kB are given back in time.
  const least = threshold(blest(), 0);
  assert(least > 70_000 && least < 110_000, `${least}`);
});

Deno.test("blest() waits for nothing when the fast path is idle, and lets only new data wait", () => {
  const idle = connectionView([pathView(0, { room: 0 }), pathView(1, { srtt: 100 })], { sendWindow: 5000 });
  assertEquals(blest().schedule(workOf(), idle).path, 1);
  for (const kind of ["retransmit", "datagram", "reinject"] as const) {
    assertEquals(blest().schedule(workOf({ kind, lastPath: 0 }), view(5000)).path, 1);
  }
});

Deno.test("blest() becomes more careful when the window was shut, and less so when it was not", () => {
  const [shut, open] = [blest(), blest()];
  const first = threshold(blest(), 0);
  for (let now = 0; now < 1000; now += 10) {
    choice(1_000_000, shut, now);
    choice(1_000_000, open, now);
    shut.onEvent!({ type: "ack", path: 0, bytes: 1200 }, view(0, now));
    open.onEvent!({ type: "ack", path: 0, bytes: 1200 }, view(1_000_000, now));
  }
  const [careful, bold] = [threshold(shut, 1000), threshold(open, 1000)];
  assert(bold < first && first < careful, `${bold}, ${first}, ${careful}`);
});

Deno.test("blest() leaves backups and silent paths alone, and holds without any path", () => {
  const [spare, dead] = [pathView(1, { status: "backup" }), pathView(2, { ptoCount: 1 })];
  const fast = pathView(0, { room: 0, inFlight: 100 });
  assertEquals(blest().schedule(workOf(), connectionView([fast, spare, dead])).path, -1);
  assertEquals(blest().schedule(workOf(), connectionView([spare, dead])).path, 1);
  assertEquals(blest().schedule(workOf(), connectionView([])).path, -1);
});
