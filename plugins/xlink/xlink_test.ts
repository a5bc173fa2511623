import { assert, assertEquals, assertThrows } from "@std/assert";
import type { PathView, Scheduler, SchedulerHost } from "@multipath/quic/schedulers";
import { connectionView, pathView, testScheduler, workOf } from "@multipath/quic/testing";
import { xlink, type XlinkOptions } from "./mod.ts";
import factory from "./mod.ts";

testScheduler("xlink", xlink());
testScheduler("xlink in need", xlink({ low: 1e9, high: 1e9, patience: 0, share: 1 }));

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };
const NOW = 1000;

/** Wi-Fi with 12 kB in flight, of which nothing was acknowledged for so long; and an idle cellular network. */
const wifi = (silence: number, changes: Partial<PathView> = {}) =>
  pathView(0, { inFlight: 12_000, oldestUnackedAt: NOW - silence, lastAckAt: NOW - silence, ...changes });
const cell = (changes: Partial<PathView> = {}) => pathView(1, { srtt: 60, lastAckAt: NOW - 100, ...changes });

/** Fills a path 100 ms ago, then has it acknowledge a packet each `gap` ms. */
function drain(scheduler: Scheduler, gap: number): void {
  const view = connectionView([pathView(0, { lastAckAt: NOW - 100 })], { now: NOW - 100 });
  scheduler.schedule(workOf(), view);
  for (view.now += 20; view.now < NOW; view.now += gap) {
    scheduler.onEvent?.({ type: "ack", path: 0, bytes: 1200 }, view);
  }
}

/** Where data in flight on path 0 goes again; -1: it does not. */
function copyOn(
  paths: PathView[],
  buffer: number | undefined,
  { gap = 30, options = {}, backlog = 0 }: { gap?: number; options?: XlinkOptions; backlog?: number } = {},
): number {
  const scheduler = xlink(options)(HOST);
  drain(scheduler, gap);
  const view = connectionView(paths, { now: NOW, backlog });
  if (buffer !== undefined) view.signals.set("bufferMs", buffer);
  const work = workOf({ kind: "reinject", lastPath: 0, firstSentAt: NOW - 100, streamId: 0, bytes: 1200 });
  return scheduler.schedule(work, view).path;
}

Deno.test("xlink() copies what is stuck while the buffer is below the upper threshold, or not known", () => {
  for (const buffer of [500, 3000, undefined]) assertEquals(copyOn([wifi(30), cell()], buffer), 1, `${buffer}`);
  assertEquals(copyOn([wifi(30), cell()], 6000), -1);
  assertEquals(copyOn([wifi(30), cell()], 600, { options: { low: 100, high: 500 } }), -1);
});

Deno.test("xlink() copies what is only a little late below the lower threshold alone", () => {
  const little = { gap: 12 };
  assertEquals(copyOn([wifi(10), cell()], 500, little), 1);
  assertEquals(copyOn([wifi(10), cell()], 3000, little), -1);
  assertEquals(copyOn([wifi(10), cell()], undefined, little), -1);
  assertEquals(copyOn([wifi(10), cell()], 3000, { ...little, options: { patience: 10 } }), 1);
});

Deno.test("xlink() copies nothing that arrives as soon without", () => {
  assertEquals(copyOn([wifi(1), cell()], 0, { gap: 1 }), -1);
});

Deno.test("xlink() lets copies wait for new data, unless that does not go either", () => {
  assertEquals(copyOn([wifi(30), cell()], 0, { backlog: 50_000 }), -1);
  const scheduler = xlink()(HOST);
  const view = connectionView([wifi(500), cell()], { now: NOW, backlog: 50_000 });
  const again = () => scheduler.schedule(workOf({ kind: "reinject", lastPath: 0, streamId: 0 }), view).path;
  assertEquals(again(), -1);
  view.now += 1;
  assertEquals(again(), 1);
});

