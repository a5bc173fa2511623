import type { PathEvent } from "../paths/path_events.ts";

/** Events that wait in one iterator before the oldest are dropped that neither open nor close a path. */
export const MAX_PATH_EVENTS = 64;
/** Events that open and close paths, which nobody reads, before the iterator fails. */
export const MAX_UNREAD_PATH_EVENTS = 4096;

type Result = IteratorResult<PathEvent, undefined>;

interface Reader {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** What happens to paths, for any number of readers: each gets all from when it began to read. */
export class PathFeed implements AsyncIterable<PathEvent> {
  readonly #iterators = new Set<PathEvents>();
  #ended = false;

  push(event: PathEvent): void {
    for (const iterator of this.#iterators) iterator.push(event);
  }

  /** Nothing more will happen: readers end when they have read what there is. */
  end(): void {
    this.#ended = true;
    for (const iterator of this.#iterators) iterator.end();
    this.#iterators.clear();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PathEvent, undefined> {
    const iterator = new PathEvents((gone) => this.#iterators.delete(gone));
    if (this.#ended) iterator.end();
    else this.#iterators.add(iterator);
    return iterator;
  }
}

class PathEvents implements AsyncIterableIterator<PathEvent, undefined> {
  readonly #onGone: (iterator: PathEvents) => void;
  readonly #readers: Reader[] = [];
  #waiting: PathEvent[] = [];
  #ended = false;
  #error: Error | undefined;

  constructor(onGone: (iterator: PathEvents) => void) {
    this.#onGone = onGone;
  }

  push(event: PathEvent): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return;
    }
    this.#waiting.push(event);
    if (this.#waiting.length <= MAX_PATH_EVENTS) return;
    const index = this.#waiting.findIndex(({ change }) => change !== "opened" && change !== "closed");
    if (index >= 0) this.#waiting.splice(index, 1);
    else if (this.#waiting.length > MAX_UNREAD_PATH_EVENTS) this.#overflow();
  }

  end(): void {
    this.#ended = true;
    for (const { resolve } of this.#readers.splice(0)) resolve({ done: true, value: undefined });
  }

  next(): Promise<Result> {
    const event = this.#waiting.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<Result> {
    this.#waiting = [];
    this.#error = undefined;
    this.#onGone(this);
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PathEvent, undefined> {
    return this;
  }

  #overflow(): void {
    this.#waiting = [];
    this.#error = new Error(`Path events were not read: expected no more than ${MAX_UNREAD_PATH_EVENTS} to wait`);
    this.#onGone(this);
    this.#ended = true;
  }
}
