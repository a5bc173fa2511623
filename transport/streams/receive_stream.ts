/**
 * The receiving part of a stream (RFC 9000 §3.2).
 *
 * | State      | data, end not known | end known  | all data here | RESET_STREAM | end read  | stop (ours)            |
 * |------------|---------------------|------------|---------------|--------------|-----------|------------------------|
 * | recv       | recv                | size-known | –             | reset-read   | –         | recv, data thrown away |
 * | size-known | –                   | –          | data-recvd    | reset-read   | –         | data-read              |
 * | data-recvd | –                   | –          | –             | ignored      | data-read | data-read              |
 * | data-read  | terminal: the set of streams forgets the receiving part                                            ||||||
 * | reset-read | terminal, as well                                                                                  ||||||
 *
 * "Reset Recvd" lasts no time: the event that is pushed is how the application reads the reset. A stream that was stopped
 * only waits to learn its final size, which the connection's flow control needs (RFC 9000 §4.5), and is read then.
 *
 * @module
 */
import { FrameType } from "../wire/frame_types.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { ReceiveCredit } from "./credit.ts";
import { Reassembler } from "./reassembler.ts";

/** The states of RFC 9000 §3.2. */
export type ReceiveState = "recv" | "size-known" | "data-recvd" | "data-read" | "reset-read";

/** The receiving part of a stream: its bytes, its credit and its share of the connection's, its state. */
export class ReceiveStream {
  /** The stream's id. */
  readonly id: number;
  /** What we allow on this stream. */
  readonly credit: ReceiveCredit;
  /** The application was told that there is something to read, and has not found the bottom yet. */
  isAnnounced: boolean = false;
  readonly #shared: ReceiveCredit;
  readonly #bytes = new Reassembler();
  #state: ReceiveState = "recv";
  #finalSize = -1;
  #isStopped = false;
  #stopCode = 0;

  /**
   * A stream in "recv".
   *
   * @param credit The stream's own.
   * @param shared The connection's.
   */
  constructor(id: number, credit: ReceiveCredit, shared: ReceiveCredit) {
    this.id = id;
    this.credit = credit;
    this.#shared = shared;
  }

  /** Where the stream stands. */
  get state(): ReceiveState {
    return this.#state;
  }

  /** Whether nothing is left to do. */
  get isDone(): boolean {
    return this.#state === "data-read" || this.#state === "reset-read";
  }

  /** Whether the application stopped it. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The code that the application stopped it with. */
  get stopCode(): number {
    return this.#stopCode;
  }

