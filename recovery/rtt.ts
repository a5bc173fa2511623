/**
 * The round-trip time of a route (RFC 9002 §5).
 *
 * @module
 */

/** What timers are trusted to: milliseconds (kGranularity, RFC 9002 §6.1.2). */
export const K_GRANULARITY = 1;

/** Taken as the round-trip time before there is a sample: milliseconds (kInitialRtt, RFC 9002 §6.2.2). */
export const K_INITIAL_RTT = 333;

/** What others may read of a route's round-trip time; all in milliseconds. */
export interface RttView {
  /** smoothed_rtt: the moving average of samples. */
  readonly smoothed: number;
  /** rttvar: the mean deviation of samples. */
  readonly variation: number;
  /** min_rtt: the least sample; 0 before the first. */
  readonly min: number;
  /** latest_rtt: the newest sample; 0 before the first. */
  readonly latest: number;
  /** Whether there has been a sample. */
  readonly hasSample: boolean;
}

/** Estimates the round-trip time of one route from samples of its own packets only (RFC 9002 §5.3). */
export class Rtt implements RttView {
  #smoothed: number;
  #variation: number;
  #min = 0;
  #latest = 0;
  #firstSampleAt = Infinity;
  #minIsStale = true;

  /**
   * An estimate without samples.
   *
   * @param initialRtt Milliseconds to assume before the first sample, above 0
   */
  constructor(initialRtt: number = K_INITIAL_RTT) {
    this.#smoothed = initialRtt;
    this.#variation = initialRtt / 2;
  }

  /** smoothed_rtt: the moving average of samples without the peer's delays. */
  get smoothed(): number {
    return this.#smoothed;
  }

  /** rttvar: the mean deviation of samples. */
  get variation(): number {
    return this.#variation;
  }

  /** min_rtt: the least sample, delays included; 0 before the first. */
  get min(): number {
    return this.#min;
  }

  /** latest_rtt: the newest sample, delays included; 0 before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** Whether there has been a sample. */
  get hasSample(): boolean {
    return this.#firstSampleAt !== Infinity;
  }

  /** When the first sample was taken, `Infinity` before it; persistent congestion asks (RFC 9002 §7.6.2). */
  get firstSampleAt(): number {
    return this.#firstSampleAt;
  }

  /**
   * Takes a sample in (RFC 9002 §5.2, §5.3).
   *
   * @param latest Milliseconds from sending the largest newly acknowledged packet to its acknowledgment
   * @param ackDelay Milliseconds that the peer reports to have waited. The caller gives 0 for Initial packets, and no
   * more than the peer's max_ack_delay once the handshake is confirmed
   */
  sample(latest: number, ackDelay: number, now: number): void {
    const rtt = Math.max(0, latest);
    this.#latest = rtt;
    if (this.#minIsStale || rtt < this.#min) this.#min = rtt;
    this.#minIsStale = false;
    if (!this.hasSample) {
      this.#firstSampleAt = now;
      this.#smoothed = rtt;
      this.#variation = rtt / 2;
      return;
    }
    const adjusted = rtt >= this.#min + ackDelay ? rtt - ackDelay : rtt;
    // The order of RFC 9002 §A.7 and RFC 6298: the deviation is from the average before this sample.
    this.#variation += (Math.abs(this.#smoothed - adjusted) - this.#variation) / 4;
    this.#smoothed += (adjusted - this.#smoothed) / 8;
  }

  /**
   * Replaces the assumed round-trip time by a better guess: that of an earlier connection, or from a PATH_CHALLENGE to
   * its answer, which is no sample (RFC 9002 §6.2.2). Without effect once there is a sample.
   */
  seed(rtt: number): void {
    if (this.hasSample || !(rtt > 0)) return;
    this.#smoothed = rtt;
    this.#variation = rtt / 2;
  }

  /** The probe timeout without back-off (RFC 9002 §6.2.1): at least {@linkcode K_GRANULARITY}. */
  pto(maxAckDelay: number): number {
    return this.#smoothed + Math.max(4 * this.#variation, K_GRANULARITY) + maxAckDelay;
  }

  /** Takes the newest sample as the least, as after persistent congestion (RFC 9002 §5.2). */
  resetMin(): void {
    this.#min = this.#latest;
  }

  /** Lets the next sample be the least, as when acknowledgments begin to come over another path (RFC 10069 §5.4). */
  restartMin(): void {
    this.#minIsStale = true;
  }
}
