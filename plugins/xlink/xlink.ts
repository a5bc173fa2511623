/**
 * What decides whether data in flight on a path goes once more on another:
 *
 * | the path that has it | the player's buffer   | it goes again, as far as the share of copies allows                    |
 * |----------------------|-----------------------|------------------------------------------------------------------------|
 * | is not usable        | any                   | at once                                                                |
 * | does not answer      | any                   | when nothing new waits                                                 |
 * | answers              | below `low`           | when nothing new waits, and the copy will be there sooner              |
 * | answers              | between, or not known | the same, sooner by `patience`, and on no path that costs more         |
 * | answers              | above `high`          | no                                                                     |
 *
 * @module
 */
import {
  type ConnectionView,
  type Decision,
  HOLD,
  isHealthy,
  isSuspect,
  type PathId,
  type PathView,
  type Reinjection,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerFactory,
  type SchedulerHost,
  send,
  suspectAt,
  type Work,
} from "@multipath/quic/schedulers";
import { Pace } from "./pace.ts";

/** How {@linkcode xlink} is to be. */
export interface XlinkOptions {
  /**
   * Below this buffer every copy goes that will be there sooner than the original: milliseconds. Default 1500: a chunk of a
   * second that is asked for with two left is late by then, but there is time to do something about it.
   */
  readonly low?: number;
  /** Above this buffer nothing that is on a path that answers goes again: milliseconds, from `low`. Default 5000. */
  readonly high?: number;
  /**
   * Between the two a copy goes when it will be there sooner by this: milliseconds. Default 100: twice the deviation that
   * cellular networks have, so that jitter is no reason, and queues that grow are.
   */
  readonly patience?: number;
  /** Bytes of copies for each byte sent, 0 to 1. Default 0.015, so that all that is repeated stays near the 2 % of the paper. */
  readonly share?: number;
  /** What the application calls the player's buffer as a signal, in milliseconds. Default "bufferMs". */
  readonly signal?: string;
}

type Settings = Required<XlinkOptions>;

/** Packets that may be copied before anything was sent that they could be a share of: a request that is stuck, for one. */
const FIRST_COPIES = 10;
/** What may go again later is looked at again after so long, at the earliest: milliseconds. */
const LOOK_AGAIN = 10;
/** A path that carries the acknowledgements of others is asked for a sign of life when it gave none for so many round trips... */
const QUIET_ROUND_TRIPS = 3;
/** ... and at least so long: milliseconds. */
const QUIET_TIME = 50;
/** By how many times another path must be done sooner before new data waits for it: no estimate here is better than that. */
const CLEARLY = 1.25;
/** From this rank on, a path does not answer. */
const SILENT = 2;

/**
 * A scheduler for video after XLINK (Zheng and others, SIGCOMM 2021). New data goes on the fastest path that has room, unless
 * what is in flight there takes longer than another path needs for all that waits. At the end of a chunk, what is stuck on a
 * path that fades goes once more on another, steered by the buffer that the player tells as a signal. Acknowledgements go on
 * the fastest path that answers.
 *
 * Backups are used, for data and for copies, only when no other path answers. Without the signal the buffer counts as between
 * the thresholds. Copies stay within a share of what is sent.
 *
 * Throws `RangeError` for options that are out of range.
 */
export function xlink(options: XlinkOptions = {}): SchedulerFactory {
  const { low = 1500, high = Math.max(low, 5000), patience = 100, share = 0.015, signal = "bufferMs" } = options;
  if (!(low >= 0)) throw new RangeError(`"low" is ${low}: expected milliseconds from 0`);
  if (!(high >= low)) throw new RangeError(`"high" is ${high}: expected milliseconds from "low", which is ${low}`);
  if (!(patience >= 0)) throw new RangeError(`"patience" is ${patience}: expected milliseconds from 0`);
  if (!(share >= 0 && share <= 1)) throw new RangeError(`"share" is ${share}: expected 0 to 1`);
  const settings: Settings = { low, high, patience, share, signal };
  return (host) => new Xlink(host, settings);
}