Deno.test("xlink() copies what is on a path that does not answer whatever the buffer, within the share", () => {
  assertEquals(copyOn([wifi(500), cell()], 10_000), 1);
  const scheduler = xlink({ share: 0 })(HOST);
  const view = connectionView([wifi(500), cell()], { now: NOW, backlog: 0 });
  const work = workOf({ kind: "reinject", lastPath: 0, streamId: 0, bytes: 1200 });
  const copied =
    Array.from({ length: 50 }, () => scheduler.schedule(work, view)).filter(({ path }) => path >= 0).length;
  assertEquals(copied, 10);
});

Deno.test("xlink() copies to where it costs more only when the buffer is short", () => {
  for (const price of [{ metered: true }, { cost: 1 }]) {
    assertEquals(copyOn([wifi(30), cell(price)], 500), 1);
    assertEquals(copyOn([wifi(30), cell(price)], 3000), -1);
  }
});

Deno.test("xlink() uses no backup, for data or for copies, while another path answers", () => {
  const spare = cell({ status: "backup", srtt: 5 });
  assertEquals(copyOn([wifi(30), spare], 0), -1);
  assertEquals(copyOn([wifi(500), spare], 0), 1);
  const scheduler = xlink()(HOST);
  const choice = (paths: PathView[]) => scheduler.schedule(workOf(), connectionView(paths, { now: NOW })).path;
  assertEquals(choice([pathView(0, { srtt: 50, lastAckAt: NOW }), spare]), 0);
  assertEquals(choice([pathView(0, { srtt: 50, ptoCount: 1 }), spare]), 1);
});

Deno.test("xlink() sends new data on the fastest path, but not where another is done with all before", () => {
  const choice = (paths: PathView[], backlog: number) => {
    const scheduler = xlink()(HOST);
    drain(scheduler, 30);
    return scheduler.schedule(workOf(), connectionView(paths, { now: NOW, backlog })).path;
  };
  assertEquals(choice([pathView(0, { lastAckAt: NOW }), cell({ lastAckAt: NOW })], 10_000), 0);
  assertEquals(choice([wifi(10), cell({ lastAckAt: NOW })], 10_000), 1);
  assertEquals(choice([wifi(10), cell({ lastAckAt: NOW })], 500_000), 0);
  assertEquals(choice([wifi(10), cell({ lastAckAt: NOW, room: 0, inFlight: 1200 })], 10_000), -1);
});

Deno.test("xlink() acknowledges on the fastest path that answers, and asks it when it is quiet", () => {
  const probed: number[] = [];
  const scheduler = xlink()({ ...HOST, probe: (path) => probed.push(path) });
  const ackPath = (on: number, paths: PathView[]) => scheduler.ackPath!(on, connectionView(paths, { now: NOW }));
  const fast = pathView(0, { lastAckAt: NOW - 10 });
  assertEquals([ackPath(1, [fast, cell()]), probed.length], [0, 0]);
  assertEquals(ackPath(1, [pathView(0, { lastAckAt: NOW - 80 }), cell()]), 0);
  assertEquals(probed, [0]);
  assertEquals(ackPath(1, [wifi(50), cell()]), 1);
  assertEquals(ackPath(1, [pathView(0, { ptoCount: 1 }), cell({ ptoCount: 1 })]), 1);
  assertEquals(ackPath(7, [pathView(0, { ptoCount: 1 }), cell({ ptoCount: 1 })]), 0);
  assertEquals(ackPath(1, [pathView(0, { lastAckAt: NOW, status: "backup" }), cell()]), 1);
});

Deno.test("xlink() refuses options that are out of range, and has a default export", () => {
  assertThrows(() => xlink({ low: -1 }), RangeError, '"low" is -1');
  assertThrows(() => xlink({ low: NaN }), RangeError, '"low" is NaN');
  assertThrows(() => xlink({ low: 2000, high: 1000 }), RangeError, '"high" is 1000');
  assertThrows(() => xlink({ patience: -5 }), RangeError, '"patience" is -5');
  assertThrows(() => xlink({ share: 1.5 }), RangeError, '"share" is 1.5');
  assert(factory(HOST).name === "xlink");
});
