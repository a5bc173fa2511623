/**
 * Packetization-layer path MTU discovery for one route (RFC 8899, RFC 9000 §14.3): finds the largest UDP payload that
 * gets through by sending probes of PING and PADDING, whose loss says nothing about congestion.
 *
 * | state     | input                                | next state | what happens                                          |
 * |-----------|--------------------------------------|------------|-------------------------------------------------------|
 * | base      | start                                | searching  | the whole range up to the ceiling is open             |
 * | searching | probe acked                          | searching  | `current` rises to its size                           |
 * | searching | the same size lost three times       | searching  | sizes from there on are ruled out                     |
 * | searching | range narrower than the step         | complete   | raise timer set, unless the ceiling is reached        |
 * | complete  | raise timer                          | searching  | the range up to the ceiling is open again             |
 * | any       | full-size packets lost, three times  | complete   | `current` is the base again; search after a minute    |
 * | any       | the socket refused a size            | searching  | that size and larger ones are ruled out               |
 *
 * The first probe of a round tries the largest size, because most routes carry it; from then on the range is halved.
 *
 * @module
 */

/** The datagram size that every QUIC path must carry (RFC 9000 §14), and the least that is ever used. */
export const MTU_BASE = 1200;
/** Largest UDP payload that is tried by default: Ethernet's 1500 less IPv6 and UDP headers. */
export const MTU_CEILING = 1452;
/** A search ends when fewer bytes than this are still in question. */
export const MTU_STEP = 16;
/** Losses that rule out a size (MAX_PROBES of RFC 8899 §5.1.2). */
export const MTU_MAX_PROBES = 3;
/** Milliseconds until a finished search is begun again (PMTU_RAISE_TIMER of RFC 8899 §5.1.1). */
export const MTU_RAISE_AFTER = 600_000;
/** Packets above the base lost, each sent after the loss before, with none acked in between, that show a black hole. */
export const MTU_BLACK_HOLE_LOSSES = 3;
/** Milliseconds after a black hole until larger packets are tried again. */
export const MTU_BLACK_HOLE_PAUSE = 60_000;

/** Options of {@linkcode MtuProbe}. */
export interface MtuProbeOptions {
  /** Largest size to try, in bytes of UDP payload; default {@linkcode MTU_CEILING}. Below 1200 it counts as 1200. */
  readonly ceiling?: number;
}

/** The search for the path MTU of one route. */
export class MtuProbe {
  #state: "base" | "searching" | "complete" = "base";
  #current = MTU_BASE;
  #ceiling: number;
  /** Largest size that is not ruled out. */
  #upper: number;
  /** Largest size the socket takes; what it refused once stays refused until the raise timer. */
  #socketLimit = Infinity;
  #candidate = 0;
  #inFlight = false;
  #losses = 0;
  #searchAt = Infinity;
  #holeLosses = 0;
  #lastHoleLossAt = -Infinity;

  /** Uses 1200 bytes, and does not probe before {@linkcode start}. */
  constructor(options: MtuProbeOptions = {}) {
    this.#ceiling = Math.max(MTU_BASE, options.ceiling ?? MTU_CEILING);
    this.#upper = this.#ceiling;
  }

  /** Bytes of UDP payload that are known to get through: 1200 or more. */
  get current(): number {
    return this.#current;
  }

