import { assertEquals } from "@std/assert";
import { connectionView, pathView, workOf } from "../tests/kit/views.ts";
import { roundRobin } from "./round_robin.ts";
import type { PathView, Scheduler } from "./scheduler.ts";

function turns(scheduler: Scheduler, count: number, paths: readonly PathView[]): number[] {
  const view = connectionView(paths);
  return Array.from({ length: count }, () => scheduler.schedule(workOf(), view).path);
}

Deno.test("roundRobin() takes the paths in turn and wraps", () => {
  assertEquals(turns(roundRobin(), 5, [pathView(0), pathView(3), pathView(4)]), [0, 3, 4, 0, 3]);
});

Deno.test("roundRobin() skips paths without room and holds when none has any", () => {
  const paths = [pathView(0), pathView(1, { room: 0 }), pathView(2)];
  assertEquals(turns(roundRobin(), 3, paths), [0, 2, 0]);
  assertEquals(turns(roundRobin(), 2, [pathView(0, { room: 0 })]), [-1, -1]);
});

Deno.test("roundRobin() goes on where it was when paths come and go", () => {
  const scheduler = roundRobin();
  assertEquals(turns(scheduler, 2, [pathView(0), pathView(1)]), [0, 1]);
  assertEquals(turns(scheduler, 2, [pathView(0), pathView(2)]), [2, 0]);
  assertEquals(turns(scheduler, 2, [pathView(2)]), [2, 2]);
});

Deno.test("roundRobin() leaves backups alone while an available path is healthy", () => {
  const spare = pathView(1, { status: "backup" });
  assertEquals(turns(roundRobin(), 3, [pathView(0), spare, pathView(2)]), [0, 2, 0]);
  assertEquals(turns(roundRobin(), 2, [pathView(0, { room: 0 }), spare]), [-1, -1]);
  assertEquals(turns(roundRobin(), 2, [pathView(0, { ptoCount: 1 }), spare]), [1, 1]);
});

Deno.test("roundRobin() does not send what is in flight on a path there again", () => {
  const view = connectionView([pathView(0), pathView(1)]);
  const scheduler = roundRobin();
  const again = workOf({ kind: "reinject", lastPath: 0 });
  assertEquals([scheduler.schedule(again, view).path, scheduler.schedule(again, view).path], [1, 1]);
});

Deno.test("roundRobin() keeps a turn per connection", () => {
  const [first, second] = [roundRobin(), roundRobin()];
  const paths = [pathView(0), pathView(1)];
  assertEquals(turns(first, 1, paths), [0]);
  assertEquals(turns(second, 1, paths), [0]);
});
