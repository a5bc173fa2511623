/**
 * What stream data there is to send, and the sending of it: lost data again, new data, and copies of what is in flight
 * for other paths. The scheduler decides where; this only offers, and fills the packets that it is given.
 *
 * @module
 */
import type { FrameOwner, FrameRecord, PacketWriter } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import { streamHeaderSize } from "../wire/frames/stream.ts";
import type { StreamFrame } from "../wire/frames/types.ts";
import { varintSize } from "../wire/varint.ts";
import type { SendCredit } from "./credit.ts";
import type { Lane } from "./lane.ts";
import type { CopyScope, SentPart } from "./send_buffer.ts";
import type { SendStream } from "./send_stream.ts";
import { StreamQueue } from "./stream_queue.ts";

/** Bytes below which a part of more data is not worth a frame at the end of a packet. */
const LEAST_DATA = 32;

/** The queues as bits of `SendStream.queues`. */
const LOST = 1;
const FRESH = 2;
const ENDING = 4;
const FLIGHT = 8;

/** Which work is asked for: lost data, or data (and ends of streams) that were never sent. */
export type StreamWorkKind = "retransmit" | "stream";

/** An offer to the scheduler. */
export interface StreamWork {
  /** What is offered: "reinject" is a copy of data in flight. */
  readonly kind: StreamWorkKind | "reinject";
  /** The stream. */
  readonly streamId: number;
  /** Bytes of stream data, lost ones of all streams of the lane; 0 when only the end of the stream is to be sent. */
  readonly bytes: number;
  /** 0 to 7 (RFC 9218). */
  readonly urgency: number;
  /** Streams have none: `Infinity`. */
  readonly deadline: number;
  /** The path on which the data went last; -1 for data that was never sent. */
  readonly lastPath: PathId;
  /** When the data was sent for the first time; -1 for data that was never sent. */
  readonly firstSentAt: number;
  /** By which mode of its own the stream goes; `undefined`: by the connection's. */
  readonly lane: Lane | undefined;
}

/** What a packet remembers of a STREAM frame. */
export class StreamRecord implements FrameRecord {
  /** The set of streams. */
  readonly owner: FrameOwner;
  /** The stream. */
  readonly stream: SendStream;
  /** The offset of the first byte. */
  readonly from: number;
  /** The offset behind the last byte. */
  readonly to: number;
  /** Whether the frame ends the stream. */
  readonly fin: boolean;
  /** The path on which it went. */
  readonly path: PathId;
  /** When it went. */
  readonly sentAt: number;

  /** A record of a frame with these bytes. */
  constructor(
    owner: FrameOwner,
    stream: SendStream,
    from: number,
    to: number,
    fin: boolean,
    path: PathId,
    sentAt: number,
  ) {
    this.owner = owner;
    this.stream = stream;
    this.from = from;
    this.to = to;
    this.fin = fin;
    this.path = path;
    this.sentAt = sentAt;
  }

  /** The stream's id. */
  get streamId(): number {
    return this.stream.id;
  }

  /** Where the frame ends when the end of the stream counts as a byte. */
  get place(): number {
    return this.fin ? this.to + 1 : this.to;
  }
}

/** Whether a stream may be offered. */
export type Accept = (streamId: number) => boolean;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const NOTHING = new Uint8Array(0);

