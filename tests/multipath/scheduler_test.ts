/** A connection with a scheduler that is not its own: swapped, broken, holding, copying, asking for things. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type ConnectionView,
  fastest,
  HOLD,
  minRtt,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerFactory,
  type SchedulerHost,
  send,
  sendCopies,
} from "../../schedulers/mod.ts";
import { Recorder } from "../connection/recorder.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** A download over two paths, whose server schedules like this; `atServer` hears the server's events. */
function download(
  bytes: number,
  mode: SchedulerFactory | string,
  options: PathsOptions = {},
): { load: Requests; paths: Paths; atServer: Recorder } {
  const load = new Requests(bulk("down", bytes));
  const atServer = new Recorder();
  atServer.reads = false;
  const paths = new Paths({
    ...options,
    server: { mode, ...options.server },
    clientApps: [load.client],
    serverApps: [load.server, atServer],
  }).ready();
  return { load, paths, atServer };
}

function finish({ load, paths }: { load: Requests; paths: Paths }): void {
  paths.world.require("the transfer", () => load.isDone);
}

/** A whole scheduler of this question. */
function deciding(schedule: Scheduler["schedule"], more: Partial<Scheduler> = {}): SchedulerFactory {
  return () => ({ name: "test", schedule, ...more });
}

Deno.test("TransportConfig.mode takes a name, a scheduler and a mode, and refuses the rest", () => {
  assertEquals(new Paths().client.schedulerName, "aggregation");
  assertEquals(new Paths({ client: { mode: "round-robin" } }).client.schedulerName, "round-robin");
  assertEquals(new Paths({ client: { mode: deciding(() => HOLD) } }).client.schedulerName, "test");
  const mode = { name: "mine", scheduler: minRtt, paths: () => "none" as const };
  assertEquals(new Paths({ client: { mode } }).client.schedulerName, "min-rtt");
  assertThrows(() => new Paths({ client: { mode: "fastest" } }), RangeError, 'Mode is "fastest"');
});

Deno.test("Connection.setMode() swaps the scheduler in the middle of a transfer, and every byte arrives", () => {
  const it = download(4_000_000, "min-rtt");
  const names: string[] = [];
  const modes = ["round-robin", deciding((_work, view) => fastest(view) ? send(fastest(view)!) : HOLD), "min-rtt"];
  for (let i = 0; !it.load.isDone && i < 100; i++) {
    it.paths.world.runFor(37);
    it.paths.server.setMode(modes[i % 3]!, it.paths.world.now);
    names.push(it.paths.server.schedulerName);
  }
  finish(it);
  assertEquals(names.slice(0, 4), ["round-robin", "test", "min-rtt", "round-robin"]);
  assertThrows(() => it.paths.server.setMode("none", 0), RangeError);
});

Deno.test("Connection.setMode() leaves nothing of the scheduler before", () => {
  let late: SchedulerHost | undefined;
  const events: string[] = [];
  const it = download(2_000_000, (host) => {
    late = host;
    return { name: "before", schedule: minRtt().schedule, onEvent: (event) => events.push(event.type) };
  });
  it.paths.world.runFor(50);
  assert(events.includes("ack"));
  it.paths.server.setMode("min-rtt", it.paths.world.now);
  const heard = events.length;
  late!.wakeAt(it.paths.world.now + 5);
  late!.setStatus(0, "backup");
  finish(it);
  assertEquals(events.length, heard);
  assertEquals(it.paths.client.stats().paths[0]!.peerStatus ?? "available", "available");
});

Deno.test("Scheduler that always throws: min-RTT takes its place after eight faults, which is an event", () => {
  const it = download(1_000_000, () => ({
    name: "broken",
    schedule() {
      throw new Error("cannot think");
    },
  }));
  finish(it);
  const faults = it.paths.serverTrace.filter("multipath:scheduler_fault");
  assertEquals(faults.map((entry) => entry.data), new Array(8).fill({ scheduler: "broken", fault: "cannot think" }));
  assertEquals(it.atServer.of("scheduler_replaced"), [
    { type: "scheduler_replaced", scheduler: "broken", reason: "cannot think" },
  ]);
  assertEquals(it.paths.server.schedulerName, "min-rtt");
});

