/**
 * Persistent congestion (RFC 9002 §7.6).
 *
 * @module
 */
import { K_GRANULARITY, type RttView } from "./rtt.ts";

/** How many probe timeouts without any delivery are persistent congestion (RFC 9002 §7.6.1). */
export const K_PERSISTENT_CONGESTION_THRESHOLD = 3;

/**
 * How far apart in time two lost packets must have been sent, with nothing delivered between: milliseconds.
 *
 * @param maxAckDelay The peer's, in every packet number space (RFC 9002 §7.6.1)
 */
export function persistentDuration(rtt: RttView, maxAckDelay: number): number {
  return (rtt.smoothed + Math.max(4 * rtt.variation, K_GRANULARITY) + maxAckDelay) * K_PERSISTENT_CONGESTION_THRESHOLD;
}

/**
 * Follows the packets of one route in one packet number space that were lost in a row, that is with none between them
 * acknowledged. Loss is declared in the order of sending, and once a packet is declared lost, the fate of every earlier
 * one of its route is known; so a packet missing from the row was acknowledged.
 */
export class LostRun {
  #lastOrder = -1;
  #oldestSentAt = Infinity;
  #newestSentAt = -Infinity;

  /**
   * The time between sending the first and the last lost packet of the present row that count: milliseconds, 0 when
   * there are not two.
   */
  get span(): number {
    return Math.max(0, this.#newestSentAt - this.#oldestSentAt);
  }

  /**
   * A packet is lost.
   *
   * @param order Its order on its route; ascends from call to call
   * @param counts Whether it is ack-eliciting and was sent after the first RTT sample (RFC 9002 §7.6.2)
   */
  onLost(order: number, sentAt: number, counts: boolean): void {
    if (order !== this.#lastOrder + 1) this.clear();
    this.#lastOrder = order;
    if (!counts) return;
    if (this.#oldestSentAt === Infinity) this.#oldestSentAt = sentAt;
    this.#newestSentAt = sentAt;
  }

  /** Forgets the row: it was reported, or one of its packets arrived after all. */
  clear(): void {
    this.#oldestSentAt = Infinity;
    this.#newestSentAt = -Infinity;
  }
}
