/**
 * Costly paths only in need. What is shown to the wrapped scheduler:
 *
 * | State     | shows                                            | until                                                    |
 * |-----------|--------------------------------------------------|----------------------------------------------------------|
 * | thrifty   | the cheapest of the available paths that answer, | with a signal: it says less than `low` milliseconds more |
 * |           | and those that are out of the question anyway    | than the cheap paths need, for some round trips (at once |
 * |           |                                                  | if need was there since they last had `high` to spare);  |
 * |           |                                                  | without one: data has waited for `patience`              |
 * | in need   | all                                              | with a signal: `high` milliseconds more; without: nothing|
 * |           |                                                  | waits                                                    |
 *
 * @module
 */
import { ecf } from "./ecf.ts";
import { PartialView } from "./partial_view.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Reinjection,
  type Scheduler,
  type SchedulerFactory,
  send,
  type Work,
} from "./scheduler.ts";
import { fastest, isHealthy } from "./select.ts";

/** How {@linkcode costAware} is to be. */
export interface CostAwareOptions {
  /** Who decides among the paths that may be used. Default {@linkcode ecf}. */
  readonly inner?: SchedulerFactory;
  /** The name of the result. Default `"cost-aware"`. */
  readonly name?: string;
  /** The signal that says for how many milliseconds the application can do without new data. Default `"bufferMs"`. */
  readonly signal?: string;
  /** Costly paths join when the signal leaves less than this beyond what the cheap paths need: ms. Default 100. */
  readonly low?: number;
  /** They leave when it leaves more than this: ms, at least `low`. Default 200. */
  readonly high?: number;
  /** While there is no signal, they join when data has waited for so long: ms from 0. Default 1000. */
  readonly patience?: number;
}

/** When cheap paths are too slow, in figures. */
interface Limits {
  readonly signal: string;
  readonly low: number;
  readonly high: number;
  readonly patience: number;
}

/** Round trips of the slowest cheap path in which it may still become fast enough. */
const GRACE_ROUNDS = 4;

/** The price of a byte; one that is counted is not free. */
export function priceOf(path: Pick<PathView, "cost" | "metered">): number {
  return path.metered ? Math.max(path.cost, 1) : path.cost;
}

/**
 * Wraps a scheduler so that paths with a `cost`, or `metered` ones, are used only when the cheaper ones cannot deliver what is
 * asked for in time (as in hybrid access, where the fixed line is filled first). In time means: before the signal runs out,
 * judged by what waits and is in flight against the rate at which the cheap paths deliver. While there is no signal (a
 * player that has not begun, an application that gives none) it means within `patience`.
 *
 * When no cheap path answers, all are shown at once. When nothing new waits, what is in flight on a path that will not bring it in
 * time goes once more on one that will. Throws `RangeError` for options that are out of range.
 */
export function costAware(options: CostAwareOptions = {}): SchedulerFactory {
  const { inner: makeInner = ecf, name = "cost-aware", signal = "bufferMs" } = options;
  const { low = 100, high = 200, patience = 1000 } = options;
  if (!Number.isFinite(low)) throw new RangeError(`"low" is ${low}: expected a number`);
  if (!(high >= low && high < Infinity)) throw new RangeError(`"high" is ${high}: expected a number from ${low}`);
  if (!(patience >= 0)) throw new RangeError(`"patience" is ${patience}: expected a number from 0`);
  return (host) => wrap(makeInner(host), name, { signal, low, high, patience });
}

function wrap(inner: Scheduler, name: string, limits: Limits): Scheduler {
  const need = new Need(limits);
  const shown = new PartialView();
  const show = (view: ConnectionView, isNeed: boolean): ConnectionView => {
    const price = isNeed ? Infinity : cheapest(view);
    return price === Infinity ? shown.ofAll(view) : shown.of(view, (path) => priceOf(path) <= price);
  };
  const innerCopies = (): boolean => inner.reinjection !== undefined && inner.reinjection !== "never";
  const leftAt = (view: ConnectionView): number => view.signal(limits.signal) ?? limits.patience;
  /** Whether what is in flight somewhere may have to be saved. */
  let isLate = false;
  const scheduler: Scheduler = {
    name,
    get reinjection(): Reinjection | undefined {
      return isLate && !innerCopies() ? "when-idle" : inner.reinjection;
    },
    schedule(work: Work, view: ConnectionView): Decision {
      if (work.kind === "reinject" && isLate && inner.reinjection !== "before-new") {
        const rescue = rescuer(work, view, leftAt(view));
        if (rescue !== undefined) return send(rescue);
        if (!innerCopies() && isAnswering(work.lastPath, view)) return HOLD;
      }
      return inner.schedule(work, show(view, need.isThereFor(work, view)));
    },
    onEvent(event, view) {
      need.onEvent(view);
      isLate = hasLate(view, leftAt(view));
      inner.onEvent?.(event, show(view, need.isThere));
    },
  };
  // Acknowledgements are small, and which path is best for them is not a question of price.
  if (inner.ackPath !== undefined) scheduler.ackPath = (receivedOn, view) => inner.ackPath!(receivedOn, view);
  return scheduler;
}

/**
 * The path that saves what is in flight on one that has become too slow to bring it before the signal runs out: a chunk is
 * complete with its last byte, and what was sent cannot be called back. `undefined`: it will be there, or is not sooner on
 * another.
 */
