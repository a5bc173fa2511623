/**
 * HyStart++ (RFC 9406): leaves slow start when the round-trip time grows, before packets are lost.
 *
 * | Phase        | Growth per byte | What ends it                                                                 |
 * |--------------|-----------------|------------------------------------------------------------------------------|
 * | slow-start   | 1               | a round's least RTT exceeds the last round's by the threshold → conservative |
 * | conservative | 1/4             | the least RTT falls below that at entry → slow-start; 5 rounds → done        |
 * | done         |                 |                                                                              |
 *
 * Any congestion ends slow start in the controller, which then asks no more. The limit L of RFC 9406 §4.3 is left out:
 * our sender is paced, for which it is infinite.
 *
 * @module
 */

/** The least growth of the RTT that counts: milliseconds. */
export const MIN_RTT_THRESH = 4;
/** The growth of the RTT that always counts: milliseconds. */
export const MAX_RTT_THRESH = 16;
/** Between the two, this part of the last round's least RTT counts. */
export const MIN_RTT_DIVISOR = 8;
/** Samples in a round before it is judged. */
export const N_RTT_SAMPLE = 8;
/** How much slower the window grows in conservative slow start. */
export const CSS_GROWTH_DIVISOR = 4;
/** Rounds that conservative slow start lasts. */
export const CSS_ROUNDS = 5;

/** See the table of this module. */
export type HyStartPhase = "slow-start" | "conservative" | "done";

/** Follows the first slow start of a route. */
export class HyStart {
  #phase: HyStartPhase = "slow-start";
  #roundStartedAt = -Infinity;
  #lastRoundMin = Infinity;
  #roundMin = Infinity;
  #samples = 0;
  #baseline = Infinity;
  #rounds = 0;

  /** See the table of this module. */
  get phase(): HyStartPhase {
    return this.#phase;
  }

  /** How much the window grows for so many bytes acknowledged. */
  growth(bytes: number): number {
    return this.#phase === "conservative" ? bytes / CSS_GROWTH_DIVISOR : bytes;
  }

  /**
   * Takes an acknowledgment in, after the window has grown for it; `true` when slow start is over.
   *
   * @param newestSentAt When the last packet that it acknowledged was sent
   * @param rttSample Milliseconds; `Infinity` when it gave none
   */
  onAcked(newestSentAt: number, rttSample: number, now: number): boolean {
    // A round ends when a packet is acknowledged that was sent after it began.
    if (newestSentAt >= this.#roundStartedAt) this.#nextRound(now);
    if (this.#phase !== "done" && rttSample !== Infinity) {
      this.#roundMin = Math.min(this.#roundMin, rttSample);
      this.#samples++;
      if (this.#samples >= N_RTT_SAMPLE) this.#judge();
    }
    return this.#phase === "done";
  }

  #nextRound(now: number): void {
    this.#roundStartedAt = now;
    this.#lastRoundMin = this.#roundMin;
    this.#roundMin = Infinity;
    this.#samples = 0;
    // The round in the middle of which conservative slow start began counts as one of its rounds.
    if (this.#phase === "conservative" && ++this.#rounds >= CSS_ROUNDS) this.#phase = "done";
  }

  #judge(): void {
    if (this.#phase === "conservative") {
      if (this.#roundMin >= this.#baseline) return;
      this.#phase = "slow-start";
      this.#baseline = Infinity;
      return;
    }
    if (this.#lastRoundMin === Infinity) return;
    const threshold = Math.max(MIN_RTT_THRESH, Math.min(this.#lastRoundMin / MIN_RTT_DIVISOR, MAX_RTT_THRESH));
    if (this.#roundMin < this.#lastRoundMin + threshold) return;
    this.#phase = "conservative";
    this.#baseline = this.#roundMin;
    this.#rounds = 0;
  }
}
