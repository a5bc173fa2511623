/**
 * Both directions of one packet number space (RFC 9000 §12.3).
 *
 * @module
 */
import { AckPolicy } from "./ack_policy.ts";
import { ReceivedPackets } from "./received_packets.ts";
import { SentPackets } from "./sent_packets.ts";

/** The highest packet number that is used; a space that gets there is used up. JavaScript counts no further. */
export const MAX_PACKET_NUMBER: number = Number.MAX_SAFE_INTEGER - 1;

/** The first packet number is skipped within this many packets; the next within twice as many, and so on. */
export const FIRST_SKIP_PERIOD = 256;

/** Beyond this many packets the period of skipping grows no more. */
export const MAX_SKIP_PERIOD = 131_072;

/** The ECN codepoint of a received IP packet. */
export type EcnMark = "not-ect" | "ect0" | "ect1" | "ce";

/** How many packets arrived with each ECN codepoint (RFC 9000 §13.4.1). */
export interface EcnTotals {
  /** Packets received as ECT(0). */
  readonly ect0: number;
  /** Packets received as ECT(1). */
  readonly ect1: number;
  /** Packets received as CE. */
  readonly ce: number;
}

/** How a space numbers and acknowledges. */
export interface SpaceOptions {
  /** Acknowledge every ack-eliciting packet without delay: Initial and Handshake. */
  readonly immediate?: boolean;
  /** Milliseconds an acknowledgment may wait. */
  readonly maxAckDelay?: number;
  /** Ack-eliciting packets that make an acknowledgment due. */
  readonly ackThreshold?: number;
  /** Ranges reported at most. */
  readonly maxAckRanges?: number;
  /** `false` where the numbers of several paths interleave. */
  readonly ordered?: boolean;
  /**
   * Uniform in [0, 1). When it is given, a packet number is skipped now and then, so that a peer that acknowledges what
   * it has not received is caught (RFC 9000 §21.4).
   */
  readonly random?: () => number;
}

/** What was sent and received in one packet number space; `R` is what a sent packet remembers of each frame. */
export class PacketNumberSpace<R> {
  /** What was sent. */
  readonly sent: SentPackets<R> = new SentPackets<R>();
  /** What was received. */
  readonly received: ReceivedPackets;
  /** When to acknowledge it. */
  readonly acks: AckPolicy;
  readonly #ecn = { ect0: 0, ect1: 0, ce: 0 };
  readonly #random: (() => number) | undefined;
  #skipPeriod = FIRST_SKIP_PERIOD;
  #skipAt = Infinity;

  /** A space in which nothing has happened. */
  constructor(options: SpaceOptions = {}) {
    this.received = new ReceivedPackets(options.maxAckRanges);
    this.acks = new AckPolicy(this.received, {
      immediate: options.immediate ?? false,
      ordered: options.ordered ?? true,
      ...(options.maxAckDelay === undefined ? {} : { maxAckDelay: options.maxAckDelay }),
      ...(options.ackThreshold === undefined ? {} : { threshold: options.ackThreshold }),
    });
    this.#random = options.random;
    this.#planSkip(0);
  }

  /** The highest number that the peer acknowledged; -1 when none was. */
  get largestAcked(): number {
    return this.sent.largestAcked;
  }

  /** How many packets arrived with each ECN codepoint. */
  get ecn(): EcnTotals {
    return this.#ecn;
  }

  /** Whether any packet arrived with an ECN codepoint: then ACK frames carry the counts. */
  get hasEcn(): boolean {
    return this.#ecn.ect0 + this.#ecn.ect1 + this.#ecn.ce > 0;
  }

  /** Whether all numbers are used: the connection must end without another packet (RFC 9000 §12.3). */
  get isExhausted(): boolean {
    return this.sent.nextNumber > MAX_PACKET_NUMBER;
  }

  /** The number of the next packet; stays the same until a packet is added to `sent`. */
  nextNumber(): number {
    const next = this.sent.nextNumber;
    if (next > this.#skipAt) this.#planSkip(next);
    return next === this.#skipAt ? next + 1 : next;
  }

  /**
   * A packet has arrived and was opened: files it, its ECN mark, and what it means for acknowledging. `false` for a
   * duplicate, which is to be dropped; its mark counts for nothing (RFC 9000 §13.4.1).
   *
   * @param acks Who acknowledges it: where paths share the space, its path's policy
   */
  onReceived(
    number: number,
    ackEliciting: boolean,
    ecn: EcnMark,
    now: number,
    acks: AckPolicy = this.acks,
  ): boolean {
    if (!this.received.add(number, now)) return false;
    if (ecn !== "not-ect") this.#ecn[ecn]++;
    acks.onReceived(number, ackEliciting, ecn === "ce", now);
    return true;
  }

  #planSkip(next: number): void {
    if (this.#random === undefined) return;
    // Never 0: the first packet of a space has that number with every peer that looks.
    this.#skipAt = next + 1 + Math.floor(this.#random() * this.#skipPeriod);
    this.#skipPeriod = Math.min(2 * this.#skipPeriod, MAX_SKIP_PERIOD);
  }
}
