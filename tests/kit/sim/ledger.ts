/**
 * What was delivered, and when.
 *
 * @module
 */

/** Milliseconds of a step of the series. */
export const SERIES_STEP = 1000;

/** Application bytes that reached their receiver. */
export class Ledger {
  /** At the server. */
  up = 0;
  /** At the client. */
  down = 0;
  /** When the last byte was; -1: none yet. */
  lastAt = -1;
  /** Bytes at the client, per step. */
  readonly #steps: number[] = [];

  /** Notes bytes. */
  delivered(direction: "up" | "down", bytes: number, now: number): void {
    this[direction] += bytes;
    this.lastAt = now;
    if (direction === "up") return;
    const step = Math.floor(now / SERIES_STEP);
    while (this.#steps.length <= step) this.#steps.push(0);
    this.#steps[step]! += bytes;
  }

  /** Both directions. */
  get total(): number {
    return this.up + this.down;
  }

  /** Mbit/s at the client in each step up to `end`; the last step counts as a whole one. */
  series(end: number): number[] {
    const steps = Math.max(this.#steps.length, Math.ceil(end / SERIES_STEP));
    return Array.from({ length: steps }, (_, i) => megabits(this.#steps[i] ?? 0, SERIES_STEP));
  }
}

/** Mbit/s of so many bytes in so many milliseconds; 0 when that is no time. */
export function megabits(bytes: number, duration: number): number {
  return duration > 0 ? bytes * 8 / 1000 / duration : 0;
}
