/**
 * Sets of whole numbers kept as ranges, for packet numbers received and acknowledged.
 *
 * @module
 */

/** The numbers `from` to `to`, both included. */
export interface Range {
  /** The smallest. */
  readonly from: number;
  /** The largest. */
  readonly to: number;
}

/**
 * A set of whole numbers from 0 to 2^53-1, kept as ascending ranges that neither touch nor overlap. Adding at the upper
 * end, which is what packets in order do, costs the same however much the set holds; anything else is a binary search
 * and a move within one array.
 */
export class RangeSet {
  /** Ranges kept at most; when there are more, the lowest goes. */
  readonly limit: number;
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /**
   * An empty set.
   *
   * @param limit Ranges kept at most, 1 or more
   * @throws {RangeError} when `limit` is below 1
   */
  constructor(limit: number = Infinity) {
    if (!(limit >= 1)) throw new RangeError(`Limit of ranges is ${limit}: expected 1 or more`);
    this.limit = limit;
  }

  /** How many ranges there are. */
  get size(): number {
    return this.#from.length;
  }

  /** How many numbers there are. */
  get count(): number {
    let count = 0;
    for (let i = 0; i < this.#from.length; i++) count += this.#to[i]! - this.#from[i]! + 1;
    return count;
  }

  /** The smallest number, -1 when the set is empty. */
  get min(): number {
    return this.#from.length === 0 ? -1 : this.#from[0]!;
  }

  /** The largest number, -1 when the set is empty. */
  get max(): number {
    return this.#to.length === 0 ? -1 : this.#to[this.#to.length - 1]!;
  }

  /** Where the `i`-th range from below begins; `i` is 0 to `size - 1`. */
  fromAt(i: number): number {
    return this.#from[i]!;
  }

  /** Where the `i`-th range from below ends, itself included. */
  toAt(i: number): number {
    return this.#to[i]!;
  }

  /** Adds one number; `false` when it was there. */
  addOne(n: number): boolean {
    const last = this.#to.length - 1;
    if (last >= 0) {
      const end = this.#to[last]!;
      if (n === end + 1) {
        this.#to[last] = n;
        return true;
      }
      if (n <= end) return n >= this.#from[last]! ? false : this.add(n, n);
    }
    this.#from.push(n);
    this.#to.push(n);
    this.#trim();
    return true;
  }

  /** Adds `from` to `to`, both included; `false` when all of them were there. */
  add(from: number, to: number): boolean {
    // All ranges from `first` to `end - 1` overlap or touch the new one and become one with it.
    const first = this.#firstEndingAt(from - 1);
    let end = first;
    while (end < this.#from.length && this.#from[end]! <= to + 1) end++;
    if (end === first) {
      this.#from.splice(first, 0, from);
      this.#to.splice(first, 0, to);
      this.#trim();
      return true;
    }
    if (end === first + 1 && this.#from[first]! <= from && this.#to[first]! >= to) return false;
    this.#from[first] = Math.min(from, this.#from[first]!);
    this.#to[first] = Math.max(to, this.#to[end - 1]!);
    if (end > first + 1) {
      this.#from.splice(first + 1, end - first - 1);
      this.#to.splice(first + 1, end - first - 1);
    }
    return true;
  }

  /** Takes `from` to `to`, both included, out; nothing when `from` is above `to`. */
  remove(from: number, to: number): void {
    if (from > to) return;
    const first = this.#firstEndingAt(from);
    let end = first;
    while (end < this.#from.length && this.#from[end]! <= to) end++;
    if (end === first) return;
    const lower = this.#from[first]!;
    const upper = this.#to[end - 1]!;
    const keepsLower = lower < from;
    const keepsUpper = upper > to;
    if (end === first + 1 && keepsLower && keepsUpper) {
      this.#to[first] = from - 1;
      this.#from.splice(first + 1, 0, to + 1);
      this.#to.splice(first + 1, 0, upper);
      this.#trim();
      return;
    }
    if (keepsLower) this.#to[first] = from - 1;
    if (keepsUpper) this.#from[end - 1] = to + 1;
    const cut = keepsLower ? first + 1 : first;
    const cutEnd = keepsUpper ? end - 1 : end;
    if (cutEnd <= cut) return;
    this.#from.splice(cut, cutEnd - cut);
    this.#to.splice(cut, cutEnd - cut);
  }

  /** Whether the number is in the set. */
  has(n: number): boolean {
    return this.indexOf(n) >= 0;
  }

  /** Which range from below holds the number; -1 when none does. */
  indexOf(n: number): number {
    const i = this.#firstEndingAt(n);
    return i < this.#from.length && this.#from[i]! <= n ? i : -1;
  }

  /** Takes everything out. */
  clear(): void {
    this.#from.length = 0;
    this.#to.length = 0;
  }

  /** The ranges from below. */
  *[Symbol.iterator](): Iterator<Range> {
    for (let i = 0; i < this.#from.length; i++) yield { from: this.#from[i]!, to: this.#to[i]! };
  }

  /** The ranges from above. */
  *descending(): Generator<Range> {
    for (let i = this.#from.length - 1; i >= 0; i--) yield { from: this.#from[i]!, to: this.#to[i]! };
  }

  /**
   * The highest ranges as an ACK frame has them: pairs of largest and smallest, from above.
   *
   * @param limit Ranges at most
   * @param atMost Numbers above it are left out
   */
  toPairs(limit: number = Infinity, atMost: number = Infinity): number[] {
    const pairs: number[] = [];
    let top = this.#from.length - 1;
    if (atMost < this.max) {
      top = this.#firstEndingAt(atMost);
      if (this.#from[top]! > atMost) top--;
    }
    for (let i = top; i >= 0 && pairs.length < 2 * limit; i--) {
      pairs.push(Math.min(this.#to[i]!, atMost), this.#from[i]!);
    }
    return pairs;
  }

  /** The first range that ends at `n` or above; `size` when there is none. */
  #firstEndingAt(n: number): number {
    let low = 0;
    let high = this.#to.length;
    // What is looked for is nearly always in the last range.
    if (high > 0 && (high === 1 || this.#to[high - 2]! < n)) return this.#to[high - 1]! >= n ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#to[middle]! < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #trim(): void {
    if (this.#from.length <= this.limit) return;
    this.#from.shift();
    this.#to.shift();
  }
}
