/**
 * Costly paths only in need, for who receives: a client that cannot tell its server what paths cost says of the costly ones that
 * they are backups until the cheap ones are too slow. Judged from nothing but what arrives.
 *
 * | State   | the peer may use      | until                                                                                   |
 * |---------|-----------------------|-----------------------------------------------------------------------------------------|
 * | thrifty | the cheapest paths    | with a signal: it says less than `low` milliseconds more than what is awaited needs at   |
 * |         | that answer           | the rate at which they bring it, for some round trips; without one: what is asked for    |
 * |         |                       | has been arriving for `patience`                                                         |
 * | in need | all                   | with a signal: `high` milliseconds more; without: nothing arrives; or nothing is awaited |
 *
 * @module
 */
import { priceOf } from "./cost_aware.ts";
import type { PathView } from "./scheduler.ts";
import { isHealthy } from "./select.ts";

/** What an end sees of what it receives. */
export interface Download {
  /** The time of the question: milliseconds. */
  readonly now: number;
  /** The usable paths. */
  readonly paths: readonly PathView[];
  /** The streams on which the peer has not sent all: their ids, and how many bytes have arrived on each. */
  readonly awaited: ReadonlyMap<number, number>;
  /** The latest value of a signal of the application; `undefined`: there was none. */
  signal(name: string): number | undefined;
}

/**
 * The highest price that a path may have for the peer to use it (`metered` ones cost at least 1); `Infinity`: all may be used.
 * Asked while data is awaited, and when paths or signals change; the same downloads, the same answers. One for each connection.
 */
export type DownloadPolicy = (download: Download) => number;

/** Makes the policy of one connection. */
export type DownloadPolicyFactory = () => DownloadPolicy;

/** How {@linkcode thrifty} is to be. */
export interface ThriftyOptions {
  /** The signal that says for how many milliseconds the application can do without new data. Default `"bufferMs"`. */
  readonly signal?: string;
  /** Costly paths join when the signal leaves less than this beyond what the cheap paths need: ms. Default 100. */
  readonly low?: number;
  /** They leave when it leaves more than this: ms, at least `low`. Default 300. */
  readonly high?: number;
  /** While there is no signal, they join when what is asked for has been arriving for so long: ms from 0. Default 1000. */
  readonly patience?: number;
}

type Limits = Required<ThriftyOptions>;

/** The peer is told something else no sooner than this after the last time: milliseconds. */
const LEAST_HOLD = 100;
/** With nothing awaited for so long, there is no need any more: milliseconds. */
const LINGER = 100;
/** Round trips of the slowest cheap path in which it may still become fast enough. */
const GRACE_ROUNDS = 4;
/** A rate is measured over so many round trips, within these bounds: milliseconds. */
const RATE_ROUNDS = 4;
const RATE_LEAST = 200;
const RATE_MOST = 1000;
/** Answers whose size is remembered, for what is still to come. */
const MOST_SIZES = 4;
/** What turns out larger than others were is taken to be larger by this again. */
const SURPRISE = 1.25;

/**
 * Lets a peer that knows no prices use the cheap paths only, and all while those cannot bring what is asked for in time. What is
 * to come is taken to be as large as the largest of the last answers. Throws `RangeError` for options that are out of range.
 */
export function thrifty(options: ThriftyOptions = {}): DownloadPolicyFactory {
  const { signal = "bufferMs", low = 100, high = 300, patience = 1000 } = options;
  if (!Number.isFinite(low)) throw new RangeError(`"low" is ${low}: expected a number`);
  if (!(high >= low && high < Infinity)) throw new RangeError(`"high" is ${high}: expected a number from ${low}`);
  if (!(patience >= 0)) throw new RangeError(`"patience" is ${patience}: expected a number from 0`);
  return () => {
    const need = new Need({ signal, low, high, patience });
    return (download) => need.mostPrice(download);
  };
}

/** The paths in question, and what they do together. */
interface Cheap {
  price: number;
  /** UDP payload that has come on them. */
  bytes: number;
  /** The longest round trip. */
  srtt: number;
}

