/**
 * Unreliable datagrams (RFC 9221). One goes out whole, once, on one path, or not at all: it is never sent again. With the
 * hints extension (`hints_codepoints.ts`) it may be numbered, and then have one copy on each other path, at once or while it
 * is in flight, of which the receiver delivers the first; without it there are no copies, as a receiver could not tell one from another datagram.
 *
 * | A datagram is | no longer fits, or deadline passed | written   | acked         | last copy lost |
 * |---------------|------------------------------------|-----------|---------------|----------------|
 * | queued        | fate: lost                         | in flight | –             | –              |
 * | in flight     | – (no more copies)                 | –         | fate: arrived | fate: lost     |
 *
 * @module
 */
import { FrameType } from "../wire/frame_types.ts";
import { datagramDataRoom, datagramFrameOverhead } from "../wire/frames/datagram.ts";
import { numberedDatagramOverhead, numberedDatagramRoom } from "../wire/frames/hints.ts";
import { DATAGRAM_NUMBERED } from "../wire/hints_codepoints.ts";
import type { DatagramFrame, Frame, FrameKind, NumberedDatagramFrame } from "../wire/frames/types.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import type { Lane } from "./lane.ts";
import { NumberWindow } from "./number_window.ts";
import { DEFAULT_URGENCY } from "./stream_queue.ts";

/** Bytes that wait to be sent, unless something else is said. */
export const DEFAULT_DATAGRAM_SEND_QUEUE: number = 1024 * 1024;
/** Bytes that wait to be taken, unless something else is said; beyond it the oldest are dropped. */
export const DEFAULT_DATAGRAM_RECEIVE_QUEUE: number = 1024 * 1024;
/** So many datagrams in flight, the newest ones, may have copies later than when they were sent. */
export const MAX_LATE_COPIES = 64;
/** What each datagram in a queue counts besides its bytes, so that empty ones are bounded too. */
export const DATAGRAM_OVERHEAD = 64;

/** What datagrams are made with. */
export interface DatagramsOptions {
  /** Bytes of a whole DATAGRAM frame that we take, as announced (max_datagram_frame_size); 0: none at all. */
  readonly receiveSize: number;
  /** What became of a datagram that was sent with an id: called once for each. */
  readonly fate?: ((id: number, acked: boolean) => void) | undefined;
  /** Bytes that may wait to be sent; default {@linkcode DEFAULT_DATAGRAM_SEND_QUEUE}. */
  readonly sendQueue?: number | undefined;
  /** Bytes that may wait to be taken; default {@linkcode DEFAULT_DATAGRAM_RECEIVE_QUEUE}. */
  readonly receiveQueue?: number | undefined;
}

/** How a datagram is to be sent. */
export interface SendDatagramOptions {
  /** The application's name for it, which comes back with its fate. */
  readonly id?: number | undefined;
  /** When it is of no use any more. */
  readonly expiresAt?: number | undefined;
  /** The only path on which it may go. */
  readonly pin?: PathId | undefined;
  /** 0 to 7, as of streams; default 3. Does not change the order among datagrams. */
  readonly urgency?: number | undefined;
  /** By which mode of its own it goes; `undefined`: by the connection's. */
  readonly lane?: Lane | undefined;
}

/** Whether a datagram with this pin and this lane may be offered, or written. */
export type AcceptDatagram = (pin: PathId | undefined, lane: Lane | undefined) => boolean;

/** An offer to the scheduler. */
export interface DatagramWork {
  /** What is offered: "reinject" is a copy of one in flight. */
  readonly kind: "datagram" | "reinject";
  /** Bytes of the datagram. */
  readonly bytes: number;
  /** -1: none. */
  readonly streamId: number;
  /** 0 to 7. */
  readonly urgency: number;
  /** `Infinity` when there is none. */
  readonly deadline: number;
  /** The path on which it went first; -1: it was never sent. */
  readonly lastPath: PathId;
  /** When that was; -1: it was never sent. */
  readonly firstSentAt: number;
  /** The only path on which it may go. */
  readonly pin: PathId | undefined;
  /** By which mode of its own it goes; `undefined`: by the connection's. */
  readonly lane: Lane | undefined;
}

/** Datagrams of the largest size that is told can be numbered this far. */
const USUAL_NUMBER = 2 ** 30 - 1;
const NO_DATA = new Uint8Array(0);
const NO_PATHS: readonly PathId[] = [];

