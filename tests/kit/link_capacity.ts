/**
 * Capacity that changes by itself: what a wire can carry by when, as steps of a rate or as single opportunities to deliver.
 * Both repeat for ever, and both count from time 0.
 *
 * What is on the wire when the rate changes goes on at the new rate, and waits while it is 0: a datagram has left as soon as
 * the wire could have carried it since it began.
 *
 * @module
 */

/** What a wire can carry over time. */
export interface CapacityTrace {
  /** Mbit/s (10^6) in the long run. */
  readonly meanRateMbps: number;
  /** One-way delay in the long run, milliseconds; `undefined`: the trace says nothing of delays. */
  readonly meanDelayMs: number | undefined;
  /** Bytes that it could have carried from time 0 to `at`, that moment included. */
  bytesBy(at: number): number;
  /** The first moment by which it could have carried so many. */
  timeOf(bytes: number): number;
  /** The one-way delay of what leaves the wire then; `undefined`: the trace says nothing of delays. */
  delayAt(at: number): number | undefined;
}

/** A rate, and maybe a delay, from a moment on. */
export interface CapacityStep {
  /** Milliseconds after the beginning of the round. */
  readonly at: number;
  /** Mbit/s (10^6); 0: nothing moves. */
  readonly rateMbps: number;
  /** One way. */
  readonly delayMs?: number | undefined;
}

/** Bytes of one opportunity in a trace of Mahimahi. */
export const OPPORTUNITY_BYTES = 1500;

/** Bytes within which two amounts are the same: sums of fractions are not exact. */
const SAME_BYTES = 1e-6;

/** A rate that goes up and down in steps. */
export class SteppedCapacity implements CapacityTrace {
  readonly meanRateMbps: number;
  readonly meanDelayMs: number | undefined;
  readonly #starts: readonly number[];
  /** Bytes per millisecond. */
  readonly #rates: readonly number[];
  readonly #delays: readonly (number | undefined)[];
  /** Bytes that were possible when each step begins; one more for the end of the round. */
  readonly #sums: number[] = [0];
  readonly #period: number;

  /**
   * `steps` begin at 0 and rise; the last ends at `period`, where the first begins again. Throws `RangeError` when they do
   * not, and when nothing could ever move.
   */
  constructor(steps: readonly CapacityStep[], period: number) {
    this.#starts = steps.map(({ at }) => at);
    this.#rates = steps.map(({ rateMbps }) => rateMbps * 125);
    this.#delays = steps.map(({ delayMs }) => delayMs);
    this.#period = period;
    const ends = [...this.#starts.slice(1), period];
    if (this.#starts[0] !== 0 || !ends.every((end, i) => end > (this.#starts[i] as number))) {
      throw new RangeError("Times of the steps are out of order: expected them to begin at 0 and to rise");
    }
    let delays = 0;
    ends.forEach((end, i) => {
      const duration = end - (this.#starts[i] as number);
      this.#sums.push((this.#sums[i] as number) + duration * (this.#rates[i] as number));
      delays += duration * (this.#delays[i] ?? 0);
    });
    if (!(this.#total > 0)) throw new RangeError("Rates of the steps are all 0: expected one above 0");
    this.meanRateMbps = this.#total / period / 125;
    this.meanDelayMs = this.#delays[0] === undefined ? undefined : delays / period;
  }

  get #total(): number {
    return this.#sums[this.#sums.length - 1] as number;
  }

  bytesBy(at: number): number {
    const round = Math.floor(at / this.#period);
    const since = at - round * this.#period;
    const i = this.#stepAt(since);
    const within = (since - (this.#starts[i] as number)) * (this.#rates[i] as number);
    return round * this.#total + (this.#sums[i] as number) + within;
  }

  timeOf(bytes: number): number {
    const round = Math.ceil((bytes - SAME_BYTES) / this.#total) - 1;
    const rest = bytes - round * this.#total;
    // The step during which the last of them is carried: the first at whose end the sum is reached.
    const i = Math.max(0, countUpTo(this.#sums, rest - SAME_BYTES, false) - 1);
    const start = this.#starts[i] ?? 0;
    const end = this.#starts[i + 1] ?? this.#period;
    const within = (rest - (this.#sums[i] as number)) / (this.#rates[i] as number);
    return round * this.#period + Math.min(end, start + Math.max(0, within));
  }

  delayAt(at: number): number | undefined {
    return this.#delays[this.#stepAt(at - Math.floor(at / this.#period) * this.#period)];
  }

  #stepAt(since: number): number {
    return Math.max(0, countUpTo(this.#starts, since, true) - 1);
  }
}

/**
 * Single moments, at each of which {@linkcode OPPORTUNITY_BYTES} may leave, as in Mahimahi: a large datagram takes several,
 * small ones that wait together share one, and what nobody waits for is lost. A datagram handed over at the very moment of an
 * opportunity has missed it.
 */
export class OpportunityCapacity implements CapacityTrace {
  readonly meanRateMbps: number;
  readonly meanDelayMs: undefined = undefined;
  readonly #times: readonly number[];
  readonly #period: number;

  /** `times`: milliseconds, not falling; the last is where the first round ends. Throws `RangeError` when they are not so. */
  constructor(times: readonly number[]) {
    this.#times = times;
    this.#period = times[times.length - 1] ?? 0;
    if (!times.every((time, i) => time >= (times[i - 1] ?? 0))) {
      throw new RangeError("Times of the opportunities are out of order: expected none to be before the one above it");
    }
    if (!(this.#period > 0)) throw new RangeError("Opportunities are all at 0: expected the last one later");
    this.meanRateMbps = times.length * OPPORTUNITY_BYTES / this.#period / 125;
  }

  bytesBy(at: number): number {
    const round = Math.floor(at / this.#period);
    const within = countUpTo(this.#times, at - round * this.#period, true);
    return (round * this.#times.length + within) * OPPORTUNITY_BYTES;
  }

  timeOf(bytes: number): number {
    const index = Math.ceil(bytes / OPPORTUNITY_BYTES) - 1;
    const round = Math.floor(index / this.#times.length);
    return round * this.#period + (this.#times[index - round * this.#times.length] as number);
  }

  delayAt(_at: number): undefined {
    return undefined;
  }
}

/** How many of the rising values are below a limit, or at it if asked. */
function countUpTo(values: readonly number[], limit: number, inclusive: boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = values[middle] as number;
    if (value < limit || (inclusive && value === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}
