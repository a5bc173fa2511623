import type { PathStatus, SchedulerHost } from "../../schedulers/scheduler.ts";
import type { Observer } from "../base/observer.ts";
import type { PathId } from "../base/role.ts";
import type { Timed } from "./context.ts";

/** Between two requests of one kind for one path there is at least this time, or a round trip: milliseconds. */
export const MIN_REQUEST_GAP = 25;
/** A scheduler is woken no earlier than this after it asked for it: milliseconds. */
export const MIN_WAKE_DELAY = 1;
/** Characters of names in the trace, values per line, and characters of a value. */
const MAX_LOG_NAME = 64;
const MAX_LOG_VALUES = 16;
const MAX_LOG_TEXT = 256;
/** Lines in one second of the connection's time; what is beyond is not written. */
export const MAX_LOG_LINES = 1000;
const LOG_PERIOD = 1000;

/** What a {@linkcode LimitedHost} can reach. */
export interface HostOptions {
  /** Who asks, for the trace. */
  readonly name: () => string;
  /** The time of the last question. */
  readonly now: () => number;
  /** The round-trip time of a usable path; `undefined`: there is no such path. */
  readonly srttOf: (path: PathId) => number | undefined;
  /** Fills the array with random bytes: the seed. */
  readonly random: (into: Uint8Array) => void;
  /** Sends something on the path that must be acknowledged. */
  readonly probe: (path: PathId, now: number) => void;
  /** Tells the peer of a path's status. */
  readonly setStatus: (path: PathId, status: PathStatus, now: number) => void;
  /** The time has come that the scheduler named. */
  readonly onWake: (now: number) => void;
  readonly observer: Observer | undefined;
}

/**
 * What one scheduler of one connection may ask for, within limits. The scheduler gets `facade`, which leads nowhere else;
 * `retire` makes it deaf when another scheduler takes over.
 */
export class LimitedHost implements Timed {
  /** What the scheduler gets: frozen, and none of its methods needs a `this`. */
  readonly facade: SchedulerHost;
  readonly #options: HostOptions;
  readonly #probedAt = new Map<PathId, number>();
  readonly #statusAt = new Map<PathId, number>();
  #random: (() => number) | undefined;
  #wakeAt = Infinity;
  #isRetired = false;
  #logPeriodEnds = -Infinity;
  #logLines = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.facade = Object.freeze({
      random: () => (this.#random ??= seeded(options.random))(),
      wakeAt: (time: number) => this.#setWake(time),
      probe: (path: PathId) => this.#probe(path),
      setStatus: (path: PathId, status: PathStatus) => this.#setStatus(path, status),
      log: (name: string, data: Readonly<Record<string, string | number | boolean>>) => this.#log(name, data),
    });
  }

  /** The scheduler is no longer in use: what it asks for is ignored from now on. */
  retire(): void {
    this.#isRetired = true;
    this.#wakeAt = Infinity;
  }

  /** When the scheduler wants to be woken; `Infinity`: it does not. */
  nextTimeout(): number {
    return this.#wakeAt;
  }

  onTimeout(now: number): void {
    if (now < this.#wakeAt) return;
    this.#wakeAt = Infinity;
    this.#options.onWake(now);
  }

  #setWake(time: number): void {
    if (typeof time !== "number" || Number.isNaN(time)) {
      throw new TypeError("Cannot wake the scheduler: expected the time as a number");
    }
    // One that wants to be woken at once, each time, must not keep time from passing.
    if (!this.#isRetired) this.#wakeAt = Math.max(time, this.#options.now() + MIN_WAKE_DELAY);
  }

  #probe(path: PathId): void {
    if (this.#mayAsk(this.#probedAt, path)) this.#options.probe(path, this.#options.now());
  }

  #setStatus(path: PathId, status: PathStatus): void {
    if (status !== "available" && status !== "backup") {
      throw new TypeError('Cannot set the status of a path: expected "available" or "backup"');
    }
    if (this.#mayAsk(this.#statusAt, path)) this.#options.setStatus(path, status, this.#options.now());
  }

  /** Whether the path may be asked something now; then this counts as the last time. */
  #mayAsk(last: Map<PathId, number>, path: PathId): boolean {
    const { now, srttOf } = this.#options;
    const srtt = this.#isRetired ? undefined : srttOf(path);
    if (srtt === undefined) return false;
    const at = now();
    if (at - (last.get(path) ?? -Infinity) < Math.max(srtt, MIN_REQUEST_GAP)) return false;
    for (const known of last.keys()) if (srttOf(known) === undefined) last.delete(known);
    last.set(path, at);
    return true;
  }

  #mayLog(now: number): boolean {
    if (now >= this.#logPeriodEnds) {
      this.#logPeriodEnds = now + LOG_PERIOD;
      this.#logLines = 0;
    }
    return this.#logLines++ < MAX_LOG_LINES;
  }

  #log(name: string, data: Readonly<Record<string, string | number | boolean>>): void {
    const { observer, now } = this.#options;
    if (observer === undefined || this.#isRetired || !this.#mayLog(now())) return;
    const kept: Record<string, string | number | boolean> = {};
    let count = 0;
    for (const [key, value] of Object.entries(data)) {
      if (++count > MAX_LOG_VALUES) break;
      const isPlain = typeof value === "number" || typeof value === "boolean";
      kept[key.slice(0, MAX_LOG_NAME)] = isPlain ? value : `${value}`.slice(0, MAX_LOG_TEXT);
    }
    observer.on("multipath:scheduler_log", {
      scheduler: this.#options.name(),
      name: `${name}`.slice(0, MAX_LOG_NAME),
      data: kept,
    }, now());
  }
}

/** A small generator (xorshift, 32 bits), seeded with random bytes: the same seed, the same numbers. */
function seeded(random: (into: Uint8Array) => void): () => number {
  const bytes = new Uint8Array(4);
  random(bytes);
  // The state must not be 0, or it stays so.
  let state = new DataView(bytes.buffer).getUint32(0) || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}
