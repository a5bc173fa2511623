/** Which path acknowledgements take: the scheduler's choice, within reason. */
import { assert, assertEquals } from "@std/assert";
import { type ConnectionView, minRtt, type PathId, type SchedulerFactory } from "../../schedulers/mod.ts";
import type { Trace } from "../kit/trace.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths, type PathsOptions } from "./paths.ts";

function withAckPath(ackPath: (view: ConnectionView) => PathId): SchedulerFactory {
  return () => ({ name: "acks", schedule: minRtt().schedule, ackPath: (_receivedOn, view) => ackPath(view) });
}

/** A download whose client acknowledges like this. */
function download(
  mode: SchedulerFactory | string,
  options: PathsOptions = {},
  load = new Requests(bulk("down", 2_000_000)),
): { paths: Paths; load: Requests } {
  const client = { mode, ...options.client };
  return {
    load,
    paths: new Paths({ ...options, client, clientApps: [load.client], serverApps: [load.server] }).ready(),
  };
}

/** Asserts that a path's PATH_ACKs went on that path, but for the few that repeat on another what a quiet path may have lost. */
function assertOwn(trace: Trace, path: PathId, from: number): void {
  const { [path]: own = 0, ...others } = acksOf(trace, path, from);
  const elsewhere = Object.values(others).reduce((sum, count) => sum + count, 0);
  assert(own > 100 && elsewhere * 20 < own, `path ${path}: ${own} on it, ${elsewhere} elsewhere`);
}

/** How many PATH_ACKs for a path went on which, from a time on. */
function acksOf(trace: Trace, path: PathId, from: number): Record<PathId, number> {
  const counts: Record<PathId, number> = {};
  for (const { frame, header, now } of trace.frames("sent", "ack")) {
    if (frame.path === path && now >= from) counts[header.path] = (counts[header.path] ?? 0) + 1;
  }
  return counts;
}

Deno.test("Acknowledgements go on the path that they are about, unless the scheduler names another", () => {
  const { paths, load } = download("min-rtt");
  const from = paths.world.now;
  paths.world.require("the transfer", () => load.isDone);
  for (const path of [0, 1]) assertOwn(paths.clientTrace, path, from);
});

Deno.test("Scheduler.ackPath() gathers the acknowledgements of all paths on one", () => {
  const { paths, load } = download(withAckPath(() => 0));
  const from = paths.world.now;
  paths.world.require("the transfer", () => load.isDone);
  for (const path of [0, 1]) {
    const acks = acksOf(paths.clientTrace, path, from);
    assertEquals(Object.keys(acks), ["0"]);
    assert(acks[0]! > 100);
  }
  assertEquals(paths.clientTrace.count("multipath:scheduler_fault"), 0);
});

Deno.test("Scheduler.ackPath() on the faster path makes the slower one's round trips shorter", () => {
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 100, rateMbps: 20 }];
  const minRttOf = (mode: SchedulerFactory | string): number => {
    const { paths, load } = download(mode, { links });
    paths.world.require("the transfer", () => load.isDone);
    return paths.server.stats().paths[1]!.minRtt;
  };
  const [own, crossed] = [minRttOf("min-rtt"), minRttOf(withAckPath(() => 0))];
  assert(own >= 200 && own < 215, `${own}`);
  assert(crossed >= 110 && crossed < 150, `${crossed}`);
});

Deno.test("Scheduler.ackPath() of a path that cannot be used is a fault, and the core decides", () => {
  const { paths, load } = download(withAckPath(() => 7));
  const from = paths.world.now;
  paths.world.require("the transfer", () => load.isDone);
  for (const path of [0, 1]) assertOwn(paths.clientTrace, path, from);
  assertEquals(paths.clientTrace.count("multipath:scheduler_fault"), 8);
  assertEquals(paths.client.schedulerName, "min-rtt");
});

Deno.test("Scheduler.ackPath() may say something else each time: it costs nothing but order", () => {
  let asked = 0;
  const { paths, load } = download(withAckPath(({ paths }) => paths[asked++ % paths.length]!.id));
  paths.world.require("the transfer", () => load.isDone);
  assert(asked > 500, `asked ${asked} times`);
});

Deno.test("Acknowledgements of a suspended path go on a usable one, so that it can be used the other way", () => {
  const load = new Requests([...bulk("down", 5_000_000), ...bulk("up", 5_000_000)]);
  const { paths } = download("min-rtt", { links: [{ rateMbps: 10 }, { rateMbps: 10 }] }, load);
  paths.world.runFor(200);
  paths.links[1]!.up.set({ dead: true });
  paths.world.runFor(1500);
  const from = paths.world.now;
  const before = paths.server.stats().paths[1]!.bytesSent;
  paths.world.runFor(500);
  assertEquals([paths.client, paths.server].map((end) => end.stats().paths[1]!.state), ["suspended", "usable"]);
  const { 0: elsewhere = 0, 1: own = 0 } = acksOf(paths.clientTrace, 1, from);
  // Its probes tell what arrived there too: the usable path might be dead without anyone knowing.
  assert(elsewhere > 100 && own * 5 < elsewhere, `${own} on it, ${elsewhere} elsewhere`);
  assert(paths.server.stats().paths[1]!.bytesSent - before > 300_000);
});
