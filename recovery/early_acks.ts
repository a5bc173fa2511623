/**
 * Round-trip times where paths share a packet number space.
 *
 * @module
 */

/** Packets that are remembered per route; with more, every second one is forgotten, and samples become rarer. */
export const MAX_EARLY_KEPT = 1024;

/** The packet that an ACK frame begins with. */
export interface NamedPacket {
  /** The route that it went over. */
  readonly route: number;
  /** When it was sent. */
  readonly sentAt: number;
  /** Whether it elicits an acknowledgment: only then it gives an RTT sample. */
  readonly ackEliciting: boolean;
  /** Its order on the route. */
  readonly order: number;
}

/**
 * Packets of one route that were acknowledged before an ACK frame began with one as late. Where paths share a space, the
 * frames of a fast path report what arrived on a slow one, and are there before the slow path's own. Those own frames are the
 * ones that make the route's round trip and tell its delay, so they give the samples, though they bring no news.
 */
export class EarlyAcks {
  /** The largest number of the route with which a frame began. */
  #largestNamed = -1;
  #packets: (NamedPacket & { readonly number: number })[] = [];

  /** A packet was acknowledged by a frame that does not begin with it. */
  add(packet: NamedPacket & { readonly number: number }): void {
    if (packet.number < this.#largestNamed) return;
    const { number, route, sentAt, ackEliciting, order } = packet;
    this.#packets.push({ number, route, sentAt, ackEliciting, order });
    if (this.#packets.length > MAX_EARLY_KEPT) this.#packets = this.#packets.filter((_, i) => i % 2 === 0);
  }

  /** A frame begins with the number: returns that packet, if it is one of these. An older frame that is late finds none. */
  name(number: number): NamedPacket | undefined {
    const packet = this.#packets.find((one) => one.number === number);
    if (packet !== undefined) this.pass(number);
    return packet;
  }

  /** A frame begins with that number of the route: all up to it are of no more use. */
  pass(number: number): void {
    if (number <= this.#largestNamed) return;
    this.#largestNamed = number;
    if (this.#packets.length > 0) this.#packets = this.#packets.filter((one) => one.number > number);
  }
}
