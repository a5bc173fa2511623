/**
 * The sending parts of all streams: what the application writes, what the peer allows and asks, and what became of what
 * was sent. Owns RESET_STREAM, STREAM_DATA_BLOCKED and DATA_BLOCKED on their way out.
 *
 * @module
 */
import { BlockPool } from "./block_pool.ts";
import type { DataBlockedFrame, ResetStreamFrame, StreamDataBlockedFrame } from "../wire/frames/types.ts";
import { StreamError } from "../base/errors.ts";
import type { FrameOwner } from "../base/frame_owner.ts";
import { Latest } from "../base/latest.ts";
import { QueueOf } from "../base/queue_of.ts";
import { type Control, EndedStreams, STREAM_LEVELS } from "./control.ts";
import { SendCredit } from "./credit.ts";
import type { Lane } from "./lane.ts";
import { SendStream } from "./send_stream.ts";
import { SendWork, type StreamRecord } from "./send_work.ts";
import type { StreamEvent } from "./stream_events.ts";

/** Bytes that each stream may keep even when all streams together keep too many: a stalled one must not stall all. */
export const RESERVED_PER_STREAM = 16384;

/** Room is announced when it is this part of a stream's buffer. */
const ROOM_SHARE = 4;

/** What the sending side is given. */
export interface SendSideOptions {
  /** Of the records of STREAM frames. */
  readonly owner: FrameOwner;
  /** Takes what the application should know. */
  readonly events: (event: StreamEvent) => void;
  /** Bytes kept per stream until they are acknowledged. */
  readonly sendBuffer: number;
  /** Bytes kept in all. */
  readonly sendBufferTotal: number;
  /** Whether streams are incremental until something else is said (RFC 9218 §4.2). */
  readonly incremental: boolean;
  /** Whether the peer's limit on streams lets this one be used. */
  readonly maySend: (id: number) => boolean;
  /** The sending part is over. */
  readonly onDone: (id: number) => void;
}

/** The sending parts of the streams of a connection. */
export class SendSide {
  /** What the peer allows on all streams together. */
  readonly credit: SendCredit = new SendCredit(0);
  /** What there is to send. */
  readonly work: SendWork;
  /** Who deliver the control frames. */
  readonly controls: readonly Control[];
  readonly #options: SendSideOptions;
  readonly #streams = new Map<number, SendStream>();
  readonly #pool = new BlockPool();
  readonly #ended = new EndedStreams();
  readonly #resets: QueueOf<SendStream, ResetStreamFrame>;
  readonly #blocked: QueueOf<SendStream, StreamDataBlockedFrame>;
  readonly #dataBlocked: Latest<DataBlockedFrame>;
  /** Streams whose application waits for room. */
  readonly #waiting = new Set<SendStream>();
  #held = 0;
  /** A write was cut short because all streams together keep too much. */
  #isFull = false;

