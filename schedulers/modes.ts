/**
 * Modes and schedulers by name.
 *
 * @module
 */
import { aggregation } from "./aggregation.ts";
import { blest } from "./blest.ts";
import { costAware } from "./cost_aware.ts";
import { ecf } from "./ecf.ts";
import { handover } from "./handover.ts";
import { interactive } from "./interactive.ts";
import { loadBalance } from "./load_balance.ts";
import { minRtt } from "./min_rtt.ts";
import { allPaths, type Mode, oneAndSpares } from "./mode.ts";
import { priority } from "./priority.ts";
import { redundant } from "./redundant.ts";
import { roundRobin } from "./round_robin.ts";
import type { SchedulerFactory } from "./scheduler.ts";
import { type DownloadPolicyFactory, thrifty } from "./thrift.ts";
import { weighted } from "./weighted.ts";

/** What an application can set as mode: a name, a bare scheduler, or a mode. */
export type ModeChoice = string | SchedulerFactory | Mode;

/**
 * The four modes.
 *
 * | mode          | who decides                 | which paths                                                            |
 * |---------------|-----------------------------|------------------------------------------------------------------------|
 * | `interactive` | {@linkcode interactive}     | all                                                                    |
 * | `handover`    | {@linkcode handover}        | all; those that are not the first choice as backups                    |
 * | `aggregation` | {@linkcode aggregation}     | all; costly ones as backups while a server that knows no prices can do |
 * |               |                             | without ({@linkcode thrifty})                                          |
 * | `redundant`   | {@linkcode redundant}       | all                                                                    |
 */
export const modes: {
  /** Least latency: each packet goes where it arrives first; a path that fades is left within two round trips. */
  readonly interactive: Mode;
  /** One path at a time, and a spare that takes over at once. */
  readonly handover: Mode;
  /** All capacity; paths that cost something only when the others are too slow. */
  readonly aggregation: Mode;
  /** Every packet on every path. */
  readonly redundant: Mode;
} = Object.freeze({
  interactive: Object.freeze({ name: "interactive", scheduler: interactive, paths: allPaths() }),
  handover: Object.freeze({ name: "handover", scheduler: handover, paths: oneAndSpares() }),
  aggregation: Object.freeze({ name: "aggregation", scheduler: aggregation, paths: allPaths(), download: thrifty() }),
  redundant: Object.freeze({ name: "redundant", scheduler: redundant, paths: allPaths() }),
});

const SCHEDULERS: ReadonlyMap<string, SchedulerFactory> = new Map<string, SchedulerFactory>([
  ...Object.values(modes).map(({ name, scheduler }): [string, SchedulerFactory] => [name, scheduler]),
  ["min-rtt", minRtt],
  ["round-robin", roundRobin],
  ["ecf", ecf],
  ["blest", blest],
  ["cost-aware", costAware()],
  ["priority", priority()],
  ["weighted", weighted()],
  ["load-balance", loadBalance()],
]);

/** The names that {@linkcode schedulerByName} knows. */
export const SCHEDULER_NAMES: readonly string[] = Object.freeze([...SCHEDULERS.keys()]);

/** The mode of those who choose none. */
export const DEFAULT_MODE = "aggregation";

/** The scheduler of that name; `undefined` when there is none. */
export function schedulerByName(name: string): SchedulerFactory | undefined {
  return SCHEDULERS.get(name);
}

/**
 * The scheduler that a mode uses.
 *
 * @throws {RangeError} for a name that is not known.
 * @throws {TypeError} for what is neither a name, a function nor a mode.
 */
export function schedulerOf(mode: ModeChoice): SchedulerFactory {
  if (typeof mode === "function") return mode;
  if (typeof mode === "string") {
    const factory = schedulerByName(mode);
    if (factory !== undefined) return factory;
    throw new RangeError(`Mode is "${mode}": expected one of ${SCHEDULER_NAMES.join(", ")}`);
  }
  if (typeof mode === "object" && mode !== null && typeof mode.scheduler === "function") return mode.scheduler;
  throw new TypeError("Mode is of no known kind: expected a name, a function that makes a scheduler, or a mode");
}

/** What a mode says of paths that cost something to a server that knows nothing of it; `undefined`: nothing. */
export function downloadPolicyOf(mode: ModeChoice): DownloadPolicyFactory | undefined {
  if (typeof mode === "function") return undefined;
  if (typeof mode !== "string") return mode.download;
  // Whoever names the scheduler alone wants no more spent than those who name the mode.
  return mode === "aggregation" || mode === "cost-aware" ? modes.aggregation.download : undefined;
}
