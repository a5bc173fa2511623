/**
 * Several streams of one connection, each perhaps with a mode of its own, over several paths.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ModeChoice } from "../../schedulers/mod.ts";
import type { StreamFrame } from "../../transport/wire/frames/types.ts";
import { Recorder } from "../connection/recorder.ts";
import type { Trace } from "../kit/trace.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** Bytes of a stream's data by the path on which they went, each time that they went. */
export function bytesByPath(trace: Trace, stream: number): Record<number, number> {
  const bytes: Record<number, number> = {};
  for (const { frame, header } of trace.frames("sent", "stream")) {
    const { streamId, data } = frame as StreamFrame;
    if (streamId === stream) bytes[header.path] = (bytes[header.path] ?? 0) + data.length;
  }
  return bytes;
}

/** A client that sends, and a server that reads. */
export class Mixed {
  readonly paths: Paths;
  readonly atClient: Recorder = new Recorder();
  readonly atServer: Recorder = new Recorder();

  constructor(options: PathsOptions = {}) {
    this.paths = new Paths({ ...options, clientApps: [this.atClient], serverApps: [this.atServer] }).ready();
  }

  /** A stream of the client's with so much to send, that ends then. */
  write(length: number, mode?: ModeChoice, urgency = 3): number {
    const id = this.open(mode, urgency);
    assertEquals(this.paths.client.write(id, new Uint8Array(length)), length);
    this.paths.client.finish(id);
    return id;
  }

  /** A stream of the client's. */
  open(mode?: ModeChoice, urgency = 3): number {
    const { client } = this.paths;
    const id = client.openStream("unidirectional")!;
    client.setPriority(id, urgency);
    if (mode !== undefined) client.setStreamMode(id, mode);
    return id;
  }

  /** Runs until the server has all of these. */
  finish(...ids: readonly number[]): void {
    this.paths.world.require(`streams ${ids}`, () => ids.every((id) => this.atServer.ended.has(id)));
  }

  /**
   * Sends small messages on a stream, so many, one each `every` ms; how long each takes until the server's application has it,
   * in ascending order.
   */
  messages(mode: ModeChoice | undefined, count = 50, every = 20, size = 200): number[] {
    const { client, world } = this.paths;
    const id = this.open(mode);
    const sentAt: number[] = [];
    const times: number[] = [];
    let bytes = 0;
    this.atServer.onArrival = (event, connection, now) => {
      if (event.type !== "stream_readable" || event.id !== id) return;
      for (let data = connection.read(id); data; data = connection.read(id)) bytes += data.length;
      while ((times.length + 1) * size <= bytes) times.push(now - sentAt[times.length]!);
    };
    for (let i = 0; i < count; i++) {
      sentAt.push(world.now);
      client.write(id, new Uint8Array(size));
      world.runFor(every);
    }
    world.require("the last message", () => times.length === count);
    return times.sort((a, b) => a - b);
  }
}

/** The middle of sorted numbers. */
export function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1]!;
}
