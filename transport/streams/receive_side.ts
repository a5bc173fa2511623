/**
 * The receiving parts of all streams: what the peer sends, what the application reads, and the credit that this gives the
 * peer. Owns STOP_SENDING, MAX_STREAM_DATA and MAX_DATA on their way out.
 *
 * @module
 */
import type {
  MaxDataFrame,
  MaxStreamDataFrame,
  ResetStreamFrame,
  StopSendingFrame,
  StreamFrame,
} from "../wire/frames/types.ts";
import { StreamError } from "../base/errors.ts";
import type { PacketTarget } from "../base/frame_owner.ts";
import { Latest } from "../base/latest.ts";
import { QueueOf } from "../base/queue_of.ts";
import { type Control, EndedStreams, STREAM_LEVELS } from "./control.ts";
import { ReceiveCredit } from "./credit.ts";
import { ReceiveStream } from "./receive_stream.ts";
import type { StreamEvent } from "./stream_events.ts";

/** The connection's window is at least this many times the largest window of a stream: one cannot fill it alone. */
const CONNECTION_SHARE = 1.5;

/** What the receiving side is given. */
export interface ReceiveSideOptions {
  /** Takes what the application should know. */
  readonly events: (event: StreamEvent) => void;
  /** The round trip time in milliseconds: how fast windows are used up is measured in it. */
  readonly rtt: () => number;
  /** Bytes that the peer may send on all streams together from the start. */
  readonly initialMaxData: number;
  /** Bytes that the connection's window may grow to. */
  readonly connectionWindow: number;
  /** Bytes that the window of a stream may grow to. */
  readonly streamWindow: number;
  /** The receiving part is over. */
  readonly onDone: (id: number) => void;
}

/** The receiving parts of the streams of a connection. */
export class ReceiveSide {
  /** Who deliver the control frames. */
  readonly controls: readonly Control[];
  readonly #options: ReceiveSideOptions;
  readonly #credit: ReceiveCredit;
  readonly #streams = new Map<number, ReceiveStream>();
  readonly #ended = new EndedStreams();
  readonly #maxData: Latest<MaxDataFrame>;
  readonly #maxStreamData: QueueOf<ReceiveStream, MaxStreamDataFrame>;
  readonly #stops: QueueOf<ReceiveStream, StopSendingFrame>;

