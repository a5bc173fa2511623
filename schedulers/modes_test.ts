import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { pathView } from "../tests/kit/views.ts";
import { minRtt } from "./min_rtt.ts";
import { allPaths } from "./mode.ts";
import { DEFAULT_MODE, type ModeChoice, SCHEDULER_NAMES, schedulerByName, schedulerOf } from "./modes.ts";
import { HOLD, type SchedulerHost, send, sendCopies } from "./scheduler.ts";

const host: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

Deno.test("schedulerByName() knows every name that it lists, the default among them", () => {
  for (const name of SCHEDULER_NAMES) assertEquals(schedulerByName(name)?.(host).name, name);
  assertEquals(SCHEDULER_NAMES.includes(DEFAULT_MODE), true);
  assertEquals(schedulerByName("constructor"), undefined);
});

Deno.test("schedulerOf() takes a name, a function and a mode", () => {
  assertStrictEquals(schedulerOf("min-rtt"), minRtt);
  assertStrictEquals(schedulerOf(minRtt), minRtt);
  assertStrictEquals(schedulerOf({ name: "mine", scheduler: minRtt, paths: allPaths() }), minRtt);
});

Deno.test("schedulerOf() refuses everything else and says what it expected", () => {
  assertThrows(() => schedulerOf("fastest"), RangeError, 'Mode is "fastest": expected one of interactive, handover');
  for (const wrong of [undefined, null, 7, {}, { scheduler: 7 }]) {
    assertThrows(() => schedulerOf(wrong as unknown as ModeChoice), TypeError, "expected a name");
  }
});

Deno.test("send() names the path and no copies, sendCopies() both; neither they nor HOLD can be changed by accident", () => {
  for (const id of [1, 0, 1, 63, 64, 4_000_000_000]) assertEquals(send(pathView(id)), { path: id, copies: [] });
  assertEquals(sendCopies(pathView(3), [1, 2]), { path: 3, copies: [1, 2] });
  assertEquals(HOLD, { path: -1, copies: [] });
  assertThrows(() => (HOLD as { path: number }).path = 3, TypeError);
  assertThrows(() => (send(pathView(0)) as { path: number }).path = 3, TypeError);
  assertThrows(() => (HOLD.copies as number[]).push(1), TypeError);
});

Deno.test("allPaths() wants each address as an available path", () => {
  const candidate = { local: "10.0.0.1", label: "", cost: 1, metered: true, state: "none" } as const;
  assertEquals(allPaths()(candidate, [candidate]), "available");
});
