/**
 * Which stream goes next: the most urgent first (RFC 9218 §4.1); among streams of one urgency those that are useful piece
 * by piece take turns, and the others are served whole, the one opened first before the next, all of them together as one
 * member of the round (RFC 9218 §10), so that neither sort starves the other.
 *
 * @module
 */

/** Urgencies: 0 is served first (RFC 9218 §4.1). */
export const URGENCIES = 8;

/** The urgency of a stream of which nothing is said (RFC 9218 §4.1). */
export const DEFAULT_URGENCY = 3;

/** What the queue must know of a stream. The priority must not change while the stream is in a queue. */
export interface Queued {
  /** The stream's id. */
  readonly id: number;
  /** 0 to 7. */
  readonly urgency: number;
  /** Whether parts of it are useful before all of it is there. */
  readonly incremental: boolean;
}

/** A place in a round: of one incremental stream, or of all the others. */
class Turn<S extends Queued> {
  readonly stream: S | undefined;
  before: Turn<S> = this;
  after: Turn<S> = this;

  constructor(stream: S | undefined) {
    this.stream = stream;
  }
}

/** All streams of one urgency. */
class Level<S extends Queued> {
  /** The ring of turns hangs on this one, which is no stream's: `after` is next, `before` was last. */
  readonly ring: Turn<S> = new Turn<S>(undefined);
  /** The turn that the ordered streams share; in the ring while there are any. */
  readonly shared: Turn<S> = new Turn<S>(undefined);
  /** Streams that are served whole, by id. */
  readonly ordered: S[] = [];

  append(turn: Turn<S>): void {
    turn.before = this.ring.before;
    turn.after = this.ring;
    turn.before.after = turn;
    this.ring.before = turn;
  }

  unlink(turn: Turn<S>): void {
    turn.before.after = turn.after;
    turn.after.before = turn.before;
    turn.before = turn.after = turn;
  }
}

/** A set of streams with an order in which they are served. All but `next` with a filter takes constant time. */
export class StreamQueue<S extends Queued> {
  readonly #levels: Level<S>[] = Array.from({ length: URGENCIES }, () => new Level<S>());
  readonly #turns = new Map<S, Turn<S> | undefined>();

  /** Streams in the queue. */
  get size(): number {
    return this.#turns.size;
  }

  /** Whether a stream is in the queue. */
  has(stream: S): boolean {
    return this.#turns.has(stream);
  }

  /** Puts a stream in, behind those that wait; nothing happens when it is in. */
  add(stream: S): void {
    if (this.#turns.has(stream)) return;
    const level = this.#levels[stream.urgency]!;
    if (stream.incremental) {
      const turn = new Turn<S>(stream);
      this.#turns.set(stream, turn);
      level.append(turn);
      return;
    }
    this.#turns.set(stream, undefined);
    if (level.ordered.length === 0) level.append(level.shared);
    level.ordered.splice(placeOf(level.ordered, stream.id), 0, stream);
  }

  /** Takes a stream out; nothing happens when it is not in. */
  delete(stream: S): void {
    if (!this.#turns.has(stream)) return;
    const turn = this.#turns.get(stream);
    this.#turns.delete(stream);
    const level = this.#levels[stream.urgency]!;
    if (turn !== undefined) {
      level.unlink(turn);
      return;
    }
    level.ordered.splice(placeOf(level.ordered, stream.id), 1);
    if (level.ordered.length === 0) level.unlink(level.shared);
  }

  /** The stream had its turn: the others of its urgency come first now. */
  served(stream: S): void {
    if (!this.#turns.has(stream)) return;
    const level = this.#levels[stream.urgency]!;
    const turn = this.#turns.get(stream) ?? level.shared;
    if (level.ring.before === turn) return;
    level.unlink(turn);
    level.append(turn);
  }

  /**
   * The stream to serve next.
   *
   * @param accept Streams that may be chosen; default: all.
   * @param urgency Only streams of this urgency; default: any.
   */
  next(accept?: (id: number) => boolean, urgency = -1): S | undefined {
    if (this.#turns.size === 0) return undefined;
    const last = urgency < 0 ? URGENCIES - 1 : urgency;
    for (let at = Math.max(urgency, 0); at <= last; at++) {
      const level = this.#levels[at]!;
      for (let turn = level.ring.after; turn !== level.ring; turn = turn.after) {
        const stream = turn === level.shared ? firstAccepted(level.ordered, accept) : turn.stream;
        if (stream !== undefined && (accept === undefined || accept(stream.id))) return stream;
      }
    }
    return undefined;
  }

  /** All streams, in the order in which they are served. */
  *[Symbol.iterator](): IterableIterator<S> {
    for (const level of this.#levels) {
      for (let turn = level.ring.after; turn !== level.ring; turn = turn.after) {
        if (turn === level.shared) yield* level.ordered;
        else yield turn.stream!;
      }
    }
  }
}

function firstAccepted<S extends Queued>(ordered: readonly S[], accept?: (id: number) => boolean): S | undefined {
  if (accept === undefined) return ordered[0];
  for (const stream of ordered) if (accept(stream.id)) return stream;
  return undefined;
}

/** Where a stream is, or would be, in a list ordered by id. */
function placeOf<S extends Queued>(ordered: readonly S[], id: number): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ordered[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
