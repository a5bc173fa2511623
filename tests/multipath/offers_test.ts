/** What a scheduler is offered, when, and in which order. */
import { assert, assertEquals } from "@std/assert";
import {
  fastest,
  HOLD,
  minRtt,
  type Reinjection,
  type SchedulerFactory,
  send,
  type Work,
  type WorkKind,
} from "../../schedulers/mod.ts";
import type { StreamFrame } from "../../transport/wire/frames/types.ts";
import { Recorder } from "../connection/recorder.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** Min-RTT that writes down each offer, holds some kinds, and wants data in flight again. */
function writing(
  log: Work[],
  options: { holds?: readonly WorkKind[]; reinjection?: Reinjection } = {},
): SchedulerFactory {
  const inner = minRtt();
  const { holds = [], reinjection } = options;
  return () => ({
    name: "writing",
    reinjection,
    schedule(work, view) {
      const { kind, bytes, streamId, urgency, deadline, lastPath, firstSentAt } = work;
      log.push({ kind, bytes, streamId, urgency, deadline, lastPath, firstSentAt });
      return holds.includes(kind) ? HOLD : inner.schedule(work, view);
    },
  });
}

function sending(options: PathsOptions): { paths: Paths; atServer: Recorder } {
  const atServer = new Recorder();
  return { atServer, paths: new Paths({ ...options, serverApps: [atServer] }).ready() };
}

function write(paths: Paths, length: number, urgency = 3): number {
  const id = paths.client.openStream("unidirectional")!;
  paths.client.setPriority(id, urgency);
  paths.client.write(id, new Uint8Array(length));
  paths.client.finish(id);
  return id;
}

/** Stream bytes sent, each time that they were sent, but for what was lost or may have been in probes. */
function streamBytes(paths: Paths): number {
  const sent = paths.clientTrace.frames("sent", "stream")
    .reduce((sum, { frame }) => sum + (frame as StreamFrame).data.length, 0);
  const probes = paths.clientTrace.count("quic:loss_timer_updated", (d) => d.action === "expired") +
    paths.clientTrace.count("multipath:data_offered_again");
  return sent - (paths.client.stats().packetsLost + 2 * probes) * 1452;
}

Deno.test("Work says what there is to send", () => {
  const log: Work[] = [];
  const { paths, atServer } = sending({ client: { mode: writing(log) } });
  const id = write(paths, 5000, 2);
  paths.client.sendDatagram(new Uint8Array(50), { urgency: 5, expiresAt: paths.world.now + 40 });
  const deadline = paths.world.now + 40;
  paths.world.require("the stream", () => atServer.ended.has(id));
  const never = { lastPath: -1, firstSentAt: -1 };
  assertEquals(log[0], { kind: "stream", bytes: 5000, streamId: id, urgency: 2, deadline: Infinity, ...never });
  assertEquals(log.find((work) => work.kind === "datagram"), {
    kind: "datagram",
    bytes: 50,
    streamId: -1,
    urgency: 5,
    deadline,
    ...never,
  });
});

Deno.test("Chooser offers the more urgent of datagrams and streams first, and datagrams among equals", () => {
  const first = (datagram: number, stream: number): WorkKind => {
    const log: Work[] = [];
    const { paths } = sending({ client: { mode: writing(log) } });
    write(paths, 5000, stream);
    paths.client.sendDatagram(new Uint8Array(50), { urgency: datagram });
    paths.world.runFor(20);
    return log[0]!.kind;
  };
  assertEquals([first(3, 3), first(2, 3), first(3, 2)], ["datagram", "datagram", "stream"]);
});

Deno.test("Chooser goes on to the next kind when one is held", () => {
  const log: Work[] = [];
  const { paths, atServer } = sending({ client: { mode: writing(log, { holds: ["datagram"] }) } });
  paths.client.sendDatagram(new Uint8Array(50));
  const id = write(paths, 200_000);
  paths.world.require("the stream", () => atServer.ended.has(id));
  assert(log.filter((work) => work.kind === "datagram").length > 100);
  // Once nothing else is in flight, holding it is a fault.
  paths.world.require("the datagram", () => atServer.of("datagram").length === 1, paths.world.now + 200);
});

Deno.test("Chooser offers lost data before new data, and tells where and when it was sent", () => {
  const log: Work[] = [];
  const links = [{ delayMs: 10, rateMbps: 20, lossPercent: 3 }, { delayMs: 25, rateMbps: 20 }];
  const { paths, atServer } = sending({ client: { mode: writing(log) }, links });
  const id = write(paths, 1_000_000);
  paths.world.require("the stream", () => atServer.ended.has(id));
  const lost = log.filter((work) => work.kind === "retransmit");
  assert(lost.length > 10);
  for (const work of lost) {
    assert(work.bytes > 0 && work.streamId === id);
    assert([0, 1].includes(work.lastPath) && work.firstSentAt > 0 && work.firstSentAt < paths.world.now);
  }
  assertEquals(log.some((work) => work.kind === "reinject"), false);
});

