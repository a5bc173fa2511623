/**
 * Patterned bytes through streams: written as a stream takes them, read and checked as they come.
 *
 * @module
 */
import type { AppConnection } from "./app.ts";
import { checkPattern, fillPattern } from "./pattern.ts";

/** Largest piece that is written at once. */
const PIECE = 65_536;
const NOTHING = new Uint8Array(0);

/** Writes patterned bytes as the stream takes them, then ends it. */
export class PatternWriter {
  readonly #id: number;
  readonly #seed: number;
  readonly #length: number;
  #at = 0;
  /** What was made and not yet taken. */
  #rest: Uint8Array = NOTHING;
  #finished = false;
  /** How far it may go for now; the stream ends only at the whole length. */
  allowed: number;

  /** `length`: Infinity for a stream that somebody else will end. `allowed`: how far it may go at first; default all. */
  constructor(id: number, seed: number, length: number, allowed: number = length) {
    this.#id = id;
    this.#seed = seed;
    this.#length = length;
    this.allowed = allowed;
  }

  /** Whether all was taken, the end included. */
  get isDone(): boolean {
    return this.#finished;
  }

  /** Writes until the stream takes no more. */
  push(connection: AppConnection): void {
    const until = Math.min(this.#length, this.allowed);
    while (this.#at < until) {
      if (this.#rest.length === 0) {
        this.#rest = new Uint8Array(Math.min(PIECE, until - this.#at));
        fillPattern(this.#rest, this.#seed, this.#at);
      }
      const taken = connection.write(this.#id, this.#rest);
      this.#at += taken;
      this.#rest = this.#rest.subarray(taken);
      if (this.#rest.length > 0) return;
    }
    if (this.#finished || this.#at < this.#length) return;
    connection.finish(this.#id);
    this.#finished = true;
  }
}

/** Reads and checks patterned bytes up to the end of the stream. */
export class PatternReader {
  readonly #id: number;
  readonly #seed: number;
  readonly #length: number;
  readonly #who: string;
  /** Bytes that came. */
  at = 0;
  /** Whether all came, the end included. */
  isDone = false;

  /** `length`: Infinity for a stream that somebody else will end. `who` reads, for messages. */
  constructor(id: number, seed: number, length: number, who: string) {
    this.#id = id;
    this.#seed = seed;
    this.#length = length;
    this.#who = who;
  }

  /**
   * Reads all there is and returns how many bytes that was. Throws an `Error` at a wrong byte, at one too many, and at an
   * early end.
   */
  pull(connection: AppConnection): number {
    const before = this.at;
    while (!this.isDone) {
      const piece = connection.read(this.#id);
      if (piece === undefined) break;
      if (piece === null) {
        if (this.at !== this.#length) throw this.#wrong(`ends at byte ${this.at}: expected ${this.#length}`);
        this.isDone = true;
        break;
      }
      const bad = checkPattern(piece, this.#seed, this.at);
      if (bad >= 0) throw this.#wrong(`has a wrong byte at ${this.at + bad}`);
      this.at += piece.length;
      if (this.at > this.#length) throw this.#wrong(`has ${this.at} bytes: expected ${this.#length}`);
    }
    return this.at - before;
  }

  #wrong(what: string): Error {
    return new Error(`Stream ${this.#id} at the ${this.#who} ${what}`);
  }
}
