/**
 * All streams of a connection (RFC 9000 §2 to §4): opens and accepts them, routes frames to them, and offers what they
 * have to send. The sending and the receiving parts are each other's strangers; a stream is closed when both are over.
 *
 * | A frame about            | own bidirectional      | own unidirectional | peer's bidirectional | peer's unidirectional |
 * |--------------------------|------------------------|--------------------|----------------------|-----------------------|
 * | data, RESET_STREAM,      | STREAM_STATE_ERROR     | STREAM_STATE_ERROR | opens it             | opens it              |
 * | STREAM_DATA_BLOCKED      | before it is opened    |                    |                      |                       |
 * | STOP_SENDING,            | STREAM_STATE_ERROR     | as bidirectional   | opens it             | STREAM_STATE_ERROR    |
 * | MAX_STREAM_DATA          | before it is opened    |                    |                      |                       |
 *
 * A stream that is opened opens all lower ones of its kind (§3.2); beyond the limit that is a STREAM_LIMIT_ERROR. Frames
 * about streams that are closed are late, and ignored.
 *
 * @module
 */
import { FrameType } from "../wire/frame_types.ts";
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import { HINT_STREAM_MODE } from "../wire/hints_codepoints.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { PathId, Role } from "../base/role.ts";
import type { Control } from "./control.ts";
import type { Lane } from "./lane.ts";
import { ReceiveSide } from "./receive_side.ts";
import type { ReceiveState } from "./receive_stream.ts";
import type { CopyScope } from "./send_buffer.ts";
import { SendSide } from "./send_side.ts";
import type { SendState } from "./send_stream.ts";
import type { StreamRecord, StreamWork, StreamWorkKind } from "./send_work.ts";
import type { StreamEvent } from "./stream_events.ts";
import { isUnidirectional, type StreamKind } from "./stream_id.ts";
import { StreamCounts, type StreamLimits } from "./stream_limits.ts";
import { URGENCIES } from "./stream_queue.ts";

/** Bytes that the connection's receive window grows to, unless something else is said. */
export const DEFAULT_CONNECTION_WINDOW: number = 16 * 1024 * 1024;
/** Bytes that the receive window of a stream grows to, unless something else is said. */
export const DEFAULT_STREAM_WINDOW: number = 8 * 1024 * 1024;
/** Bytes that a stream keeps to send, and to send again, unless something else is said. */
export const DEFAULT_SEND_BUFFER: number = 4 * 1024 * 1024;
/** Bytes that all streams together keep to send, unless something else is said. */
export const DEFAULT_SEND_BUFFER_TOTAL: number = 32 * 1024 * 1024;

/** What a set of streams is made with. */
export interface StreamSetOptions {
  /** Which end this is. */
  readonly role: Role;
  /** Ours, as announced in the transport parameters. */
  readonly limits: StreamLimits;
  /** Takes what the application should know. */
  readonly events: (event: StreamEvent) => void;
  /** The round trip time in milliseconds, of the fastest path. */
  readonly rtt: () => number;
  /** Bytes that the connection's receive window may grow to; default {@linkcode DEFAULT_CONNECTION_WINDOW}. */
  readonly connectionWindow?: number | undefined;
  /** Bytes that the receive window of a stream may grow to; default {@linkcode DEFAULT_STREAM_WINDOW}. */
  readonly streamWindow?: number | undefined;
  /** Bytes kept per stream until they are acknowledged; default {@linkcode DEFAULT_SEND_BUFFER}. */
  readonly sendBuffer?: number | undefined;
  /** Bytes kept on all streams until they are acknowledged; default {@linkcode DEFAULT_SEND_BUFFER_TOTAL}. */
  readonly sendBufferTotal?: number | undefined;
  /** Whether streams of equal urgency take turns until `setPriority` says otherwise; default `true`. */
  readonly incremental?: boolean | undefined;
}

/** How far a stream is. */
export interface StreamStats {
  /** The stream's id. */
  readonly id: number;
  /** Bytes written, sent at least once and acknowledged; `undefined` when there is no sending part (any more). */
  readonly sending:
    | { readonly state: SendState; readonly written: number; readonly sent: number; readonly acked: number }
    | undefined;
  /** Bytes received (up to the highest offset) and read; `undefined` when there is no receiving part (any more). */
  readonly receiving: { readonly state: ReceiveState; readonly received: number; readonly read: number } | undefined;
}

