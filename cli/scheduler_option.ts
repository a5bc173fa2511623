/**
 * The option `--scheduler`: a file or a package that makes a scheduler.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import type { SchedulerFactory, SchedulerHost } from "@multipath/quic/schedulers";
import { CommandError } from "./errors.ts";
import { userPath } from "./where.ts";

/** A line for `--help`. */
export const SCHEDULER_HELP =
  `  --scheduler MODULE  Or a module that makes a scheduler (SchedulerFactory): a file, or the name of a package ("jsr:@scope/name",
                      "npm:name", or what the import map of the program calls it). Its default export, or with #NAME that one`;

/** Where a scheduler comes from. */
export interface SchedulerSource {
  /** What can be imported: an absolute URL, or the name of a package. */
  readonly specifier: string;
  /** What people know it by: an absolute path, or the name of a package. */
  readonly title: string;
  /** Which of its exports. */
  readonly name: string | undefined;
}

/** Scripts, as files: what has such an end and is not there is a file that is missing, no package. */
const FILE = /\.(?:[cm]?[jt]sx?|json)$/;
/** What packages are called: `jsr:…`, `npm:…`, `https:…`. A letter alone is a drive. */
const SCHEME = /^[a-z][a-z\d+.-]+:/i;
/** What may follow the last "#". */
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Takes the option apart: what is there as a file, or looks like one, is one. */
export function schedulerSource(text: string): SchedulerSource {
  const at = text.lastIndexOf("#");
  const tail = at < 0 ? "" : text.slice(at + 1);
  const named = NAME.test(tail) && !isFile(userPath(text));
  const [module, name] = named ? [text.slice(0, at), tail] : [text, undefined];
  const path = userPath(module);
  const isPath = /^[./\\]/.test(module) || (!SCHEME.test(module) && (FILE.test(module) || isFile(path)));
  return isPath
    ? { specifier: pathToFileURL(path).href, title: path, name }
    : { specifier: module, title: module, name };
}

/** Loads a scheduler and tries whether it is one. Throws `CommandError`. */
export async function loadScheduler(text: string): Promise<SchedulerFactory> {
  const source = schedulerSource(text);
  const { title, name } = source;
  const what = name === undefined ? `"${title}" is no scheduler` : `"${name}" of "${title}" is no scheduler`;
  const factory = factoryOf(await load(source), name, what);
  const made = tryOut(factory, what) as { name?: unknown; schedule?: unknown } | null | undefined;
  if (typeof made?.schedule !== "function" || typeof made.name !== "string") {
    throw new CommandError(`${what}: expected its function to return an object with "name" and "schedule"`);
  }
  return factory;
}

async function load({ specifier, title }: SchedulerSource): Promise<Record<string, unknown>> {
  try {
    return await import(specifier) as Record<string, unknown>;
  } catch (error) {
    throw new CommandError(`Cannot load the scheduler "${title}": ${reasonOf(error, specifier)}`);
  }
}

/** Why a module cannot be loaded, in one line. */
function reasonOf(error: unknown, specifier: string): string {
  const said = firstLine(error);
  const isMissing = /not found|not a dependency|cannot find/i.test(said) && /"([^"]*)"/.exec(said)?.[1] === specifier;
  // What it imports may be missing too: then that is what to tell.
  if (isMissing && specifier.startsWith("file:")) return "there is no such file";
  if (isMissing && !SCHEME.test(specifier)) return "there is no such file, and the import map has no such name";
  const wanted = /Requires (\w+) access to (\S+?),? (?:specify|run again)/.exec(said);
  if (wanted !== null) {
    return `that needs ${wanted[1]} access to ${wanted[2]}, which was not given (--allow-${wanted[1]})`;
  }
  return said;
}

function factoryOf(module: Record<string, unknown>, name: string | undefined, what: string): SchedulerFactory {
  const found = module[name ?? "default"];
  if (typeof found === "function") return found as SchedulerFactory;
  const functions = Object.keys(module).filter((each) => typeof module[each] === "function");
  const others = functions.length === 0 ? "" : `; it has ${functions.map((each) => `#${each}`).join(", ")}`;
  const wanted = name === undefined ? "a default export that is a function" : "an export that is a function";
  throw new CommandError(`${what}: expected ${wanted}, and it is ${kindOf(found)}${others}`);
}

function tryOut(factory: SchedulerFactory, what: string): unknown {
  const nothing = (): void => {};
  const host: SchedulerHost = { random: () => 0.5, wakeAt: nothing, probe: nothing, setStatus: nothing, log: nothing };
  if (/^class\b/.test(Function.prototype.toString.call(factory))) {
    throw new CommandError(
      `${what}: it is a class: expected a function that returns an object with "name" and "schedule"`,
    );
  }
  try {
    return factory(host);
  } catch (error) {
    throw new CommandError(`${what}: its function throws: ${firstLine(error)}`);
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  return value === null ? "null" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[\d;]*m/g, "").split("\n")[0]!;
}