  /** No streams, and no credit, yet. */
  constructor(options: SendSideOptions) {
    this.#options = options;
    this.work = new SendWork(options.owner, this.credit, options.maySend);
    this.#resets = new QueueOf<SendStream, ResetStreamFrame>(
      (stream) => ({
        kind: "reset_stream",
        streamId: stream.id,
        code: stream.end?.code ?? 0,
        finalSize: stream.finalSize,
      }),
      {
        levels: STREAM_LEVELS,
        mayGo: (stream) => options.maySend(stream.id),
        onDelivered: (stream) => this.#onResetAcked(stream),
      },
    );
    this.#blocked = new QueueOf<SendStream, StreamDataBlockedFrame>(
      (stream) =>
        stream.isBlocked ? { kind: "stream_data_blocked", streamId: stream.id, limit: stream.credit.limit } : undefined,
      { levels: STREAM_LEVELS, mayGo: (stream) => options.maySend(stream.id) },
    );
    this.#dataBlocked = new Latest<DataBlockedFrame>(
      () => this.work.isBlocked ? { kind: "data_blocked", limit: this.credit.limit } : undefined,
      { levels: STREAM_LEVELS },
    );
    this.controls = [this.#resets, this.#dataBlocked, this.#blocked];
  }

  /** Bytes written and not acknowledged, on all streams. */
  get held(): number {
    return this.#held;
  }

  /** Streams whose sending part is not over. */
  get size(): number {
    return this.#streams.size;
  }

  /** The sending part of a stream, if it is not over. */
  get(id: number): SendStream | undefined {
    return this.#streams.get(id);
  }

  /** A stream was opened; the peer allows `limit` bytes on it. */
  add(id: number, limit: number): void {
    this.#streams.set(id, new SendStream(id, limit, this.#options.incremental, this.#pool));
  }

  /** Lets a stream go by a mode of its own; nothing happens when its sending part is over. */
  setLane(id: number, lane: Lane | undefined): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.work.setLane(stream, lane);
  }

  /**
   * Takes bytes to send: as many as there is room for. The array is kept, or with `copy` what is taken of it copied.
   *
   * @throws {StreamError} when the stream was reset or stopped.
   * @throws {RangeError} when it was finished.
   */
  write(id: number, data: Uint8Array, copy = false): number {
    const stream = this.#streams.get(id);
    if (stream === undefined || !stream.isWritable) throw this.#refusal(id, stream);
    const taken = Math.min(data.length, this.#roomFor(stream));
    if (taken < data.length) this.#wait(stream);
    if (taken === 0) return 0;
    const part = taken === data.length ? data : data.subarray(0, taken);
    if (copy) stream.buffer.appendCopy(part);
    else stream.buffer.append(part);
    this.#held += taken;
    this.work.onWritten(stream, taken);
    this.noteBlocked(stream);
    return taken;
  }

  /** Nothing more will be written; no news for a stream that is finished, reset or gone. */
  finish(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || !stream.isWritable) return;
    stream.buffer.finish();
    this.#stopWaiting(stream);
    this.work.refresh(stream);
  }

  /** Gives a stream up (RFC 9000 §3.1); no news when it is reset or all arrived. */
  reset(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#reset(stream, code, false);
  }

  /** The peer wants no more of a stream (RFC 9000 §3.5). */
  onStopSending(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || !this.#reset(stream, code, true)) return;
    this.#options.events({ type: "stream_stopped", id, code });
  }

  /** The peer allows more on all streams together. */
  onMaxData(limit: number): void {
    this.credit.raise(limit);
  }

  /** The peer allows more on one stream. */
  onMaxStreamData(id: number, limit: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || !stream.credit.raise(limit)) return;
    this.work.refresh(stream);
    this.noteBlocked();
  }

  /** The peer's limits are known, or better known: they only rise. */
  raise(limit: number, limitOf: (id: number) => number): void {
    this.credit.raise(limit);
    for (const stream of this.#streams.values()) {
      stream.credit.raise(limitOf(stream.id));
      this.work.refresh(stream);
    }
    this.noteBlocked();
  }

  /** The peer took nothing of what was sent, and has these limits (0-RTT rejected, RFC 9000 §7.4.1). */
  restart(limit: number, limitOf: (id: number) => number): void {
    this.credit.restart(limit);
    for (const stream of this.#streams.values()) {
      const unsent = stream.buffer.unsent;
      stream.restart(limitOf(stream.id));
      this.work.onRestart(unsent, stream);
      // It says another final size now.
      if (stream.state === "reset-sent") this.#resets.want(stream);
    }
    this.#blocked.clear();
    this.#dataBlocked.cancel();
  }

  /** Puts streams that the peer's limit on streams held back, and no longer does, into the queues. */
  refreshAll(): void {
    for (const stream of this.#streams.values()) this.work.refresh(stream);
  }

  /** Tells the peer, now and then, that a limit of it holds data back. */
  noteBlocked(stream?: SendStream): void {
    if (stream !== undefined && stream.isBlocked && stream.credit.tell(stream.buffer.hasOutstanding)) {
      this.#blocked.want(stream);
    }
    if (this.work.isBlocked && this.credit.tell(this.work.hasFlight)) this.#dataBlocked.want();
  }

  /** A STREAM frame arrived. */
  onAcked(record: StreamRecord): void {
    const stream = record.stream;
    const bytes = stream.onAcked(record.from, record.place);
    this.#held -= bytes;
    this.work.refresh(stream);
    this.noteBlocked(stream);
    if (stream.isDone) {
      if (this.#forget(stream)) this.#options.events({ type: "stream_finished", id: stream.id });
    }
    if (bytes > 0 && this.#waiting.size > 0) this.#wake(stream);
  }

  /** A STREAM frame is lost. */
  onLost(record: StreamRecord): void {
    const stream = record.stream;
    if (!stream.isSending) return;
    if (stream.buffer.onLost(record.from, record.place, record.path)) this.work.refresh(stream);
    if (stream.buffer.hasOffered) this.work.noteOffered(stream);
  }

  #reset(stream: SendStream, code: number, isStopped: boolean): boolean {
    if (!stream.isSending) return false;
    this.work.drop(stream);
    this.#held -= stream.buffer.held;
    stream.reset(code, isStopped);
    this.#blocked.cancel(stream);
    this.#resets.want(stream);
    this.#stopWaiting(stream);
    if (this.#waiting.size > 0) this.#wake(stream);
    return true;
  }

  #onResetAcked(stream: SendStream): void {
    stream.onResetAcked();
    this.#forget(stream);
    if (stream.end !== undefined) this.#ended.add(stream.id, stream.end);
  }

  /** Whether the stream was still there. */
  #forget(stream: SendStream): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    this.work.leave(stream);
    this.#options.onDone(stream.id);
    return true;
  }

  #refusal(id: number, stream: SendStream | undefined): Error {
    const end = stream === undefined ? this.#ended.get(id) : stream.end;
    if (end === undefined) return new RangeError(`Stream ${id} is finished, expected one that can be written`);
    return new StreamError(end.code, id, end.isStopped ? "stopped" : "reset", end.isStopped);
  }

  #roomFor(stream: SendStream): number {
    const { sendBuffer, sendBufferTotal } = this.#options;
    const held = stream.buffer.held;
    const shared = Math.max(sendBufferTotal - this.#held, RESERVED_PER_STREAM - held);
    return Math.max(0, Math.min(sendBuffer - held, shared));
  }

  #wait(stream: SendStream): void {
    stream.wantsRoom = true;
    this.#waiting.add(stream);
    if (this.#held >= this.#options.sendBufferTotal - this.#options.sendBuffer / ROOM_SHARE) this.#isFull = true;
  }

  #stopWaiting(stream: SendStream): void {
    stream.wantsRoom = false;
    this.#waiting.delete(stream);
  }

  /** Bytes of this stream were freed: it may go on, and others too if all together kept too much. */
  #wake(stream: SendStream): void {
    if (stream.wantsRoom) this.#announceRoom(stream);
    if (!this.#isFull || this.#held > this.#options.sendBufferTotal - this.#options.sendBuffer / ROOM_SHARE) return;
    this.#isFull = false;
    for (const other of this.#waiting) this.#announceRoom(other);
  }

  /** Room is worth an event when it is a good part of the buffer, or more than what is in it. */
  #announceRoom(stream: SendStream): void {
    const room = this.#roomFor(stream);
    if (room * ROOM_SHARE < this.#options.sendBuffer && room < stream.buffer.held * 2) return;
    if (room === 0) return;
    this.#stopWaiting(stream);
    this.#options.events({ type: "stream_writable", id: stream.id });
  }
}
