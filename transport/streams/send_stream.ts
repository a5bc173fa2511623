/**
 * The sending part of a stream (RFC 9000 §3.1).
 *
 * | State       | first frame sent | FIN sent  | all acked  | reset (ours, or STOP_SENDING) | RESET_STREAM acked |
 * |-------------|------------------|-----------|------------|-------------------------------|--------------------|
 * | ready       | send             | data-sent | –          | reset-sent                    | –                  |
 * | send        | –                | data-sent | –          | reset-sent                    | –                  |
 * | data-sent   | –                | –         | data-recvd | reset-sent                    | –                  |
 * | reset-sent  | –                | –         | –          | –                             | reset-recvd        |
 * | data-recvd  | terminal: the set of streams forgets the sending part                                            |||||
 * | reset-recvd | terminal, as well                                                                                |||||
 *
 * STOP_SENDING is answered with RESET_STREAM at once and with the same code, in "data-sent" too: the peer will not read
 * what might have to be sent again (RFC 9000 §3.5).
 *
 * @module
 */
import type { PathId } from "../base/role.ts";
import type { StreamEnd } from "./control.ts";
import { SendCredit } from "./credit.ts";
import type { BlockPool } from "./block_pool.ts";
import type { Lane } from "./lane.ts";
import { SendBuffer } from "./send_buffer.ts";
import { DEFAULT_URGENCY, type Queued } from "./stream_queue.ts";

/** The states of RFC 9000 §3.1. */
export type SendState = "ready" | "send" | "data-sent" | "reset-sent" | "data-recvd" | "reset-recvd";

/** The sending part of a stream: its bytes, its credit, its priority, its state. */
export class SendStream implements Queued {
  /** The stream's id. */
  readonly id: number;
  /** What was written, and what became of it. */
  readonly buffer: SendBuffer;
  /** What the peer allows on this stream. */
  readonly credit: SendCredit;
  /** 0 to 7 (RFC 9218 §4.1); `SendWork` changes it. */
  urgency: number = DEFAULT_URGENCY;
  /** Whether it takes turns with its equals (RFC 9218 §4.2); `SendWork` changes it. */
  incremental: boolean;
  /** By which mode of its own it goes, if any; `SendWork` changes it. */
  lane: Lane | undefined = undefined;
  /** The number of the newest request of the peer's for a mode; -1: there was none. */
  modeSequence: number = -1;
  /** The application's write was not taken whole: it waits to be told that there is room. */
  wantsRoom: boolean = false;
  /** In which of the queues of `SendWork` the stream is, as bits. */
  queues: number = 0;
  /** Bytes that `SendWork` counts as lost. */
  lost: number = 0;
  #state: SendState = "ready";
  #end: StreamEnd | undefined = undefined;

  /**
   * A stream in "ready".
   *
   * @param limit Bytes that the peer allows from the start.
   */
  constructor(id: number, limit: number, incremental: boolean, pool?: BlockPool) {
    this.id = id;
    this.buffer = new SendBuffer(pool);
    this.credit = new SendCredit(limit);
    this.incremental = incremental;
  }

  /** Where the stream stands. */
  get state(): SendState {
    return this.#state;
  }

  /** How it was given up, once it was. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** Bytes of flow-control credit that the stream used: what a RESET_STREAM says (RFC 9000 §4.5). */
  get finalSize(): number {
    return this.credit.used;
  }

  /** Whether stream data may be sent or sent again. */
  get isSending(): boolean {
    return this.#state === "ready" || this.#state === "send" || this.#state === "data-sent";
  }

  /** Whether nothing is left to do. */
  get isDone(): boolean {
    return this.#state === "data-recvd" || this.#state === "reset-recvd";
  }

  /** Whether bytes may be written still. */
  get isWritable(): boolean {
    return this.isSending && !this.buffer.isFinished;
  }

  /** Bytes of new data that the stream's own credit lets go now. */
  get sendable(): number {
    return this.isSending ? Math.min(this.buffer.unsent, this.credit.room) : 0;
  }

  /** Whether it waits for more credit rather than cut a packet short: what is in flight will bring some. */
  get isSaving(): boolean {
    const { isScant, room } = this.credit;
    return isScant && room < this.buffer.unsent && this.buffer.hasOutstanding;
  }

  /** Whether only the end of the stream is left to be sent. */
  get onlyFin(): boolean {
    return this.isSending && this.buffer.isFinUnsent && this.buffer.unsent === 0;
  }

  /** Whether the peer's limit for this stream, and not the application, holds new data back. */
  get isBlocked(): boolean {
    return this.isSending && this.buffer.unsent > 0 && this.credit.room === 0;
  }

  /** New data goes out: up to the offset `to`, and the end of the stream if `fin`. */
  onSent(to: number, fin: boolean, path: PathId, now: number): void {
    this.credit.take(to - this.buffer.sent);
    this.buffer.onSent(fin ? to + 1 : to, path, now);
    if (fin) this.#state = "data-sent";
    else if (this.#state === "ready") this.#state = "send";
  }

  /** Bytes arrived at the peer; how many of them that is news of. */
  onAcked(from: number, to: number): number {
    if (!this.isSending) return 0;
    const bytes = this.buffer.onAcked(from, to);
    if (this.buffer.isDelivered) this.#state = "data-recvd";
    return bytes;
  }

  /** Gives the stream up, because the peer asked for it or not; `false` when it is too late. Its bytes are dropped. */
  reset(code: number, isStopped: boolean): boolean {
    if (!this.isSending) return false;
    this.#state = "reset-sent";
    this.#end = { code, isStopped };
    this.buffer.clear();
    return true;
  }

  /** The peer knows that the stream was reset. */
  onResetAcked(): void {
    if (this.#state === "reset-sent") this.#state = "reset-recvd";
  }

  /** The peer took nothing of what was sent (0-RTT rejected), and begins with this limit. */
  restart(limit: number): void {
    this.credit.restart(limit);
    if (!this.isSending) return;
    this.buffer.restart();
    this.#state = "ready";
  }
}
