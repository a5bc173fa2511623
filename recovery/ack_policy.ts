/**
 * When to acknowledge (RFC 9000 §13.2.1, §13.2.2).
 *
 * | State    | Packets to report                      | `wantsAck` | `dueAt()`                          |
 * |----------|----------------------------------------|------------|------------------------------------|
 * | idle     | none that elicits an acknowledgment    | no         | never                              |
 * | delaying | fewer than `threshold`, all in order   | yes        | `maxAckDelay` after the first      |
 * | due      | `threshold` or more, or out of order, or a gap, or a new CE mark, or at once | yes | when it came so |
 *
 * Sending an ACK leads back to idle from anywhere. A packet that elicits nothing changes nothing: two ends must not
 * acknowledge each other's acknowledgments.
 *
 * @module
 */
import type { ReceivedPackets } from "./received_packets.ts";

/** Milliseconds an acknowledgment may wait unless said otherwise (RFC 9000 §18.2, max_ack_delay). */
export const DEFAULT_MAX_ACK_DELAY = 25;

/** Ack-eliciting packets that make an acknowledgment due unless said otherwise (RFC 9000 §13.2.2). */
export const DEFAULT_ACK_THRESHOLD = 2;

/** How a space acknowledges. */
export interface AckPolicyOptions {
  /**
   * Milliseconds an acknowledgment may wait, 0 or more; default {@linkcode DEFAULT_MAX_ACK_DELAY}. What the peer was told
   * is a promise: where timers come late, give less here than there.
   */
  readonly maxAckDelay?: number;
  /** Ack-eliciting packets that make an acknowledgment due, 1 or more; default {@linkcode DEFAULT_ACK_THRESHOLD}. */
  readonly threshold?: number;
  /** Every ack-eliciting packet is acknowledged without delay, as Initial and Handshake packets are. */
  readonly immediate?: boolean;
  /** `false` where the numbers of several paths interleave: then gaps and disorder are nothing special. */
  readonly ordered?: boolean;
}

/** Decides when the packets of one space, or of one path in a shared space, are acknowledged. */
export class AckPolicy {
  /** Acknowledge every ack-eliciting packet without delay, as small messages want and abandoned paths. */
  ackAtOnce = false;
  /** Milliseconds an acknowledgment may wait; a change counts from the next ack-eliciting packet on. */
  maxAckDelay: number;
  /** Ack-eliciting packets that make an acknowledgment due. */
  threshold: number;
  /** `false` where the numbers of several paths interleave: then gaps and disorder are nothing special. */
  ordered: boolean;
  readonly #received: ReceivedPackets;
  readonly #immediate: boolean;
  #pending = 0;
  #dueAt = Infinity;
  #largestEliciting = -1;
  #largest = -1;
  #largestAt = -Infinity;

  /** A policy for the packets that `received` takes in. */
  constructor(received: ReceivedPackets, options: AckPolicyOptions = {}) {
    this.#received = received;
    this.#immediate = options.immediate ?? false;
    this.ordered = options.ordered ?? true;
    this.maxAckDelay = options.maxAckDelay ?? DEFAULT_MAX_ACK_DELAY;
    this.threshold = options.threshold ?? DEFAULT_ACK_THRESHOLD;
  }

  /** The largest number that came to this policy, -1 before the first; where a space is shared, its path's. */
  get largest(): number {
    return this.#largest;
  }

  /** When `largest` arrived, `-Infinity` before the first: the ACK delay counts from it. */
  get largestAt(): number {
    return this.#largestAt;
  }

  /** The delay to report: milliseconds since the packet with the largest number arrived (RFC 9000 §13.2.5). */
  ackDelay(now: number): number {
    return Math.max(0, now - this.#largestAt);
  }

  /** Whether there are unreported ack-eliciting packets: an ACK belongs into any packet that is sent anyway. */
  get wantsAck(): boolean {
    return this.#pending > 0;
  }

  /** When an ACK must go, on its own if need be; `Infinity` while none must. */
  dueAt(): number {
    return this.#dueAt;
  }

  /** Whether an ACK must go now, on its own if need be. */
  isDue(now: number): boolean {
    return this.#dueAt <= now;
  }

  /**
   * A packet has arrived, which `ReceivedPackets.add` has taken as new.
   *
   * @param ce Whether the network marked it Congestion Experienced
   */
  onReceived(number: number, ackEliciting: boolean, ce: boolean, now: number): void {
    if (number > this.#largest) {
      this.#largest = number;
      this.#largestAt = now;
    }
    if (!ackEliciting) return;
    this.#pending++;
    const atOnce = this.#immediate || this.ackAtOnce || ce || this.#pending >= this.threshold ||
      this.#isDisorder(number);
    if (number > this.#largestEliciting) this.#largestEliciting = number;
    this.#dueAt = Math.min(this.#dueAt, atOnce ? now : now + this.maxAckDelay);
  }

  /** An ACK with all that was to report is on its way. */
  onAckSent(): void {
    this.#pending = 0;
    this.#dueAt = Infinity;
  }

  /** RFC 9000 §13.2.1: below an ack-eliciting packet that has arrived, or above the last with something missing between. */
  #isDisorder(number: number): boolean {
    if (!this.ordered) return false;
    return number < this.#largestEliciting || this.#received.isMissingBetween(this.#largestEliciting, number);
  }
}
