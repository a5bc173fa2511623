/**
 * Virtual time: a queue of things to come, in a strict order.
 *
 * @module
 */

/** What goes first at the same instant. */
export type EventClass = "network" | "timer" | "application";

const RANK: Readonly<Record<EventClass, number>> = { network: 0, timer: 1, application: 2 };

interface Entry {
  readonly at: number;
  readonly rank: number;
  readonly order: number;
  readonly run: (now: number) => void;
}

/** The clock of a simulation, in milliseconds. It moves only when told to. */
export class Clock {
  readonly #heap: Entry[] = [];
  #now: number;
  #created = 0;

  /** Begins at this time, in milliseconds. */
  constructor(start = 0) {
    this.#now = start;
  }

  /** The time now. */
  get now(): number {
    return this.#now;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** How many events wait. */
  get waiting(): number {
    return this.#heap.length;
  }

  /** Has `run` called at `at`, or as soon as possible when that is past. */
  schedule(at: number, kind: EventClass, run: (now: number) => void): void {
    if (Number.isNaN(at)) throw new RangeError("Time is NaN: expected a number");
    if (at === Infinity) return;
    this.#push({ at: Math.max(at, this.#now), rank: RANK[kind], order: this.#created++, run });
  }

  /** Moves to a later time; never back. Throws `RangeError` when that would skip an event. */
  advance(to: number): void {
    if (to > this.nextAt) throw new RangeError(`Time ${to} is beyond the next event at ${this.nextAt}`);
    if (to > this.#now) this.#now = to;
  }

  /** Runs the first event of this class that is due now; `false` when there is none, or one of an earlier class waits. */
  runNext(kind: EventClass): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.at > this.#now || first.rank !== RANK[kind]) return false;
    this.#pop();
    first.run(this.#now);
    return true;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.rank !== b.rank ? a.rank < b.rank : a.order < b.order;
}