/** A datagram in the queue; it is also what the packets with it and with its copies remember of it. */
interface Outgoing extends FrameRecord {
  /** Let go once its fate is known. */
  data: Uint8Array;
  /** -1: it has none, so there are no copies. */
  number: number;
  /** Paths on which it went, when it has a number. */
  paths: readonly PathId[];
  /** Copies whose fate is not known, the first one included. */
  copies: number;
  /** When it was sent for the first time. */
  sentAt: number;
  readonly id: number | undefined;
  readonly expiresAt: number;
  readonly pin: PathId | undefined;
  readonly lane: Lane | undefined;
  readonly urgency: number;
  isSettled: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The datagrams of a connection, both ways. */
export class Datagrams implements FrameOwner {
  /** The frames that are routed here. */
  readonly receives: readonly FrameKind[] = ["datagram", "datagram_numbered"];
  readonly #options: DatagramsOptions;
  readonly #sendQueue: number;
  readonly #receiveQueue: number;
  /** The peer's max_datagram_frame_size. */
  #peerSize = 0;
  /** Bytes of frames that an empty packet takes. */
  #packetRoom = Infinity;
  #mayCopy = false;
  #nextNumber = 0;
  readonly #seen = new NumberWindow();
  #repeats = 0;
  readonly #out = new Set<Outgoing>();
  /** Those in flight that may have copies. */
  readonly #flight = new Set<Outgoing>();
  #outBytes = 0;
  #in: Uint8Array[] = [];
  #inHead = 0;
  #inBytes = 0;
  #dropped = 0;
  readonly #work: Mutable<DatagramWork> = {
    kind: "datagram",
    bytes: 0,
    streamId: -1,
    urgency: DEFAULT_URGENCY,
    deadline: Infinity,
    lastPath: -1,
    firstSentAt: -1,
    pin: undefined,
    lane: undefined,
  };

  /** Queues with nothing in them; the peer takes none until `setPeerLimit`. */
  constructor(options: DatagramsOptions) {
    this.#options = options;
    this.#sendQueue = options.sendQueue ?? DEFAULT_DATAGRAM_SEND_QUEUE;
    this.#receiveQueue = options.receiveQueue ?? DEFAULT_DATAGRAM_RECEIVE_QUEUE;
  }

  /** The peer takes frames of up to this many bytes (max_datagram_frame_size); 0: none at all. */
  setPeerLimit(maxDatagramFrameSize: number): void {
    this.#peerSize = maxDatagramFrameSize;
  }

  /** An empty packet has room for this many bytes of frames, on the paths there are now. */
  setPacketRoom(bytes: number): void {
    this.#packetRoom = bytes;
  }

  /** The peer can tell copies of a datagram: both ends have the hints extension, and there may be several paths. */
  allowCopies(): void {
    this.#mayCopy = true;
  }

