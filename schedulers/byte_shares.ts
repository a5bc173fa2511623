import { bestTier } from "./fastest_two.ts";
import type { ConnectionView, PathId, PathView, Work } from "./scheduler.ts";
import { NO_TIER, tierOf } from "./select.ts";

/** Bytes that a path which could not take its share is owed at most, so that it does not get all for long afterwards. */
const MOST_OWED = 32_768;

/** What one path has had. */
interface Account {
  /** Its `bytesSent` when last looked at. */
  seen: number;
  /** Bytes since then, each divided by the weight at that time. */
  spent: number;
}

/**
 * Who has had least for its weight. It counts what paths really sent, in bytes, acknowledgements and repeats among them, and
 * not what was decided: a decision need not become a packet, and packets differ in size.
 */
export class ByteShares {
  readonly #weightOf: (path: PathView) => number;
  readonly #accounts = new Map<PathId, Account>();

  constructor(weightOf: (path: PathView) => number) {
    this.#weightOf = weightOf;
  }

  /**
   * The path of the best tier that is owed most; with `mustHaveRoom` of those with room. Paths of weight 0 only when the tier
   * has no other. Throws `RangeError` for a weight that is no number from 0.
   */
  next(work: Work, view: ConnectionView, mustHaveRoom: boolean): PathView | undefined {
    this.#forgetGone(view);
    const tier = bestTier(work, view);
    if (tier === NO_TIER) return undefined;
    const { paths, now } = view;
    const isIn = (path: PathView): boolean => tierOf(path, work, now) === tier;
    const isWeighted = paths.some((path) => isIn(path) && this.#weight(path) > 0);
    const takesPart = (path: PathView): boolean => isIn(path) && (!isWeighted || this.#weight(path) > 0);
    const most = this.#settle(paths, takesPart);
    let best: PathView | undefined;
    let least = Infinity;
    for (const path of paths) {
      if (!takesPart(path)) continue;
      const account = this.#accounts.get(path.id)!;
      account.spent = Math.max(account.spent, most - MOST_OWED / this.#share(path));
      if ((mustHaveRoom && path.room === 0) || account.spent >= least) continue;
      best = path;
      least = account.spent;
    }
    return best;
  }

  /** Brings the accounts up to date; the highest of those that take part. */
  #settle(paths: readonly PathView[], takesPart: (path: PathView) => boolean): number {
    let most = -Infinity;
    for (const path of paths) {
      let account = this.#accounts.get(path.id);
      if (account === undefined) {
        account = { seen: path.bytesSent, spent: -Infinity };
        this.#accounts.set(path.id, account);
      }
      account.spent += (path.bytesSent - account.seen) / this.#share(path);
      account.seen = path.bytesSent;
      if (takesPart(path)) most = Math.max(most, account.spent);
    }
    if (most > -Infinity) return most;
    for (const account of this.#accounts.values()) account.spent = 0;
    return 0;
  }

  /** What its bytes are divided by: paths of weight 0 are alike. */
  #share(path: PathView): number {
    return this.#weight(path) || 1;
  }

  #weight(path: PathView): number {
    const weight = this.#weightOf(path);
    if (weight >= 0 && weight < Infinity) return weight;
    throw new RangeError(`Weight of path ${path.id} is ${weight}: expected a number from 0`);
  }

  #forgetGone({ paths }: ConnectionView): void {
    if (this.#accounts.size <= paths.length) return;
    for (const id of this.#accounts.keys()) if (!paths.some((path) => path.id === id)) this.#accounts.delete(id);
  }
}
