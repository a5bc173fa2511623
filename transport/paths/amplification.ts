/** How many bytes may go to an unvalidated address for each byte that came from it (RFC 9000 §8.1). */
export const AMPLIFICATION_FACTOR = 3;

/**
 * Less than this is no room: the longest header, a tag and a frame would not fit, and who asks for less waits for more. At
 * most 7 bytes, two ids of 20, an empty token, a length, a packet number and a tag: 70. Yet the smallest packet from a new
 * address, of 29 bytes, must allow a challenge in return.
 */
export const LEAST_ROOM = 80;

/**
 * The anti-amplification limit of one route (RFC 9000 §8): until the peer's address is validated, no more than three times
 * the bytes received from it may be sent to it. Counts payload bytes of UDP datagrams, in both directions.
 */
export class Amplification {
  #validated: boolean;
  #held = false;
  #received = 0;
  #sent = 0;

  /** `validated`: the address needs no proof (a client's own choice, a token, a 4-tuple validated before). */
  constructor(validated = false) {
    this.#validated = validated;
  }

  /** Whether the limit is lifted. */
  get validated(): boolean {
    return this.#validated;
  }

  /** Bytes that may be sent now: 0, {@linkcode LEAST_ROOM} or more, `Infinity` when the address is validated. */
  get room(): number {
    if (this.#held) return 0;
    if (this.#validated) return Infinity;
    const room = AMPLIFICATION_FACTOR * this.#received - this.#sent;
    return room >= LEAST_ROOM ? room : 0;
  }

  /** A datagram of that many bytes came from the address and belongs to the connection (RFC 9000 §8.1). */
  received(bytes: number): void {
    this.#received += bytes;
  }

  /** A datagram of that many bytes was sent to the address. */
  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** Nothing may be sent to the address, while `held`: the peer has given no connection id to do so. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** The peer has proved that it receives at the address: lifts the limit for good. */
  validate(): void {
    this.#validated = true;
  }
}