Deno.test("Scheduler that holds for ever: it costs 50 ms and a round trip at each of eight faults, and no more", () => {
  const it = download(500_000, deciding(() => HOLD));
  finish(it);
  const faults = it.paths.serverTrace.filter("multipath:scheduler_fault");
  assertEquals(faults.length, 8);
  for (let i = 1; i < faults.length; i++) {
    const wait = faults[i]!.now - faults[i - 1]!.now;
    // The slower path's round trip and the delay of its acknowledgement, when something of the core's own is in flight.
    assert(wait >= 50 && wait < 50 + 50 + 50, `waited for ${wait} ms`);
  }
  assert(it.load.completedAt < 1500, `took until ${it.load.completedAt} ms`);
});

Deno.test("Scheduler that only ever names a path without room is as one that holds", () => {
  const it = download(500_000, deciding((_work, view) => send(view.paths.find((p) => p.room === 0) ?? { id: -1 })));
  finish(it);
  assert(it.paths.serverTrace.count("multipath:scheduler_fault") >= 1);
});

Deno.test("Scheduler may hold as long as something is in flight: one packet at a time is no fault", () => {
  const oneByOne = deciding((_work, { paths }) => paths.some((p) => p.inFlight > 0) ? HOLD : send(paths.at(-1)!));
  const it = download(100_000, oneByOne);
  finish(it);
  assertEquals(it.paths.serverTrace.count("multipath:scheduler_fault"), 0);
});

Deno.test("Scheduler may keep off a path altogether", () => {
  const it = download(1_000_000, deciding((_work, { paths }) => send(paths.find((p) => p.id === 1) ?? paths[0]!)));
  it.paths.world.runFor(100);
  const before = it.paths.server.stats().paths[0]!.bytesSent;
  finish(it);
  // Acknowledgements and the like are not its business.
  assert(it.paths.server.stats().paths[0]!.bytesSent - before < 20_000);
});

/** Copies everything to all other paths. */
const redundant = deciding((_work, { paths }) => {
  const [first, ...others] = paths.filter((path) => path.room > 0).sort((a, b) => a.srtt - b.srtt);
  return first === undefined ? HOLD : sendCopies(first, others.map((path) => path.id));
});

Deno.test("sendCopies() puts the same data on every path, so that losses on one cost no time", () => {
  const loss = { rateMbps: 20, lossPercent: 5 };
  const links = [{ delayMs: 20, ...loss }, { delayMs: 20, ...loss }];
  const took = (mode: SchedulerFactory | string): number => {
    const list = Array.from({ length: 40 }, (_, i) => ({
      request: 100,
      response: 2000,
      ...(i > 0 ? { after: i - 1 } : {}),
    }));
    const load = new Requests(list);
    const paths = new Paths({ links, server: { mode }, clientApps: [load.client], serverApps: [load.server] }).ready();
    paths.world.require("all requests", () => load.isDone);
    // A lost response takes a probe timeout; requests are never copied, and are looked at apart.
    return load.exchanges.filter((e) => e.endedAt - e.requestedAt > 35).length;
  };
  const [copied, single] = [took(redundant), took("min-rtt")];
  assert(single >= 2 && copied < single, `${copied} late with copies, ${single} without`);
});

Deno.test("sendCopies() carries the whole transfer on the other path when one dies, without a stall", () => {
  const it = download(1_000_000, redundant, { links: [{ rateMbps: 10 }, { rateMbps: 10 }] });
  it.paths.world.runFor(200);
  it.paths.links[0]!.set({ dead: true });
  let [last, longest] = [it.paths.world.now, 0];
  let down = 0;
  while (!it.load.isDone) {
    it.paths.world.runFor(5);
    const now = it.load.exchanges[0]!.down;
    if (now > down) last = it.paths.world.now;
    longest = Math.max(longest, it.paths.world.now - last);
    down = now;
    assert(it.paths.world.now < 20_000);
  }
  assert(longest < 60, `stood still for ${longest} ms`);
});

