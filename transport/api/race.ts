/**
 * One attempt after the other, the next before the last has failed: the first to succeed wins (RFC 8305 §5).
 *
 * @module
 */

/** Milliseconds between the starts of two attempts (RFC 8305 §5, Connection Attempt Delay). */
export const ATTEMPT_DELAY = 250;

/** An attempt that is under way. */
export interface Attempt<T> {
  readonly result: Promise<T>;
  /** It lost: it must let go of what it holds. */
  cancel(): void;
}

/** How to race. */
export interface RaceOptions {
  /** Milliseconds between two starts. Default {@linkcode ATTEMPT_DELAY}. */
  readonly delay?: number;
  /** Gives all attempts up: the race rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries the candidates in order; resolves with the first success and cancels the others. A failure starts the next at
 * once. When all have failed it rejects with `AggregateError`, whose `errors` are in the order of the candidates.
 */
export function race<C, T>(
  candidates: readonly C[],
  start: (candidate: C) => Attempt<T>,
  options: RaceOptions = {},
): Promise<T> {
  return new Promise((resolve, reject) => new Race(candidates, start, options, resolve, reject).next());
}

class Race<C, T> {
  readonly #candidates: readonly C[];
  readonly #start: (candidate: C) => Attempt<T>;
  readonly #delay: number;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #running = new Set<Attempt<T>>();
  readonly #errors: unknown[] = [];
  readonly #onAbort = (): void => this.#finish(() => this.#reject(this.#signal?.reason));
  #begun = 0;
  #failed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #done = false;

  constructor(
    candidates: readonly C[],
    start: (candidate: C) => Attempt<T>,
    options: RaceOptions,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#candidates = candidates;
    this.#start = start;
    this.#delay = options.delay ?? ATTEMPT_DELAY;
    this.#signal = options.signal;
    this.#resolve = resolve;
    this.#reject = reject;
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener("abort", this.#onAbort);
  }

  next(): void {
    clearTimeout(this.#timer);
    if (this.#done) return;
    const index = this.#begun;
    if (index >= this.#candidates.length) {
      if (this.#failed === index) this.#finish(() => this.#reject(new AggregateError(this.#errors)));
      return;
    }
    this.#begun += 1;
    if (this.#begun < this.#candidates.length) this.#timer = setTimeout(() => this.next(), this.#delay);
    let attempt: Attempt<T>;
    try {
      attempt = this.#start(this.#candidates[index]!);
    } catch (error) {
      this.#onFailure(index, error);
      return;
    }
    this.#running.add(attempt);
    attempt.result.then((value) => this.#onSuccess(attempt, value), (error) => {
      this.#running.delete(attempt);
      this.#onFailure(index, error);
    });
  }

  #onSuccess(attempt: Attempt<T>, value: T): void {
    // One that was cancelled and succeeds all the same lets go of it by itself.
    if (!this.#running.delete(attempt)) return;
    this.#finish(() => this.#resolve(value));
  }

  #onFailure(index: number, error: unknown): void {
    this.#errors[index] = error;
    this.#failed += 1;
    this.next();
  }

  #finish(settle: () => void): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    for (const attempt of this.#running) attempt.cancel();
    this.#running.clear();
    settle();
  }
}
