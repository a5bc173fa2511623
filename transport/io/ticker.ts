import { clearImmediate, setImmediate } from "node:timers";

/** A deadline nearer than this is waited for in turns of the event loop: timers are late by 1 to 2 ms. */
const NEAR = 1.2;
/** How much earlier a timer is set than it is wanted, for the same reason. */
const LEAD = 1;
/** The longest that a timer can be set for; a later deadline is waited for in pieces. */
const MAX_DELAY = 2 ** 31 - 1;
/** As long as something is immediate, Deno looks at its sockets only every so many rounds of the event loop. */
const ROUNDS = 64;
/** Milliseconds after which a bell was missed: a busy machine may be late, or the datagram lost. */
const BELL_TIMEOUT = 5;
/** So many misses in a row mean that it is broken. */
const MAX_MISSES = 3;

/**
 * Something that comes back through a socket, so that the event loop has been at the sockets when it does: much sooner than
 * after {@linkcode ROUNDS} rounds.
 */
export interface Bell {
  /** Makes it ring later; `false` when it cannot. */
  pull(): boolean;
}

/**
 * Calls one function at the next turn of the event loop, or at a time: one immediate and one timer, and the timer is left
 * alone while it is early enough. It may fire early: the function checks what is due and asks again.
 */
export class Ticker {
  readonly #tick: () => void;
  readonly #bell: Bell | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #bellTimer: ReturnType<typeof setTimeout> | undefined;
  #misses = 0;
  #rounds = 0;
  #stopped = false;

  constructor(tick: () => void, bell?: Bell) {
    this.#tick = tick;
    this.#bell = bell;
  }

  /** After all that the event loop has ready now, in microseconds. What is in the sockets may not be known yet. */
  soon(): void {
    // A bell that was pulled rings soon enough, and there was a reason to wait for it.
    if (this.#bellTimer !== undefined) return;
    this.#rounds = 0;
    this.#next();
  }

  /** After all that is in the sockets now: in some ten microseconds. */
  afterArrivals(): void {
    if (this.#stopped || this.#immediate !== undefined || this.#bellTimer !== undefined) return;
    if (this.#misses < MAX_MISSES && this.#bell?.pull() === true) {
      this.#bellTimer = setTimeout(() => {
        this.#bellTimer = undefined;
        this.#misses += 1;
        this.#tick();
      }, BELL_TIMEOUT);
      return;
    }
    this.#rounds = ROUNDS;
    this.#next();
  }

  /** The bell rang; anything else that came through a socket says as much. */
  onBell(): void {
    if (this.#bellTimer === undefined) return;
    this.#misses = 0;
    clearTimeout(this.#bellTimer);
    this.#bellTimer = undefined;
    // What arrived together with it on other sockets comes first.
    this.soon();
  }

  /** At `deadline` (Infinity: never), or before. */
  at(deadline: number, now: number): void {
    if (this.#stopped || deadline === Infinity) return;
    const delay = deadline - now;
    if (delay <= 0) return this.soon();
    if (delay <= NEAR) return this.afterArrivals();
    if (this.#timerAt <= deadline) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#timerAt = Infinity;
      this.#tick();
    }, Math.min(delay - LEAD, MAX_DELAY));
  }

  /** Nothing is pending from here on, and nothing can be again. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#bellTimer);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#bellTimer = undefined;
    this.#immediate = undefined;
  }

  #next(): void {
    if (this.#immediate !== undefined || this.#stopped) return;
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      if (this.#rounds > 0) {
        this.#rounds -= 1;
        this.#next();
      } else {
        this.#tick();
      }
    });
  }
}
