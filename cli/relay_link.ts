/**
 * One direction of a link, as `tests/kit` has it in virtual time, here in real time: a rate, a delay and a queue that drops
 * at its tail. When each datagram arrives is worked out from when it was handed over, never from when a timer fired, so that
 * late timers make no drift.
 *
 * @module
 */

/** What a direction is like. */
export interface LinkShape {
  /** Mbit/s (10^6); `Infinity`: no limit. */
  readonly rate: number;
  /** Milliseconds from the end of the transmission to the arrival. */
  readonly delay: number;
  /** A datagram that would wait this long, in milliseconds, is dropped. */
  readonly queue: number;
}

/** Bytes on the wire beside the UDP payload: IPv4 and UDP headers. */
export const OVERHEAD = 28;
/** Most datagrams on one direction at once, whatever its shape: memory stays bounded. */
export const MAX_HELD = 100_000;

/** What went through a direction. */
export interface LinkCounts {
  /** Datagrams that arrived. */
  readonly datagrams: number;
  /** Their UDP payload in bytes. */
  readonly bytes: number;
  /** Datagrams that found the queue full. */
  readonly dropped: number;
  /** Datagrams that vanished because the link was dead. */
  readonly swallowed: number;
}

/** One bandwidth-delay product of a round trip, at least ten full datagrams: the queue in milliseconds. */
export function defaultQueue(rate: number, roundTrip: number): number {
  const tenDatagrams = 10 * 1500 * 8 / (rate * 1000);
  return Math.max(roundTrip, tenDatagrams);
}

interface Held<T> {
  readonly item: T;
  readonly size: number;
  readonly due: number;
}

/** Holds what was handed over until it is due. Knows no clock: it is told the time. */
export class RelayLink<T> {
  readonly #deliver: (item: T) => void;
  #shape: LinkShape;
  #held: Held<T>[] = [];
  #first = 0;
  #freeAt = -Infinity;
  #lastDue = -Infinity;
  #counts = { datagrams: 0, bytes: 0, dropped: 0, swallowed: 0 };
  /** While it is, all that is handed over vanishes; what was under way arrives. */
  dead = false;

  constructor(shape: LinkShape, deliver: (item: T) => void) {
    this.#shape = shape;
    this.#deliver = deliver;
  }

  get shape(): LinkShape {
    return this.#shape;
  }

  get counts(): LinkCounts {
    return { ...this.#counts };
  }

  /** When the next datagram arrives; `Infinity`: none is under way. */
  get nextDue(): number {
    return this.#held[this.#first]?.due ?? Infinity;
  }

  /** Holds from the next datagram on. */
  reshape(shape: LinkShape): void {
    this.#shape = shape;
  }

  /** Hands over a datagram of `size` bytes of UDP payload; whether it will arrive. */
  offer(item: T, size: number, now: number): boolean {
    if (this.dead) {
      this.#counts.swallowed += 1;
      return false;
    }
    const { rate, delay, queue } = this.#shape;
    const startsAt = Math.max(now, this.#freeAt);
    const waits = startsAt - now;
    if ((waits > 0 && waits >= queue) || this.#held.length - this.#first >= MAX_HELD) {
      this.#counts.dropped += 1;
      return false;
    }
    this.#freeAt = startsAt + (size + OVERHEAD) * 8 / (rate * 1000);
    // A delay that was made shorter meanwhile does not let it overtake.
    this.#lastDue = Math.max(this.#lastDue, this.#freeAt + delay);
    this.#held.push({ item, size, due: this.#lastDue });
    return true;
  }

  /** Delivers all that is due by `until`. */
  drain(until: number): void {
    while (this.nextDue <= until) {
      const { item, size } = this.#held[this.#first]!;
      this.#first += 1;
      this.#counts.datagrams += 1;
      this.#counts.bytes += size;
      this.#deliver(item);
    }
    if (this.#first > 1000 || this.#first === this.#held.length) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
  }
}
