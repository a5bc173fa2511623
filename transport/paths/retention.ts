import type { PathId } from "../base/role.ts";

/** PTOs that state is kept for. */
const RETENTION_PTOS = 3;

/**
 * When what is kept of paths that are over may go (RFC 10069 §3.4). Late packets of the peer's are to be understood until then,
 * so no time runs before the peer is known to have heard of the end.
 *
 * | a path's end is | told()   | heard()  | its time has come |
 * |-----------------|----------|----------|-------------------|
 * | not settled     | told     | heard    | –                 |
 * | told            | –        | heard    | not settled       |
 * | heard           | –        | –        | not settled       |
 *
 * "Told": the peer has acknowledged our PATH_ABANDON, and owes an answer. "Heard": it has said PATH_ABANDON itself.
 */
export class Retention {
  readonly #largestPto: () => number;
  readonly #told = new Map<PathId, number>();
  readonly #heard = new Map<PathId, number>();

  /** `largestPto`: of all paths, in milliseconds. */
  constructor(largestPto: () => number) {
    this.#largestPto = largestPto;
  }

  /** When a time that begins now is over. */
  from(now: number): number {
    return now + RETENTION_PTOS * this.#largestPto();
  }

  /** The peer knows that the path is over: its time to answer begins. */
  told(id: PathId, now: number): void {
    if (!this.#heard.has(id) && !this.#told.has(id)) this.#told.set(id, this.from(now));
  }

  /** The peer's PATH_ABANDON came; returns when its time is over, `undefined` when it is not the first. */
  heard(id: PathId, now: number): number | undefined {
    if (this.#heard.has(id)) return undefined;
    this.#told.delete(id);
    const until = this.from(now);
    this.#heard.set(id, until);
    return until;
  }

  /** When the next time comes; `Infinity`: none is set. */
  nextTimeout(): number {
    let next = Infinity;
    for (const map of [this.#told, this.#heard]) for (const at of map.values()) next = Math.min(next, at);
    return next;
  }

  /** Takes out the paths whose time has come; `isAnswered`: whether the peer's PATH_ABANDON came. */
  takeDue(now: number): { readonly id: PathId; readonly isAnswered: boolean }[] {
    const due: { readonly id: PathId; readonly isAnswered: boolean }[] = [];
    for (const map of [this.#told, this.#heard]) {
      for (const [id, at] of map) {
        if (at > now) continue;
        map.delete(id);
        due.push({ id, isAnswered: map === this.#heard });
      }
    }
    return due;
  }
}