  /** Bytes of the largest datagram that can be sent now, numbered if need be; 0 when the peer takes none. */
  get maxSize(): number {
    const room = Math.min(this.#peerSize, this.#packetRoom);
    return Math.max(0, this.#mayCopy ? numberedDatagramRoom(USUAL_NUMBER, room) : datagramDataRoom(room));
  }

  /** Datagrams that wait to be sent. */
  get queued(): number {
    return this.#out.size;
  }

  /** Datagrams that came and were dropped because too many waited to be taken. */
  get droppedReceived(): number {
    return this.#dropped;
  }

  /** Copies that came of datagrams that had come already. */
  get repeatsReceived(): number {
    return this.#repeats;
  }

  /** Whether `receive` has one. */
  get hasReceived(): boolean {
    return this.#inHead < this.#in.length;
  }

  /** Takes a datagram to send; the array is kept. `false`: it is too large, or too many wait. */
  send(data: Uint8Array, options: SendDatagramOptions = {}): boolean {
    if (this.#peerSize === 0 || !this.#fits(data.length) || data.length > this.maxSize) return false;
    const size = data.length + DATAGRAM_OVERHEAD;
    if (this.#outBytes + size > this.#sendQueue) return false;
    this.#outBytes += size;
    if (options.lane !== undefined) options.lane.members++;
    this.#out.add({
      owner: this,
      data,
      number: -1,
      paths: NO_PATHS,
      copies: 0,
      sentAt: -1,
      id: options.id,
      expiresAt: options.expiresAt ?? Infinity,
      pin: options.pin,
      lane: options.lane,
      urgency: options.urgency ?? DEFAULT_URGENCY,
      isSettled: false,
    });
    return true;
  }

  /** The oldest datagram that came and was not taken: the caller's to keep. */
  receive(): Uint8Array | undefined {
    const data = this.#in[this.#inHead];
    if (data === undefined) return undefined;
    this.#inHead++;
    this.#inBytes -= data.length + DATAGRAM_OVERHEAD;
    if (this.#inHead === this.#in.length) {
      this.#in = [];
      this.#inHead = 0;
    } else if (this.#inHead >= 256 && this.#inHead * 2 >= this.#in.length) {
      this.#in.splice(0, this.#inHead);
      this.#inHead = 0;
    }
    return data;
  }

  /** The next offer to the scheduler, of the datagrams that `accept` lets through. The same object each time. */
  nextWork(now: number, accept?: AcceptDatagram): DatagramWork | undefined {
    for (const item of this.#out) {
      if (this.#isHopeless(item, now)) {
        this.#drop(item);
        continue;
      }
      if (accept !== undefined && !accept(item.pin, item.lane)) continue;
      return this.#offer("datagram", item);
    }
    return undefined;
  }

  /**
   * Fills the packet with datagrams that may go on its path, in order. With `forCopies` they get numbers where they can, so
   * that `writeAgain` can copy them to other paths; with `accept` only those go that it lets through. Whether anything was
   * written.
   */
  writeWork(packet: PacketWriter, forCopies = false, accept?: AcceptDatagram): boolean {
    let wrote = false;
    for (const item of this.#out) {
      if (this.#isHopeless(item, packet.now)) {
        this.#drop(item);
        continue;
      }
      if (item.pin !== undefined && item.pin !== packet.path) continue;
      if (accept !== undefined && !accept(item.pin, item.lane)) continue;
      const isNumbered = forCopies && this.#canBeNumbered(item);
      if (!this.#write(item, isNumbered ? this.#nextNumber : -1, packet)) break;
      if (isNumbered) this.#remember(item, packet.now);
      this.#remove(item);
      wrote = true;
    }
    return wrote;
  }

  /** The next datagram in flight that may have a copy on this path. The same object each time as `nextWork` gives. */
  nextCopy(path: PathId, now: number, accept?: AcceptDatagram): DatagramWork | undefined {
    const item = this.#nextToCopy(path, now, accept);
    if (item === undefined) return undefined;
    const work = this.#offer("reinject", item);
    work.lastPath = item.paths[0]!;
    work.firstSentAt = item.sentAt;
    return work;
  }

  /** Fills the packet with copies that `nextCopy(packet.path, …)` would offer. Whether anything was written. */
  writeCopies(packet: PacketWriter, accept?: AcceptDatagram): boolean {
    let wrote = false;
    for (;;) {
      const item = this.#nextToCopy(packet.path, packet.now, accept);
      if (item === undefined || !this.#write(item, item.number, packet)) return wrote;
      wrote = true;
    }
  }

  /** A path is gone: datagrams that may only go there are lost. */
  forgetPath(path: PathId): void {
    for (const item of this.#out) if (item.pin === path) this.#drop(item);
  }

  /**
   * Writes a datagram in flight once more, on a path on which it did not go yet: only one with a number, that is not too
   * late and whose fate is not known.
   */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    const item = record as Outgoing;
    if (item.number < 0 || item.isSettled || item.expiresAt <= packet.now) return false;
    return !item.paths.includes(packet.path) && this.#write(item, item.number, packet);
  }

  /** Takes in a DATAGRAM frame. PROTOCOL_VIOLATION when it is larger than we said we take (RFC 9221 §3). */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    if (frame.kind !== "datagram" && frame.kind !== "datagram_numbered") {
      throw new TypeError(`Datagrams receive no frames of the kind "${frame.kind}"`);
    }
    const { length } = frame.data;
    // The type of a DATAGRAM is one byte; whether there was a length we cannot see here.
    const size = length + (frame.kind === "datagram" ? 1 : numberedDatagramOverhead(frame.number, length));
    if (this.#options.receiveSize === 0 || size > this.#options.receiveSize) {
      const reason = `Datagram has ${length} bytes, expected a frame of at most ${this.#options.receiveSize}`;
      const type = frame.kind === "datagram" ? FrameType.DATAGRAM : DATAGRAM_NUMBERED;
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, type);
    }
    if (frame.kind === "datagram_numbered" && !this.#seen.add(frame.number)) {
      this.#repeats++;
      return;
    }
    this.#in.push(frame.data.slice());
    this.#inBytes += frame.data.length + DATAGRAM_OVERHEAD;
    while (this.#inBytes > this.#receiveQueue) {
      this.receive();
      this.#dropped++;
    }
  }

  /** Datagrams go out by `writeWork` only. */
  hasFrames(_target: PacketTarget): boolean {
    return false;
  }

  /** Datagrams go out by `writeWork` only. */
  writeFrames(_packet: PacketWriter): void {}

  /** A copy of the datagram arrived. */
  onAcked(record: FrameRecord, _now: number): void {
    this.#settle(record as Outgoing, true);
  }

  /** The datagram is lost, and stays so, unless there is another copy. */
  onLost(record: FrameRecord, _now: number): void {
    const item = record as Outgoing;
    if (--item.copies <= 0) this.#settle(item, false);
  }

  /** One that would not fit in any packet with a number goes without; neither has one that keeps to a path any copies. */
  #canBeNumbered(item: Outgoing): boolean {
    if (!this.#mayCopy || item.pin !== undefined) return false;
    const { length } = item.data;
    const size = length + numberedDatagramOverhead(this.#nextNumber, length);
    return size <= Math.min(this.#peerSize, this.#packetRoom);
  }

  #offer(kind: DatagramWork["kind"], item: Outgoing): Mutable<DatagramWork> {
    const work = this.#work;
    work.kind = kind;
    work.bytes = item.data.length;
    work.urgency = item.urgency;
    work.deadline = item.expiresAt;
    work.lastPath = work.firstSentAt = -1;
    work.pin = item.pin;
    work.lane = item.lane;
    return work;
  }

  /** A datagram goes out with the next number. */
  #remember(item: Outgoing, now: number): void {
    this.#nextNumber++;
    item.sentAt = now;
    this.#flight.add(item);
    if (this.#flight.size <= MAX_LATE_COPIES) return;
    for (const oldest of this.#flight) {
      this.#flight.delete(oldest);
      return;
    }
  }

  #nextToCopy(path: PathId, now: number, accept: AcceptDatagram | undefined): Outgoing | undefined {
    for (const item of this.#flight) {
      if (item.expiresAt <= now || item.paths.includes(path)) continue;
      if (accept === undefined || accept(item.pin, item.lane)) return item;
    }
    return undefined;
  }

  #write(item: Outgoing, number: number, packet: PacketWriter): boolean {
    const { data } = item;
    const { length } = data;
    const overhead = number < 0 ? datagramFrameOverhead(length) : numberedDatagramOverhead(number, length);
    if (length + overhead > packet.room) return false;
    const frame: DatagramFrame | NumberedDatagramFrame = number < 0
      ? { kind: "datagram", data }
      : { kind: "datagram_numbered", number, data };
    if (!packet.write(frame, item)) return false;
    if (number >= 0) {
      item.number = number;
      item.paths = [...item.paths, packet.path];
    }
    item.copies++;
    return true;
  }

  #fits(length: number): boolean {
    return length + datagramFrameOverhead(length) <= Math.min(this.#peerSize, this.#packetRoom);
  }

  #isHopeless(item: Outgoing, now: number): boolean {
    return item.expiresAt <= now || !this.#fits(item.data.length);
  }

  #drop(item: Outgoing): void {
    this.#remove(item);
    this.#settle(item, false);
  }

  #remove(item: Outgoing): void {
    this.#out.delete(item);
    this.#outBytes -= item.data.length + DATAGRAM_OVERHEAD;
    if (item.lane !== undefined) item.lane.members--;
  }

  #settle(item: Outgoing, acked: boolean): void {
    if (item.isSettled) return;
    item.isSettled = true;
    this.#flight.delete(item);
    item.data = NO_DATA;
    if (item.id !== undefined) this.#options.fate?.(item.id, acked);
  }
}
