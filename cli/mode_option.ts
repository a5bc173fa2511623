/**
 * The options `--mode`, `--scheduler` and `--max-paths`.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import {
  DEFAULT_MODE,
  type ModeChoice,
  SCHEDULER_NAMES,
  schedulerByName,
  type SchedulerFactory,
  type SchedulerHost,
} from "@multipath/quic/schedulers";
import type { Arguments } from "./arguments.ts";
import { CommandError, UsageError } from "./errors.ts";
import { nearest } from "../tests/kit/nearest.ts";
import { userPath } from "./where.ts";

/** Most paths that can be asked for. */
const MAX_PATHS = 64;

/** Lines for `--help`. */
export const MODE_HELP = `  --mode MODE         Which path gets the next packet: ${
  SCHEDULER_NAMES.join(", ")
}. Default ${DEFAULT_MODE}
  --scheduler FILE    Or a module whose default export makes a scheduler (SchedulerFactory)
  --max-paths N       Paths at once; 0: do not offer RFC 10069. Default 4`;

/** What they say, for the transport. */
export interface PathsChoice {
  readonly mode?: ModeChoice;
  readonly maxPaths?: number;
}

/** Reads them; throws `UsageError`, and `CommandError` for a file that is no scheduler. */
export async function pathsChoice(given: Arguments): Promise<PathsChoice> {
  const maxPaths = given.number("max-paths", 0, MAX_PATHS);
  if (maxPaths !== undefined && !Number.isInteger(maxPaths)) {
    throw new UsageError(`"--max-paths" is "${maxPaths}": expected a whole number`);
  }
  const [name, file] = [given.value("mode"), given.value("scheduler")];
  if (name !== undefined && file !== undefined) {
    throw new UsageError('The options "--mode" and "--scheduler" exclude each other');
  }
  if (name !== undefined) checkMode(name);
  const mode = file === undefined ? name : await loadScheduler(file);
  return { ...(mode === undefined ? {} : { mode }), ...(maxPaths === undefined ? {} : { maxPaths }) };
}

/** Throws `UsageError` for a name that is not known. */
export function checkMode(name: string): void {
  if (schedulerByName(name) !== undefined) return;
  const near = nearest(name, SCHEDULER_NAMES);
  const known = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new UsageError(`"--mode" is "${name}": expected one of ${SCHEDULER_NAMES.join(", ")}${known}`);
}

/** Loads a scheduler and tries whether it is one. Throws `CommandError`. */
export async function loadScheduler(file: string): Promise<SchedulerFactory> {
  const path = userPath(file);
  let factory: unknown;
  try {
    factory = (await import(pathToFileURL(path).href) as { default?: unknown }).default;
  } catch (error) {
    throw new CommandError(`Cannot load the scheduler "${path}": ${firstLine(error)}`);
  }
  const what = `"${path}" is no scheduler`;
  if (typeof factory !== "function") {
    throw new CommandError(`${what}: expected a default export that is a function, and it is ${kindOf(factory)}`);
  }
  const made = tryOut(factory as SchedulerFactory, what) as { name?: unknown; schedule?: unknown } | null | undefined;
  if (typeof made?.schedule !== "function" || typeof made.name !== "string") {
    throw new CommandError(`${what}: expected its function to return an object with "name" and "schedule"`);
  }
  return factory as SchedulerFactory;
}

function tryOut(factory: SchedulerFactory, what: string): unknown {
  const nothing = (): void => {};
  const host: SchedulerHost = { random: () => 0.5, wakeAt: nothing, probe: nothing, setStatus: nothing, log: nothing };
  try {
    return factory(host);
  } catch (error) {
    throw new CommandError(`${what}: its function throws: ${firstLine(error)}`);
  }
}

function kindOf(value: unknown): string {
  return value === undefined ? "missing" : value === null ? "null" : `a ${typeof value}`;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
