import type { PathId } from "../base/role.ts";
import { RangeSet } from "../../recovery/ranges.ts";

/**
 * Path ids that are used up: none is ever used again (RFC 10069 §3.4). They are kept as ranges, so that a connection that
 * opens and closes paths for days keeps no more than one that does not.
 *
 * | an id is | burn() | forget() |
 * |----------|--------|----------|
 * | fresh    | burnt  | gone     |
 * | burnt    | –      | gone     |
 *
 * "Burnt": abandoned without ever having been a path; its end is still being settled with the peer. "Gone": settled.
 */
export class SpentIds {
  readonly #burnt = new Set<PathId>();
  readonly #gone = new RangeSet();

  /** Whether the id is burnt or gone; one whose path is still there is not known here. */
  has(id: PathId): boolean {
    return this.#burnt.has(id) || this.#gone.has(id);
  }

  /** Whether all is settled: nothing that the peer says of it matters any more. */
  isGone(id: PathId): boolean {
    return this.#gone.has(id);
  }

  /** The id never became a path, and never will. */
  burn(id: PathId): void {
    if (!this.#gone.has(id)) this.#burnt.add(id);
  }

  /** Nothing is kept of the id any more but that it was used. */
  forget(id: PathId): void {
    this.#burnt.delete(id);
    this.#gone.addOne(id);
  }

  /** The smallest id that is neither spent nor taken. */
  smallestFresh(isTaken: (id: PathId) => boolean): PathId {
    let id = this.#gone.size > 0 && this.#gone.fromAt(0) === 0 ? this.#gone.toAt(0) + 1 : 0;
    while (this.has(id) || isTaken(id)) id++;
    return id;
  }
}