Deno.test('reinjection "when-idle" copies what is in flight once nothing new waits, each part once', () => {
  const log: Work[] = [];
  const { paths, atServer } = sending({ client: { mode: writing(log, { reinjection: "when-idle" }) } });
  const id = write(paths, 300_000);
  paths.world.require("the stream", () => atServer.ended.has(id));
  const firstCopy = log.findIndex((work) => work.kind === "reinject");
  const lastNew = log.findLastIndex((work) => work.kind === "stream");
  assert(firstCopy > lastNew, `copies from ${firstCopy} on, new data until ${lastNew}`);
  for (const work of log.slice(firstCopy)) assert(work.firstSentAt > 0 && work.lastPath >= 0);
  paths.world.runFor(500);
  const sent = streamBytes(paths);
  assert(sent > 310_000 && sent <= 600_000, `${sent} bytes`);
});

Deno.test('reinjection "when-idle" makes a lost end cost no probe timeout', () => {
  const took = (reinjection: Reinjection): number => {
    const { paths, atServer } = sending({
      client: { mode: writing([], { reinjection }) },
      links: [{ delayMs: 20 }, { delayMs: 25 }],
    });
    const start = paths.world.now;
    paths.links[0]!.up.set({ dead: true });
    const id = write(paths, 3000);
    paths.world.require("the stream", () => atServer.ended.has(id));
    return paths.world.now - start;
  };
  const [again, never] = [took("when-idle"), took("never")];
  assert(again < 30 && never > 60, `${again} ms and ${never} ms`);
});

Deno.test('reinjection "before-new" offers data in flight before new data, and HOLD lets new data go', () => {
  const log: Work[] = [];
  const mode = writing(log, { reinjection: "before-new", holds: ["reinject"] });
  const { paths, atServer } = sending({ client: { mode } });
  const id = write(paths, 300_000);
  paths.world.require("the stream", () => atServer.ended.has(id));
  const kinds = log.map((work) => work.kind);
  assert(kinds.filter((kind) => kind === "reinject").length > 50);
  assert(kinds.indexOf("reinject") < kinds.lastIndexOf("stream"));
  paths.world.runFor(500);
  assert(streamBytes(paths) <= 300_000, `${streamBytes(paths)}`);
});

Deno.test('reinjection "before-new" sends no part more than once on each other path', () => {
  const log: Work[] = [];
  const links = [{ rateMbps: 20 }, { rateMbps: 20 }, { rateMbps: 20 }];
  const { paths, atServer } = sending({ client: { mode: writing(log, { reinjection: "before-new" }) }, links });
  const id = write(paths, 200_000);
  paths.world.require("the stream", () => atServer.ended.has(id));
  paths.world.runFor(500);
  assert(streamBytes(paths) <= 3 * 200_000, `${streamBytes(paths)}`);
});

Deno.test("What a silent path has in flight goes elsewhere even if the scheduler knows nothing better than that path", () => {
  const load = new Requests(bulk("up", 1_000_000));
  // The example of the documentation.
  const wifiFirst: SchedulerFactory = () => ({
    name: "wifi-first",
    schedule(_work, view) {
      const path = fastest(view, (p) => p.label === "wifi" && p.room > 0) ?? fastest(view, (p) => p.room > 0);
      return path ? send(path) : HOLD;
    },
  });
  const paths = new Paths({
    client: { mode: wifiFirst },
    first: { label: "wifi" },
    links: [{ delayMs: 20, rateMbps: 10 }, { delayMs: 20, rateMbps: 10 }],
    clientApps: [load.client],
    serverApps: [load.server],
  }).ready();
  paths.world.runFor(200);
  const died = paths.world.now;
  paths.links[0]!.set({ dead: true });
  paths.world.require("the transfer", () => load.isDone);
  const state = (now: number): boolean => now > died;
  const offered = paths.clientTrace.filter("multipath:data_offered_again", (_d, now) => state(now))[0]!.now;
  const suspended = paths.clientTrace.filter("multipath:path_state_updated", (d, now) => {
    return state(now) && d.new === "suspended";
  })[0]!.now;
  assert(offered < suspended);
  const copied = paths.clientTrace.frames("sent", "stream").filter(({ header, now }) => {
    return header.path === 1 && now >= offered && now < suspended;
  });
  assert(copied.length > 0);
});
