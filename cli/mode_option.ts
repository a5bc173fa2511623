/**
 * The options `--mode`, `--scheduler`, `--max-paths` and `--no-hints`.
 *
 * @module
 */
import { DEFAULT_MODE, type ModeChoice, modes, SCHEDULER_NAMES, schedulerByName } from "@multipath/quic/schedulers";
import type { Arguments } from "./arguments.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "../tests/kit/nearest.ts";
import { loadScheduler, SCHEDULER_HELP } from "./scheduler_option.ts";

/** Most paths that can be asked for. */
const MAX_PATHS = 64;

const SCHEDULERS_ALONE = SCHEDULER_NAMES.filter((name) => !Object.hasOwn(modes, name));

/** Lines for `--help`: the names that there are. */
export const MODE_NAMES_HELP = `                      ${Object.keys(modes).join(", ")};
                      schedulers without a policy for paths: ${SCHEDULERS_ALONE.slice(0, 4).join(", ")},
                      ${SCHEDULERS_ALONE.slice(4).join(", ")}`;

/** Lines for `--help`. */
export const MODE_HELP = `  --mode MODE         Which path gets the next packet. Default ${DEFAULT_MODE}
${MODE_NAMES_HELP}
${SCHEDULER_HELP}
  --max-paths N       Paths at once; 0: do not offer RFC 10069. Default 4
  --no-hints          Do not offer the hints extension: all that the other end learns of paths is whether they are backups`;

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
