import { type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import { ApplicationError, StreamError } from "../base/errors.ts";
import type { QuicPath } from "./path_types.ts";
import { codeOf, type StreamHost } from "./stream_host.ts";
import type { QuicSendStream } from "./types.ts";

/** The urgency of order 0 (RFC 9218 §4.1). */
const DEFAULT_URGENCY = 3;
const LAST_URGENCY = 7;

interface Deferred {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Between a `WritableStream` and the sending part of a stream of the connection.
 *
 * | state   | event                          | next    |
 * |---------|--------------------------------|---------|
 * | open    | close: FIN is queued           | closing |
 * | closing | the peer has everything, or closes the connection without an error | done |
 * | open, closing | abort: RESET_STREAM      | done    |
 * | open, closing | stopped by the peer, connection over: pending calls reject | done |
 */
export class SendPart implements UnderlyingSink<Uint8Array> {
  readonly id: number;
  readonly #host: StreamHost;
  #controller: WritableStreamDefaultController | undefined;
  /** What is left of the chunk being written. */
  #chunk: Uint8Array | undefined;
  /** The write, or the close, that waits. */
  #pending: Deferred | undefined;
  #listens = false;
  #error: unknown = undefined;
  #mode: ModeChoice | undefined;
  #state: "open" | "closing" | "done" = "open";

  constructor(host: StreamHost, id: number) {
    this.#host = host;
    this.id = id;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    if (this.#error !== undefined) controller.error(this.#error);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#state !== "open") throw this.#error;
    this.#chunk = bytesOf(chunk);
    return this.#push() ? undefined : this.#wait();
  }

  close(): Promise<void> | undefined {
    if (this.#state !== "open") throw this.#error;
    this.#state = "closing";
    this.#host.connection.finish(this.id);
    this.#host.wake();
    return this.#wait();
  }

  abort(reason: unknown): void {
    if (this.#state === "done") return;
    const code = codeOf(reason);
    this.#fail(new StreamError(code, this.id, "reset", false));
    try {
      this.#host.connection.reset(this.id, code);
    } catch {
      // The connection is over, and the stream with it.
    }
    this.#host.wake();
  }

  /** What decides about it in place of the connection's mode. */
  get mode(): ModeChoice | undefined {
    return this.#mode;
  }

  setMode(mode: ModeChoice | undefined): void {
    checkMode(mode);
    if (this.#state === "done") return;
    this.#host.connection.setStreamMode(this.id, mode);
    this.#mode = mode;
    this.#host.wake();
  }

  /** The send buffer has room again. */
  onWritable(): void {
    if (this.#chunk === undefined || this.#state !== "open") return;
    try {
      if (this.#push()) this.#settle();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The peer has everything. */
  onFinished(): void {
    if (this.#state !== "closing") return;
    this.#state = "done";
    this.#settle();
    this.#host.sendDone(this.id);
  }

  /** The stream, or the connection, is over. */
  fail(error: unknown): void {
    if (this.#state === "done") return;
    // A peer that has all it wants may close the connection before its last acknowledgement is out.
    if (this.#state === "closing" && isContent(error)) return this.onFinished();
    this.#fail(error);
    this.#controller?.error(error);
  }

  #fail(error: unknown): void {
    this.#state = "done";
    this.#error = error;
    this.#chunk = undefined;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
    this.#host.sendDone(this.id);
  }

  #wait(): Promise<void> {
    if (!this.#listens) {
      this.#listens = true;
      // `abort` itself is called only when what is pending has settled.
      const { signal } = this.#controller!;
      signal.addEventListener("abort", () => this.abort(signal.reason), { once: true });
    }
    return new Promise((resolve, reject) => this.#pending = { resolve, reject });
  }

  #settle(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve();
  }

  /** Writes what the send buffer takes of the chunk; whether that is all. */
  #push(): boolean {
    const chunk = this.#chunk ?? EMPTY;
    const taken = chunk.length === 0 ? 0 : this.#host.connection.write(this.id, chunk, true);
    const done = taken === chunk.length;
    this.#chunk = done ? undefined : chunk.subarray(taken);
    this.#host.wake();
    return done;
  }
}

const EMPTY = new Uint8Array(0);

/** Whether the peer closed the connection with nothing to complain of. */
function isContent(error: unknown): boolean {
  return error instanceof ApplicationError && error.byPeer && error.code === 0;
}

function bytesOf(chunk: unknown): Uint8Array {
  // A Buffer's slice would not copy, and other views have other elements than bytes.
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(`Cannot write a chunk of type ${typeof chunk}: expected Uint8Array`);
}

/** The `WritableStream` of a {@linkcode SendPart}. */
export class SendStream extends WritableStream<Uint8Array<ArrayBufferLike>> implements QuicSendStream {
  readonly #host: StreamHost;
  readonly #id: number;
  readonly #part: SendPart;
  #sendOrder = 0;
  #path: QuicPath | undefined;

  constructor(host: StreamHost, part: SendPart, sendOrder = 0) {
    super(part);
    this.#host = host;
    this.#id = part.id;
    this.#part = part;
    if (sendOrder !== 0) this.sendOrder = sendOrder;
  }

  get id(): bigint {
    return BigInt(this.#id);
  }

  get path(): QuicPath | undefined {
    return this.#path === undefined ? undefined : this.#host.paths.find(this.#path);
  }

  pin(path: QuicPath | number | undefined): void {
    const { paths, connection } = this.#host;
    const id = path === undefined ? undefined : paths.idOf(path);
    connection.pin(this.#id, id);
    this.#path = id === undefined ? undefined : paths.find(id);
    this.#host.wake();
  }

  get mode(): ModeChoice | undefined {
    return this.#part.mode;
  }

  set mode(mode: ModeChoice | undefined) {
    this.#part.setMode(mode);
  }

  get sendOrder(): number {
    return this.#sendOrder;
  }

  set sendOrder(order: number) {
    checkSendOrder(order);
    this.#sendOrder = order;
    this.#host.connection.setPriority(this.#id, urgencyOf(order));
  }
}

/** Throws `RangeError` for what is no order. */
export function checkSendOrder(order: number): void {
  if (typeof order === "number" && Number.isFinite(order)) return;
  throw new RangeError(`"sendOrder" is ${String(order)}: expected a finite number`);
}

/** Throws `RangeError` for a name that is not known, `TypeError` for what is no mode. */
export function checkMode(mode: ModeChoice | undefined): void {
  if (mode !== undefined) schedulerOf(mode);
}

function urgencyOf(order: number): number {
  return Math.min(LAST_URGENCY, Math.max(0, DEFAULT_URGENCY - Math.trunc(order)));
}
