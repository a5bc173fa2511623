import type { Mode } from "../../schedulers/mode.ts";
import { StreamError } from "../base/errors.ts";
import { modeName } from "./accepted_modes.ts";
import { codeOf, type StreamHost } from "./stream_host.ts";
import type { QuicReceiveStream } from "./types.ts";

/** Bytes of the largest chunk that a reader without a buffer of its own gets. */
const CHUNK = 65_536;

/**
 * Between the receiving part of a stream of the connection and a `ReadableStream` of bytes, which asks only when a reader
 * does: nothing is buffered but in the connection.
 *
 * | state | event                                                 | next |
 * |-------|-------------------------------------------------------|------|
 * | open  | the end is read                                       | done |
 * | open  | cancel: STOP_SENDING                                  | done |
 * | open  | reset by the peer                                     | done |
 * | open  | connection over, and what had arrived is read         | done |
 */
export class ReceivePart implements UnderlyingByteSource {
  readonly type = "bytes";
  readonly id: number;
  readonly #host: StreamHost;
  #controller: ReadableByteStreamController | undefined;
  /** The reader that waits. */
  #waiting: (() => void) | undefined;
  #error: unknown = undefined;
  #done = false;

  constructor(host: StreamHost, id: number) {
    this.#host = host;
    this.id = id;
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
    if (this.#done) controller.error(this.#error);
  }

  pull(): Promise<void> | undefined {
    if (this.#deliver()) return undefined;
    if (this.#error !== undefined) {
      this.#end(this.#error);
      return undefined;
    }
    return new Promise((resolve) => this.#waiting = resolve);
  }

  /** Asks the server for the mode of what comes. */
  requestMode(mode: string | Mode | undefined): void {
    const name = modeName(mode);
    if (mode !== undefined && typeof name !== "string") {
      throw new TypeError("Cannot request a mode without a name: expected a name, or a mode");
    }
    if (this.#done || this.#error !== undefined) return;
    this.#host.connection.requestStreamMode(this.id, name);
    this.#host.wake();
  }

  cancel(reason: unknown): void {
    if (this.#done) return;
    this.#finish();
    try {
      this.#host.connection.stopSending(this.id, codeOf(reason));
    } catch {
      // The connection is over, and the stream with it.
    }
    this.#host.wake();
  }

  /** There is something to read. */
  onReadable(): void {
    if (this.#waiting !== undefined && this.#deliver()) this.#wakeReader();
  }

  /** The peer reset the stream. */
  onReset(code: number): void {
    if (this.#done) return;
    this.#end(new StreamError(code, this.id, "reset"));
  }

  /** The connection is over. Who waits learns it now, others when they have read what had arrived. */
  fail(error: unknown): void {
    if (this.#done) return;
    this.#error = error;
    if (this.#waiting === undefined) return;
    if (this.#deliver()) this.#wakeReader();
    else this.#end(error);
  }

  /** Gives the reader what there is; `false` when that is nothing. */
  #deliver(): boolean {
    const controller = this.#controller;
    if (controller === undefined || this.#done) return this.#done;
    const request = controller.byobRequest;
    const view = request?.view ?? undefined;
    let data: Uint8Array | null | undefined;
    try {
      data = this.#host.connection.read(this.id, view?.byteLength ?? CHUNK);
    } catch (error) {
      this.#end(error);
      return true;
    }
    if (data === undefined) return false;
    if (data === null) {
      this.#finish();
      controller.close();
      request?.respond(0);
    } else if (request !== null && view !== undefined) {
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(data);
      request.respond(data.length);
    } else {
      controller.enqueue(data as Uint8Array<ArrayBuffer>);
    }
    // What was read is credit for the peer.
    this.#host.wake();
    return true;
  }

  #end(error: unknown): void {
    this.#error = error;
    this.#finish();
    this.#controller?.error(error);
    this.#wakeReader();
  }

  #finish(): void {
    this.#done = true;
    this.#host.receiveDone(this.id);
  }

  #wakeReader(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/** The `ReadableStream` of a {@linkcode ReceivePart}. */
export class ReceiveStream extends ReadableStream<Uint8Array<ArrayBuffer>> implements QuicReceiveStream {
  readonly #id: number;
  readonly #part: ReceivePart;

  constructor(part: ReceivePart) {
    // Of the overloads, one for byte streams is not among those that a typed superclass has.
    super(part as unknown as UnderlyingSource<Uint8Array<ArrayBuffer>>, { highWaterMark: 0 });
    this.#id = part.id;
    this.#part = part;
  }

  get id(): bigint {
    return BigInt(this.#id);
  }

  requestMode(mode: string | Mode | undefined): void {
    this.#part.requestMode(mode);
  }
}