  /** No streams yet. */
  constructor(options: ReceiveSideOptions) {
    this.#options = options;
    this.#credit = new ReceiveCredit(options.initialMaxData, options.connectionWindow);
    this.#maxData = new Latest<MaxDataFrame>(
      (now) => ({ kind: "max_data", limit: this.#credit.update(options.rtt(), now) }),
      { levels: STREAM_LEVELS, mayGo: (target) => mayGo(this.#credit, target) },
    );
    this.#maxStreamData = new QueueOf<ReceiveStream, MaxStreamDataFrame>(
      (stream, now) => this.#limitOf(stream, now),
      { levels: STREAM_LEVELS, mayGo: (stream, target) => mayGo(stream.credit, target) },
    );
    this.#stops = new QueueOf<ReceiveStream, StopSendingFrame>(
      (stream) => stream.isStopDue ? { kind: "stop_sending", streamId: stream.id, code: stream.stopCode } : undefined,
      { levels: STREAM_LEVELS },
    );
    this.controls = [this.#maxData, this.#maxStreamData, this.#stops];
  }

  /** Streams whose receiving part is not over. */
  get size(): number {
    return this.#streams.size;
  }

  /** Bytes of memory held for data that was not read. */
  get memory(): number {
    let sum = 0;
    for (const stream of this.#streams.values()) sum += stream.memory;
    return sum;
  }

  /** Puts the streams on which the peer has not sent all into the map, with the bytes that came on each. */
  awaited(into: Map<number, number>): void {
    for (const { id, state, isStopped, received } of this.#streams.values()) {
      if (!isStopped && (state === "recv" || state === "size-known")) into.set(id, received);
    }
  }

  /** The receiving part of a stream, if it is not over. */
  get(id: number): ReceiveStream | undefined {
    return this.#streams.get(id);
  }

  /** A stream was opened, on which the peer may send `window` bytes. */
  add(id: number, window: number): void {
    const credit = new ReceiveCredit(window, this.#options.streamWindow);
    this.#streams.set(id, new ReceiveStream(id, credit, this.#credit));
  }

  /** Data came; late data of streams that are over is nothing. May throw `TransportError`. */
  onStream(frame: StreamFrame, now: number): void {
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    stream.onData(frame.offset, frame.data, frame.fin, now);
    if (stream.isStopped) this.#noteConsumed(stream);
    else if (stream.stretchWindow()) {
      this.#credit.widen(stream.credit.window * CONNECTION_SHARE);
      this.#noteConsumed(stream);
    }
    if (!stream.isAnnounced && stream.isReadable) {
      stream.isAnnounced = true;
      this.#options.events({ type: "stream_readable", id: stream.id });
    }
  }

  /** The peer gave a stream up. May throw `TransportError`. */
  onReset(frame: ResetStreamFrame, now: number): void {
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined || !stream.onReset(frame.finalSize, now)) return;
    if (!stream.isStopped) {
      this.#ended.add(stream.id, { code: frame.code, isStopped: false });
      this.#options.events({ type: "stream_reset", id: stream.id, code: frame.code });
    }
    this.#noteConsumed(stream);
  }

  /**
   * The peer is held back by a limit of all streams. Credit is given as data is read, never because it is asked for (RFC
   * 9000 §4.2); but a peer that does not know of what it was given is told again, as our probe timer may be far away.
   */
  onBlocked(limit: number): void {
    if (limit < this.#credit.limit) this.#maxData.want();
  }

  /** The peer is held back by the limit of a stream; likewise. */
  onStreamBlocked(id: number, limit: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined && limit < stream.credit.limit) this.#maxStreamData.want(stream);
  }

  /**
   * The next bytes of a stream.
   *
   * @returns `undefined` when there is nothing now, or any more after the end was told; `null` at the end.
   * @throws {StreamError} when the peer reset it.
   */
  read(id: number, limit?: number): Uint8Array<ArrayBuffer> | undefined | null {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      const end = this.#ended.get(id);
      if (end !== undefined) throw new StreamError(end.code, id, "reset");
      // Never null: what is no longer remembered may have been reset, which must not look like the end.
      return undefined;
    }
    const data = stream.read(limit);
    if (!stream.isReadable) stream.isAnnounced = false;
    this.#noteConsumed(stream);
    return data;
  }

  /** The application wants no more of a stream; no news when it is over. */
  stop(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (stream.stop(code)) this.#stops.want(stream);
    this.#noteConsumed(stream);
  }

  /** Bytes were read or thrown away: the peer may be due more credit, and the stream may be over. */
  #noteConsumed(stream: ReceiveStream): void {
    if (this.#credit.isDue) this.#maxData.want();
    if (stream.isCreditDue) this.#maxStreamData.want(stream);
    if (!stream.isDone) return;
    this.#maxStreamData.cancel(stream);
    this.#streams.delete(stream.id);
    this.#options.onDone(stream.id);
  }

  #limitOf(stream: ReceiveStream, now: number): MaxStreamDataFrame | undefined {
    // Once the final size is known, or the data unwanted, a limit says nothing (RFC 9000 §3.2).
    if (stream.state !== "recv" || stream.isStopped) return undefined;
    const limit = stream.credit.update(this.#options.rtt(), now);
    this.#credit.widen(stream.credit.window * CONNECTION_SHARE);
    return { kind: "max_stream_data", streamId: stream.id, limit };
  }
}

/** While half of a window is left, its announcement waits for a packet that goes anyway. */
function mayGo(credit: ReceiveCredit, target: PacketTarget): boolean {
  return target.mayWait !== true || !credit.isDue || credit.isPressing;
}
