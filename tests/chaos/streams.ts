/**
 * What both applications did with their streams, and whether what the other end saw agrees with it.
 *
 * | The sending part is   | and its reader                     | must in the end see                              |
 * |-----------------------|------------------------------------|--------------------------------------------------|
 * | finished              | reads                              | every byte and the end                           |
 * | finished, then reset  | reads                              | every byte and the end, or the reset's code      |
 * | reset                 | reads                              | a beginning of the bytes, then the reset's code  |
 * | any                   | asked it to stop                   | nothing                                          |
 *
 * @module
 */
import { StreamError } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { checkPattern, fillPattern } from "../kit/pattern.ts";
import type { EndName } from "./plan.ts";

/** Largest piece that is written at once. */
const PIECE = 16_384;
/** Bytes of a pattern differ by stream and by direction. */
function patternOf(id: number, sender: EndName): number {
  return 2 * id + (sender === "client" ? 0 : 1);
}

/** The sending part of a stream, at the application that writes. */
export class Sending {
  readonly id: number;
  readonly #pattern: number;
  /** Bytes that the application still wants to write. */
  #wanted = 0;
  #rest: Uint8Array = new Uint8Array(0);
  #wantsEnd = false;
  /** Bytes that the connection took. */
  written = 0;
  isFinished = false;
  /** The code it was reset with; -1: it was not. */
  resetCode = -1;
  /** The code the peer asked it to stop with; -1: it did not. */
  stoppedCode = -1;
  /** The connection said that all has arrived. */
  isDelivered = false;

  constructor(id: number, sender: EndName) {
    this.id = id;
    this.#pattern = patternOf(id, sender);
  }

  /** Whether the application may go on writing. */
  get isOpen(): boolean {
    return !this.#wantsEnd && !this.isOver;
  }

  /** Whether it was given up, on whosever wish. */
  get isOver(): boolean {
    return this.resetCode >= 0 || this.stoppedCode >= 0;
  }

  /** Whether nothing is left to wait for. */
  get isSettled(): boolean {
    return this.isOver || this.isDelivered;
  }

  write(bytes: number, connection: Connection): void {
    this.#wanted += bytes;
    this.push(connection);
  }

  finish(connection: Connection): void {
    this.#wantsEnd = true;
    this.push(connection);
  }

  reset(code: number, connection: Connection): void {
    connection.reset(this.id, code);
    this.resetCode = code;
  }

  /** Writes until the connection takes no more, then the end if it is to come. */
  push(connection: Connection): void {
    if (this.isOver || this.isFinished) return;
    try {
      this.#push(connection);
    } catch (error) {
      // STOP_SENDING has arrived; its event comes next.
      if (!(error instanceof StreamError && error.kind === "stopped")) throw error;
      this.stoppedCode = error.code;
    }
  }

  #push(connection: Connection): void {
    while (this.#wanted > 0) {
      if (this.#rest.length === 0) {
        this.#rest = new Uint8Array(Math.min(PIECE, this.#wanted));
        fillPattern(this.#rest, this.#pattern, this.written);
      }
      const taken = connection.write(this.id, this.#rest);
      this.written += taken;
      this.#wanted -= taken;
      this.#rest = this.#rest.subarray(taken);
      if (this.#rest.length > 0) return;
    }
    if (!this.#wantsEnd) return;
    connection.finish(this.id);
    this.isFinished = true;
  }

  /** "stream_finished": throws an `Error` when that cannot be. */
  onFinished(): void {
    if (!this.isFinished) throw new Error(`Stream ${this.id} is reported as delivered: it was never finished`);
    if (this.isDelivered) throw new Error(`Stream ${this.id} is reported as delivered twice`);
    this.isDelivered = true;
  }

  /** "stream_stopped". */
  onStopped(code: number): void {
    this.stoppedCode = code;
  }
}

/** The receiving part of a stream, at the application that reads. */
export class Receiving {
  readonly id: number;
  readonly #pattern: number;
  readonly #who: string;
  /** Bytes read. */
  at = 0;
  hasEnded = false;
  /** The code of the reset that was seen; -1: none. */
  resetCode = -1;
  isStopped = false;

  constructor(id: number, reader: EndName) {
    this.id = id;
    this.#pattern = patternOf(id, reader === "client" ? "server" : "client");
    this.#who = reader;
  }

  /** Whether nothing is left to wait for. */
  get isSettled(): boolean {
    return this.hasEnded || this.resetCode >= 0 || this.isStopped;
  }

  stop(code: number, connection: Connection): void {
    connection.stopSending(this.id, code);
    this.isStopped = true;
  }

  /** Reads all there is. Throws an `Error` at a byte that was not sent. */
  pull(connection: Connection): void {
    while (!this.isSettled) {
      let piece: Uint8Array | undefined | null;
      try {
        piece = connection.read(this.id);
      } catch (error) {
        if (!(error instanceof StreamError && error.kind === "reset")) throw error;
        this.resetCode = error.code;
        return;
      }
      if (piece === undefined) return;
      if (piece === null) {
        this.hasEnded = true;
        return;
      }
      const bad = checkPattern(piece, this.#pattern, this.at);
      if (bad >= 0) throw new Error(`Stream ${this.id} at the ${this.#who} has a wrong byte at ${this.at + bad}`);
      this.at += piece.length;
    }
  }

  /** "stream_reset". */
  onReset(code: number): void {
    if (!this.isStopped) this.resetCode = code;
  }
}

/** What is wrong between the two parts of a stream's direction; `undefined`: nothing, so far. */
export function disagreement(sending: Sending, receiving: Receiving): string | undefined {
  const { written, resetCode } = sending;
  const what = `Stream ${sending.id}`;
  if (receiving.at > written) return `${what} has ${receiving.at} bytes: ${written} were written`;
  if (receiving.hasEnded) {
    if (!sending.isFinished) return `${what} ended at its reader: it was not finished`;
    if (receiving.at !== written) return `${what} ended after ${receiving.at} bytes: ${written} were written`;
  }
  if (receiving.resetCode >= 0 && receiving.resetCode !== resetCode) {
    return `${what} was reset with ${receiving.resetCode} at its reader: its sender said ${resetCode}`;
  }
  if (sending.stoppedCode >= 0 && !receiving.isStopped) return `${what} was stopped: its reader did not ask for it`;
  return undefined;
}
