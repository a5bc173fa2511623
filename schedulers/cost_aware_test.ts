import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { connectionView, pathView, type PlainConnection, type PlainPath, workOf } from "../tests/kit/views.ts";
import { costAware } from "./cost_aware.ts";
import { minRtt } from "./min_rtt.ts";
import type { PathId, Scheduler, SchedulerHost } from "./scheduler.ts";

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

/** A full path of 10 bytes per millisecond that costs nothing, and a metered one that is free. */
function lines(now = 0, backlog = 100_000): { dsl: PlainPath; lte: PlainPath; view: PlainConnection } {
  const figures = {
    deliveryRate: 10,
    cwnd: 1000,
    srtt: 100,
    latestRtt: 100,
    minRtt: 100,
    oldestUnackedAt: now,
    lastAckAt: now,
  };
  const dsl = pathView(0, { room: 0, inFlight: 1000, ...figures });
  const lte = pathView(1, { srtt: 30, metered: true });
  return { dsl, lte, view: connectionView([dsl, lte], { now, backlog }) };
}

function ask(scheduler: Scheduler, view: PlainConnection): PathId {
  return scheduler.schedule(workOf(), view).path;
}

const make = (options = {}): Scheduler => costAware({ inner: minRtt, ...options })(HOST);

Deno.test("costAware() fills the cheap path and lets data wait for it", () => {
  const { dsl, view } = lines();
  const scheduler = make();
  assertEquals(ask(scheduler, view), -1);
  dsl.room = 1200;
  assertEquals(ask(scheduler, view), 0);
});

Deno.test("costAware() lets costly paths join after a second of waiting when there is no signal", () => {
  const scheduler = make();
  const at = (now: number) => ask(scheduler, lines(now).view);
  assertEquals([0, 500, 999, 1000, 1500].map(at), [-1, -1, -1, 1, 1]);
  // All is sent: the next has not waited.
  scheduler.onEvent!({ type: "ack", path: 0, bytes: 1000 }, lines(1600, 0).view);
  assertEquals([1700, 2600, 2700].map(at), [-1, -1, 1]);
});

Deno.test("costAware() does not count what the cheap path can take at once as waiting", () => {
  const scheduler = make({ patience: 100 });
  for (let now = 0; now < 1000; now += 50) {
    const { dsl, view } = lines(now, 1000);
    dsl.room = 1200;
    assertEquals(ask(scheduler, view), 0);
  }
  assertEquals(ask(scheduler, lines(1000).view), -1);
});

Deno.test("costAware() compares what waits with what the signal leaves, with hysteresis", () => {
  const scheduler = make();
  const { dsl, view } = lines();
  // Asked twice, as it waits for some round trips whether the cheap path becomes faster.
  const at = (backlog: number, bufferMs: number) => {
    view.signals.set("bufferMs", bufferMs);
    view.backlog = backlog;
    ask(scheduler, view);
    dsl.oldestUnackedAt = dsl.lastAckAt = view.now += 400;
    return ask(scheduler, view);
  };
  // 9 kB and 1 kB in flight take a second at 10 bytes per millisecond.
  assertEquals(at(9000, 1500), -1);
  assertEquals(at(9000, 1101), -1);
  assertEquals(at(9000, 1099), 1);
  assertEquals(at(9000, 1150), 1);
  assertEquals(at(9000, 1201), -1);
  assertEquals(at(9000, 1150), -1);
  assertEquals(at(0, 50), 1);
});

Deno.test("costAware() notices a path that fades by its round-trip time before the measured rate falls", () => {
  const scheduler = make();
  const { dsl, view } = lines(0, 9000);
  view.signals.set("bufferMs", 2000);
  assertEquals(ask(scheduler, view), -1);
  dsl.srtt = 400;
  assertEquals(ask(scheduler, view), -1);
  dsl.oldestUnackedAt = dsl.lastAckAt = view.now = 1000;
  assertEquals(ask(scheduler, view), 1);
});

Deno.test("costAware() gives the cheap path some round trips to become fast, and less when time is short", () => {
  const wait = (bufferMs: number) => {
    const scheduler = make();
    const { dsl, view } = lines();
    view.signals.set("bufferMs", bufferMs);
    for (; ask(scheduler, view) === -1; view.now += 10) dsl.oldestUnackedAt = dsl.lastAckAt = view.now;
    return view.now;
  };
  assertEquals([wait(5000), wait(400), wait(0)], [400, 200, 0]);
});

Deno.test("costAware() takes its thresholds and its signal from the options", () => {
  const scheduler = make({ signal: "play", low: 500, high: 500, patience: 50, name: "frugal" });
  assertEquals(scheduler.name, "frugal");
  const { dsl, view } = lines(0, 9000);
  assertEquals(ask(scheduler, view), -1);
  view.now = 50;
  assertEquals(ask(scheduler, view), 1);
  view.signals.set("play", 1501);
  assertEquals(ask(scheduler, view), -1);
  view.signals.set("play", 1499);
  assertEquals(ask(scheduler, view), -1);
  dsl.oldestUnackedAt = dsl.lastAckAt = view.now = 500;
  assertEquals(ask(scheduler, view), 1);
});

