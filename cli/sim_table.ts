/**
 * Results of `mpquic sim` for people: a row for each run, and only the columns that say something.
 *
 * @module
 */
import type { PathResult, ScenarioResult } from "../tests/kit/scenario/mod.ts";
import { formatTable } from "./format.ts";
import { modesOf, worstOf, type Yardstick } from "./sim_compare.ts";

/** A line of the table. */
export interface SimRow {
  /** What it is about: the scenario, or the way it was run. */
  readonly name: string;
  readonly result: ScenarioResult;
  /** In place of the seed. */
  readonly seed?: string;
}

interface Column {
  readonly title: string;
  cell(row: SimRow): string;
  /** Whether it is shown at all. */
  isWanted(results: readonly ScenarioResult[]): boolean;
}

function column(title: string, cell: Column["cell"], wanted?: (result: ScenarioResult) => boolean): Column {
  return { title, cell, isWanted: (results) => wanted === undefined || results.some(wanted) };
}

const hasLatency = ({ latencyMs }: ScenarioResult): boolean => latencyMs.count > 0;
const hasVideo = ({ video }: ScenarioResult): boolean => video.startMs > 0;

const COLUMNS: readonly Column[] = [
  column("seed", ({ seed, result }) => seed ?? String(result.seed)),
  column("modes", ({ result }) => modesOf(result.client, result.server)),
  column("ms", ({ result }) => result.completed ? result.completedMs.toFixed(1) : "failed"),
  column("Mbit/s", ({ result }) => result.goodputMbps.toFixed(2)),
  column("p50 ms", ({ result }) => latency(result, result.latencyMs.p50), hasLatency),
  column("p99 ms", ({ result }) => latency(result, result.latencyMs.p99), hasLatency),
  column("late", ({ result }) => latency(result, result.latencyMs.late, 0), ({ latencyMs }) => latencyMs.late > 0),
  column("start ms", ({ result }) => hasVideo(result) ? result.video.startMs.toFixed(0) : "-", hasVideo),
  column("stalls", ({ result }) => hasVideo(result) ? stalls(result) : "-", hasVideo),
  column("datagrams", ({ result }) => arrived(result), ({ datagrams }) => datagrams.sent > 0),
  column("repeated", ({ result }) => percent(result.repeatedShare), ({ repeatedShare }) => repeatedShare > 0),
  column("bytes by path", ({ result }) => shares(result.paths), ({ paths }) => paths.length > 1),
  column("wall ms", ({ result }) => result.wallMs.toFixed(0)),
];

function latency({ latencyMs }: ScenarioResult, value: number, digits = 1): string {
  return latencyMs.count > 0 ? value.toFixed(digits) : "-";
}

function stalls({ video }: ScenarioResult): string {
  return video.stalls === 0 ? "0" : `${video.stalls} (${video.stallMs.toFixed(0)} ms)`;
}

function arrived({ datagrams }: ScenarioResult): string {
  return datagrams.sent > 0 ? `${datagrams.received}/${datagrams.sent}` : "-";
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** How the bytes sent are spread over links; a link that had several paths counts once. */
function shares(paths: readonly PathResult[]): string {
  const byLabel = new Map<string, number>();
  for (const { label, up, down } of paths) byLabel.set(label, (byLabel.get(label) ?? 0) + up.bytes + down.bytes);
  const total = Math.max(1, [...byLabel.values()].reduce((a, b) => a + b, 0));
  return [...byLabel].map(([label, bytes]) => `${label} ${(100 * bytes / total).toFixed(0)} %`).join(", ");
}

/** The table. `heading`: what the names are; `modes`: whether to show them, for rows that do not go by them. */
export function simTable(rows: readonly SimRow[], heading: string, modes: boolean): string {
  const results = rows.map(({ result }) => result);
  const columns = COLUMNS.filter(({ title, isWanted }) => (modes || title !== "modes") && isWanted(results));
  const table = rows.map((row) => [row.name, ...columns.map(({ cell }) => cell(row))]);
  const failed = rows.filter(({ result }) => result.error !== null);
  const reasons = failed.map(({ name, result }) => `${name}, seed ${result.seed}: ${result.error}`);
  const lines = [formatTable([[heading, ...columns.map(({ title }) => title)], ...table])];
  if (reasons.length > 0) lines.push("", ...new Set(reasons));
  return lines.join("\n");
}

/** The rows of several runs of one thing: the mean of those that completed, and the worst. One run is its own row. */
export function rowsOf(name: string, yardstick: Yardstick, results: readonly ScenarioResult[]): SimRow[] {
  const [only] = results;
  if (only === undefined) return [];
  if (results.length === 1) return [{ name, result: only }];
  const done = results.filter(({ completed }) => completed);
  const worst = worstOf(yardstick, results);
  const mean = meanOf(done.length > 0 ? done : results) as ScenarioResult;
  const seed = done.length === results.length
    ? `mean of ${results.length}`
    : `mean of ${done.length}/${results.length}`;
  return [{ name, result: { ...mean, error: null }, seed }, { name, result: worst, seed: `worst: ${worst.seed}` }];
}

/** Means of all numbers; of lists and all else, what the first has, but the paths of all, for their shares are of the sums. */
function meanOf(values: readonly unknown[]): unknown {
  const [first] = values;
  if (typeof first === "number") return (values as number[]).reduce((a, b) => a + b, 0) / values.length;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return first;
  const all = values as Record<string, unknown>[];
  return Object.fromEntries(
    Object.keys(first).map((key) => {
      return [key, key === "paths" ? all.flatMap((value) => value[key]) : meanOf(all.map((value) => value[key]))];
    }),
  );
}
