/**
 * Which packets of a packet number space have arrived: to tell duplicates, and to acknowledge (RFC 9000 §13.2.3).
 *
 * @module
 */
import { RangeSet } from "./ranges.ts";

/** Ranges that are kept to be acknowledged; with more the oldest goes unreported (RFC 9000 §13.2.3). */
export const MAX_ACK_RANGES = 64;

/**
 * Ranges that are kept to tell duplicates from late packets. Only losses and reordering make ranges; with more than
 * this, everything up to the oldest gap counts as a duplicate.
 */
export const MAX_SEEN_RANGES = 1024;

/**
 * The numbers received in one space. What is reported to the peer is kept apart from what tells duplicates: the former
 * shrinks as the peer learns of it, while a packet from a slow path may still arrive long after the peer knows of later
 * ones from a fast path.
 */
export class ReceivedPackets {
  readonly #seen = new RangeSet();
  readonly #toAck: RangeSet;
  #minimum = 0;
  #largest = -1;
  #largestAt = -Infinity;

  /**
   * Nothing has arrived.
   *
   * @param maxAckRanges Ranges reported at most, 1 or more
   */
  constructor(maxAckRanges: number = MAX_ACK_RANGES) {
    this.#toAck = new RangeSet(maxAckRanges);
  }

  /** The largest number received; -1 before the first. Never falls: packet numbers are expanded by it. */
  get largest(): number {
    return this.#largest;
  }

  /** When `largest` arrived; `-Infinity` before the first. */
  get largestAt(): number {
    return this.#largestAt;
  }

  /** What is still to be reported; always with `largest` (RFC 9000 §13.2.3). */
  get ranges(): RangeSet {
    return this.#toAck;
  }

  /** Takes in a packet that was opened; `false` for a duplicate, or one too old to be told from one: to be dropped. */
  add(number: number, now: number): boolean {
    if (number < this.#minimum || !this.#seen.addOne(number)) return false;
    if (this.#seen.size > MAX_SEEN_RANGES) this.below(this.#seen.toAt(0) + 1);
    this.#toAck.addOne(number);
    if (number > this.#largest) {
      this.#largest = number;
      this.#largestAt = now;
    }
    return true;
  }

  /** Whether a packet with that number would be a duplicate. */
  has(number: number): boolean {
    return number < this.#minimum || this.#seen.has(number);
  }

  /** Whether a number between the two, neither included, has not arrived. */
  isMissingBetween(low: number, high: number): boolean {
    const from = Math.max(low + 1, this.#minimum);
    if (from >= high) return false;
    const range = this.#seen.indexOf(from);
    return range < 0 || this.#seen.toAt(range) < high - 1;
  }

  /** Takes all numbers below `minimum` for duplicates from now on. */
  below(minimum: number): void {
    if (minimum <= this.#minimum) return;
    this.#minimum = minimum;
    this.#seen.remove(0, minimum - 1);
  }

  /**
   * What an ACK frame is to report: pairs of largest and smallest from above, as `AckFrame.ranges` has them.
   *
   * @param limit Ranges at most; the highest are taken
   * @param atMost Only numbers up to it, so that a path's ACK in a shared space begins with that path's largest
   */
  ackRanges(limit: number = Infinity, atMost: number = Infinity): number[] {
    return this.#toAck.toPairs(limit, atMost);
  }

  /**
   * The peer has received an ACK frame of ours with these ranges, so it knows of them. Exactly they are taken out, not
   * all up to the largest: what arrived late, after that frame was written, is still to be reported.
   */
  onAckOfAck(ranges: readonly number[]): void {
    for (let i = 0; i < ranges.length; i += 2) {
      const largest = ranges[i]!;
      if (largest === this.#largest) this.#toAck.remove(ranges[i + 1]!, largest - 1);
      else this.#toAck.remove(ranges[i + 1]!, largest);
    }
  }
}
