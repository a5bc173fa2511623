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
 * The same where paths share a space, to be acknowledged as well as to tell duplicates. There every packet of a path may be a
 * range of its own until those of a slower path arrive: this covers packets that are overtaken by 16384 runs of others.
 */
export const MAX_SHARED_RANGES = 16_384;

/**
 * The numbers received in one space. What is reported to the peer is kept apart from what tells duplicates: the former
 * shrinks as the peer learns of it, while a packet from a slow path may still arrive long after the peer knows of later
 * ones from a fast path.
 */
export class ReceivedPackets {
  readonly #seen = new RangeSet();
  readonly #maxAckRanges: number;
  #toAck: RangeSet;
  #seenLimit = MAX_SEEN_RANGES;
  #minimum = 0;
  #largest = -1;
  #largestAt = -Infinity;

  /**
   * Nothing has arrived.
   *
   * @param maxAckRanges Ranges reported at most, 1 or more
   */
  constructor(maxAckRanges: number = MAX_ACK_RANGES) {
    this.#maxAckRanges = maxAckRanges;
    this.#toAck = new RangeSet(maxAckRanges);
  }

  /**
   * Paths share the space from now on. What a slow path brings is below much that came on others, and would be taken for old
   * and go unreported for ever: so more is kept than one frame reports, and each path's frames begin with its largest.
   */
  share(): void {
    const kept = new RangeSet(MAX_SHARED_RANGES);
    for (const { from, to } of this.#toAck) kept.add(from, to);
    this.#toAck = kept;
    this.#seenLimit = MAX_SHARED_RANGES;
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
    if (this.#seen.size > this.#seenLimit) this.below(this.#seen.toAt(0) + 1);
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
   * @param atMost Only numbers up to it, and it in any case if it has arrived, so that a path's ACK in a shared space begins
   * with that path's largest, of which it tells the delay
   */
  ackRanges(limit: number = this.#maxAckRanges, atMost: number = Infinity): number[] {
    const pairs = this.#toAck.toPairs(limit, atMost);
    if (pairs[0] === atMost || !this.#seen.has(atMost)) return pairs;
    if (pairs[0] === atMost - 1) pairs[0] = atMost;
    else pairs.unshift(atMost, atMost);
    if (pairs.length > 2 * limit) pairs.length = 2 * limit;
    return pairs;
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
