/**
 * The handshake's bytes (RFC 9000 §19.6): a stream in each direction for each encryption level, without flow control and
 * without an end.
 *
 * @module
 */
import { FrameType } from "../wire/frame_types.ts";
import { cryptoDataRoom } from "../wire/frames/simple.ts";
import type { CryptoFrame, Frame, FrameKind } from "../wire/frames/types.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import { Reassembler } from "./reassembler.ts";
import { SendBuffer } from "./send_buffer.ts";

/** Bytes beyond what was read that are kept of a level (RFC 9000 §7.5 asks for at least 4096). */
export const CRYPTO_BUFFER_LIMIT: number = 65536;

/** Bytes below which a part of more data is not worth a frame at the end of a packet. */
const LEAST_DATA = 32;

interface LevelStreams {
  readonly out: SendBuffer;
  readonly in: Reassembler;
}

interface CryptoRecord extends FrameRecord {
  readonly streams: LevelStreams;
  readonly from: number;
  readonly to: number;
}

/** The CRYPTO streams of a connection. "early" has none: TLS sends nothing at that level (RFC 9001 §4.1.3). */
export class CryptoStreams implements FrameOwner {
  /** The frames that are routed here. */
  readonly receives: readonly FrameKind[] = ["crypto"];
  readonly #levels = new Map<Level, LevelStreams>();
  readonly #limit: number;
  /** Levels from which TLS takes no more bytes. */
  readonly #past = new Set<Level>();

  /**
   * Streams on which nothing was sent.
   *
   * @param limit Bytes beyond what was read that are kept of a level.
   */
  constructor(limit: number = CRYPTO_BUFFER_LIMIT) {
    this.#limit = limit;
    for (const level of ["initial", "handshake", "application"] as const) {
      this.#levels.set(level, { out: new SendBuffer(), in: new Reassembler() });
    }
  }

  /** Sends bytes at a level; the array is kept. Nothing happens once the level is discarded. */
  write(level: Level, data: Uint8Array): void {
    this.#levels.get(level)?.out.append(data);
  }

  /** The next bytes of a level, in order; `undefined` when there are none now. */
  read(level: Level): Uint8Array | undefined {
    return this.#levels.get(level)?.in.read() ?? undefined;
  }

  /** The keys of the level are gone: nothing of it is sent or received any more (RFC 9001 §4.9). */
  discard(level: Level): void {
    this.#levels.get(level)?.out.clear();
    this.#levels.delete(level);
  }

  /**
   * TLS reads from a higher level from now on (RFC 9001 §4.1.3). Throws `TransportError` (PROTOCOL_VIOLATION) when bytes of
   * this one are left; more of them are refused alike when they come.
   */
  leave(level: Level): void {
    this.#past.add(level);
    const bytes = this.#levels.get(level)?.in;
    if (bytes !== undefined && bytes.highest > bytes.consumed) throw leftBehind(level);
  }

  /** Whether bytes of a level are to be sent or were sent and not acknowledged. */
  hasOutstanding(level: Level): boolean {
    const out = this.#levels.get(level)?.out;
    return out !== undefined && (out.unsent > 0 || out.hasOutstanding);
  }

  /** What is in flight at "application" on this path may be written again elsewhere, without being lost. */
  offerAgain(path: PathId): void {
    this.#levels.get("application")?.out.offerAgain(path);
  }

  /** Takes in a CRYPTO frame; one of a level that is discarded is late, and ignored. */
  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (frame.kind !== "crypto") throw new TypeError(`CRYPTO streams receive no frames of the kind "${frame.kind}"`);
    if (packet.level === "early") {
      const reason = "Handshake bytes came in a 0-RTT packet";
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, FrameType.CRYPTO);
    }
    const bytes = this.#levels.get(packet.level)?.in;
    if (bytes === undefined) return;
    if (frame.offset + frame.data.length > bytes.consumed + this.#limit) {
      const reason = `Handshake bytes reach too far ahead, expected at most ${this.#limit} unread`;
      throw new TransportError(TransportErrorCode.CRYPTO_BUFFER_EXCEEDED, reason, FrameType.CRYPTO);
    }
    if (this.#past.has(packet.level) && frame.offset + frame.data.length > bytes.consumed) {
      throw leftBehind(packet.level);
    }
    bytes.insert(frame.offset, frame.data, false);
  }

  /** Whether bytes wait for a packet like this. */
  hasFrames(target: PacketTarget): boolean {
    const out = this.#levels.get(target.level)?.out;
    if (out === undefined) return false;
    return out.unsent > 0 || out.hasLost || (out.hasOffered && out.nextCopy(target.path, "offered") !== undefined);
  }

  /** Writes lost bytes, then offered, then new ones, as long as there is room. */
  writeFrames(packet: PacketWriter): void {
    const streams = this.#levels.get(packet.level);
    if (streams === undefined) return;
    const out = streams.out;
    while (true) {
      const part = out.nextLost() ?? out.nextCopy(packet.path, "offered");
      if (part === undefined) break;
      if (!this.#writePart(packet, streams, part.from, part.to)) return;
    }
    while (out.unsent > 0) {
      const from = out.sent;
      const length = this.#put(packet, streams, from, out.unsent);
      if (length === 0) return;
      out.onSent(from + length, packet.path, packet.now);
    }
  }

  /** Writes what of a frame is not acknowledged once more; not all of it if it does not fit. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    const { streams, from, to } = record as CryptoRecord;
    if (this.#levels.get(packet.level) !== streams) return false;
    const part = streams.out.firstUnacked(from, to);
    return part !== undefined &&
      this.#writePart(packet, streams, Math.max(from, part.from), Math.min(to, part.to));
  }

  /** The bytes arrived. */
  onAcked(record: FrameRecord, _now: number): void {
    const { streams, from, to } = record as CryptoRecord;
    streams.out.onAcked(from, to);
  }

  /** The bytes are lost. */
  onLost(record: FrameRecord, _now: number): void {
    const { streams, from, to } = record as CryptoRecord;
    streams.out.onLost(from, to);
  }

  /** Writes `[from, to)`, which was sent before, or the beginning of it. */
  #writePart(packet: PacketWriter, streams: LevelStreams, from: number, to: number): boolean {
    const length = this.#put(packet, streams, from, to - from);
    if (length === 0) return false;
    if (streams.out.isLost(from)) streams.out.onResent(from, from + length, packet.path);
    else streams.out.onCopied(from, from + length, packet.path);
    return true;
  }

  /** Writes a frame of up to `length` bytes; how many it has. */
  #put(packet: PacketWriter, streams: LevelStreams, from: number, length: number): number {
    const room = cryptoDataRoom(from, packet.room);
    if (room < Math.min(LEAST_DATA, length)) return 0;
    const data = streams.out.view(from, Math.min(room, length));
    const frame: CryptoFrame = { kind: "crypto", offset: from, data };
    const record: CryptoRecord = { owner: this, streams, from, to: from + data.length };
    return packet.write(frame, record) ? data.length : 0;
  }
}

function leftBehind(level: Level): TransportError {
  const reason = `Handshake bytes came at level "${level}", expected no more there after the keys of the next`;
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, FrameType.CRYPTO);
}
