import { assertEquals } from "@std/assert";
import { connectionView, pathView, type PlainConnection, type PlainPath, workOf } from "../tests/kit/views.ts";
import { handover } from "./handover.ts";
import type { Scheduler, SchedulerHost } from "./scheduler.ts";

const HOST: SchedulerHost = { random: () => 0, wakeAt: () => {}, probe: () => {}, setStatus: () => {}, log: () => {} };

/** The path that the scheduler takes. */
function taken(scheduler: Scheduler, view: PlainConnection): number {
  return scheduler.schedule(workOf(), view).path;
}

function first(...paths: PlainPath[]): number {
  return taken(handover(HOST), connectionView(paths));
}

Deno.test("handover() begins with the path that was listed first, whatever its id, and of others with the first opened", () => {
  assertEquals(first(pathView(0, { preference: 1 }), pathView(1, { preference: 0 })), 1);
  assertEquals(first(pathView(0), pathView(3, { preference: 7 })), 3);
  assertEquals(first(pathView(2), pathView(1)), 1);
  assertEquals(first(pathView(2, { preference: 0 }), pathView(1, { preference: 0 })), 1);
});

Deno.test("handover() judges by status and price before the order of the list", () => {
  const cell = pathView(0, { preference: 1 });
  assertEquals(first(cell, pathView(1, { preference: 0, status: "backup" })), 0);
  assertEquals(first(cell, pathView(1, { preference: 0, metered: true })), 0);
  assertEquals(first(cell, pathView(1, { preference: 0, cost: 0.5 })), 0);
  assertEquals(first(pathView(0, { preference: 1, cost: 1 }), pathView(1, { preference: 0, metered: true })), 1);
});

Deno.test("handover() goes over to the path that was listed first when it can be used, and after a failure once it has worked for a second", () => {
  const scheduler = handover(HOST);
  const cell = pathView(0, { preference: 1 });
  const wifi = pathView(1, { preference: 0 });
  const view = connectionView([cell]);
  assertEquals(taken(scheduler, view), 0);
  view.paths = [cell, wifi];
  assertEquals(taken(scheduler, view), 1);
  wifi.ptoCount = 1;
  assertEquals(taken(scheduler, view), 0);
  wifi.ptoCount = 0;
  view.now = 500;
  scheduler.onEvent?.({ type: "ack", path: 1, bytes: 30 }, view);
  assertEquals(taken(scheduler, view), 0);
  view.now = 1499;
  assertEquals(taken(scheduler, view), 0);
  view.now = 1500;
  assertEquals(taken(scheduler, view), 1);
});

Deno.test("handover() keeps to a path that works when one opens that was listed later, or not at all", () => {
  const scheduler = handover(HOST);
  const listed = pathView(3, { preference: 0 });
  const view = connectionView([listed]);
  assertEquals(taken(scheduler, view), 3);
  view.paths = [pathView(1), pathView(2, { preference: 1 }), listed];
  assertEquals(taken(scheduler, view), 3);
});
