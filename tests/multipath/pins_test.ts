/** Streams and datagrams that keep to a path, whatever the scheduler says. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { PathError } from "../../transport/base/errors.ts";
import type { StreamFrame } from "../../transport/wire/frames/types.ts";
import { minRtt, type SchedulerFactory, sendCopies } from "../../schedulers/mod.ts";
import { Recorder } from "../connection/recorder.ts";
import type { Trace } from "../kit/trace.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** Two paths with a recorder at the server. */
function recorded(options: PathsOptions = {}): { paths: Paths; atServer: Recorder; atClient: Recorder } {
  const [atClient, atServer] = [new Recorder(), new Recorder()];
  return {
    paths: new Paths({ ...options, clientApps: [atClient], serverApps: [atServer] }).ready(),
    atServer,
    atClient,
  };
}

/** Bytes of a stream's data by the path on which they went. */
function bytesOf(trace: Trace, stream: number): Record<number, number> {
  const bytes: Record<number, number> = {};
  for (const { frame, header } of trace.frames("sent", "stream")) {
    const { streamId, data } = frame as StreamFrame;
    if (streamId === stream) bytes[header.path] = (bytes[header.path] ?? 0) + data.length;
  }
  return bytes;
}

function write(paths: Paths, length: number, path?: number): number {
  const id = paths.client.openStream("unidirectional")!;
  if (path !== undefined) paths.client.pin(id, path);
  assertEquals(paths.client.write(id, new Uint8Array(length)), length);
  paths.client.finish(id);
  return id;
}

/** Asks nobody: what reaches the scheduler is remembered by stream. */
function asked(streams: Set<number>): SchedulerFactory {
  const inner = minRtt();
  return () => ({
    name: "asked",
    schedule(work, view) {
      streams.add(work.streamId);
      return inner.schedule(work, view);
    },
  });
}

Deno.test("Connection.pin() keeps a stream on its path, and asks no scheduler about it", () => {
  const streams = new Set<number>();
  const { paths, atServer } = recorded({ client: { mode: asked(streams) } });
  const pinned = write(paths, 300_000, 1);
  const free = write(paths, 300_000);
  paths.world.require("both streams", () => atServer.ended.size === 2);
  assertEquals(Object.keys(bytesOf(paths.clientTrace, pinned)), ["1"]);
  assert(bytesOf(paths.clientTrace, free)[0]! > 150_000);
  assertEquals([streams.has(pinned), streams.has(free)], [false, true]);
});

Deno.test("Connection.pin() shares a path fairly between what is pinned to it and what is not", () => {
  const { paths, atServer } = recorded({ client: { mode: asked(new Set()) } });
  paths.client.setPathStatus(1, "backup", paths.world.now);
  const ids = [write(paths, 400_000, 0), write(paths, 400_000)];
  paths.world.require("half of it", () => [...atServer.received.values()].reduce((a, b) => a + b, 0) > 400_000);
  const [one, two] = ids.map((id) => atServer.received.get(id)!);
  assert(Math.abs(one! - two!) < 20_000, `${one} and ${two} bytes`);
});

Deno.test("Connection.pin() lets a stream with room go while others wait for theirs", () => {
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 400, rateMbps: 0.5 }];
  const { paths, atServer } = recorded({ links });
  const slow = write(paths, 200_000, 1);
  paths.world.runFor(50);
  const quick = write(paths, 200_000, 0);
  const start = paths.world.now;
  paths.world.require("the quick one", () => atServer.ended.has(quick));
  assert(paths.world.now - start < 300 && !atServer.ended.has(slow));
  paths.world.require("the slow one", () => atServer.ended.has(slow));
});

Deno.test("Connection.pin() resends lost data on the same path", () => {
  const links = [{ rateMbps: 20 }, { rateMbps: 20, lossPercent: 5 }];
  const { paths, atServer } = recorded({ links });
  const id = write(paths, 500_000, 1);
  paths.world.require("the stream", () => atServer.ended.has(id));
  assertEquals(Object.keys(bytesOf(paths.clientTrace, id)), ["1"]);
  assert(bytesOf(paths.clientTrace, id)[1]! > 510_000);
});

