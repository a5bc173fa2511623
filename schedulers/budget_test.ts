import { assertEquals, assertThrows } from "@std/assert";
import { connectionView, pathView, type PlainPath, workOf } from "../tests/kit/views.ts";
import { budget, type BudgetNotice, type BudgetOptions } from "./budget.ts";
import type { Scheduler, SchedulerHost } from "./scheduler.ts";

/** A scheduler with budgets over a fast path "cell" and a slow one "wifi", and what it told. */
class Planned {
  readonly notices: BudgetNotice[] = [];
  readonly logs: unknown[] = [];
  readonly asked: [number, string][] = [];
  readonly cell: PlainPath = pathView(0, { label: "cell", srtt: 10 });
  readonly wifi: PlainPath = pathView(1, { label: "wifi", srtt: 50 });
  readonly view = connectionView([this.cell, this.wifi]);
  readonly scheduler: Scheduler;

  constructor(options: Partial<BudgetOptions> = {}) {
    const host: SchedulerHost = {
      random: () => 0.5,
      wakeAt() {},
      probe() {},
      setStatus: (path, status) => this.asked.push([path, status]),
      log: (name, { percent }) => this.logs.push([name, percent]),
    };
    const onNotice = (notice: BudgetNotice) => this.notices.push(notice);
    this.scheduler = budget({ budgetBytes: { cell: 10_000 }, onNotice, ...options })(host);
  }

  ask(): number {
    return this.scheduler.schedule(workOf(), this.view).path;
  }
}

Deno.test("budget() lets a path be used until what it sent and received is its budget", () => {
  const it = new Planned();
  const asked = [0, 7000, 7999, 8000, 9999, 10_000, 12_000].map((bytes) => {
    it.cell.bytesSent = Math.floor(bytes / 2);
    it.cell.bytesReceived = Math.ceil(bytes / 2);
    return it.ask();
  });
  assertEquals(asked, [0, 0, 0, 0, 0, 1, 1]);
});

Deno.test("budget() tells at 80 and at 100 %, once each, and the peer that the path is a backup", () => {
  const it = new Planned();
  for (let bytes = 0; bytes <= 12_000; bytes += 500) {
    it.cell.bytesSent = bytes;
    it.view.now = bytes / 10;
    it.ask();
    if (it.asked.length === 2) it.cell.status = "backup";
  }
  const notice = { path: 0, budget: "cell", budgetBytes: 10_000 };
  assertEquals(it.notices, [
    { ...notice, percent: 80, usedBytes: 8000, now: 800 },
    { ...notice, percent: 100, usedBytes: 10_000, now: 1000 },
  ]);
  assertEquals(it.logs, [["budget", 80], ["budget", 100]]);
  // The first request may have come too soon for the host.
  assertEquals(it.asked, [[0, "backup"], [0, "backup"]]);
});

Deno.test("budget() uses a path that is over only when no other answers", () => {
  const it = new Planned();
  it.cell.bytesSent = 20_000;
  it.wifi.room = 0;
  assertEquals(it.ask(), -1);
  it.wifi.ptoCount = 1;
  assertEquals(it.ask(), 0);
  it.view.paths = [it.cell];
  assertEquals(it.ask(), 0);
});

Deno.test("budget() counts paths of the same label together, and what was used before", () => {
  const it = new Planned({ usedBytes: { cell: 5000 } });
  it.cell.bytesSent = 3000;
  assertEquals(it.ask(), 0);
  const again = pathView(2, { label: "cell", srtt: 10, bytesReceived: 1900 });
  it.view.paths = [it.wifi, again];
  assertEquals(it.ask(), 2);
  again.bytesSent = 200;
  assertEquals(it.ask(), 1);
});

Deno.test("budget() counts at an end that only receives, and leaves acknowledgements where the core would send them", () => {
  const it = new Planned();
  it.cell.bytesReceived = 10_000;
  assertEquals(it.scheduler.ackPath!(0, it.view), 0);
  assertEquals(it.notices.map(({ percent }) => percent), [80, 100]);
  assertEquals(it.scheduler.ackPath!(7, it.view), 1);
});

Deno.test("budget() keeps a path by id, and leaves the others alone", () => {
  const it = new Planned({ budgetBytes: { "1": 500 } });
  it.cell.bytesSent = it.wifi.bytesSent = 1e6;
  assertEquals(it.ask(), 0);
  it.view.paths = [it.wifi, pathView(2, { srtt: 900 })];
  assertEquals(it.ask(), 2);
});

Deno.test("budget() refuses bytes that are none", () => {
  assertThrows(() => budget({ budgetBytes: { cell: -1 } }), RangeError, 'Budget of "cell" is -1');
  assertThrows(() => budget({ budgetBytes: {}, usedBytes: { cell: NaN } }), RangeError, 'Used budget of "cell" is NaN');
});