/** The frames that are routed here. */
const RECEIVES: readonly FrameKind[] = [
  "stream",
  "reset_stream",
  "stop_sending",
  "max_data",
  "max_stream_data",
  "max_streams",
  "data_blocked",
  "stream_data_blocked",
  "streams_blocked",
];

const NO_LIMITS: StreamLimits = {
  initialMaxData: 0,
  initialMaxStreamDataBidiLocal: 0,
  initialMaxStreamDataBidiRemote: 0,
  initialMaxStreamDataUni: 0,
  initialMaxStreamsBidi: 0,
  initialMaxStreamsUni: 0,
};

/** The streams of a connection. Ids that were never opened, and values out of range, are a `RangeError` everywhere. */
export class StreamSet implements FrameOwner {
  /** The frames that are routed here. */
  readonly receives: readonly FrameKind[] = RECEIVES;
  readonly #limits: StreamLimits;
  readonly #events: (event: StreamEvent) => void;
  readonly #counts: StreamCounts;
  readonly #sending: SendSide;
  readonly #receiving: ReceiveSide;
  readonly #controls: readonly Control[];
  #peer: StreamLimits = NO_LIMITS;
  #open = 0;

  /** No streams; the peer allows nothing until `setPeerLimits`. */
  constructor(options: StreamSetOptions) {
    this.#limits = options.limits;
    this.#events = options.events;
    this.#counts = new StreamCounts(options.role, options.limits);
    this.#receiving = new ReceiveSide({
      events: options.events,
      rtt: options.rtt,
      initialMaxData: options.limits.initialMaxData,
      connectionWindow: options.connectionWindow ?? DEFAULT_CONNECTION_WINDOW,
      streamWindow: options.streamWindow ?? DEFAULT_STREAM_WINDOW,
      onDone: (id) => this.#onPartDone(id),
    });
    this.#sending = new SendSide({
      owner: this,
      events: options.events,
      sendBuffer: options.sendBuffer ?? DEFAULT_SEND_BUFFER,
      sendBufferTotal: options.sendBufferTotal ?? DEFAULT_SEND_BUFFER_TOTAL,
      incremental: options.incremental ?? true,
      maySend: (id) => this.#counts.maySend(id),
      onDone: (id) => this.#onPartDone(id),
    });
    this.#controls = [...this.#receiving.controls, ...this.#counts.controls, ...this.#sending.controls];
  }

  /** Streams that are not closed. */
  get openCount(): number {
    return this.#open;
  }

  /** Bytes written by the application and never sent. */
  get backlog(): number {
    return this.#sending.work.backlog;
  }

  /** Bytes of new data that the peer allows on all streams together. */
  get sendWindow(): number {
    return this.#sending.credit.room;
  }

  /** Bytes kept of data that is not acknowledged. */
  get sendMemory(): number {
    return this.#sending.held;
  }

  /** Bytes kept for data that was not read. */
  get receiveMemory(): number {
    return this.#receiving.memory;
  }

  /** Puts the streams on which the peer has not sent all into the map, with the bytes that came on each. */
  awaited(into: Map<number, number>): void {
    this.#receiving.awaited(into);
  }

  /** Whether something that `offerAgain` marked waits to be copied. */
  get hasOffered(): boolean {
    return this.#sending.work.hasOffered;
  }

  /** The peer's limits, remembered (0-RTT) or real: they only rise, here and later. */
  setPeerLimits(limits: StreamLimits): void {
    this.#peer = limits;
    this.#sending.raise(limits.initialMaxData, (id) => this.#sendLimitOf(id));
    this.#raiseStreams("bidirectional", limits.initialMaxStreamsBidi);
    this.#raiseStreams("unidirectional", limits.initialMaxStreamsUni);
  }

  /**
   * The peer rejected 0-RTT (RFC 9000 §7.4.1): nothing of what was sent counts, and its limits are these. All records
   * filed so far must have been lost or dropped, and must not be heard of again.
   */
  restart(limits: StreamLimits): void {
    this.#peer = limits;
    this.#counts.restart(limits);
    this.#sending.restart(limits.initialMaxData, (id) => this.#sendLimitOf(id));
  }

  /** Opens a stream: its id, or `undefined` while the peer allows no more ("streams_available" tells when it does). */
  open(kind: StreamKind): number | undefined {
    const id = this.#counts.open(kind);
    if (id !== undefined) this.#add(id);
    return id;
  }

  /**
   * Takes bytes to send; how many. When that is not all, "stream_writable" tells when to go on. The array is kept and
   * must not change any more.
   *
   * @throws {StreamError} when the stream was reset, here or by STOP_SENDING.
   * @throws {RangeError} when it was finished.
   */
  write(id: number, data: Uint8Array, copy = false): number {
    this.#checkSending(id);
    return this.#sending.write(id, data, copy);
  }

  /** Nothing more will be written. */
  finish(id: number): void {
    this.#checkSending(id);
    this.#sending.finish(id);
  }

  /** Gives up sending, with an application's code of 0 to 2^53-1; no news when all arrived or it is reset. */
  reset(id: number, code: number): void {
    this.#checkSending(id);
    checkCode(code);
    this.#sending.reset(id, code);
  }

  /** Wants no more of a stream, with an application's code of 0 to 2^53-1; what comes is thrown away. */
  stopSending(id: number, code: number): void {
    this.#checkReceiving(id);
    checkCode(code);
    this.#receiving.stop(id, code);
  }

  /**
   * The next bytes of a stream, the caller's to keep: what is there in one piece, at most `limit` or 64 KiB.
   *
   * @returns `undefined` when there is nothing now ("stream_readable" tells), or any more; `null` at the end. The stream
   * counts as open until its end was read, it was stopped, or it was reset.
   * @throws {StreamError} when the peer reset it.
   */
  read(id: number, limit?: number): Uint8Array<ArrayBuffer> | undefined | null {
    this.#checkReceiving(id);
    if (limit !== undefined && !(limit >= 1)) throw new RangeError(`Read limit is ${limit}, expected at least 1`);
    return this.#receiving.read(id, limit);
  }

  /** Says how urgent a stream is, 0 (first) to 7, and whether it takes turns with its equals (RFC 9218 §4). */
  setPriority(id: number, urgency: number, incremental?: boolean): void {
    this.#checkSending(id);
    if (!Number.isInteger(urgency) || urgency < 0 || urgency >= URGENCIES) {
      throw new RangeError(`Urgency is ${urgency}, expected an integer from 0 to ${URGENCIES - 1}`);
    }
    const stream = this.#sending.get(id);
    if (stream !== undefined) this.#sending.work.setPriority(stream, urgency, incremental ?? stream.incremental);
  }

  /** Lets a stream go by a mode of its own, or by the connection's again; nothing happens when all of it arrived. */
  setLane(id: number, lane: Lane | undefined): void {
    this.#checkSending(id);
    this.#sending.setLane(id, lane);
  }

  /** The lane of a stream; `undefined`: it has none, or its sending part is over. */
  laneOf(id: number): Lane | undefined {
    return this.#sending.get(id)?.lane;
  }

  /** Whether more may come on a stream. Throws `RangeError` for one that is for sending only or was never opened. */
  isReceiving(id: number): boolean {
    this.#checkReceiving(id);
    return this.#receiving.get(id) !== undefined;
  }

  /**
   * The peer asks for a mode for what is sent on a stream, which may be the first that is heard of it. Whether that is news:
   * not when it is older than what is known, or the sending part is over. Throws `TransportError` when there can be no such
   * stream.
   */
  onModeHint(id: number, sequence: number): boolean {
    this.#touchSending(id, HINT_STREAM_MODE);
    const stream = this.#sending.get(id);
    if (stream === undefined || sequence <= stream.modeSequence) return false;
    stream.modeSequence = sequence;
    return true;
  }

  /** How far a stream is; `undefined` when it is closed or never was. */
  stats(id: number): StreamStats | undefined {
    const send = this.#sending.get(id);
    const receive = this.#receiving.get(id);
    if (send === undefined && receive === undefined) return undefined;
    return {
      id,
      sending: send &&
        { state: send.state, written: send.buffer.end, sent: send.buffer.sent, acked: send.buffer.acked },
      receiving: receive &&
        { state: receive.state, received: receive.credit.received, read: receive.credit.consumed },
    };
  }

  /**
   * The next offer of this kind to the scheduler, of the streams that `accept` lets through. The same object each time.
   */
  nextWork(kind: StreamWorkKind, accept?: (streamId: number) => boolean): StreamWork | undefined {
    return this.#sending.work.next(kind, accept);
  }

  /**
   * Fills the packet with work of this kind: of this stream, then of others of the same urgency that `accept` lets
   * through. Whether anything was written.
   */
  writeWork(
    kind: StreamWorkKind,
    packet: PacketWriter,
    streamId: number,
    accept?: (streamId: number) => boolean,
  ): boolean {
    const stream = this.#sending.get(streamId);
    if (stream === undefined) return false;
    const wrote = this.#sending.work.write(kind, packet, stream, accept);
    if (kind === "stream") this.#sending.noteBlocked(stream);
    return wrote;
  }

  /**
   * The next part in flight that is not on `path` yet; each goes to each other path at most once per transmission. Scope
   * "offered": only what `offerAgain` marked. The same object each time.
   */
  nextReinject(
    path: PathId,
    scope: CopyScope = "all",
    accept?: (streamId: number) => boolean,
  ): StreamWork | undefined {
    return this.#sending.work.nextCopy(path, scope, accept);
  }

  /** Fills the packet with copies that `nextReinject(packet.path, …)` would offer. Whether anything was written. */
  writeReinject(packet: PacketWriter, scope: CopyScope = "all", accept?: (streamId: number) => boolean): boolean {
    return this.#sending.work.writeCopies(packet, scope, accept);
  }

  /**
   * The path is silent: what is in flight there and nowhere else is offered to other paths without being lost
   * (RFC 10069 §5.7), stream data through `nextReinject`, control frames through `hasFrames`. Whether any data is.
   */
  offerAgain(path: PathId): boolean {
    for (const control of this.#controls) control.offerAgain(path);
    return this.#sending.work.offerAgain(path);
  }

  /** Takes in a frame. Throws `TransportError` when the peer did wrong. */
  onFrame(frame: Frame, packet: ReceivedPacket): void {
    switch (frame.kind) {
      case "stream":
        this.#touchReceiving(frame.streamId, FrameType.STREAM);
        return this.#receiving.onStream(frame, packet.now);
      case "reset_stream":
        this.#touchReceiving(frame.streamId, FrameType.RESET_STREAM);
        return this.#receiving.onReset(frame, packet.now);
      case "stream_data_blocked":
        this.#touchReceiving(frame.streamId, FrameType.STREAM_DATA_BLOCKED);
        return this.#receiving.onStreamBlocked(frame.streamId, frame.limit);
      case "stop_sending":
        this.#touchSending(frame.streamId, FrameType.STOP_SENDING);
        return this.#sending.onStopSending(frame.streamId, frame.code);
      case "max_stream_data":
        this.#touchSending(frame.streamId, FrameType.MAX_STREAM_DATA);
        return this.#sending.onMaxStreamData(frame.streamId, frame.limit);
      case "max_data":
        return this.#sending.onMaxData(frame.limit);
      case "max_streams":
        return this.#raiseStreams(frame.bidirectional ? "bidirectional" : "unidirectional", frame.limit);
      case "streams_blocked":
        return this.#counts.onStreamsBlocked(frame);
      case "data_blocked":
        return this.#receiving.onBlocked(frame.limit);
      default:
        throw new TypeError(`Streams receive no frames of the kind "${frame.kind}"`);
    }
  }

  /** Whether control frames wait; stream data does not count. */
  hasFrames(target: PacketTarget): boolean {
    for (const control of this.#controls) if (control.hasFrames(target)) return true;
    return false;
  }

  /** Writes control frames. */
  writeFrames(packet: PacketWriter): void {
    for (const control of this.#controls) if (control.hasFrames(packet)) control.writeFrames(packet);
  }

  /** Writes what is left of a STREAM frame in flight once more, or its beginning if not all of it fits. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    return this.#sending.work.writeAgain(record as StreamRecord, packet);
  }

  /** A STREAM frame arrived. */
  onAcked(record: FrameRecord, _now: number): void {
    this.#sending.onAcked(record as StreamRecord);
  }

  /** A STREAM frame is lost. */
  onLost(record: FrameRecord, _now: number): void {
    this.#sending.onLost(record as StreamRecord);
  }

  /** A frame says something about the receiving part of a stream; it may be the first about a peer's stream. */
  #touchReceiving(id: number, frameType: number): void {
    if (!this.#counts.isOwn(id)) return this.#accept(id, frameType);
    if (isUnidirectional(id)) throw stateError(id, "is for sending only", frameType);
    if (!this.#counts.wasOpened(id)) throw stateError(id, "has not been opened", frameType);
  }

  /** A frame says something about the sending part of a stream; it may be the first about a peer's stream. */
  #touchSending(id: number, frameType: number): void {
    if (this.#counts.isOwn(id)) {
      if (!this.#counts.wasOpened(id)) throw stateError(id, "has not been opened", frameType);
      return;
    }
    if (isUnidirectional(id)) throw stateError(id, "is for receiving only", frameType);
    this.#accept(id, frameType);
  }

  #accept(id: number, frameType: number): void {
    const first = this.#counts.accept(id, frameType);
    if (first === undefined) return;
    for (let opened = first; opened <= id; opened += 4) {
      this.#add(opened);
      this.#events({ type: "stream_opened", id: opened });
    }
  }

  #add(id: number): void {
    const own = this.#counts.isOwn(id);
    this.#open++;
    if (own || !isUnidirectional(id)) this.#sending.add(id, this.#sendLimitOf(id));
    if (own && isUnidirectional(id)) return;
    const { initialMaxStreamDataBidiLocal, initialMaxStreamDataBidiRemote, initialMaxStreamDataUni } = this.#limits;
    const bidirectional = own ? initialMaxStreamDataBidiLocal : initialMaxStreamDataBidiRemote;
    this.#receiving.add(id, isUnidirectional(id) ? initialMaxStreamDataUni : bidirectional);
  }

  /** What the peer's parameters allow on a stream: "local" and "remote" are the peer's view. */
  #sendLimitOf(id: number): number {
    if (isUnidirectional(id)) return this.#peer.initialMaxStreamDataUni;
    return this.#counts.isOwn(id)
      ? this.#peer.initialMaxStreamDataBidiRemote
      : this.#peer.initialMaxStreamDataBidiLocal;
  }

  #raiseStreams(kind: StreamKind, limit: number): void {
    const heldBack = this.#counts.holdsBack(kind);
    const isAwaited = this.#counts.raise(kind, limit);
    if (heldBack) this.#sending.refreshAll();
    if (isAwaited) this.#events({ type: "streams_available", kind });
  }

  #onPartDone(id: number): void {
    if (this.#sending.get(id) !== undefined || this.#receiving.get(id) !== undefined) return;
    this.#open--;
    this.#counts.onClosed(id);
  }

  #checkSending(id: number): void {
    if (this.#sending.get(id) !== undefined) return;
    this.#checkOpened(id);
    if (isUnidirectional(id) && !this.#counts.isOwn(id)) throw new RangeError(`Stream ${id} is for receiving only`);
  }

  #checkReceiving(id: number): void {
    if (this.#receiving.get(id) !== undefined) return;
    this.#checkOpened(id);
    if (isUnidirectional(id) && this.#counts.isOwn(id)) throw new RangeError(`Stream ${id} is for sending only`);
  }

  #checkOpened(id: number): void {
    if (Number.isSafeInteger(id) && id >= 0 && this.#counts.wasOpened(id)) return;
    throw new RangeError(`Stream ${id} was never opened, expected the id of a stream`);
  }
}

function checkCode(code: number): void {
  if (Number.isSafeInteger(code) && code >= 0) return;
  throw new RangeError(`Application error code is ${code}, expected an integer from 0 to 2^53-1`);
}

function stateError(id: number, what: string, frameType: number): TransportError {
  return new TransportError(TransportErrorCode.STREAM_STATE_ERROR, `Stream ${id} ${what}`, frameType);
}