class Xlink implements Scheduler {
  readonly name = "xlink";
  readonly #host: SchedulerHost;
  readonly #settings: Settings;
  readonly #paces = new Map<PathId, Pace>();
  /** The player's buffer; `undefined`: it did not tell. */
  #buffer: number | undefined;
  /** When new data was last asked about, and when a copy last waited for it. */
  #newAt = -Infinity;
  #waitedAt = -Infinity;
  #sent = 0;
  #copied = 0;
  #wakeAt = Infinity;

  constructor(host: SchedulerHost, settings: Settings) {
    this.#host = host;
    this.#settings = settings;
  }

  get reinjection(): Reinjection {
    return this.#isPlenty ? "never" : "when-idle";
  }

  schedule(work: Work, view: ConnectionView): Decision {
    this.#buffer = view.signal(this.#settings.signal);
    if (work.kind === "reinject") return this.#again(work, view);
    if (work.kind === "stream") this.#newAt = view.now;
    const path = this.#pick(view);
    if (path === undefined) return HOLD;
    this.#sent += Math.min(work.bytes, path.mtu);
    this.#paceOf(path.id).onSend(path, view.now);
    return send(path);
  }

  ackPath(receivedOn: PathId, view: ConnectionView): PathId {
    const { now } = view;
    let best: PathView | undefined;
    for (const path of view.paths) {
      if (path.status === "backup" && path.id !== receivedOn) continue;
      if (!isHealthy(path, now) || isSuspect(path, now)) continue;
      if (best === undefined || path.srtt < best.srtt) best = path;
    }
    if (best === undefined) return this.#lastResort(receivedOn, view);
    // Nothing comes back for acknowledgements: whether they arrive is to be seen from something else.
    const quiet = now - best.lastAckAt;
    if (best.id !== receivedOn && quiet > Math.max(QUIET_TIME, QUIET_ROUND_TRIPS * best.srtt)) {
      this.#host.probe(best.id);
    }
    return best.id;
  }

  onEvent(event: SchedulerEvent, view: ConnectionView): void {
    if (event.type === "ack") this.#paceOf(event.path).onAck(event.bytes, view.now);
    else if (event.type === "path-closed") this.#paces.delete(event.path);
    else if (event.type === "wake") this.#wakeAt = Infinity;
    else if (event.type === "signal" && event.name === this.#settings.signal) this.#buffer = event.value;
  }

  get #isPlenty(): boolean {
    return this.#buffer !== undefined && this.#buffer > this.#settings.high;
  }

