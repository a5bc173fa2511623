/** Milliseconds before a path that did not work is tried again; doubles each time. */
const FIRST_RETRY = 1000;
/** The most that this doubles to. */
const LAST_RETRY = 30_000;
/** A path that lived for so long did work. */
const LONG_LIFE = 10_000;

/** When to try to have a path once more that did not work, or no longer does. */
export class BackOff {
  #delay = 0;
  #at: number;
  /** When the last path began. */
  #begunAt: number;

  constructor(now: number) {
    this.#at = this.#begunAt = now;
  }

  /** When the next may begin. */
  get at(): number {
    return this.#at;
  }

  /** One begins. */
  begin(now: number): void {
    this.#begunAt = now;
  }

  /** It is over, or could not be. */
  fail(now: number): void {
    if (now - this.#begunAt >= LONG_LIFE) this.#delay = 0;
    this.#delay = Math.min(LAST_RETRY, Math.max(FIRST_RETRY, this.#delay * 2));
    this.#at = now + this.#delay;
  }
}
