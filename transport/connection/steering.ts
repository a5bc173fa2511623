import { priceOf } from "../../schedulers/cost_aware.ts";
import { downloadPolicyOf, type ModeChoice } from "../../schedulers/modes.ts";
import type { Download, DownloadPolicy } from "../../schedulers/thrift.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import type { Context, Timed } from "./context.ts";
import { LiveConnectionView, refreshView, type ViewSources } from "./views.ts";

/** Between two looks at what arrives: milliseconds. */
export const LOOK_INTERVAL = 25;
/** With nothing arriving for so long, nobody looks until something does: milliseconds. */
const QUIET = 1000;

/** What {@linkcode Steering} works with. */
export interface SteeringParts extends ViewSources {
  readonly context: Context;
  readonly streams: ViewSources["streams"] & {
    /** Puts the streams on which the peer has not sent all into the map, with the bytes that came on them. */
    awaited(into: Map<number, number>): void;
  };
  /** The peer is to send elsewhere than on the path, or need not any more. */
  readonly avoid: (path: Path, isAvoided: boolean, now: number) => void;
}

/**
 * Tells a server that knows no prices, for want of the hints extension, which paths to use: by PATH_STATUS, as the mode's
 * download policy says.
 *
 * | A client whose mode has such a policy, and whose paths have several prices | then                                    |
 * |-----------------------------------------------------------------------------|-----------------------------------------|
 * | speaks hints with its server                                                 | the server knows, and judges for itself |
 * | does not                                                                     | paths that cost more are told backups   |
 */
export class Steering implements Timed {
  readonly #parts: SteeringParts;
  readonly #view: LiveConnectionView;
  readonly #awaited = new Map<number, number>();
  /** The paths that the peer was asked to avoid. */
  readonly #avoided = new Set<Path>();
  #policy: DownloadPolicy | undefined;
  #lookedAt = -Infinity;
  #nextLook = Infinity;
  #revision = -1;

  constructor(parts: SteeringParts, mode: ModeChoice) {
    this.#parts = parts;
    this.#view = new LiveConnectionView(parts);
    this.#policy = makePolicy(mode);
  }

  /** Another mode decides from now on. */
  setMode(mode: ModeChoice, now: number): void {
    this.#policy = makePolicy(mode);
    this.#lookedAt = -Infinity;
    this.#look(now);
  }

  /** Something came, or happened to paths or signals. Does nothing before it is time to look again. */
  look(now: number): void {
    if (now - this.#lookedAt < LOOK_INTERVAL && this.#parts.paths.revision === this.#revision) return;
    this.#look(now);
  }

  nextTimeout(): number {
    return this.#nextLook;
  }

  onTimeout(now: number): void {
    if (now >= this.#nextLook) this.#look(now);
  }

  #look(now: number): void {
    const { context, paths } = this.#parts;
    this.#nextLook = Infinity;
    if (context.role === "server" || !context.multipath || context.hints > 0) return;
    this.#lookedAt = now;
    this.#revision = paths.revision;
    refreshView(this.#view, now);
    const most = this.#policy !== undefined && hasPrices(paths) ? this.#ask(now) : Infinity;
    for (const path of paths.all()) this.#avoid(path, priceOf(path.properties) > most, now);
    for (const path of this.#avoided) if (path.state === "closing" || path.state === "gone") this.#avoided.delete(path);
  }

  #ask(now: number): number {
    const awaited = this.#awaited;
    const { paths } = this.#view;
    awaited.clear();
    this.#parts.streams.awaited(awaited);
    const download: Download = { now, paths, awaited, signal: (name) => this.#parts.hints.signal(name) };
    let most: number;
    try {
      most = this.#policy!(download);
      if (!(most >= 0)) throw new RangeError(`Most price is ${String(most)}, expected a number from 0`);
    } catch (error) {
      // A policy with a fault does not decide again.
      const { events, observer } = this.#parts.context;
      const said = { scheduler: "download policy", fault: error instanceof Error ? error.message : String(error) };
      this.#policy = undefined;
      events.push({ type: "scheduler_fault", ...said });
      observer?.on("multipath:scheduler_fault", said, now);
      return Infinity;
    }
    const lastDataAt = Math.max(...paths.map((path) => path.lastDataAt));
    const isBusy = awaited.size > 0 || most === Infinity;
    if (isBusy && now - lastDataAt < QUIET) this.#nextLook = now + LOOK_INTERVAL;
    return most;
  }

  #avoid(path: Path, isAvoided: boolean, now: number): void {
    if (this.#avoided.has(path) === isAvoided) return;
    if (isAvoided) this.#avoided.add(path);
    else this.#avoided.delete(path);
    this.#parts.avoid(path, isAvoided, now);
  }
}

function makePolicy(mode: ModeChoice): DownloadPolicy | undefined {
  try {
    return downloadPolicyOf(mode)?.();
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** Whether the paths differ in what they cost. */
function hasPrices(paths: PathSet): boolean {
  let first: number | undefined;
  for (const { properties } of paths.all()) {
    const price = priceOf(properties);
    first ??= price;
    if (price !== first) return true;
  }
  return false;
}
