import { assertEquals } from "@std/assert";
import { connectionView, pathView, type PlainPath, workOf } from "../tests/kit/views.ts";
import { priority } from "./priority.ts";
import type { PathId, PathView, SchedulerHost } from "./scheduler.ts";

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

function choice(order: Parameters<typeof priority>[0], ...paths: PathView[]): PathId {
  return priority(order)(HOST).schedule(workOf(), connectionView(paths)).path;
}

const wifi = (changes: Partial<PlainPath> = {}) => pathView(0, { label: "wifi", srtt: 50, ...changes });
const cell = (changes: Partial<PlainPath> = {}) => pathView(1, { label: "cell", srtt: 20, ...changes });

Deno.test("priority() takes the first in the list that has room, by label or id", () => {
  assertEquals(choice(["wifi", "cell"], cell(), wifi()), 0);
  assertEquals(choice([1, 0], wifi(), cell()), 1);
  assertEquals(choice(["wifi", "cell"], cell(), wifi({ room: 0 })), 1);
  assertEquals(choice(["wifi"], cell({ room: 0 }), wifi({ room: 0 })), -1);
});

Deno.test("priority() puts what is not listed last, the fastest of equals first", () => {
  const other = pathView(2, { label: "constructor", srtt: 5 });
  assertEquals(choice(["wifi"], other, cell(), wifi()), 0);
  assertEquals(choice(["wifi"], cell(), other, wifi({ room: 0 })), 2);
  assertEquals(choice(["constructor", "wifi"], cell(), other, wifi()), 2);
});

Deno.test("priority() puts cheap paths first when it is told nothing", () => {
  assertEquals(choice(undefined, cell({ metered: true }), wifi()), 0);
  assertEquals(choice(undefined, cell({ cost: 2 }), wifi({ cost: 1 })), 0);
  assertEquals(choice(undefined, cell(), wifi()), 1);
});

Deno.test("priority() asks a function with every question, and takes the lowest number", () => {
  assertEquals(choice((path) => path.lossRate, cell({ lossRate: 0.1 }), wifi({ lossRate: 0.02 })), 0);
});

Deno.test("priority() puts backups and paths that do not answer behind all others", () => {
  assertEquals(choice(["wifi"], wifi({ status: "backup" }), cell()), 1);
  assertEquals(choice(["wifi"], wifi({ ptoCount: 1 }), cell()), 1);
  assertEquals(choice(["wifi"], wifi({ status: "backup" }), cell({ room: 0 })), -1);
  assertEquals(choice(["wifi"], wifi({ ptoCount: 1 })), 0);
  assertEquals(choice(["wifi"]), -1);
});