  /** Lets the window grow while most of it is behind a gap. Whether it did. */
  stretchWindow(): boolean {
    if (this.#state !== "recv") return false;
    return this.credit.stretch(this.credit.received - this.credit.consumed - this.#bytes.available);
  }

  /** Whether `read` has an answer: bytes, or the end. */
  get isReadable(): boolean {
    return !this.#isStopped && (this.#bytes.available > 0 || this.#state === "data-recvd");
  }

  /** Bytes that `read` has. */
  get available(): number {
    return this.#bytes.available;
  }

  /** Bytes of memory held. */
  get memory(): number {
    return this.#bytes.memory;
  }

  /** Bytes received, up to the highest offset. */
  get received(): number {
    return this.credit.received;
  }

  /** Whether a larger limit for this stream should be announced (RFC 9000 §4.2). */
  get isCreditDue(): boolean {
    return this.#state === "recv" && !this.#isStopped && this.credit.isDue;
  }

  /** Whether the peer should still be asked to stop: it has neither sent all nor reset (RFC 9000 §3.5). */
  get isStopDue(): boolean {
    return this.#isStopped && this.#state !== "reset-read";
  }

  /**
   * Data came.
   *
   * @throws {TransportError} FINAL_SIZE_ERROR (RFC 9000 §4.5) or FLOW_CONTROL_ERROR (§4.1).
   */
  onData(offset: number, data: Uint8Array, fin: boolean, now: number): void {
    const end = offset + data.length;
    this.#checkSize(end, fin, FrameType.STREAM);
    if (this.isDone) return;
    this.#receive(end, FrameType.STREAM, now);
    if (fin) this.#finalSize = end;
    this.#bytes.insert(offset, data, fin);
    if (this.#isStopped) this.#throwAway();
    if (this.#finalSize < 0) return;
    if (this.#isStopped) this.#state = "data-read";
    else this.#state = this.#bytes.isComplete ? "data-recvd" : "size-known";
  }

  /**
   * The peer gave up; `false` when that is no news, or all data was here already.
   *
   * @throws {TransportError} FINAL_SIZE_ERROR (RFC 9000 §4.5) or FLOW_CONTROL_ERROR (§4.1).
   */
  onReset(finalSize: number, now: number): boolean {
    this.#checkSize(finalSize, true, FrameType.RESET_STREAM);
    if (this.isDone || this.#state === "data-recvd") return false;
    this.#receive(finalSize, FrameType.RESET_STREAM, now);
    this.#finalSize = finalSize;
    this.#throwAway();
    this.#state = "reset-read";
    return true;
  }

  /**
   * The next bytes in order: the caller's to keep.
   *
   * @returns `undefined` when there is nothing now, or any more after a stop; `null` at the end, which is told once.
   */
  read(limit?: number): Uint8Array<ArrayBuffer> | undefined | null {
    if (this.#isStopped) return undefined;
    const data = this.#bytes.read(limit);
    if (data !== undefined && data !== null) this.#consume(data.length);
    if (data === null) this.#state = "data-read";
    return data;
  }

  /** The application wants no more: bytes here and to come are thrown away. Whether the peer should be told. */
  stop(code: number): boolean {
    if (this.#isStopped || this.isDone) return false;
    const tell = this.#state !== "data-recvd";
    this.#isStopped = true;
    this.#stopCode = code;
    this.#throwAway();
    if (this.#finalSize >= 0) this.#state = "data-read";
    return tell;
  }

  #checkSize(end: number, isFinal: boolean, frameType: number): void {
    const known = this.#finalSize;
    if (known >= 0 && (end > known || (isFinal && end !== known))) {
      this.#refuse(
        TransportErrorCode.FINAL_SIZE_ERROR,
        `got ${end} bytes, expected the final size ${known}`,
        frameType,
      );
    }
    if (isFinal && end < this.credit.received) {
      const reason = `got the final size ${end}, expected at least the ${this.credit.received} bytes received`;
      this.#refuse(TransportErrorCode.FINAL_SIZE_ERROR, reason, frameType);
    }
  }

  /** Counts bytes up to a higher offset, here and in the connection. */
  #receive(end: number, frameType: number, now: number): void {
    const grown = end - this.credit.received;
    if (grown <= 0) return;
    if (grown > this.credit.room) {
      const reason = `got data up to ${end}, expected at most ${this.credit.limit}`;
      this.#refuse(TransportErrorCode.FLOW_CONTROL_ERROR, reason, frameType);
    }
    if (grown > this.#shared.room) {
      const reason = `got ${grown} bytes more, expected at most ${this.#shared.limit} on all streams`;
      this.#refuse(TransportErrorCode.FLOW_CONTROL_ERROR, reason, frameType);
    }
    this.credit.receive(grown, now);
    this.#shared.receive(grown, now);
  }

  #refuse(code: number, reason: string, frameType: number): never {
    throw new TransportError(code, `Stream ${this.id} ${reason}`, frameType);
  }

  #consume(n: number): void {
    this.credit.consume(n);
    this.#shared.consume(n);
  }

  /** What is received and not read will not be read: the peer gets the credit back. */
  #throwAway(): void {
    this.#bytes.discard();
    this.#consume(this.credit.received - this.credit.consumed);
  }
}
