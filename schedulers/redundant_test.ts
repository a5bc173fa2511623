import { assertEquals } from "@std/assert";
import { connectionView, pathView, workOf } from "../tests/kit/views.ts";
import { redundant } from "./redundant.ts";
import { HOLD, type SchedulerHost } from "./scheduler.ts";

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

Deno.test("redundant() leads with the fastest path that has room, and copies to the others that have", () => {
  const view = connectionView([pathView(0, { srtt: 40 }), pathView(1, { srtt: 10 }), pathView(2, { room: 0 })]);
  const { path, copies } = redundant(HOST).schedule(workOf(), view);
  assertEquals([path, copies], [1, [0]]);
});

Deno.test("redundant() sends what is in flight on a fast path to the one that lacks it, whatever room the fast one has", () => {
  const work = workOf({ kind: "reinject", lastPath: 0, firstSentAt: 0 });
  const both = connectionView([pathView(0, { srtt: 10 }), pathView(1, { srtt: 40 })]);
  const { path, copies } = redundant(HOST).schedule(work, both);
  assertEquals([path, copies], [1, []]);
  const alone = connectionView([pathView(0, { srtt: 10 }), pathView(1, { srtt: 40, status: "backup" })]);
  assertEquals(redundant(HOST).schedule(work, alone), HOLD);
});
