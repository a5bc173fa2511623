/**
 * Unreliable datagrams (RFC 9221). One goes out whole, once, on one path, or not at all: it is never sent again, and never
 * copied, as the receiver could not tell a copy from another datagram.
 *
 * | A datagram is | no longer fits, or deadline passed | written   | acked         | lost         |
 * |---------------|------------------------------------|-----------|---------------|--------------|
 * | queued        | fate: lost                         | in flight | –             | –            |
 * | in flight     | –                                  | –         | fate: arrived | fate: lost   |
 *
 * @module
 */
import { FrameType } from "../wire/frame_types.ts";
import { datagramDataRoom, datagramFrameOverhead } from "../wire/frames/datagram.ts";
import type { DatagramFrame, Frame, FrameKind } from "../wire/frames/types.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import { DEFAULT_URGENCY } from "./stream_queue.ts";

/** Bytes that wait to be sent, unless something else is said. */
export const DEFAULT_DATAGRAM_SEND_QUEUE: number = 1024 * 1024;
/** Bytes that wait to be taken, unless something else is said; beyond it the oldest are dropped. */
export const DEFAULT_DATAGRAM_RECEIVE_QUEUE: number = 1024 * 1024;
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
}

/** An offer to the scheduler. */
export interface DatagramWork {
  /** What is offered. */
  readonly kind: "datagram";
  /** Bytes of the datagram. */
  readonly bytes: number;
  /** -1: none. */
  readonly streamId: number;
  /** 0 to 7. */
  readonly urgency: number;
  /** `Infinity` when there is none. */
  readonly deadline: number;
  /** -1: it was never sent. */
  readonly lastPath: PathId;
  /** -1: it was never sent. */
  readonly firstSentAt: number;
  /** The only path on which it may go. */
  readonly pin: PathId | undefined;
}

/** A datagram in the queue; it is also what the packet remembers of it. */
interface Outgoing extends FrameRecord {
  readonly data: Uint8Array;
  readonly id: number | undefined;
  readonly expiresAt: number;
  readonly pin: PathId | undefined;
  readonly urgency: number;
  isSettled: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The datagrams of a connection, both ways. */
export class Datagrams implements FrameOwner {
  /** The frames that are routed here. */
  readonly receives: readonly FrameKind[] = ["datagram"];
  readonly #options: DatagramsOptions;
  readonly #sendQueue: number;
  readonly #receiveQueue: number;
  /** The peer's max_datagram_frame_size. */
  #peerSize = 0;
  /** Bytes of frames that an empty packet takes. */
  #packetRoom = Infinity;
  readonly #out = new Set<Outgoing>();
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

  /** Bytes of the largest datagram that can be sent now; 0 when the peer takes none. */
  get maxSize(): number {
    return Math.max(0, datagramDataRoom(Math.min(this.#peerSize, this.#packetRoom)));
  }

  /** Datagrams that wait to be sent. */
  get queued(): number {
    return this.#out.size;
  }

  /** Datagrams that came and were dropped because too many waited to be taken. */
  get droppedReceived(): number {
    return this.#dropped;
  }

  /** Whether `receive` has one. */
  get hasReceived(): boolean {
    return this.#inHead < this.#in.length;
  }

  /** Takes a datagram to send; the array is kept. `false`: it is too large, or too many wait. */
  send(data: Uint8Array, options: SendDatagramOptions = {}): boolean {
    if (this.#peerSize === 0 || !this.#fits(data.length)) return false;
    const size = data.length + DATAGRAM_OVERHEAD;
    if (this.#outBytes + size > this.#sendQueue) return false;
    this.#outBytes += size;
    this.#out.add({
      owner: this,
      data,
      id: options.id,
      expiresAt: options.expiresAt ?? Infinity,
      pin: options.pin,
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

  /** The next offer to the scheduler, of the datagrams whose pin `accept` lets through. The same object each time. */
  nextWork(now: number, accept?: (pin: PathId | undefined) => boolean): DatagramWork | undefined {
    for (const item of this.#out) {
      if (this.#isHopeless(item, now)) {
        this.#drop(item);
        continue;
      }
      if (accept !== undefined && !accept(item.pin)) continue;
      const work = this.#work;
      work.bytes = item.data.length;
      work.urgency = item.urgency;
      work.deadline = item.expiresAt;
      work.pin = item.pin;
      return work;
    }
    return undefined;
  }

  /** Fills the packet with datagrams that may go on its path, in order. Whether anything was written. */
  writeWork(packet: PacketWriter): boolean {
    let wrote = false;
    for (const item of this.#out) {
      if (this.#isHopeless(item, packet.now)) {
        this.#drop(item);
        continue;
      }
      if (item.pin !== undefined && item.pin !== packet.path) continue;
      if (item.data.length + datagramFrameOverhead(item.data.length) > packet.room) break;
      const frame: DatagramFrame = { kind: "datagram", data: item.data };
      if (!packet.write(frame, item)) break;
      this.#remove(item);
      wrote = true;
    }
    return wrote;
  }

  /** A path is gone: datagrams that may only go there are lost. */
  forgetPath(path: PathId): void {
    for (const item of this.#out) if (item.pin === path) this.#drop(item);
  }

  /** Takes in a DATAGRAM frame. PROTOCOL_VIOLATION when it is larger than we said we take (RFC 9221 §3). */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    if (frame.kind !== "datagram") throw new TypeError(`Datagrams receive no frames of the kind "${frame.kind}"`);
    // The type is one byte; whether there was a length we cannot see here.
    if (this.#options.receiveSize === 0 || frame.data.length + 1 > this.#options.receiveSize) {
      const reason =
        `Datagram has ${frame.data.length} bytes, expected a frame of at most ${this.#options.receiveSize}`;
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, FrameType.DATAGRAM);
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

  /** The datagram arrived. */
  onAcked(record: FrameRecord, _now: number): void {
    this.#settle(record as Outgoing, true);
  }

  /** The datagram is lost, and stays so. */
  onLost(record: FrameRecord, _now: number): void {
    this.#settle(record as Outgoing, false);
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
  }

  #settle(item: Outgoing, acked: boolean): void {
    if (item.isSettled) return;
    item.isSettled = true;
    if (item.id !== undefined) this.#options.fate?.(item.id, acked);
  }
}
