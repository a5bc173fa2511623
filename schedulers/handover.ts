import { Doubts } from "./doubts.ts";
import { isInDoubt } from "./interactive.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathId,
  type PathView,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerHost,
  send,
  type Work,
} from "./scheduler.ts";
import { priceOf } from "./cost_aware.ts";
import { isHealthy } from "./select.ts";

/** How long a path must have worked again before data goes back to it: milliseconds. */
export const GIVE_BACK_AFTER = 1000;
/** A path that fails within this time after data went back to it must work for twice as long the next time: ms. */
export const RELAPSE_WITHIN = 10_000;
/** The longest that it must have worked: milliseconds. */
export const GIVE_BACK_MOST = 16_000;
/** Whoever followed the peer leads back only when that had so much more time for it than it needs: milliseconds. */
export const LEAD_AFTER = 3000;
/** How often the spare paths are asked for a sign of life, which keeps translators' mappings: milliseconds. */
export const KEEP_ALIVE = 15_000;
/** How often a path is asked whether it works again: milliseconds. */
const ASK_EVERY = 250;

/**
 * One path at a time, a spare that takes over at once (after Apple's handover mode for MPTCP, and the handover of multipath
 * QUIC's first design, CoNEXT 2017). The first choice is the available path with the lowest price; of equals the one that the
 * application listed first, then the first opened.
 *
 * | the path in use                                     | then                                                         |
 * |-----------------------------------------------------|--------------------------------------------------------------|
 * | answers                                             | all data goes there; what is too much waits for it           |
 * | is overdue, and so is the answer to its probe       | the next choice takes over, with all that was in flight      |
 * | is gone, suspended, or the peer calls it a backup   | likewise                                                     |
 * | answers, but the peer's data moves to another path  | this end follows it                                          |
 * | is not the first choice, which works for a second   | data goes back to that; who followed waits to be led back,   |
 * |                                                     | but not for ever, unless the choice is between equals and    |
 * |                                                     | the first has not failed here                                |
 */
export function handover(host: SchedulerHost): Scheduler {
  const use = new PathInUse(host);
  return {
    name: "handover",
    get reinjection() {
      return use.doubts.any ? "before-new" : "never";
    },
    schedule(work: Work, view: ConnectionView): Decision {
      const path = use.at(view);
      if (path === undefined) return HOLD;
      if (work.kind === "reinject" && (work.lastPath === path.id || !isInDoubt(work, view, use.doubts))) return HOLD;
      if (path.room === 0) return HOLD;
      use.onSend(path, view);
      return send(path);
    },
    ackPath: (receivedOn, view) => use.ackPath(receivedOn, view),
    onEvent: (event, view) => use.onEvent(event, view),
  };
}

/** What became of a path that failed. */
interface Record {
  /** Since when it answers again; `Infinity`: it does not. */
  goodSince: number;
  /** When it was last asked for a sign of life. */
  askedAt: number;
  /** When data last went back to it; `-Infinity`: not since it failed. */
  givenBackAt: number;
  /** How long it must work before that. */
  patience: number;
  /** Whether it failed here since then; otherwise it is the peer alone that left it. */
  failedHere: boolean;
}

/** Which path is in use. */
class PathInUse {
  readonly doubts: Doubts;
  readonly #host: SchedulerHost;
  #current: PathId = -1;
  #switchedAt = -Infinity;
  /** When the peer could first know of the path: at once, but of one to which data goes back only by data. */
  #shownAt = -Infinity;
  #followed = false;
  #aliveAt = 0;
  readonly #records = new Map<PathId, Record>();

  constructor(host: SchedulerHost) {
    this.#host = host;
    this.doubts = new Doubts(host);
  }

