/**
 * What `--compare` runs in place of a file, and which of several outcomes is the better one.
 *
 * @module
 */
import { basename } from "node:path";
import { DEFAULT_MODE, SCHEDULER_NAMES } from "@multipath/quic/schedulers";
import {
  aloneOver,
  type Load,
  type Scenario,
  type ScenarioResult,
  type ScenarioSide,
} from "../tests/kit/scenario/mod.ts";
import type { Schedulers, SimFile } from "./sim_files.ts";

/** One way of running a file. */
export interface Variant {
  /** What it is called in a comparison. */
  readonly name: string;
  readonly scenario: Scenario;
  readonly schedulers: Schedulers;
}

/** A row for each built-in mode, one for the scheduler of the file or the command line, and one for each link alone. */
export function variantsOf({ scenario, schedulers }: SimFile): Variant[] {
  const withMode = (from: Scenario, mode: string): Scenario => ({
    ...from,
    client: { ...from.client, mode, scheduler: undefined },
    server: { ...from.server, mode, scheduler: undefined },
  });
  const modes = SCHEDULER_NAMES.map((name) => ({ name, scenario: withMode(scenario, name), schedulers: {} }));
  const hasOwn = schedulers.client !== undefined || schedulers.server !== undefined;
  const own = hasOwn ? [{ name: modesOf(nameOf(scenario.client), nameOf(scenario.server)), scenario, schedulers }] : [];
  const alone = scenario.links.map(({ label }, i) => {
    return { name: `${label} alone`, scenario: aloneOver(withMode(scenario, DEFAULT_MODE), i), schedulers: {} };
  });
  return [...modes, ...own, ...alone];
}

/** A scheduler goes by its file's name, without what follows the last dot. */
function nameOf({ mode, scheduler }: ScenarioSide): string {
  return scheduler === undefined ? mode : basename(scheduler).replace(/\.[^.]+$/, "");
}

/** The modes of both ends in one word where they are the same. */
export function modesOf(client: string, server: string): string {
  return client === server ? client : `${client} / ${server}`;
}

/** By what outcomes of a load are compared. */
export interface Yardstick {
  /** What it is, for people. */
  readonly name: string;
  /** The less the better. */
  measure(result: ScenarioResult): number;
}

const YARDSTICKS: Readonly<Record<Exclude<Load["kind"], "mixed">, Yardstick>> = {
  requests: { name: "time", measure: (result) => result.completedMs },
  bulk: { name: "time", measure: (result) => result.completedMs },
  stream: { name: "goodput", measure: (result) => -result.goodputMbps },
  periodic: { name: "99th percentile of latency", measure: (result) => result.latencyMs.p99 },
  datagrams: { name: "datagrams lost", measure: ({ datagrams }) => datagrams.sent - datagrams.received },
  video: { name: "time stalled, then of the start", measure: ({ video }) => video.stallMs * 1e6 + video.startMs },
};

/** The yardstick for a load; of several, for the first. */
export function yardstickOf(load: Load): Yardstick {
  let first = load;
  while (first.kind === "mixed") first = first.parts[0] as Load;
  return YARDSTICKS[first.kind];
}

/** Below 0 when the first outcome is better: what completed before what did not, then by the yardstick, then by time. */
export function compareOutcomes(yardstick: Yardstick, a: ScenarioResult, b: ScenarioResult): number {
  if (a.completed !== b.completed) return a.completed ? -1 : 1;
  return yardstick.measure(a) - yardstick.measure(b) || a.completedMs - b.completedMs;
}

/** The worst of several runs. */
export function worstOf(yardstick: Yardstick, results: readonly ScenarioResult[]): ScenarioResult {
  return results.reduce((worst, result) => compareOutcomes(yardstick, worst, result) < 0 ? result : worst);
}

/** Below 0 when the first group of runs is better: more that completed, then the better mean, then the better worst. */
export function compareGroups(
  yardstick: Yardstick,
  a: readonly ScenarioResult[],
  b: readonly ScenarioResult[],
): number {
  const failed = (group: readonly ScenarioResult[]): number => group.filter(({ completed }) => !completed).length;
  const total = (group: readonly ScenarioResult[]): number =>
    group.reduce((sum, result) => sum + (result.completed ? yardstick.measure(result) : 0), 0) /
    Math.max(1, group.length - failed(group));
  return failed(a) / a.length - failed(b) / b.length || total(a) - total(b) ||
    compareOutcomes(yardstick, worstOf(yardstick, a), worstOf(yardstick, b));
}
