/**
 * A queue with a wire behind it: what gives a link its rate. Links that share a bottleneck share this.
 *
 * @module
 */

import type { CapacityTrace } from "./link_capacity.ts";

/** How much may wait. One of the three is set. */
export interface QueueLimit {
  /** What is measured. */
  readonly kind: "ms" | "bytes" | "packets";
  /** How much of it. */
  readonly limit: number;
}

/** What becomes of a datagram at the queue. */
export interface Admission {
  /** When its last bit has left; -1: it is refused. */
  readonly leavesAt: number;
  /** Whether at least half the limit was in use. */
  readonly isHalfFull: boolean;
}

const REFUSED: Admission = { leavesAt: -1, isHalfFull: true };

/** Tail drop, first in, first out, work-conserving. */
export class Bottleneck {
  /** Those that wait: when each begins to leave, and its bytes; those before `#head` are gone. */
  #starts: number[] = [];
  #sizes: number[] = [];
  #head = 0;
  #waitingBytes = 0;
  #freeAt = 0;
  /** Where in this trace the wire is: bytes that it could have carried when `#freeAt` comes, less those still free then. */
  #trace: CapacityTrace | undefined;
  #position = 0;

  /** When the wire is free for a datagram handed over now. */
  get freeAt(): number {
    return this.#freeAt;
  }

  /** Bytes that wait behind the datagram on the wire. */
  waitingBytes(now: number): number {
    this.#expire(now);
    return this.#waitingBytes;
  }

  /** Datagrams that wait behind the one on the wire. */
  waitingPackets(now: number): number {
    this.#expire(now);
    return this.#starts.length - this.#head;
  }

  /** Takes a datagram of `size` bytes on the wire if the limit lets it. `rate`: bytes per millisecond, or a trace of them. */
  offer(size: number, rate: number | CapacityTrace, limit: QueueLimit, now: number): Admission {
    this.#expire(now);
    const waits = this.#freeAt > now;
    const used = this.#used(limit, size, now);
    if (this.#isFull(limit, used, waits)) return REFUSED;
    const start = waits ? this.#freeAt : now;
    if (waits) {
      this.#starts.push(start);
      this.#sizes.push(size);
      this.#waitingBytes += size;
    }
    this.#freeAt = typeof rate === "number" ? start + size / rate : this.#leave(size, rate, start, waits);
    return { leavesAt: this.#freeAt, isHalfFull: waits && used >= limit.limit / 2 };
  }

  /** When `size` bytes that begin at `start` have left. What waited goes on where the one before it ended. */
  #leave(size: number, trace: CapacityTrace, start: number, waits: boolean): number {
    if (!waits || trace !== this.#trace) this.#position = trace.bytesBy(start);
    this.#trace = trace;
    this.#position += size;
    return Math.max(start, trace.timeOf(this.#position));
  }

  /** How much of the limit is in use, with this datagram counted for limits in bytes and packets. */
  #used(limit: QueueLimit, size: number, now: number): number {
    if (limit.kind === "ms") return Math.max(0, this.#freeAt - now);
    return limit.kind === "bytes" ? this.#waitingBytes + size : this.#starts.length - this.#head + 1;
  }

  #isFull(limit: QueueLimit, used: number, waits: boolean): boolean {
    if (limit.kind === "ms") return used >= limit.limit;
    return waits && used > limit.limit;
  }

  #expire(now: number): void {
    while (this.#head < this.#starts.length && (this.#starts[this.#head] as number) <= now) {
      this.#waitingBytes -= this.#sizes[this.#head] as number;
      this.#head++;
    }
    // Cut the arrays now and then, so that the work per datagram stays constant.
    if (this.#head > 64 && this.#head * 2 > this.#starts.length) {
      this.#starts = this.#starts.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }
}
