/**
 * The ends of flights (RFC 9000 §13.2.1): when it is no use to wait for a second packet before acknowledging.
 *
 * A sender with more to say fills its packets, so one that is not full is the last for now, and its sender may be waiting for
 * the answer. What a full packet is only the sender knows:
 *
 * | A datagram of            | is the last of its flight when it is                                                      |
 * |--------------------------|-------------------------------------------------------------------------------------------|
 * | less than 1100 bytes     | anything: 1200 is the least that a sender fills                                           |
 * | more, after a pause      | smaller than the largest that ever came: a message of its own                             |
 * | more, behind another one | smaller than that: the rest of a message. The largest tells nothing here: it may be a     |
 * |                          | probe of a search for the path's MTU, or from before that shrank, with none so large since |
 *
 * @module
 */

/** Smaller datagrams are never full: bytes of UDP payload. */
const SMALL_DATAGRAM = 1100;

/** Whatever comes after nothing came for so long is no part of what came before: milliseconds. */
const PAUSE = 3;

/** Tells from sizes and times of what comes on a route whether more is to follow. */
export class FlightEnd {
  #largest = 0;
  #last = 0;
  #lastAt = -Infinity;

  /**
   * Whether the ack-eliciting datagram that has just arrived is the last of its flight; to be asked once for each.
   *
   * @param size Bytes of UDP payload
   */
  isReached(size: number, now: number): boolean {
    const full = now >= this.#lastAt + PAUSE ? this.#largest : this.#last;
    this.#largest = Math.max(this.#largest, size);
    this.#last = size;
    this.#lastAt = now;
    return size < Math.max(SMALL_DATAGRAM, full);
  }
}
