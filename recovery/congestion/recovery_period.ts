/**
 * The recovery period that the controllers have in common (RFC 9002 §7.3.2).
 *
 * @module
 */
import type { CongestionEvent, SpuriousLoss } from "./controller.ts";

/**
 * Knows which packets were sent before the last reduction of the window, so that it is reduced once per round trip, and
 * whether all loss that made it was spurious.
 */
export class RecoveryPeriod {
  #startedAt = -Infinity;
  #previousStartedAt = -Infinity;
  /** Signs of congestion from packets sent up to then are absorbed, be there a period or not. */
  #absorbsUpTo = -Infinity;
  /** Bytes lost in this period and not known to be spurious; `NaN` when the period cannot be undone. */
  #lost = NaN;

  /** Whether a packet sent then belongs to the present period: its acknowledgment does not let the window grow. */
  contains(sentAt: number): boolean {
    return sentAt <= this.#startedAt;
  }

  /** Whether the window was reduced already for what this tells. */
  absorbs(event: CongestionEvent): boolean {
    return event.sentAt <= this.#absorbsUpTo;
  }

  /** Begins a period with the first sign of congestion. */
  begin(event: CongestionEvent): void {
    this.#previousStartedAt = this.#startedAt;
    this.#startedAt = event.now;
    this.#absorbsUpTo = event.now;
    // Marks of the network are never spurious.
    this.#lost = event.cause === "loss" ? event.bytes : NaN;
  }

  /** Takes in a further sign of what the period absorbs. */
  add(event: CongestionEvent): void {
    if (event.cause === "ecn") this.#lost = NaN;
    else if (event.sentAt > this.#previousStartedAt) this.#lost += event.bytes;
  }

  /** A packet was acknowledged after all; `true` when with it all that made this period was spurious. */
  onSpurious(loss: SpuriousLoss): boolean {
    if (loss.sentAt <= this.#previousStartedAt || !this.contains(loss.sentAt)) return false;
    this.#lost -= loss.bytes;
    if (!(this.#lost <= 0)) return false;
    this.#lost = NaN;
    return true;
  }

  /** Takes the present period back. */
  undo(): void {
    this.#startedAt = this.#previousStartedAt;
    this.#absorbsUpTo = this.#previousStartedAt;
    this.#lost = NaN;
  }

  /**
   * Ends all periods, as persistent congestion does (RFC 9002 §B.8): what is acknowledged lets the window grow. What was
   * sent before and is found lost later is absorbed still: it would take slow start away from a window that is the least
   * already.
   */
  endAll(now: number): void {
    this.#startedAt = -Infinity;
    this.#previousStartedAt = -Infinity;
    this.#absorbsUpTo = now;
    this.#lost = NaN;
  }
}