Deno.test("Scheduler hears of all that happens to paths, in time", () => {
  const heard: { event: SchedulerEvent; at: number; paths: number[] }[] = [];
  const it = download(3_000_000, () => ({
    name: "listener",
    schedule: minRtt().schedule,
    onEvent: (event, view) => heard.push({ event: { ...event }, at: view.now, paths: view.paths.map((p) => p.id) }),
  }));
  const { world } = it.paths;
  world.runFor(200);
  it.paths.client.setPathStatus(1, "backup", world.now);
  world.runFor(100);
  it.paths.client.setPathStatus(1, "available", world.now);
  it.paths.links[0]!.set({ dead: true });
  world.runFor(600);
  it.paths.links[0]!.set({ dead: false });
  world.runFor(2500);
  // The last path that is left is never suspended.
  it.paths.server.ping();
  for (const link of it.paths.links) link.set({ dead: true });
  world.runFor(100);
  for (const link of it.paths.links) link.set({ dead: false });
  world.runFor(500);
  it.paths.client.closePath(1, 0, "enough", world.now);
  world.runFor(500);
  const of = (type: SchedulerEvent["type"]) => heard.filter(({ event }) => event.type === type);
  const ids = (type: SchedulerEvent["type"]) =>
    of(type).map(({ event, paths }) => [(event as { path: number }).path, paths]);
  assertEquals(ids("path-opened"), [[0, [0]], [1, [0]]]);
  assertEquals(ids("path-usable").slice(0, 3), [[0, [0]], [1, [0, 1]], [0, [0, 1]]]);
  assertEquals(ids("path-suspended").slice(0, 1), [[0, [1]]]);
  assertEquals(ids("path-closed"), [[1, [0]]]);
  // Of the path that died the client says that it is to be avoided, for as long as it is.
  const told = of("status").map(({ event }) => event as { type: string; path: number; status: string });
  assertEquals(told.filter(({ path }) => path === 0).map(({ status }) => status).slice(0, 2), ["backup", "available"]);
  assertEquals(told.filter(({ path }) => path === 1), [
    { type: "status", path: 1, status: "backup" },
    { type: "status", path: 1, status: "available" },
  ]);
  for (const type of ["ack", "loss", "pto"] as const) assert(of(type).length > 0, `heard of no ${type}`);
  const acked = of("ack").reduce((sum, { event }) => sum + (event as { bytes: number }).bytes, 0);
  assert(acked > 3_000_000 && acked < 4_000_000, `${acked} bytes acknowledged`);
});

Deno.test("SchedulerHost: wakes, probes, sets statuses and logs", () => {
  const woken: number[] = [];
  let host: SchedulerHost | undefined;
  const it = download(10_000, (its) => {
    host = its;
    return {
      name: "busy",
      schedule: minRtt().schedule,
      onEvent(event, view: ConnectionView) {
        if (event.type !== "wake") return;
        woken.push(view.now);
        if (woken.length < 3) its.wakeAt(view.now + 50);
      },
    };
  });
  finish(it);
  const { world, server, serverTrace } = it.paths;
  world.runFor(1000);
  const at = world.now;
  server.setMode("min-rtt", at);
  assertEquals(woken, []);
  // A scheduler that is not in use any more is not listened to: make another one.
  server.setMode((its) => {
    host = its;
    return { name: "busy", schedule: minRtt().schedule, onEvent: (_event, view) => void woken.push(view.now) };
  }, at);
  host!.wakeAt(at + 50);
  host!.log("hello", { path: 1 });
  const sent = serverTrace.count("quic:packet_sent", (d) => d.header.path === 1);
  for (let i = 0; i < 10; i++) host!.probe(1);
  world.runFor(100);
  assertEquals(woken.includes(at + 50), true);
  const own = (frames: readonly { kind: string }[]): boolean => frames.some((frame) => frame.kind === "ping");
  assertEquals(serverTrace.count("quic:packet_sent", (d, now) => d.header.path === 1 && now >= at && own(d.frames)), 1);
  assert(serverTrace.count("quic:packet_sent", (d) => d.header.path === 1) > sent);
  host!.setStatus(1, "backup");
  world.runFor(100);
  assertEquals(it.paths.client.stats().paths[1]!.peerStatus, "backup");
  assertEquals(serverTrace.filter("multipath:scheduler_log").at(-1)?.data, {
    scheduler: "busy",
    name: "hello",
    data: { path: 1 },
  });
});

Deno.test("Scheduler that wakes itself without end does not keep time from passing", () => {
  const it = download(500_000, (host) => ({
    name: "restless",
    schedule(work, view) {
      host.wakeAt(0);
      return minRtt().schedule(work, view);
    },
    onEvent: () => host.wakeAt(-1),
  }));
  finish(it);
  it.paths.world.runFor(100);
});
