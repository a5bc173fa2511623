import { SentPacket } from "../../recovery/sent_packets.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import { isAckEliciting, isProbing } from "../wire/frame_table.ts";
import { frameSize, writeFrame } from "../wire/frames/mod.ts";
import type { Frame } from "../wire/frames/types.ts";
import { patchLength, writeLongHeader, writeShortHeader } from "../wire/header.ts";
import { type NumberLength, numberLength } from "../wire/packet_number.ts";
import { QUIC_V1 } from "../wire/version.ts";
import { Writer } from "../wire/writer.ts";

/** Bytes of an AEAD tag. */
export const TAG_LENGTH = 16;
/** Packet number and payload together need this much, so that the sample is there (RFC 9001 §5.4.2). */
const MIN_PROTECTED = 4;

/** What a packet is begun with. */
export interface DraftOptions extends PacketTarget {
  readonly buffer: Uint8Array;
  readonly start: number;
  /** Where the packet, its tag included, must end at the latest. */
  readonly limit: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** Initial packets alone carry it. */
  readonly token: Uint8Array;
  readonly number: number;
  readonly largestAcked: number;
  readonly fixedBit: boolean;
  readonly traced: boolean;
}

/** A packet while it is filled; used again for the next one. */
export class PacketDraft implements PacketWriter {
  level: Level = "initial";
  path: PathId = 0;
  route = 0;
  now = 0;
  number = 0;
  ackEliciting = false;
  /** Whether it counts as in flight: ack-eliciting, or padded. */
  inFlight = false;
  /** Whether all frames so far are probing frames (RFC 9000 §9.1). */
  onlyProbing = true;
  /** A size that is only reached by padding; set for MTU probes. */
  probe = false;
  records: FrameRecord[] = [];
  frames: Frame[] = [];
  start = 0;
  numberAt = 0;
  numberLength: NumberLength = 1;
  #buffer: Uint8Array = new Uint8Array(0);
  #writer: Writer = new Writer(new Uint8Array(0));
  #payloadAt = 0;
  #end = 0;
  #lengthAt = -1;
  #traced = false;

  /** Writes the header. */
  begin(o: DraftOptions): void {
    this.level = o.level;
    this.path = o.path;
    this.route = o.route;
    this.now = o.now;
    this.number = o.number;
    this.ackEliciting = false;
    this.inFlight = false;
    this.onlyProbing = true;
    this.probe = false;
    this.records = [];
    this.#traced = o.traced;
    if (o.traced) this.frames = [];
    this.start = o.start;
    this.numberLength = numberLength(o.number, o.largestAcked);
    this.#end = o.limit - TAG_LENGTH;
    this.#buffer = o.buffer;
    const w = this.#writer = new Writer(o.buffer, o.start, this.#end);
    if (o.level === "application") {
      this.#lengthAt = -1;
      this.numberAt = writeShortHeader(w, {
        destinationId: o.destinationId,
        // Sealing writes the Key Phase bit.
        keyPhase: 0,
        number: o.number,
        numberLength: this.numberLength,
        fixedBit: o.fixedBit,
      }).numberAt;
    } else {
      const { lengthAt, numberAt } = writeLongHeader(w, {
        type: o.level === "early" ? "zero_rtt" : o.level,
        version: QUIC_V1,
        destinationId: o.destinationId,
        sourceId: o.sourceId,
        token: o.level === "initial" ? o.token : undefined,
        number: o.number,
        numberLength: this.numberLength,
        fixedBit: o.fixedBit,
      });
      this.#lengthAt = lengthAt;
      this.numberAt = numberAt;
    }
    this.#payloadAt = w.at;
  }

  get room(): number {
    return this.#end - this.#writer.at;
  }

  /** Whether nothing was written yet. */
  get isEmpty(): boolean {
    return this.#writer.at === this.#payloadAt;
  }

  /** Where the packet will end, its tag included. */
  get end(): number {
    return this.#writer.at + TAG_LENGTH;
  }

  /** Where the plaintext ends. */
  get payloadEnd(): number {
    return this.#writer.at;
  }

  write(frame: Frame, record?: FrameRecord): boolean {
    if (frameSize(frame) > this.room) return false;
    writeFrame(this.#writer, frame);
    if (this.onlyProbing && !isProbing(frame.kind)) this.onlyProbing = false;
    if (isAckEliciting(frame.kind)) {
      this.ackEliciting = true;
      this.inFlight = true;
    }
    if (record !== undefined) this.records.push(record);
    // Owners use their frame objects again; the trace gets a copy.
    if (this.#traced) this.frames.push({ ...frame });
    return true;
  }

  /** Lets every owner of the list write. */
  fill(owners: readonly FrameOwner[]): void {
    for (const owner of owners) {
      if (owner.hasFrames(this)) owner.writeFrames(this);
    }
  }

  /** Pads until the packet, its tag included, ends at `end` (or as near as it may). */
  padTo(end: number): void {
    const length = Math.min(end - TAG_LENGTH, this.#end) - this.#writer.at;
    if (length <= 0) return;
    this.write({ kind: "padding", length });
    this.inFlight = true;
  }

  /** Pads to what header protection needs, and fills in the length of a long header. */
  finish(): void {
    const short = this.numberAt + MIN_PROTECTED - this.#writer.at;
    // Not counted as in flight: a packet with nothing but an ACK stays what it is.
    if (short > 0) this.write({ kind: "padding", length: short });
    if (this.#lengthAt >= 0) patchLength(this.#buffer, this.#lengthAt, this.end - this.numberAt);
  }

  /** What recovery remembers of the packet. */
  toSent(ecn: boolean): SentPacket<FrameRecord> {
    return new SentPacket(
      this.number,
      this.route,
      this.now,
      this.end - this.start,
      this.ackEliciting,
      this.inFlight,
      this.records,
      ecn,
      this.probe,
    );
  }
}