/** Whether the cheap paths are too slow. */
class Need {
  readonly #limits: Limits;
  readonly #arrivals = new Arrivals();
  #isThere = false;
  #changedAt = -Infinity;
  /** Since when the signal leaves too little, and since when nothing is awaited. */
  #shortSince = Infinity;
  #emptySince = Infinity;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  mostPrice(download: Download): number {
    const cheap = cheapOf(download);
    // None of them answers.
    if (cheap.price === Infinity) return Infinity;
    this.#arrivals.note(download, cheap);
    const { now } = download;
    const isNeed = this.#judge(download, cheap);
    if (isNeed !== this.#isThere && now - this.#changedAt >= Math.max(LEAST_HOLD, cheap.srtt)) {
      this.#isThere = isNeed;
      this.#changedAt = now;
    }
    return this.#isThere ? Infinity : cheap.price;
  }

  #judge(download: Download, { srtt }: Cheap): boolean {
    const { now, awaited } = download;
    const { signal, low, high, patience } = this.#limits;
    if (awaited.size === 0) {
      this.#emptySince = Math.min(this.#emptySince, now);
      this.#shortSince = Infinity;
      return this.#isThere && now - this.#emptySince < LINGER;
    }
    this.#emptySince = Infinity;
    const left = download.signal(signal);
    if (left === undefined) return now - this.#arrivals.oldest >= patience;
    const { rate } = this.#arrivals;
    if (rate === undefined) return this.#isThere;
    const spare = left - (rate === 0 ? Infinity : this.#arrivals.toCome(awaited) / rate);
    if (spare >= low) this.#shortSince = Infinity;
    else this.#shortSince = Math.min(this.#shortSince, now);
    if (now - this.#shortSince >= Math.min(GRACE_ROUNDS * srtt, Math.max(left, 0) / 2)) return true;
    return this.#isThere && spare <= high;
  }
}

/** What came when. */
class Arrivals {
  /** Since when data comes on each awaited stream. */
  readonly #since = new Map<number, number>();
  /** Bytes that had come on each of them at the last look. */
  readonly #received = new Map<number, number>();
  readonly #sizes: number[] = [];
  /** What cheap paths had brought when, while something was awaited and came. */
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #window = 0;

  note({ now, paths, awaited }: Download, { bytes, srtt }: Cheap): void {
    for (const [id, size] of this.#received) if (!awaited.has(id)) this.#end(id, size);
    let lastDataAt = -Infinity;
    for (const path of paths) lastDataAt = Math.max(lastDataAt, path.lastDataAt);
    const isFlowing = now - lastDataAt <= Math.max(LEAST_HOLD, 2 * srtt);
    for (const [id, received] of awaited) {
      if (received > (this.#received.get(id) ?? 0) && !this.#since.has(id)) this.#since.set(id, now);
      this.#received.set(id, received);
    }
    // What comes now and then does not wait for a path, but for the one who sends it.
    if (!isFlowing) this.#since.clear();
    this.#measure(bytes, srtt, now);
  }

  /** Since when data has been coming on the stream that has waited longest; `Infinity`: on none. */
  get oldest(): number {
    let oldest = Infinity;
    for (const since of this.#since.values()) oldest = Math.min(oldest, since);
    return oldest;
  }

  /** What the cheap paths bring: bytes per millisecond; `undefined`: it cannot be told yet. */
  get rate(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < this.#window / 2) return undefined;
    return (last.bytes - first.bytes) / (last.at - first.at);
  }

  /** Bytes that are to come on these streams, as far as one can tell. */
  toCome(awaited: ReadonlyMap<number, number>): number {
    const usual = Math.max(0, ...this.#sizes);
    let sum = 0;
    for (const received of awaited.values()) sum += Math.max(usual, SURPRISE * received) - received;
    return sum;
  }

  #measure(bytes: number, srtt: number, now: number): void {
    // A request takes its time to be answered: what comes is measured from when it comes.
    if (this.#since.size === 0 && this.#samples.length === 0) return;
    if (this.#received.size === 0) {
      this.#samples = [];
      return;
    }
    // A cheap path is over.
    if ((this.#samples.at(-1)?.bytes ?? 0) > bytes) this.#samples = [];
    this.#window = Math.min(Math.max(RATE_LEAST, RATE_ROUNDS * srtt), RATE_MOST);
    this.#samples.push({ at: now, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= now - this.#window) this.#samples.shift();
  }

  #end(id: number, size: number): void {
    this.#received.delete(id);
    this.#since.delete(id);
    if (size === 0) return;
    this.#sizes.push(size);
    if (this.#sizes.length > MOST_SIZES) this.#sizes.shift();
  }
}

/** The available paths with the lowest price that answer. */
function cheapOf({ paths, now }: Download): Cheap {
  const cheap: Cheap = { price: Infinity, bytes: 0, srtt: 0 };
  for (const path of paths) {
    if (path.status !== "available" || !isHealthy(path, now)) continue;
    cheap.price = Math.min(cheap.price, priceOf(path));
  }
  for (const path of paths) {
    if (priceOf(path) > cheap.price) continue;
    cheap.bytes += path.bytesReceived;
    if (path.status === "available" && isHealthy(path, now)) cheap.srtt = Math.max(cheap.srtt, path.srtt);
  }
  return cheap;
}
