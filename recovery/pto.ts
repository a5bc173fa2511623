/**
 * Probe timeouts (RFC 9002 §6.2).
 *
 * @module
 */
import type { Rtt } from "./rtt.ts";

/** The longest period between probes: milliseconds. Back-off stops here; the idle timeout ends the wait. */
export const MAX_PTO_PERIOD = 60_000;

/**
 * The probe timer of one route. Its back-off spans all packet number spaces of the route (RFC 9002 §6.2.1).
 *
 * The timer is set anew whenever something happens: `disarm()`, then `consider()` for each space with ack-eliciting
 * packets in flight. It stays unset while a time-threshold loss timer is set, while nothing may be sent for the
 * anti-amplification limit, and for application data before the handshake is confirmed; that is the caller's part.
 */
export class Pto {
  #count = 0;
  #at = Infinity;

  /** Timeouts since the last sign of progress. */
  get count(): number {
    return this.#count;
  }

  /** When the timer fires; `Infinity` while it is not armed. */
  get at(): number {
    return this.#at;
  }

  /**
   * The time from sending to probing, doubled for each timeout: milliseconds, at most {@linkcode MAX_PTO_PERIOD} unless
   * the period without back-off is longer.
   *
   * @param maxAckDelay The peer's; 0 for Initial and Handshake packets
   */
  period(rtt: Rtt, maxAckDelay: number): number {
    const base = rtt.pto(maxAckDelay);
    return Math.max(base, Math.min(base * 2 ** this.#count, MAX_PTO_PERIOD));
  }

  /**
   * Arms the timer for outstanding ack-eliciting packets of which the last was sent at `sentAt`; the earliest call
   * counts. `true` when that was this one; `-Infinity`, for no such packet, arms nothing.
   */
  consider(sentAt: number, rtt: Rtt, maxAckDelay: number): boolean {
    const at = sentAt + this.period(rtt, maxAckDelay);
    if (at >= this.#at || sentAt === -Infinity) return false;
    this.#at = at;
    return true;
  }

  /** Stops the timer; the back-off stays. */
  disarm(): void {
    this.#at = Infinity;
  }

  /** The timer has fired: the period doubles, the timer waits to be armed. */
  onFired(): void {
    this.#count++;
    this.#at = Infinity;
  }

  /**
   * Ends the back-off: a packet is newly acknowledged, or keys were discarded. Not to be called for acknowledgments in
   * Initial packets at a client that does not know its address to be validated (RFC 9002 §6.2.1).
   */
  onProgress(): void {
    this.#count = 0;
  }
}
