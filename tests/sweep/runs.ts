/**
 * The runs of a sweep, and the file of those that are finished.
 *
 * @module
 */
import { type PathDesign, pathKey, type Topology } from "./design.ts";

/** What all runs of a sweep have in common; runs of another kind must not be mixed with them. */
export interface SweepKind {
  readonly bytes: number;
  readonly mode: string;
}

/** One run: over one path, or over two of which the first is the one that the handshake runs over. */
export interface Job extends SweepKind {
  /** What it is found by: its paths. */
  readonly key: string;
  readonly paths: readonly PathDesign[];
}

/** What a run gave. */
export interface Outcome {
  readonly key: string;
  /** When the last byte was there, virtual milliseconds from the first datagram; `null`: the run did not complete. */
  readonly ms: number | null;
  /** Why not. */
  readonly error: string | null;
}

/** A way to run a topology. */
export interface Case {
  /** Over both paths. */
  readonly together: Job;
  /** Over each alone, the starting path first. */
  readonly alone: readonly [Job, Job];
}

/** Each topology from either path; paths that are alike are run from one only. */
export function casesOf(topologies: readonly Topology[], kind: SweepKind): Case[] {
  return topologies.flatMap(([first, second]) => {
    const from = (a: PathDesign, b: PathDesign): Case => ({
      together: jobOf([a, b], kind),
      alone: [jobOf([a], kind), jobOf([b], kind)],
    });
    const one = from(first, second);
    return pathKey(first) === pathKey(second) ? [one] : [one, from(second, first)];
  });
}

function jobOf(paths: readonly PathDesign[], kind: SweepKind): Job {
  return { ...kind, key: paths.map(pathKey).join(" "), paths };
}

/** All runs that the cases need, each once: a path alone serves both starting paths. */
export function jobsOf(cases: readonly Case[]): Job[] {
  const jobs = cases.flatMap(({ together, alone }) => [together, ...alone]);
  return [...new Map(jobs.map((job) => [job.key, job])).values()];
}

/** The first line of a file of finished runs. */
export function formatHead({ bytes, mode }: SweepKind): string {
  return `${JSON.stringify({ bytes, mode })}\n`;
}

/** The line of a finished run. */
export function formatOutcome({ key, ms, error }: Outcome): string {
  return `${JSON.stringify({ key, ms, error })}\n`;
}

/**
 * Reads a file of finished runs; a last line that was cut short by an interruption does not count. Throws `TypeError` when the
 * file is none of these, or of runs of another kind.
 */
export function parseOutcomes(text: string, file: string, kind: SweepKind): Outcome[] {
  const lines = text.split("\n").slice(0, -1);
  const head = lines.shift();
  if (head === undefined) return [];
  const { bytes, mode } = read(head, file, 1) as Partial<SweepKind>;
  if (bytes !== kind.bytes || mode !== kind.mode) {
    const expected = `runs of ${kind.bytes} bytes in mode ${kind.mode}`;
    throw new TypeError(`${file}: has runs of ${bytes} bytes in mode ${mode}: expected ${expected}`);
  }
  return lines.map((line, i) => {
    const { key, ms, error } = read(line, file, i + 2) as Partial<Outcome>;
    const isTime = ms === null || (typeof ms === "number" && ms > 0);
    if (typeof key === "string" && isTime && (error === null || typeof error === "string")) return { key, ms, error };
    throw notAsWritten(file, i + 2);
  });
}

function read(line: string, file: string, at: number): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw notAsWritten(file, at);
  }
  if (typeof value !== "object" || value === null) throw notAsWritten(file, at);
  return value;
}

function notAsWritten(file: string, line: number): TypeError {
  return new TypeError(`${file}: line ${line} is no finished run: expected a file that a sweep wrote`);
}