Deno.test("costAware() uses costly paths at once when no cheap one answers", () => {
  const { dsl, view } = lines();
  dsl.ptoCount = 1;
  assertEquals(ask(make(), view), 1);
  view.paths = [view.paths[1]!];
  assertEquals(ask(make(), view), 1);
});

Deno.test("costAware() prefers an available costly path to a cheap backup", () => {
  const { dsl, view } = lines();
  dsl.status = "backup";
  dsl.room = 1200;
  assertEquals(ask(make(), view), 1);
});

Deno.test("costAware() keeps what is in flight off costly paths while its own answers", () => {
  const { dsl, view } = lines();
  const again = workOf({ kind: "reinject", lastPath: 0 });
  assertEquals(make().schedule(again, view).path, -1);
  dsl.ptoCount = 1;
  assertEquals(make().schedule(again, view).path, 1);
});

Deno.test("costAware() saves what is in flight on a path that has become too slow to bring it in time", () => {
  const again = workOf({ kind: "reinject", lastPath: 0 });
  const { dsl, lte, view } = lines();
  const choices = (...rates: number[]): PathId[] =>
    rates.map((rate) => {
      dsl.deliveryRate = rate;
      const scheduler = make();
      scheduler.onEvent!({ type: "ack", path: 0, bytes: 100 }, view);
      return scheduler.schedule(again, view).path;
    });
  // 1000 bytes are in flight; without a signal they have a second.
  assertEquals(choices(10, 1.1, 0.9), [-1, -1, 1]);
  view.signals.set("bufferMs", 2000);
  assertEquals(choices(0.9, 0.51, 0.49), [-1, -1, 1]);
  lte.srtt = 1500;
  assertEquals(choices(0.49), [-1], "no sooner on the other path");
  lte.srtt = 30;
  lte.room = 0;
  assertEquals(choices(0.49), [-1]);
});

Deno.test("costAware() asks for what is in flight only while some of it may come too late", () => {
  const scheduler = make();
  const { dsl, view } = lines();
  const heard = (rate: number): unknown => {
    dsl.deliveryRate = rate;
    scheduler.onEvent!({ type: "ack", path: 0, bytes: 100 }, view);
    return scheduler.reinjection;
  };
  assertEquals([heard(1.1), heard(0.9), heard(1.1)], [undefined, "when-idle", undefined]);
});

Deno.test("costAware() shows the cheapest of several, metered ones counting as costly", () => {
  const paths = [
    pathView(0, { cost: 3 }),
    pathView(1, { cost: 0.5 }),
    pathView(2, { cost: 0.5, metered: true, srtt: 5 }),
  ];
  assertEquals(ask(make(), connectionView(paths)), 1);
});

Deno.test("costAware() lets datagrams wait for the cheap path as long, and no longer", () => {
  const scheduler = make();
  const datagram = workOf({ kind: "datagram", streamId: -1 });
  const at = (now: number, room: number) => {
    const { dsl, view } = lines(now, 0);
    dsl.room = room;
    return scheduler.schedule(datagram, view).path;
  };
  assertEquals([at(0, 0), at(900, 0), at(950, 1200), at(1100, 0), at(2099, 0), at(2100, 0)], [-1, -1, 0, -1, -1, 1]);
});

Deno.test("costAware() hands on all that the wrapped scheduler says and hears", () => {
  const heard: [string, number][] = [];
  let reinjection: "never" | "before-new" = "never";
  const inner = (): Scheduler => ({
    name: "inner",
    get reinjection() {
      return reinjection;
    },
    schedule: minRtt().schedule,
    ackPath: (on) => on + 1,
    onEvent: (event, { paths }) => heard.push([event.type, paths.length]),
  });
  const scheduler = make({ inner });
  const { view } = lines();
  assertEquals([scheduler.reinjection, scheduler.ackPath!(0, view)], ["never", 1]);
  reinjection = "before-new";
  assertEquals(scheduler.reinjection, "before-new");
  scheduler.onEvent!({ type: "wake" }, view);
  assertEquals(heard, [["wake", 1]]);
  assertStrictEquals(make().ackPath, undefined);
});

Deno.test("costAware() refuses options that are out of range", () => {
  assertThrows(() => costAware({ low: 300 }), RangeError, '"high" is 200: expected a number from 300');
  assertThrows(() => costAware({ low: NaN }), RangeError, '"low" is NaN');
  assertThrows(() => costAware({ patience: -1 }), RangeError, '"patience" is -1');
});
