import { clearImmediate, setImmediate } from "node:timers";

/** A deadline nearer than this is waited for in turns of the event loop: timers are late by 1 to 2 ms. */
const NEAR = 1.2;
/** How much earlier a timer is set than it is wanted, for the same reason. */
const LEAD = 1;
/** The longest that a timer can be set for; a later deadline is waited for in pieces. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Calls one function at the next turn of the event loop, or at a time: one immediate and one timer, and the timer is left
 * alone while it is early enough. It may fire early: the function checks what is due and asks again.
 */
export class Ticker {
  readonly #tick: () => void;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #stopped = false;

  constructor(tick: () => void) {
    this.#tick = tick;
  }

  /** After all that is ready now, sockets included, in microseconds. */
  soon(): void {
    if (this.#immediate !== undefined || this.#stopped) return;
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#tick();
    });
  }

  /** At `deadline` (Infinity: never), or before. */
  at(deadline: number, now: number): void {
    if (this.#stopped || deadline === Infinity) return;
    const delay = deadline - now;
    if (delay <= NEAR) return this.soon();
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
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }
}