function rescuer(work: Work, view: ConnectionView, left: number): PathView | undefined {
  const { now } = view;
  const from = view.paths.find(({ id }) => id === work.lastPath);
  if (from === undefined) return undefined;
  const drain = drainOf(from, now);
  if (drain <= left) return undefined;
  const isBetter = (path: PathView): boolean =>
    path !== from && path.status === "available" && path.room > 0 && 2 * path.srtt < drain && isHealthy(path, now);
  return fastest(view, isBetter);
}

/** How long the path takes for what it has in flight. */
function drainOf(path: PathView, now: number): number {
  return path.inFlight === 0 ? 0 : path.inFlight / rateOf(path, roundTripOf(path, now));
}

function hasLate({ paths, now }: ConnectionView, left: number): boolean {
  if (paths.length < 2) return false;
  for (let i = 0; i < paths.length; i++) if (drainOf(paths[i]!, now) > left) return true;
  return false;
}

function isAnswering(id: number, { paths, now }: ConnectionView): boolean {
  return paths.some((path) => path.id === id && isHealthy(path, now));
}

/** The lowest price among the available paths that answer; `Infinity`: there is none, so price does not matter. */
function cheapest(view: ConnectionView): number {
  const { paths, now } = view;
  let least = Infinity;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    if (path.status === "available" && isHealthy(path, now)) least = Math.min(least, priceOf(path));
  }
  return least;
}

/** Whether the cheap paths are too slow. */
class Need {
  readonly #limits: Limits;
  #isThere = false;
  /** It was there since the cheap paths last had time to spare: if it comes back, that is no surprise. */
  #isProven = false;
  /** Since when stream data waits, and since when a datagram does. */
  #waitsSince = Infinity;
  #datagramSince = Infinity;
  /** Since when the signal leaves too little. */
  #shortSince = Infinity;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether it was so for streams at the last question. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** When no stream data is left, none of what comes has waited before. */
  onEvent(view: ConnectionView): void {
    if (view.backlog > 0) return;
    this.#waitsSince = Infinity;
    this.#isThere = false;
  }

  isThereFor(work: Work, view: ConnectionView): boolean {
    const price = cheapest(view);
    const { now } = view;
    const { low, high, patience } = this.#limits;
    this.#note(work, view, price);
    // A signal speaks of what streams bring.
    if (work.kind === "datagram") return now - this.#datagramSince >= patience;
    const left = view.signal(this.#limits.signal);
    if (left === undefined) return this.#be(now - this.#waitsSince >= patience);
    const spare = left - timeNeeded(view, price);
    if (spare >= low) this.#shortSince = Infinity;
    else this.#shortSince = Math.min(this.#shortSince, now);
    if (now - this.#shortSince >= (this.#isProven ? 0 : graceOf(view, price, left))) return this.#be(true);
    if (spare > high) this.#isProven = this.#isThere = false;
    return this.#isThere;
  }

  #be(isThere: boolean): boolean {
    this.#isProven ||= isThere;
    return this.#isThere = isThere;
  }

  /** Keeps what says since when something waits. What fits into the cheap paths at once does not. */
  #note(work: Work, view: ConnectionView, price: number): void {
    const room = roomOf(view, price);
    if (work.kind === "datagram") {
      if (room > 0) this.#datagramSince = Infinity;
      else this.#datagramSince = Math.min(this.#datagramSince, view.now);
    } else if (room > 0 && view.backlog <= room) {
      this.#waitsSince = Infinity;
    } else {
      this.#waitsSince = Math.min(this.#waitsSince, view.now);
    }
  }
}

function isCheap(path: PathView, price: number, now: number): boolean {
  return priceOf(path) <= price && path.status === "available" && isHealthy(path, now);
}

function roomOf({ paths, now }: ConnectionView, price: number): number {
  let room = 0;
  for (let i = 0; i < paths.length; i++) if (isCheap(paths[i]!, price, now)) room += paths[i]!.room;
  return room;
}

/**
 * How long the cheap paths take for all that waits and what they have in flight; and, as nothing that was sent can be called
 * back, half of the time by which their queues have made round trips longer, which they may grow by again meanwhile.
 */
function timeNeeded({ paths, now, backlog }: ConnectionView, price: number): number {
  let [bytes, rate, slack] = [backlog, 0, 0];
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    if (!isCheap(path, price, now)) continue;
    const roundTrip = roundTripOf(path, now);
    bytes += path.inFlight;
    rate += rateOf(path, roundTrip);
    if (path.minRtt > 0) slack = Math.max(slack, (roundTrip - path.minRtt) / 2);
  }
  return bytes === 0 ? 0 : bytes / rate + slack;
}

/** The round trip that the oldest packet will at least have taken, if that is longer than others took. */
function roundTripOf(path: PathView, now: number): number {
  return Math.max(path.srtt, path.latestRtt, now - path.oldestUnackedAt);
}

/**
 * How long the signal must leave too little before that counts: a path that has just begun to send is much slower than it will
 * be in a few round trips. Never more than half of what the signal leaves.
 */
function graceOf({ paths, now }: ConnectionView, price: number, left: number): number {
  let longest = 0;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    if (isCheap(path, price, now)) longest = Math.max(longest, path.srtt);
  }
  return Math.min(GRACE_ROUNDS * longest, Math.max(left, 0) / 2);
}

/** What was measured, but no more than the window allows: that falls sooner when a path fades. */
function rateOf(path: PathView, roundTrip: number): number {
  const most = path.cwnd / roundTrip;
  return path.deliveryRate > 0 ? Math.min(path.deliveryRate, most) : most;
}
