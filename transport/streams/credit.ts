/**
 * Flow control (RFC 9000 §4), the same for one stream and for a connection: offsets of a stream, or sums of them.
 *
 * @module
 */

/** The part of a window that must be used up before a larger limit is announced, as a divisor, while it may still grow. */
const UPDATE_SHARE = 2;

/**
 * The same for a window that cannot grow, which may be what limits the peer: such a peer waits for each announcement, so that
 * what is used up and not announced is missing from its window.
 */
const STEP_SHARE = 64;

/** For small windows that part is twice as large, up to this: two packets, for which there is an ACK to go along with. */
const LEAST_STEP = 2400;

/** New data is not cut into smaller pieces than this only because credit comes in small steps: most of the least packet. */
const LEAST_PIECE = 1000;

/** Where windows are small, no more than this part of the most credit that there was is waited for, as a divisor. */
const PIECE_SHARE = 4;

/**
 * A window that is used up within this many round trips is too small: one is what the peer needs, and it may double its rate in
 * the next, whose data lies behind a gap for one more when a packet is lost.
 */
const TUNING_ROUND_TRIPS = 4;

/**
 * The share of a window that may wait behind a gap before the window grows: less than half, which is when the next limit would
 * be due, as the gap may keep that from coming.
 */
const STRETCH_SHARE = 0.4;

/** What the peer allows us to send. */
export class SendCredit {
  #limit: number;
  #used = 0;
  /** The most room that there was. */
  #most: number;
  /** The limit of which the peer was last told that it holds data back. */
  #told = -1;

  /**
   * Nothing used yet.
   *
   * @param limit Bytes allowed from the start.
   */
  constructor(limit: number) {
    this.#limit = limit;
    this.#most = limit;
  }

  /** Bytes allowed in all. */
  get limit(): number {
    return this.#limit;
  }

  /** Bytes sent, each counted once. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.#limit - this.#used;
  }

  /** Whether so little is left that a packet would not be worth it when more may come soon. */
  get isScant(): boolean {
    return this.room < Math.min(LEAST_PIECE, this.#most / PIECE_SHARE);
  }

  /**
   * Whether to tell the peer now that its limit holds data back (RFC 9000 §4.1), which counts as done: once for each limit, but
   * of limits that come in small steps only when they have moved by half a window, or when nothing in flight will bring another.
   */
  tell(hasFlight: boolean): boolean {
    const step = this.#limit - this.#told;
    if (step === 0 || (hasFlight && this.#told >= 0 && step < this.#most / UPDATE_SHARE)) return false;
    this.#told = this.#limit;
    return true;
  }

  /** Uses up to `n` bytes; returns how many there were. */
  take(n: number): number {
    const taken = Math.min(n, this.#limit - this.#used);
    this.#used += taken;
    return taken;
  }

  /** Learns a limit; a smaller one than before means nothing (RFC 9000 §4.1). Whether it is larger. */
  raise(limit: number): boolean {
    if (limit <= this.#limit) return false;
    this.#limit = limit;
    this.#most = Math.max(this.#most, this.room);
    return true;
  }

  /** Begins anew under another limit: the peer took nothing of what was sent (0-RTT rejected). */
  restart(limit: number): void {
    this.#limit = limit;
    this.#most = limit;
    this.#told = -1;
    this.#used = 0;
  }
}

/**
 * What we allow the peer to send: a window above what was consumed. The window doubles, up to a ceiling, when it is used
 * up within four round trips, for then it may be what limits the peer.
 */
export class ReceiveCredit {
  #limit: number;
  #window: number;
  readonly #ceiling: number;
  #received = 0;
  #consumed = 0;
  /** When the current limit was announced, and what had been consumed then. */
  #since = -1;
  #consumedThen = 0;

  /**
   * Nothing received yet.
   *
   * @param window Bytes allowed from the start, as announced in the transport parameters.
   * @param ceiling Bytes that the window may grow to; a larger `window` is its own ceiling.
   */
  constructor(window: number, ceiling: number) {
    this.#limit = window;
    this.#window = window;
    this.#ceiling = Math.max(window, ceiling);
  }

  /** Bytes allowed in all. */
  get limit(): number {
    return this.#limit;
  }

  /** Bytes that were received or skipped, up to the highest offset. */
  get received(): number {
    return this.#received;
  }

  /** Bytes that the application took, or that were thrown away. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Bytes that may be on the way or unread. */
  get window(): number {
    return this.#window;
  }

  /** Bytes that the peer may send still. */
  get room(): number {
    return this.#limit - this.#received;
  }

  /** Counts `n` bytes more received, for which there must be room. */
  receive(n: number, now: number): void {
    this.#received += n;
    if (this.#since < 0) this.#since = now;
  }

  /** Counts `n` bytes more consumed; whether a larger limit should be announced. */
  consume(n: number): boolean {
    this.#consumed += n;
    return this.isDue;
  }

  /** Whether so much is used up that a larger limit should be announced. */
  get isDue(): boolean {
    return this.#isUsed(this.#window < this.#ceiling ? this.#window / UPDATE_SHARE : this.#step);
  }

  /** Whether the announcement should not wait for another packet to go along with. */
  get isPressing(): boolean {
    return this.#isUsed(this.#window / UPDATE_SHARE);
  }

  get #step(): number {
    return Math.max(this.#window / STEP_SHARE, Math.min(LEAST_STEP, 2 * this.#window / STEP_SHARE));
  }

  #isUsed(bytes: number): boolean {
    const left = this.#limit - this.#consumed;
    return left < this.#window && left <= this.#window - bytes;
  }

  /** Moves the limit if that is due, and returns it: what MAX_DATA or MAX_STREAM_DATA says now. */
  update(rtt: number, now: number): number {
    if (!this.isDue) return this.#limit;
    const used = this.#consumed - this.#consumedThen;
    // At this rate the whole window takes elapsed * window / used.
    const elapsed = now - this.#since;
    if (elapsed * this.#window < TUNING_ROUND_TRIPS * rtt * used) {
      this.#window = Math.min(this.#window * 2, this.#ceiling);
    }
    this.#limit = Math.max(this.#limit, this.#consumed + this.#window);
    this.#since = now;
    this.#consumedThen = this.#consumed;
    return this.#limit;
  }

  /**
   * The application keeps up, and yet `held` bytes cannot be given to it, as earlier ones are missing: a window of which most
   * is used up so doubles, for the peer is about to be held back for a loss or a slower path. Whether it did.
   */
  stretch(held: number): boolean {
    if (held < this.#window * STRETCH_SHARE || this.#window >= this.#ceiling) return false;
    this.#window = Math.min(this.#window * 2, this.#ceiling);
    return true;
  }

  /** Lets the window be at least this large, within the ceiling (a connection's, when that of a stream grows). */
  widen(window: number): void {
    this.#window = Math.max(this.#window, Math.min(window, this.#ceiling));
  }
}