  get #isShort(): boolean {
    return this.#buffer !== undefined && this.#buffer < this.#settings.low;
  }

  #paceOf(id: PathId): Pace {
    let pace = this.#paces.get(id);
    if (pace === undefined) this.#paces.set(id, pace = new Pace());
    return pace;
  }

  #timeLeft(path: PathView, now: number): number {
    return this.#paceOf(path.id).timeLeft(path, now);
  }

  /** The fastest path with room of those that answer, if it is no dead end; `undefined`: wait. */
  #pick(view: ConnectionView): PathView | undefined {
    const { paths, now } = view;
    const rank = bestRank(paths, now);
    let best: PathView | undefined;
    for (const path of paths) {
      if (path.room === 0 || (best !== undefined && path.srtt >= best.srtt)) continue;
      if (rankOf(path, now) === rank && !(rank < SILENT && this.#isDeadEnd(path, rank, view))) best = path;
    }
    return best;
  }

  /** Whether another path would be done with all that waits before this one is with what it has. */
  #isDeadEnd(path: PathView, rank: number, { paths, now, backlog }: ConnectionView): boolean {
    const left = this.#timeLeft(path, now);
    return paths.some((other) => other !== path && this.#isFaster(other, left, rank, backlog, now));
  }

  #isFaster(other: PathView, left: number, rank: number, backlog: number, now: number): boolean {
    // To wait for a path is to wait for an acknowledgement.
    if (other.srtt >= left || (other.room === 0 && other.inFlight === 0) || rankOf(other, now) !== rank) return false;
    const most = other.cwnd / other.srtt;
    const rate = other.deliveryRate > 0 ? Math.min(most, other.deliveryRate) : most;
    return CLEARLY * (Math.max(other.srtt, this.#timeLeft(other, now)) + backlog / rate) < left;
  }

  /** Whether, and where, data in flight goes once more. */
  #again(work: Work, view: ConnectionView): Decision {
    const { now, paths } = view;
    const holder = paths.find(({ id }) => id === work.lastPath);
    const rank = bestRank(paths, now, holder);
    const path = bestForCopy(paths, now, holder, rank);
    if (path === undefined) return HOLD;
    if (holder !== undefined && !this.#isWorthIt(holder, path, view)) return HOLD;
    // Copies are filled up: only one of a single small packet is known to be small.
    this.#copied += holder !== undefined && holder.inFlight < path.mtu ? Math.min(work.bytes, path.mtu) : path.mtu;
    this.#paceOf(path.id).onSend(path, now);
    return send(path);
  }

  #isWorthIt(holder: PathView, path: PathView, view: ConnectionView): boolean {
    const { now } = view;
    // While new data keeps the other paths busy a copy gains nothing: at the end more is known of what is stuck.
    if (view.backlog > 0 && this.#mayWait(now)) return false;
    if (this.#copied + path.mtu > FIRST_COPIES * path.mtu + this.#settings.share * this.#sent) return false;
    if (rankOf(path, now) > rankOf(holder, now)) return false;
    if (!isHealthy(holder, now)) return true;
    if (this.#isPlenty) return false;
    const isShort = this.#isShort;
    if (!isShort && isCostlier(path, holder)) return false;
    const gain = this.#timeLeft(holder, now) - Math.max(path.srtt, this.#timeLeft(path, now));
    if (gain > (isShort ? 0 : this.#settings.patience)) return true;
    this.#lookAgain(Math.max(now + LOOK_AGAIN, suspectAt(holder)));
    return false;
  }

  /** Whether a copy may wait for new data: not when that did not go either, for lack of credit for one. */
  #mayWait(now: number): boolean {
    if (this.#waitedAt > this.#newAt && now > this.#waitedAt) return false;
    this.#waitedAt = now;
    return true;
  }

  /** Each acknowledgement brings the question again; silence does not. */
  #lookAgain(time: number): void {
    if (time >= this.#wakeAt) return;
    this.#wakeAt = time;
    this.#host.wakeAt(time);
  }

  /** When nothing is known to work: where the packet came from, if that is usable, or else the fastest. */
  #lastResort(receivedOn: PathId, { paths }: ConnectionView): PathId {
    let best = paths.find(({ id }) => id === receivedOn);
    if (best !== undefined) return receivedOn;
    for (const path of paths) if (best === undefined || path.srtt < best.srtt) best = path;
    return best?.id ?? receivedOn;
  }
}

/** 0: answers; 1: a backup that does; 2 and 3: those that do not. */
function rankOf(path: PathView, now: number): number {
  return (isHealthy(path, now) ? 0 : SILENT) + (path.status === "backup" ? 1 : 0);
}

/** The lowest rank of a path other than `holder`. */
function bestRank(paths: readonly PathView[], now: number, holder?: PathView): number {
  let best = Infinity;
  for (const path of paths) if (path !== holder) best = Math.min(best, rankOf(path, now));
  return best;
}

/** The fastest path of a rank with room, for what is in flight elsewhere. */
function bestForCopy(
  paths: readonly PathView[],
  now: number,
  holder: PathView | undefined,
  rank: number,
): PathView | undefined {
  let best: PathView | undefined;
  for (const path of paths) {
    if (path === holder || path.room === 0 || rankOf(path, now) !== rank) continue;
    if (best === undefined || path.srtt < best.srtt) best = path;
  }
  return best;
}

function isCostlier(path: PathView, than: PathView): boolean {
  return path.cost > than.cost || (path.metered && !than.metered);
}