  /** Sets the largest size to try: the least of our own limit and the peer's `max_udp_payload_size`. */
  setCeiling(size: number, now: number): void {
    this.#ceiling = Math.max(MTU_BASE, size);
    if (this.#current > this.#ceiling) this.#current = this.#ceiling;
    // A search that waits for its time starts from the new ceiling by itself.
    if (this.#state !== "base" && this.#searchAt === Infinity) this.#search(now);
  }

  /** Begins the search: the route is validated and the handshake confirmed. Does nothing a second time. */
  start(now: number): void {
    if (this.#state === "base") this.#search(now);
  }

  /** The size of the probe to send now; `undefined` while one is in flight or nothing is to be found out. */
  probeSize(now: number): number | undefined {
    if (now >= this.#searchAt) this.onTimeout(now);
    return this.#state === "searching" && !this.#inFlight ? this.#candidate : undefined;
  }

  /** The probe of that size has left. */
  onSent(size: number): void {
    if (this.#state === "searching" && size === this.#candidate) this.#inFlight = true;
  }

  /** A packet of the route was acknowledged; `probe` says that it was one of ours. */
  onAcked(size: number, probe: boolean, now: number): void {
    if (size > MTU_BASE) this.#holeLosses = 0;
    if (!probe || !this.#isCandidate(size)) return;
    this.#current = size;
    this.#next(now);
  }

  /**
   * A packet of the route, sent at that time, was lost. A lost probe must not be reported to the congestion controller (RFC
   * 9000 §14.4).
   */
  onLost(size: number, probe: boolean, sentAt: number, now: number): void {
    if (probe) {
      if (!this.#isCandidate(size)) return;
      this.#inFlight = false;
      if (++this.#losses >= MTU_MAX_PROBES) this.#ruleOut(size, now);
      return;
    }
    // Many are lost at once when a queue overflows, and found one after the other; what was sent before the last loss that
    // counts does not count, and an ack of any packet above the base in between shows that size is not what they have in
    // common.
    if (size <= MTU_BASE || size > this.#current || sentAt <= this.#lastHoleLossAt) return;
    this.#lastHoleLossAt = now;
    if (++this.#holeLosses >= MTU_BLACK_HOLE_LOSSES) this.#fallBack(now);
  }

  /** The socket refused a datagram of that size (EMSGSIZE): larger ones are not tried again before the raise timer. */
  onTooLarge(size: number, now: number): void {
    const limit = Math.max(MTU_BASE, size - 1);
    if (limit >= this.#socketLimit) return;
    this.#socketLimit = limit;
    if (this.#current > limit) this.#current = MTU_BASE;
    if (this.#state === "base") return;
    // The refusal came from this host and says nothing against sizes in between, so they are searched at once.
    this.#upper = Math.min(this.#upper, limit);
    this.#losses = 0;
    this.#inFlight = false;
    this.#state = "searching";
    this.#searchAt = Infinity;
    this.#next(now);
  }

  /** The socket refused a datagram of unknown size: the largest that may have been on its way. */
  onRefused(now: number): void {
    const size = this.#inFlight ? this.#candidate : this.#current;
    // One of 1200 bytes is a late word about larger ones, or nothing that another size would help against.
    if (size > MTU_BASE) this.onTooLarge(size, now);
  }

  /** When the search resumes; `Infinity` when it does not depend on time. */
  nextTimeout(): number {
    return this.#searchAt;
  }

  /** Resumes the search when its time has come. */
  onTimeout(now: number): void {
    if (now < this.#searchAt) return;
    this.#socketLimit = Infinity;
    this.#search(now);
  }

  #isCandidate(size: number): boolean {
    return this.#state === "searching" && this.#inFlight && size === this.#candidate;
  }

  /** Opens the whole range again and starts at its top. */
  #search(now: number): void {
    this.#state = "searching";
    this.#searchAt = Infinity;
    this.#upper = Math.min(this.#ceiling, this.#socketLimit);
    this.#losses = 0;
    this.#inFlight = false;
    this.#candidate = this.#upper;
    if (this.#upper <= this.#current) this.#complete(now);
  }

  #ruleOut(size: number, now: number): void {
    this.#upper = size - 1;
    this.#next(now);
  }

  /** Chooses the middle of what is still in question, or ends the search. */
  #next(now: number): void {
    this.#inFlight = false;
    this.#losses = 0;
    if (this.#upper - this.#current < MTU_STEP) this.#complete(now);
    else this.#candidate = this.#current + Math.ceil((this.#upper - this.#current) / 2);
  }

  #complete(now: number): void {
    this.#state = "complete";
    this.#searchAt = this.#current >= this.#ceiling ? Infinity : now + MTU_RAISE_AFTER;
  }

  #fallBack(now: number): void {
    this.#current = MTU_BASE;
    this.#state = "complete";
    this.#inFlight = false;
    this.#holeLosses = 0;
    this.#searchAt = now + MTU_BLACK_HOLE_PAUSE;
  }
}
