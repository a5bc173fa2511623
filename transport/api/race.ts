/**
 * Several attempts to connect, some beside others: the first to succeed wins. What begins when is decided by `ConnectRace`; here
 * are its timer and its promises.
 *
 * @module
 */
import { ATTEMPT_DELAY, ConnectRace } from "../endpoint/connect_race.ts";

/**
 * Milliseconds by which the program may be late itself before it looks at what has arrived first, and how long it takes for that:
 * a server must not be taken for silent whose answer waits in a socket.
 */
const LATE = 20;

/** An attempt that is under way. */
export interface Attempt<T> {
  readonly result: Promise<T>;
  /** It lost: it must let go of what it holds. */
  cancel(): void;
  /** When it last heard of the server, on the clock of the race; absent, or -Infinity: not yet. */
  answeredAt?(): number;
}

/** How to race. */
export interface RaceOptions {
  /** Milliseconds between two starts, where `times` does not say otherwise. Default 250. */
  readonly delay?: number;
  /** When each candidate begins: see `ConnectRace`. Default: one after the other, `delay` apart. */
  readonly times?: readonly number[] | undefined;
  /** Gives all attempts up: the race rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Tells the time in milliseconds. Default: `performance.now`. */
  readonly clock?: (() => number) | undefined;
}

/**
 * Tries the candidates; resolves with the first success and cancels the others. A failure, also of `start` itself, starts the
 * next at once. When all have failed it rejects with `AggregateError`, whose `errors` are in the order of the candidates.
 */
export function race<C, T>(
  candidates: readonly C[],
  start: (candidate: C) => Attempt<T>,
  options: RaceOptions = {},
): Promise<T> {
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  if (candidates.length === 0) return Promise.reject(new AggregateError([]));
  return new Promise((resolve, reject) => new Race(candidates, start, options, resolve, reject).advance());
}

class Race<C, T> {
  readonly #candidates: readonly C[];
  readonly #start: (candidate: C) => Attempt<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: () => number;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #race: ConnectRace;
  readonly #running = new Map<number, Attempt<T>>();
  readonly #errors: unknown[] = [];
  readonly #onAbort = (): void => this.#finish(() => this.#reject(this.#signal?.reason));
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    candidates: readonly C[],
    start: (candidate: C) => Attempt<T>,
    options: RaceOptions,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    const { delay = ATTEMPT_DELAY, times, signal, clock = () => performance.now() } = options;
    this.#candidates = candidates;
    this.#start = start;
    this.#signal = signal;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#race = new ConnectRace(times ?? candidates.map((_, i) => i * delay), clock());
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** Begins what is to begin now. */
  advance(): void {
    clearTimeout(this.#timer);
    const now = this.#clock();
    const answeredAt = (index: number): number => this.#running.get(index)?.answeredAt?.() ?? -Infinity;
    const next = (): number | undefined => this.#race.begin(now, answeredAt);
    for (let index = next(); index !== undefined; index = next()) this.#begin(index, now);
    if (this.#race.isLost) return this.#finish(() => this.#reject(new AggregateError(this.#errors)));
    const at = this.#race.nextTimeout();
    if (at < Infinity) this.#timer = setTimeout(() => this.#onTime(at), Math.max(0, at - this.#clock()));
  }

  #onTime(due: number): void {
    if (this.#clock() - due <= LATE) this.advance();
    else this.#timer = setTimeout(() => this.advance(), LATE);
  }

  #begin(index: number, now: number): void {
    let attempt: Attempt<T>;
    try {
      attempt = this.#start(this.#candidates[index]!);
    } catch (error) {
      this.#errors[index] = error;
      this.#race.fail(index, now);
      return;
    }
    this.#running.set(index, attempt);
    attempt.result.then((value) => this.#onSuccess(index, value), (error) => this.#onFailure(index, error));
  }

  #onSuccess(index: number, value: T): void {
    // One that was cancelled and succeeds all the same lets go of it by itself.
    if (!this.#race.complete(index)) return;
    this.#running.delete(index);
    this.#finish(() => this.#resolve(value));
  }

  #onFailure(index: number, error: unknown): void {
    if (this.#race.stateOf(index) !== "running") return;
    this.#running.delete(index);
    this.#errors[index] = error;
    this.#race.fail(index, this.#clock());
    this.advance();
  }

  #finish(settle: () => void): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    for (const index of this.#race.end()) this.#running.get(index)?.cancel();
    this.#running.clear();
    settle();
  }
}
