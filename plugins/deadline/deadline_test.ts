import { assert, assertEquals, assertThrows } from "@std/assert";
import { type PathView, roundRobin, type SchedulerHost } from "@multipath/quic/schedulers";
import { connectionView, pathView, testScheduler, workOf } from "@multipath/quic/testing";
import { deadline, type DeadlineOptions } from "./mod.ts";
import factory from "./mod.ts";

testScheduler("deadline", deadline());
testScheduler("deadline beside round-robin", deadline({ otherwise: roundRobin, copyAbove: 0 }));

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

/** Who takes a datagram that must be there in so many milliseconds. */
function takers(within: number, paths: PathView[], options: DeadlineOptions = {}): number[] {
  const work = workOf({ kind: "datagram", streamId: -1, deadline: 1000 + within });
  const { path, copies } = deadline(options)(HOST).schedule(work, connectionView(paths, { now: 1000 }));
  return [path, ...copies];
}

/** Half a round trip and the deviation: 12 ms over a costly path, 32 over a cheap one. */
const cell = (changes: Partial<PathView> = {}) => pathView(0, { srtt: 20, cost: 1, lastAckAt: 1000, ...changes });
const wifi = (changes: Partial<PathView> = {}) => pathView(1, { srtt: 60, lastAckAt: 1000, ...changes });

Deno.test("deadline() takes the cheapest path that is in time, and else the fastest", () => {
  assertEquals(takers(40, [cell(), wifi()]), [1]);
  assertEquals(takers(30, [cell(), wifi()]), [0]);
  assertEquals(takers(3, [wifi(), cell()]), [0]);
  assertEquals(takers(40, [cell(), wifi({ room: 0 })]), [0]);
  assertEquals(takers(40, [cell({ room: 0 }), wifi({ room: 0 })]), [-1]);
});

Deno.test("deadline() copies when the path is lossy and there is no time for repairs", () => {
  const lossy = wifi({ lossRate: 0.05 });
  assertEquals(takers(60, [cell(), lossy]), [1, 0]);
  assertEquals(takers(200, [cell(), lossy]), [1]);
  assertEquals(takers(60, [cell(), wifi({ lossRate: 0.005 })]), [1]);
  assertEquals(takers(60, [lossy]), [1]);
  assertEquals(takers(60, [cell(), lossy], { copyAbove: 0.1 }), [1]);
});

Deno.test("deadline() spares backups, and uses them when nothing else answers", () => {
  const spare = pathView(2, { srtt: 2, status: "backup", lastAckAt: 1000 });
  assertEquals(takers(3, [cell(), spare]), [0]);
  assertEquals(takers(40, [cell({ ptoCount: 1 }), spare]), [2]);
});

Deno.test("deadline() leaves data without a deadline to another scheduler", () => {
  const scheduler = deadline({ otherwise: roundRobin })(HOST);
  const view = connectionView([cell(), wifi()], { now: 1000 });
  assertEquals([0, 1, 2].map(() => scheduler.schedule(workOf(), view).path), [0, 1, 0]);
});

Deno.test("deadline() refuses options that are out of range, and has a default export", () => {
  assertThrows(() => deadline({ margin: -1 }), RangeError, '"margin" is -1');
  assertThrows(() => deadline({ copyAbove: 2 }), RangeError, '"copyAbove" is 2');
  assert(factory(HOST).name === "deadline");
});