Deno.test("Connection.pin() waits while the path is suspended, and falls away with it", () => {
  const { paths, atServer } = recorded();
  const id = write(paths, 500_000, 1);
  paths.world.runFor(100);
  paths.links[1]!.set({ dead: true });
  paths.world.runFor(2000);
  assertEquals(Object.keys(bytesOf(paths.clientTrace, id)), ["1"]);
  assertEquals(paths.client.stats().paths[1]!.state, "suspended");
  paths.client.closePath(1, 0, "enough of it", paths.world.now);
  paths.world.require("the stream", () => atServer.ended.has(id), paths.world.now + 1000);
  assert(bytesOf(paths.clientTrace, id)[0]! > 100_000);
});

Deno.test("Connection.pin() can be changed and taken back while data waits", () => {
  const { paths, atServer } = recorded({ links: [{ rateMbps: 5 }, { rateMbps: 5 }] });
  const id = write(paths, 600_000, 1);
  const moved = (path: number): number => bytesOf(paths.clientTrace, id)[path] ?? 0;
  paths.world.runFor(200);
  assertEquals(moved(0), 0);
  paths.client.pin(id, 0);
  const before = moved(1);
  paths.world.runFor(200);
  // A probe of what was in flight may still go there.
  assert(moved(0) > 50_000 && moved(1) - before < 3000, `${moved(0)}, ${moved(1) - before}`);
  paths.client.pin(id, undefined);
  paths.world.require("the stream", () => atServer.ended.has(id));
  assert(moved(1) > before);
});

Deno.test("Connection.pin() is not undone by a scheduler that copies all", () => {
  const copyAll: SchedulerFactory = () => ({
    name: "copy-all",
    schedule: (_work, { paths }) => sendCopies(paths[0]!, paths.slice(1).map((path) => path.id)),
  });
  const { paths, atServer } = recorded({ client: { mode: copyAll } });
  const [pinned, free] = [write(paths, 50_000, 0), write(paths, 50_000)];
  paths.world.require("both", () => atServer.ended.size === 2);
  assertEquals(Object.keys(bytesOf(paths.clientTrace, pinned)), ["0"]);
  assertEquals(Object.keys(bytesOf(paths.clientTrace, free)), ["0", "1"]);
});

Deno.test("Connection.pin() and sendDatagram() refuse paths and streams that there are not", () => {
  const { paths } = recorded();
  const { client } = paths;
  const id = client.openStream("unidirectional")!;
  assertThrows(() => client.pin(id, 7), PathError, "path 7");
  assertThrows(() => client.pin(400, 0), RangeError);
  assertThrows(() => client.sendDatagram(new Uint8Array(1), { path: 7 }), PathError, "path 7");
  client.closePath(1, 0, "", paths.world.now);
  assertThrows(() => client.pin(id, 1), PathError);
});

Deno.test("Connection.sendDatagram() keeps to the path that is asked for", () => {
  const streams = new Set<number>();
  const { paths, atServer } = recorded({ client: { mode: asked(streams) } });
  for (let i = 0; i < 20; i++) assert(paths.client.sendDatagram(Uint8Array.of(i), { path: i % 2, id: i }));
  paths.world.runFor(200);
  assertEquals(atServer.of("datagram").length, 20);
  const on = (path: number): number[] =>
    paths.clientTrace.frames("sent", "datagram").filter(({ header }) => header.path === path)
      .map(({ frame }) => frame.data[0]! % 2);
  assertEquals([on(0), on(1)], [new Array(10).fill(0), new Array(10).fill(1)]);
  assertEquals(streams.has(-1), false);
});

Deno.test("Connection.sendDatagram() tells the fate of those whose path ended before they left", () => {
  const { paths, atClient } = recorded();
  paths.links[1]!.set({ dead: true });
  write(paths, 400_000, 1);
  paths.world.runFor(1000);
  assert(paths.client.sendDatagram(Uint8Array.of(1), { path: 1, id: 5 }));
  paths.client.closePath(1, 0, "", paths.world.now);
  paths.world.runFor(100);
  assertEquals(atClient.of("datagram_fate"), [{ type: "datagram_fate", id: 5, acked: false }]);
});
