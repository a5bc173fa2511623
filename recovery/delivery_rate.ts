/**
 * How fast a route delivers, measured packet by packet (draft-cheng-iccrg-delivery-rate-estimation).
 *
 * @module
 */
import type { SentPacket } from "./sent_packets.ts";

/** Round trips over which `DeliveryRate.rate` is the highest. */
export const RATE_ROUNDS = 8;

/** One measurement, over the time from one packet's sending to its acknowledgment. */
export interface RateSample {
  /** Bytes per millisecond. */
  readonly rate: number;
  /** Bytes delivered in the interval. */
  readonly delivered: number;
  /** Milliseconds: the longer of the times that sending and acknowledging took. */
  readonly interval: number;
  /** Whether the application had nothing more to send, so that the route may be faster. */
  readonly appLimited: boolean;
}

type Snapshot = Pick<SentPacket<unknown>, "delivered" | "deliveredAt" | "firstSentAt" | "appLimited">;

/** Measures one route; for controllers and schedulers that want a rate. */
export class DeliveryRate {
  #delivered = 0;
  #deliveredAt = 0;
  #firstSentAt = 0;
  /** Samples are app-limited until more than this is delivered; 0 while they are not. */
  #limitedUntil = 0;
  /** The newest packet acknowledged since the last sample. */
  #prior: Snapshot | undefined;
  #sendElapsed = 0;
  #ackElapsed = 0;
  /** The highest rate of each of the last rounds. */
  readonly #best: number[] = new Array(RATE_ROUNDS).fill(0);
  #round = 0;
  #roundEndsAt = 0;

  /** Bytes delivered so far. */
  get delivered(): number {
    return this.#delivered;
  }

  /** The highest rate of the last {@linkcode RATE_ROUNDS} round trips: bytes per millisecond, 0 while unknown. */
  get rate(): number {
    let best = 0;
    for (const rate of this.#best) best = Math.max(best, rate);
    return best;
  }

  /**
   * A packet that counts as in flight is being sent.
   *
   * @param inFlight Bytes in flight before it
   */
  onSent(packet: SentPacket<unknown>, inFlight: number, now: number): void {
    if (inFlight === 0) {
      this.#firstSentAt = now;
      this.#deliveredAt = now;
    }
    packet.delivered = this.#delivered;
    packet.deliveredAt = this.#deliveredAt;
    packet.firstSentAt = this.#firstSentAt;
    packet.appLimited = this.#limitedUntil > 0;
  }

  /** A packet that counts as in flight is newly acknowledged; {@linkcode sample} follows when all of the frame are. */
  onAcked(packet: SentPacket<unknown>, now: number): void {
    this.#delivered += packet.size;
    this.#deliveredAt = now;
    if (this.#prior !== undefined && packet.delivered < this.#prior.delivered) return;
    this.#prior = packet;
    this.#sendElapsed = packet.sentAt - packet.firstSentAt;
    this.#ackElapsed = now - packet.deliveredAt;
    this.#firstSentAt = packet.sentAt;
  }

  /**
   * The sample of the packets acknowledged since the last call; `undefined` when there were none, or when they came in
   * less than the least RTT, which tells of acknowledgments bunched up and not of the route.
   *
   * @param minRtt Milliseconds
   */
  sample(minRtt: number): RateSample | undefined {
    const prior = this.#prior;
    if (prior === undefined) return undefined;
    this.#prior = undefined;
    if (this.#limitedUntil > 0 && this.#delivered > this.#limitedUntil) this.#limitedUntil = 0;
    const interval = Math.max(this.#sendElapsed, this.#ackElapsed);
    if (interval <= 0 || interval < minRtt) return undefined;
    const delivered = this.#delivered - prior.delivered;
    const sample = { rate: delivered / interval, delivered, interval, appLimited: prior.appLimited };
    this.#keep(sample, prior.delivered);
    return sample;
  }

  /**
   * The application has nothing more to send while the window has room: packets sent from now on tell what it sends and
   * not what the route carries.
   *
   * @param inFlight Bytes in flight
   */
  onAppLimited(inFlight: number): void {
    this.#limitedUntil = Math.max(1, this.#delivered + inFlight);
  }

  #keep(sample: RateSample, priorDelivered: number): void {
    if (priorDelivered >= this.#roundEndsAt) {
      this.#roundEndsAt = this.#delivered;
      this.#round = (this.#round + 1) % RATE_ROUNDS;
      // An application that sends little must not make the route look slow.
      this.#best[this.#round] = sample.appLimited ? this.rate : 0;
    }
    if (!sample.appLimited || sample.rate > this.rate) {
      this.#best[this.#round] = Math.max(this.#best[this.#round]!, sample.rate);
    }
  }
}
