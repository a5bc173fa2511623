/**
 * A packet for tests of parts that write frames: it keeps what was written, as values, and has a bounded room.
 *
 * @module
 */
import { varintSize } from "../wire/varint.ts";
import type { Frame } from "../wire/frames/types.ts";
import type { FrameRecord, PacketWriter, ReceivedPacket } from "./frame_owner.ts";
import type { Level, PathId } from "./role.ts";

/** Where a {@linkcode FakePacket} goes, and how much fits. */
export interface FakePacketOptions {
  readonly level?: Level;
  readonly path?: PathId;
  readonly now?: number;
  readonly room?: number;
}

/** A packet that remembers its frames and records, and can tell the records' owners what became of it. */
export class FakePacket implements PacketWriter {
  readonly level: Level;
  readonly path: PathId;
  readonly route: number;
  readonly now: number;
  readonly frames: Frame[] = [];
  readonly records: FrameRecord[] = [];
  #room: number;

  constructor(options: FakePacketOptions = {}) {
    this.level = options.level ?? "application";
    this.path = options.path ?? 0;
    this.route = this.path;
    this.now = options.now ?? 0;
    this.#room = options.room ?? 1200;
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#room;
  }

  /** Copies the frame as a codec would: its bytes are out of the writer's hands at once. */
  write(frame: Frame, record?: FrameRecord): boolean {
    const size = roughSize(frame);
    if (size > this.#room) return false;
    this.#room -= size;
    this.frames.push("data" in frame ? { ...frame, data: frame.data.slice() } as Frame : { ...frame });
    if (record !== undefined) this.records.push(record);
    return true;
  }

  /** Tells the owners that the packet arrived. */
  acked(now: number = this.now): void {
    for (const record of this.records) record.owner.onAcked(record, now);
  }

  /** Tells the owners that the packet is lost. */
  lost(now: number = this.now): void {
    for (const record of this.records) record.owner.onLost(record, now);
  }
}

/** The circumstances in which a frame arrives. */
export function fakeReceived(options: FakePacketOptions = {}): ReceivedPacket {
  const address = { hostname: "127.0.0.1", port: 4433 };
  return {
    level: options.level ?? "application",
    path: options.path ?? 0,
    number: 0,
    local: address,
    remote: address,
    ecn: "not-ect",
    datagramSize: 1200,
    destinationId: new Uint8Array(8),
    now: options.now ?? 0,
  };
}

/** Exact for STREAM, CRYPTO, PADDING and both DATAGRAMs; an upper bound of what small control frames take. */
function roughSize(frame: Frame): number {
  if (frame.kind === "stream") {
    const offset = frame.offset === 0 ? 0 : varintSize(frame.offset);
    const length = frame.toEnd ? 0 : varintSize(frame.data.length);
    return 1 + varintSize(frame.streamId) + offset + length + frame.data.length;
  }
  if (frame.kind === "crypto") return 1 + varintSize(frame.offset) + varintSize(frame.data.length) + frame.data.length;
  if (frame.kind === "datagram") return 1 + varintSize(frame.data.length) + frame.data.length;
  if (frame.kind === "datagram_numbered") {
    return 4 + varintSize(frame.number) + varintSize(frame.data.length) + frame.data.length;
  }
  if (frame.kind === "padding") return frame.length;
  return frame.kind === "ping" || frame.kind === "handshake_done" ? 1 : 10;
}
