/**
 * How late a peer acknowledges (RFC 9000 §13.2.1): not what it may, which is max_ack_delay, but what it does.
 *
 * @module
 */

/** Samples that are remembered. */
const WINDOW = 32;

/**
 * Learns from samples for how long a peer holds acknowledgements back. One or two say nothing: what is acknowledged anew, as the
 * first acknowledgement was lost, comes late as well.
 */
export class AckDelays {
  readonly #recent: number[] = [];
  #next = 0;
  #usual = 0;

  /** The delay that three of the last 32 acknowledgements reached, in milliseconds; 0 while there were no three. */
  get usual(): number {
    return this.#usual;
  }

  /** An acknowledgement was held back for so many milliseconds, 0 or more. */
  sample(delay: number): void {
    const gone = this.#recent[this.#next] ?? 0;
    this.#recent[this.#next] = delay;
    this.#next = (this.#next + 1) % WINDOW;
    // As a rule nothing is held back, and there is nothing to judge.
    if (delay <= this.#usual && gone < this.#usual) return;
    if (delay > 0 || gone > 0) this.#usual = this.#judge();
  }

  #judge(): number {
    let [first, second, third] = [0, 0, 0];
    for (const delay of this.#recent) {
      if (delay > first) [first, second, third] = [delay, first, second];
      else if (delay > second) [second, third] = [delay, second];
      else if (delay > third) third = delay;
    }
    return third;
  }
}