/** The streams that have something to send, and what goes out of it. */
export class SendWork {
  readonly #owner: FrameOwner;
  readonly #credit: SendCredit;
  readonly #maySend: (id: number) => boolean;
  readonly #lost = new StreamQueue<SendStream>();
  readonly #fresh = new StreamQueue<SendStream>();
  /** Streams of which only the end is to be sent: that needs no credit. */
  readonly #ending = new StreamQueue<SendStream>();
  readonly #flight = new StreamQueue<SendStream>();
  readonly #offered = new Set<SendStream>();
  #backlog = 0;
  /** Bytes lost and not sent again yet, of the streams that have no lane. */
  #lostBytes = 0;
  /** One object for all frames: the packet's codec copies what it says at once. */
  readonly #frame: Mutable<StreamFrame> = {
    kind: "stream",
    streamId: 0,
    offset: 0,
    data: NOTHING,
    fin: false,
    toEnd: false,
  };
  /** One object for all offers. */
  readonly #work: Mutable<StreamWork> = {
    kind: "stream",
    streamId: 0,
    bytes: 0,
    urgency: 0,
    deadline: Infinity,
    lastPath: -1,
    firstSentAt: -1,
    lane: undefined,
  };

  /**
   * Nothing to send.
   *
   * @param owner Of the records.
   * @param credit The connection's.
   * @param maySend Whether the peer's limit on streams lets this one be used.
   */
  constructor(owner: FrameOwner, credit: SendCredit, maySend: (id: number) => boolean) {
    this.#owner = owner;
    this.#credit = credit;
    this.#maySend = maySend;
  }

  /** Bytes written by the application and never sent. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether a stream has new data that only the connection's limit holds back. */
  get isBlocked(): boolean {
    return this.#credit.room === 0 && this.#fresh.size > 0;
  }

  /** Whether data is in flight, on any stream. */
  get hasFlight(): boolean {
    return this.#flight.size > 0;
  }

  /** Whether something that `offerAgain` marked waits to be copied. */
  get hasOffered(): boolean {
    for (const stream of this.#offered) {
      if (stream.isSending && stream.buffer.hasOffered) return true;
      this.#offered.delete(stream);
    }
    return false;
  }

  /** The application wrote bytes. */
  onWritten(stream: SendStream, bytes: number): void {
    this.#account(stream, bytes);
    this.refresh(stream);
  }

  /** The stream is about to be reset: nothing of it is to be sent any more. */
  drop(stream: SendStream): void {
    this.#account(stream, -stream.buffer.unsent);
    this.#countLost(stream, 0);
    this.#remove(stream);
    this.#offered.delete(stream);
  }

  /** Puts the stream into the queues in which it belongs now. */
  refresh(stream: SendStream): void {
    const isSending = stream.isSending;
    this.#countLost(stream, isSending ? stream.buffer.lostBytes : 0);
    const may = isSending && this.#maySend(stream.id);
    let queues = 0;
    if (isSending && stream.buffer.hasLost) queues |= LOST;
    if (may && stream.sendable > 0 && !stream.isSaving) queues |= FRESH;
    if (may && stream.onlyFin) queues |= ENDING;
    if (isSending && stream.buffer.hasOutstanding) queues |= FLIGHT;
    const changed = queues ^ stream.queues;
    if (changed === 0) return;
    stream.queues = queues;
    if ((changed & LOST) !== 0) toggle(this.#lost, stream, (queues & LOST) !== 0);
    if ((changed & FRESH) !== 0) toggle(this.#fresh, stream, (queues & FRESH) !== 0);
    if ((changed & ENDING) !== 0) toggle(this.#ending, stream, (queues & ENDING) !== 0);
    if ((changed & FLIGHT) !== 0) toggle(this.#flight, stream, (queues & FLIGHT) !== 0);
  }

  /** Changes a stream's priority (RFC 9218 §4). */
  setPriority(stream: SendStream, urgency: number, incremental: boolean): void {
    this.#remove(stream);
    stream.urgency = urgency;
    stream.incremental = incremental;
    this.refresh(stream);
  }

  /** Lets a stream go by a mode of its own, or by the connection's again. */
  setLane(stream: SendStream, lane: Lane | undefined): void {
    if (stream.lane === lane) return;
    const unsent = stream.isSending ? stream.buffer.unsent : 0;
    const { lost } = stream;
    this.#countLost(stream, 0);
    this.leave(stream, unsent);
    stream.lane = lane;
    this.#countLost(stream, lost);
    if (lane === undefined) return;
    lane.members++;
    lane.backlog += unsent;
  }

  /** The stream leaves its lane, with so many bytes that were never sent. */
  leave(stream: SendStream, unsent = 0): void {
    const { lane } = stream;
    if (lane === undefined) return;
    stream.lane = undefined;
    lane.members--;
    lane.backlog -= unsent;
  }

  /** Counts the backlog of a stream of which nothing counts as sent any more. */
  onRestart(unsentBefore: number, stream: SendStream): void {
    this.#account(stream, stream.buffer.unsent - unsentBefore);
    this.#offered.delete(stream);
    this.refresh(stream);
  }

  /** The next offer of a kind, or `undefined`; the object is the same each time. */
  next(kind: StreamWorkKind, accept?: Accept): StreamWork | undefined {
    if (kind === "stream") {
      const stream = this.#nextNew(accept, -1);
      return stream && this.#offer("stream", stream, Math.min(stream.sendable, this.#credit.room), -1, -1);
    }
    const stream = this.#lost.next(accept);
    const part = stream?.buffer.nextLost();
    if (stream === undefined || part === undefined) return undefined;
    const bytes = stream.lane?.lost ?? this.#lostBytes;
    return this.#offer("retransmit", stream, bytes, part.path, part.sentAt);
  }

  /** Fills the packet with work of this kind: first of this stream, then of others of its urgency. */
  write(kind: StreamWorkKind, packet: PacketWriter, first: SendStream, accept?: Accept): boolean {
    let wrote = false;
    for (let stream: SendStream | undefined = first; stream !== undefined;) {
      const progress: boolean = kind === "stream" ? this.#fillNew(packet, stream) : this.#fillLost(packet, stream);
      this.refresh(stream);
      if (!progress) break;
      wrote = true;
      const queue = kind === "stream" ? this.#fresh : this.#lost;
      queue.served(stream);
      if (packet.room < LEAST_DATA) break;
      stream = kind === "stream" ? this.#nextNew(accept, first.urgency) : queue.next(accept, first.urgency);
    }
    return wrote;
  }

  /** The next part in flight of which a copy may go on `path`. */
  nextCopy(path: PathId, scope: CopyScope, accept?: Accept): StreamWork | undefined {
    const stream = this.#nextToCopy(path, scope, accept);
    const part = stream?.buffer.nextCopy(path, scope);
    if (stream === undefined || part === undefined) return undefined;
    return this.#offer("reinject", stream, bytesOf(stream, part), part.path, part.sentAt);
  }

  /** Fills the packet with copies of what is in flight on other paths only. */
  writeCopies(packet: PacketWriter, scope: CopyScope, accept?: Accept): boolean {
    let wrote = false;
    while (packet.room >= LEAST_DATA) {
      const stream = this.#nextToCopy(packet.path, scope, accept);
      const part = stream?.buffer.nextCopy(packet.path, scope);
      if (stream === undefined || part === undefined) break;
      if (!this.#writePart(packet, stream, part.from, part.to)) break;
      wrote = true;
    }
    return wrote;
  }

  /** Marks what is in flight only on this path, to be copied to others; whether there is any. */
  offerAgain(path: PathId): boolean {
    for (const stream of this.#flight) if (stream.buffer.offerAgain(path)) this.#offered.add(stream);
    return this.hasOffered;
  }

  /** Something of the stream is marked to be copied. */
  noteOffered(stream: SendStream): void {
    this.#offered.add(stream);
  }

  /** Writes once more what of a frame is not acknowledged; not all of it if it does not fit. */
  writeAgain(record: StreamRecord, packet: PacketWriter): boolean {
    const { stream, from, place } = record;
    if (!stream.isSending) return false;
    const part = stream.buffer.firstUnacked(from, place);
    if (part === undefined) return false;
    const wrote = this.#writePart(packet, stream, Math.max(from, part.from), Math.min(place, part.to));
    this.refresh(stream);
    return wrote;
  }

  /** So much of the stream is lost and not sent again now. */
  #countLost(stream: SendStream, bytes: number): void {
    const more = bytes - stream.lost;
    if (more === 0) return;
    stream.lost = bytes;
    if (stream.lane === undefined) this.#lostBytes += more;
    else stream.lane.lost += more;
  }

  #account(stream: SendStream, bytes: number): void {
    this.#backlog += bytes;
    if (stream.lane !== undefined) stream.lane.backlog += bytes;
  }

  #offer(kind: StreamWork["kind"], stream: SendStream, bytes: number, path: PathId, sentAt: number): StreamWork {
    const work = this.#work;
    work.kind = kind;
    work.streamId = stream.id;
    work.bytes = bytes;
    work.urgency = stream.urgency;
    work.lastPath = path;
    work.firstSentAt = sentAt;
    work.lane = stream.lane;
    return work;
  }

  /** The stream with new data, or with its end, that goes next. */
  #nextNew(accept: Accept | undefined, urgency: number): SendStream | undefined {
    const fresh = this.#nextFresh(accept, urgency);
    const ending = this.#ending.next(accept, urgency);
    if (ending === undefined) return fresh;
    return fresh === undefined || ending.urgency <= fresh.urgency ? ending : fresh;
  }

  /** The stream with new data; none when the connection's credit is hardly worth a packet, and what is in flight brings more. */
  #nextFresh(accept: Accept | undefined, urgency: number): SendStream | undefined {
    const { room, isScant } = this.#credit;
    const stream = room > 0 ? this.#fresh.next(accept, urgency) : undefined;
    if (stream === undefined || !isScant || room >= stream.sendable || this.#flight.size === 0) return stream;
    return undefined;
  }

  #nextToCopy(path: PathId, scope: CopyScope, accept: Accept | undefined): SendStream | undefined {
    if (scope === "offered" && !this.hasOffered) return undefined;
    for (const stream of this.#flight) {
      if (accept !== undefined && !accept(stream.id)) continue;
      if (stream.buffer.nextCopy(path, scope) !== undefined) return stream;
    }
    return undefined;
  }

  /** Writes frames of new data while there is room, credit and data. */
  #fillNew(packet: PacketWriter, stream: SendStream): boolean {
    const buffer = stream.buffer;
    let wrote = false;
    while (stream.isSending && (stream.queues & (FRESH | ENDING)) !== 0) {
      const from = buffer.sent;
      const room = packet.room - streamHeaderSize(stream.id, from);
      const allowed = Math.min(stream.sendable, this.#credit.room);
      if (room < Math.min(LEAST_DATA, allowed)) break;
      const data = buffer.view(from, Math.min(room, allowed));
      const fin = buffer.isFinUnsent && from + data.length === buffer.end;
      if (data.length === 0 && !fin) break;
      if (!this.#put(packet, stream, from, data, fin)) break;
      this.#credit.take(data.length);
      this.#account(stream, -data.length);
      stream.onSent(from + data.length, fin, packet.path, packet.now);
      wrote = true;
    }
    return wrote;
  }

  /** Writes frames of lost data while there is room. */
  #fillLost(packet: PacketWriter, stream: SendStream): boolean {
    let wrote = false;
    while (stream.isSending) {
      const part = stream.buffer.nextLost();
      if (part === undefined || !this.#writePart(packet, stream, part.from, part.to)) break;
      wrote = true;
    }
    return wrote;
  }

  /** Writes `[from, to)`, which was sent before, or the beginning of it. */
  #writePart(packet: PacketWriter, stream: SendStream, from: number, to: number): boolean {
    const buffer = stream.buffer;
    const length = Math.min(to, buffer.end) - from;
    const room = packet.room - streamHeaderSize(stream.id, from);
    if (room < Math.min(LEAST_DATA, length)) return false;
    const data = length > 0 ? buffer.view(from, Math.min(room, length)) : NOTHING;
    const fin = to > buffer.end && from + data.length === buffer.end;
    if (!this.#put(packet, stream, from, data, fin)) return false;
    const end = from + data.length + (fin ? 1 : 0);
    if (buffer.isLost(from)) buffer.onResent(from, end, packet.path);
    else buffer.onCopied(from, end, packet.path);
    return true;
  }

  /** Data that leaves no room for its length ends the packet without one; PADDING in front takes what is left then. */
  #put(packet: PacketWriter, stream: SendStream, from: number, data: Uint8Array, fin: boolean): boolean {
    const spare = packet.room - streamHeaderSize(stream.id, from) - data.length;
    const toEnd = spare < varintSize(data.length);
    if (toEnd && spare > 0) packet.write({ kind: "padding", length: spare });
    const frame = this.#frame;
    frame.streamId = stream.id;
    frame.offset = from;
    frame.data = data;
    frame.fin = fin;
    frame.toEnd = toEnd;
    const to = from + data.length;
    return packet.write(frame, new StreamRecord(this.#owner, stream, from, to, fin, packet.path, packet.now));
  }

  #remove(stream: SendStream): void {
    this.#lost.delete(stream);
    this.#fresh.delete(stream);
    this.#ending.delete(stream);
    this.#flight.delete(stream);
    stream.queues = 0;
  }
}

/** Bytes of data in a part; its end may be the end of the stream, which is none. */
function bytesOf(stream: SendStream, part: SentPart): number {
  return Math.min(part.to, stream.buffer.end) - part.from;
}

function toggle(queue: StreamQueue<SendStream>, stream: SendStream, isIn: boolean): void {
  if (isIn) queue.add(stream);
  else queue.delete(stream);
}
