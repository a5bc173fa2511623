/**
 * The contract between the parts of a connection: a part owns some kinds of frames, takes them in, writes them out, and
 * learns what became of each that it wrote. A lost packet is `for (const r of packet.records) r.owner.onLost(r, now)`.
 *
 * @module
 */
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import type { Address, Ecn } from "./address.ts";
import type { Level, PathId } from "./role.ts";

/** What an owner may want to know of the packet that brought a frame. */
export interface ReceivedPacket {
  readonly level: Level;
  /** 0 at every level but "application". */
  readonly path: PathId;
  readonly number: number;
  readonly local: Address;
  readonly remote: Address;
  readonly ecn: Ecn;
  /** Bytes of the UDP payload that carried the packet. */
  readonly datagramSize: number;
  /** Bytes of the destination connection id that the packet came with. */
  readonly destinationId: Uint8Array;
  readonly now: number;
}

/** Where a packet is about to go; what an owner is asked about before one is built. */
export interface PacketTarget {
  readonly level: Level;
  readonly path: PathId;
  /** Identifies the 4-tuple (see `Route.number`). */
  readonly route: number;
  readonly now: number;
  /** Whether another packet leaves before long, in which what is in no hurry can go along. */
  readonly mayWait?: boolean;
}

/** A packet being filled. */
export interface PacketWriter extends PacketTarget {
  /** Bytes of frames that still fit. */
  readonly room: number;
  /** Writes the frame if it fits whole and files the record; `false` when it does not fit (nothing is written). */
  write(frame: Frame, record?: FrameRecord): boolean;
}

/** What a packet remembers of a frame; owners extend it with what they need when the packet is acked or lost. */
export interface FrameRecord {
  readonly owner: FrameOwner;
}

/**
 * A part of a connection that owns frame kinds. `onFrame` only changes the owner's state or throws `TransportError`;
 * `hasFrames` only reads; `writeFrames` only reads and files records.
 */
export interface FrameOwner {
  /** The kinds that are routed here; two owners of one kind are refused. */
  readonly receives: readonly FrameKind[];
  onFrame(frame: Frame, packet: ReceivedPacket): void;
  /** Whether something waits for a packet like this; called often, allocates nothing. */
  hasFrames(target: PacketTarget): boolean;
  /** Writes as much of what waits as fits. */
  writeFrames(packet: PacketWriter): void;
  /**
   * Writes what a record in flight stands for once more (PTO probes, copies, re-injection), with a record of its own;
   * `false` when nothing of it is needed any more or it does not fit.
   */
  writeAgain?(record: FrameRecord, packet: PacketWriter): boolean;
  onAcked(record: FrameRecord, now: number): void;
  /** The packet is declared lost, or its path or keys are gone: send current information (RFC 9000 §13.3). */
  onLost(record: FrameRecord, now: number): void;
}
