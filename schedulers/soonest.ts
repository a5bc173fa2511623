/**
 * On which path a packet is there first, where paths may be in doubt: the judgement of {@linkcode interactive}.
 *
 * @module
 */
import type { Doubts } from "./doubts.ts";
import type { ConnectionView, PathId, PathView, Work } from "./scheduler.ts";
import { isHealthy } from "./select.ts";

/** A path that takes less than one of so many parts of another's time is worth a copy, though it just lost a packet. */
const MUCH_SOONER = 2;

/** The rank of a path that lost the data before: behind others that answer, before a backup. */
const OTHERS_FIRST = 0.5;

/** Compares paths by whether they answer, then by when a packet would be there. */
export class Soonest {
  readonly #doubts: Doubts;

  constructor(doubts: Doubts) {
    this.#doubts = doubts;
  }

  /** The best path for the next packet, with room or without; `undefined`: there is none for it. */
  pick(work: Work, view: ConnectionView): PathView | undefined {
    const { paths, now } = view;
    let [best, bestRank, bestTime]: [PathView | undefined, number, number] = [undefined, Infinity, Infinity];
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i]!;
      if (path.id === work.lastPath && work.kind === "reinject") continue;
      // What a path lost goes elsewhere, if that answers.
      const its = this.#rank(path, now) + (path.id === work.lastPath ? OTHERS_FIRST : 0);
      if (its > bestRank) continue;
      const time = arrivalOn(path, view);
      if (its === bestRank && time >= bestTime) continue;
      [best, bestRank, bestTime] = [path, its, time];
    }
    return best;
  }

  /** A path that was passed over as it lost something, or may have, though a packet would be there much sooner. */
  passedOver(chosen: PathView, view: ConnectionView): PathView | undefined {
    const { paths, now } = view;
    let best: PathView | undefined;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i]!;
      if (path.room === 0 || (best !== undefined && path.srtt >= best.srtt)) continue;
      if (this.#isMuchSooner(path, chosen, now)) best = path;
    }
    return best;
  }

  /** Whether what is in flight is there much sooner if it goes once more on the path. */
  isRescue(work: Work, path: PathView, view: ConnectionView): boolean {
    const from = view.paths.find(({ id }) => id === work.lastPath);
    return from !== undefined && !this.#doubts.has(path.id) && this.#isMuchSooner(path, from, view.now) &&
      work.firstSentAt + from.srtt > view.now + MUCH_SOONER * path.srtt;
  }

  /** The path for acknowledgements of what came in on one. */
  forAcksOf(receivedOn: PathId, { paths, now }: ConnectionView): PathId {
    const own = paths.find((path) => path.id === receivedOn);
    let best = own;
    for (const path of paths) {
      if (best === undefined || this.#rank(path, now) < this.#rank(best, now)) best = path;
    }
    // To lose one packet is no reason for acknowledgements that are late by far.
    return own !== undefined && this.#isMuchSooner(own, best!, now) ? receivedOn : best!.id;
  }

  /** 0: answers; 1: a backup that does; 2 and 3: in doubt; 4 and 5: does not answer. */
  #rank(path: PathView, now: number): number {
    const trouble = this.#doubts.has(path.id) ? 2 : isHealthy(path, now) ? 0 : 4;
    return trouble + (path.status === "backup" ? 1 : 0);
  }

  /** Whether the path answers, and a packet is there much sooner on it than on the other one, if it is there. */
  #isMuchSooner(path: PathView, than: PathView, now: number): boolean {
    return MUCH_SOONER * path.srtt < than.srtt && path.status === than.status && isHealthy(path, now) &&
      !this.#doubts.isFailing(path, now);
  }
}

/** Whether something is in flight on a path that is much slower than another. */
export function isStraggling({ paths }: ConnectionView): boolean {
  let [least, most] = [Infinity, 0];
  for (let i = 0; i < paths.length; i++) {
    const { srtt, inFlight } = paths[i]!;
    least = Math.min(least, srtt);
    if (inFlight > 0) most = Math.max(most, srtt);
  }
  return MUCH_SOONER * least < most;
}

/** In how many milliseconds an acknowledgement would be here for what is sent on the path next. */
function arrivalOn(path: PathView, view: ConnectionView): number {
  const { srtt } = path;
  if (path.room > 0) return srtt;
  // What waits before it goes out as the window opens, or as the pacer lets it.
  const paced = path.readyAt - view.now;
  return paced < Infinity ? srtt + Math.max(0, paced) : srtt * (1 + Math.max(view.backlog, path.mtu) / path.cwnd);
}