  /** The path in use from now on; `undefined`: there is none. */
  at(view: ConnectionView): PathView | undefined {
    const current = find(view, this.#current);
    if (current === undefined || this.#hasFailed(current, view.now)) return this.#leave(current, view);
    return this.#follow(current, view) ?? this.#giveBack(current, view) ?? current;
  }

  /** Data goes out on the path in use. */
  onSend(path: PathView, view: ConnectionView): void {
    this.#shownAt = Math.min(this.#shownAt, view.now);
    this.doubts.onSend(path, view);
  }

  ackPath(receivedOn: PathId, view: ConnectionView): PathId {
    const path = find(view, receivedOn);
    if (path !== undefined && !this.#hasFailed(path, view.now)) return receivedOn;
    return this.at(view)?.id ?? receivedOn;
  }

  onEvent(event: SchedulerEvent, view: ConnectionView): void {
    if (event.type === "path-suspended" || event.type === "path-closed") {
      if (event.type === "path-closed") this.#records.delete(event.path);
      else this.#fail(event.path, true, view.now);
    } else if (event.type === "ack" || event.type === "path-usable") {
      const record = this.#records.get(event.path);
      if (record !== undefined && record.goodSince === Infinity) record.goodSince = view.now;
    }
    this.doubts.alsoWakeAt(() => this.#chores(view));
    this.doubts.onEvent(event, view);
    this.at(view);
  }

  /** Asks paths for signs of life; tells when to come back for that. */
  #chores(view: ConnectionView): number {
    const { now, paths } = view;
    if (paths.length < 2) return Infinity;
    if (now >= this.#aliveAt + KEEP_ALIVE) {
      this.#aliveAt = now;
      for (const { id, lastAckAt } of paths) {
        if (id !== this.#current && now - lastAckAt >= KEEP_ALIVE / 2) this.#host.probe(id);
      }
    }
    let next = this.#aliveAt + KEEP_ALIVE;
    for (const path of paths) {
      const record = this.#records.get(path.id);
      if (record === undefined || path.id === this.#current || now >= record.goodSince + record.patience) continue;
      if (this.#hasFailed(path, now)) {
        record.goodSince = Infinity;
        record.failedHere = true;
      }
      // It is asked until it answers, and all the time until it is trusted: it may come and go.
      if (record.goodSince === Infinity || now >= record.askedAt + ASK_EVERY) {
        record.askedAt = now;
        this.#host.probe(path.id);
      }
      const due = record.goodSince + record.patience;
      next = Math.min(next, record.askedAt + ASK_EVERY, due > now ? due : Infinity);
    }
    return next;
  }

  #hasFailed(path: PathView, now: number): boolean {
    return this.doubts.isFailing(path, now) || !isHealthy(path, now);
  }

  /** Takes the next choice. */
  #leave(current: PathView | undefined, view: ConnectionView): PathView | undefined {
    if (current !== undefined) this.#fail(current.id, true, view.now);
    const next = this.#firstOf(view, (path) => path !== current && !this.#hasFailed(path, view.now)) ?? current ??
      this.#firstOf(view, () => true);
    if (next !== undefined && next !== current) this.#take(next, false, view.now);
    return next;
  }

  /** The peer's data comes on another path, and has had the time to come on this one. */
  #follow(current: PathView, view: ConnectionView): PathView | undefined {
    const { now } = view;
    for (const path of view.paths) {
      if (path === current || path.lastDataAt <= current.lastDataAt || this.#hasFailed(path, now)) continue;
      // What it sent before it could know of our move tells nothing.
      if (path.lastDataAt < this.#shownAt + Math.max(path.srtt, current.srtt)) continue;
      // The peer knows something about the better path: it must prove itself here as well.
      if (compare(current, path) < 0) this.#fail(current.id, false, now);
      this.#take(path, true, now);
      return path;
    }
    return undefined;
  }

  /** The first choice has worked for long enough. */
  #giveBack(current: PathView, view: ConnectionView): PathView | undefined {
    const { now } = view;
    const first = this.#firstOf(view, (path) => this.#isTrusted(path, now));
    if (first === undefined || first === current || compare(first, current) >= 0) return undefined;
    const record = this.#records.get(first.id);
    // The peer may prefer another path for reasons that it cannot tell: order of opening is none against them.
    if (this.#followed && record?.failedHere !== true && preferred(first, current) === 0) return undefined;
    // Two ends that wait for each other would wait for ever.
    if (this.#followed && now < (record?.goodSince ?? this.#switchedAt) + (record?.patience ?? 0) + LEAD_AFTER) {
      return undefined;
    }
    if (record !== undefined) {
      record.givenBackAt = now;
      record.failedHere = false;
    }
    this.#take(first, false, now);
    this.#shownAt = Infinity;
    return first;
  }

  #isTrusted(path: PathView, now: number): boolean {
    if (this.#hasFailed(path, now) || this.doubts.has(path.id)) return false;
    const record = this.#records.get(path.id);
    return record === undefined || path.id === this.#current || now >= record.goodSince + record.patience;
  }

  #firstOf(view: ConnectionView, accept: (path: PathView) => boolean): PathView | undefined {
    let best: PathView | undefined;
    for (const path of view.paths) {
      if ((best === undefined || compare(path, best) < 0) && accept(path)) best = path;
    }
    return best;
  }

  #take(path: PathView, isFollowing: boolean, now: number): void {
    this.#current = path.id;
    this.#switchedAt = this.#shownAt = now;
    this.#followed = isFollowing;
    this.#host.log("path in use", { path: path.id, follows: isFollowing });
  }

  #fail(id: PathId, isHere: boolean, now: number): void {
    const record = this.#records.get(id);
    if (record === undefined) {
      this.#records.set(id, {
        goodSince: Infinity,
        askedAt: now,
        givenBackAt: -Infinity,
        patience: GIVE_BACK_AFTER,
        failedHere: isHere,
      });
      return;
    }
    const isRelapse = now - record.givenBackAt < RELAPSE_WITHIN;
    if (isRelapse) record.patience = Math.min(2 * record.patience, GIVE_BACK_MOST);
    else if (record.givenBackAt !== -Infinity) record.patience = GIVE_BACK_AFTER;
    record.goodSince = Infinity;
    record.givenBackAt = -Infinity;
    record.failedHere ||= isHere;
  }
}

/** Which of two paths is the earlier choice: negative, the first. */
function compare(a: PathView, b: PathView): number {
  return preferred(a, b) || a.id - b.id;
}

/** The same for reasons that there are; 0: none. */
function preferred(a: PathView, b: PathView): number {
  if (a.status !== b.status) return a.status === "available" ? -1 : 1;
  const byPrice = priceOf(a) - priceOf(b);
  if (byPrice !== 0) return byPrice;
  return a.preference === b.preference ? 0 : a.preference - b.preference;
}

function find(view: ConnectionView, id: PathId): PathView | undefined {
  for (const path of view.paths) if (path.id === id) return path;
  return undefined;
}
