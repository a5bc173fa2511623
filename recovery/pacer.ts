/**
 * Pacing (RFC 9002 §7.7): a bucket of bytes that fills at the route's rate.
 *
 * @module
 */
import type { CongestionController } from "./congestion/controller.ts";
import type { RttView } from "./rtt.ts";

/** How much faster than `cwnd / srtt` to send, so that the window is always used (N of RFC 9002 §7.7). */
export const PACING_GAIN = 1.25;

/** The same in slow start, where the window doubles within a round trip. */
export const SLOW_START_PACING_GAIN = 2;

/** Packets that may always go in a row: the initial window (RFC 9002 §7.7). */
export const MIN_BURST_PACKETS = 10;

/**
 * What a sender that was held back waits for: milliseconds' worth of bytes. Timers are no finer than about 2 ms, so
 * waiting for single packets would only cost wake-ups.
 */
export const BURST_TIME = 2;

/** How many milliseconds' worth of bytes are saved up for a timer that fires late. */
export const MAX_BURST_TIME = 4;

/** Bytes per millisecond to send at: what the controller says, or derived from its window; `Infinity` for no pacing. */
export function pacingRate(controller: CongestionController, rtt: RttView): number {
  if (controller.pacingRate > 0) return controller.pacingRate;
  const gain = controller.inSlowStart ? SLOW_START_PACING_GAIN : PACING_GAIN;
  return rtt.smoothed > 0 ? gain * controller.cwnd / rtt.smoothed : Infinity;
}

/**
 * Spreads the packets of one route over time, in bursts that suit coarse timers: 10 packets, or at high rates what the
 * route carries in a few milliseconds, so that a whole train of datagrams goes out at once. Packets with only ACKs, and
 * probes, are not to wait for it; probes are to be counted.
 */
export class Pacer {
  #mtu: number;
  #rate = Infinity;
  #saved: number;
  #countedAt = -Infinity;

  /**
   * Paces nothing until a rate is set.
   *
   * @param mtu Bytes of UDP payload
   */
  constructor(mtu: number) {
    this.#mtu = mtu;
    this.#saved = this.#capacity;
  }

  /** Bytes per millisecond. */
  get rate(): number {
    return this.#rate;
  }

  /** Sets the rate: bytes per millisecond; `Infinity`, and anything that is not above 0, for no pacing. */
  setRate(rate: number, now: number): void {
    const next = rate > 0 ? rate : Infinity;
    if (next === this.#rate) return;
    this.#fill(now);
    this.#rate = next;
    this.#saved = Math.min(this.#saved, this.#capacity);
  }

  /** The largest datagram has changed: bytes of UDP payload. */
  setMtu(mtu: number): void {
    this.#mtu = mtu;
  }

  /** Bytes that may go now: `Infinity` without pacing. */
  room(now: number): number {
    if (this.#rate === Infinity) return Infinity;
    this.#fill(now);
    // Sums of fractions may miss a whole number by a little.
    return Math.max(0, Math.floor(this.#saved + 1e-6));
  }

  /**
   * When a packet may go: not after `now` when it may at once, else when a burst is worth while.
   *
   * @param bytes Its size, at most an MTU
   */
  readyAt(bytes: number, now: number): number {
    if (this.room(now) >= bytes) return now;
    const burst = Math.max(bytes, Math.min(this.#rate * BURST_TIME, this.#capacity));
    const at = now + (burst - this.#saved) / this.#rate;
    // A wait too short to show in `now` is none.
    return at > now ? at : now;
  }

  /** A packet has gone, whether it waited or not. */
  onSent(bytes: number, now: number): void {
    if (this.#rate === Infinity) return;
    this.#fill(now);
    // What did not wait for the pacer must not stop the others for long.
    this.#saved = Math.max(this.#saved - bytes, -this.#capacity);
  }

  get #capacity(): number {
    const least = MIN_BURST_PACKETS * this.#mtu;
    return this.#rate === Infinity ? least : Math.max(least, this.#rate * MAX_BURST_TIME);
  }

  #fill(now: number): void {
    if (this.#rate === Infinity || this.#countedAt === -Infinity) {
      this.#countedAt = now;
      return;
    }
    if (now <= this.#countedAt) return;
    this.#saved = Math.min(this.#saved + this.#rate * (now - this.#countedAt), this.#capacity);
    this.#countedAt = now;
  }
}
