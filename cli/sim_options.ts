/**
 * The options of `mpquic sim`.
 *
 * @module
 */
import type { SchedulerFactory } from "@multipath/quic/schedulers";
import { controllerNames, type NumberSpaces, numberSpacesNames } from "../tests/kit/scenario/mod.ts";
import type { Arguments, ArgumentSpec } from "./arguments.ts";
import { CommandError, UsageError } from "./errors.ts";
import { PICTURE_ENDS, type PictureEnd } from "./picture/ends.ts";
import { checkMode } from "./mode_option.ts";
import { loadScheduler, schedulerSource } from "./scheduler_option.ts";
import { nearest } from "../tests/kit/nearest.ts";
import { userPath } from "./where.ts";

/** Most runs of one file. */
const MAX_SEEDS = 100_000;

/** What a person would take for a picture of another kind. */
const OTHER_PICTURE = /\.(?:png|jpe?g|gif|webp|pdf)$/i;

/** What the command takes. */
export const SIM_ARGUMENTS: ArgumentSpec = {
  flags: ["json", "compare"],
  values: ["mode", "scheduler", "congestion", "number-spaces", "seed", "seeds", "qlog", "picture", "picture-end"],
  rest: "FILE",
};

/** A scheduler from a file or a package. */
export interface LoadedScheduler {
  /** Absolute path, or the package's name. */
  readonly path: string;
  readonly factory: SchedulerFactory;
}

/** What was asked for. */
export interface SimOptions {
  /** Absolute paths beside what was typed. */
  readonly files: readonly { readonly typed: string; readonly path: string }[];
  readonly json: boolean;
  readonly compare: boolean;
  readonly mode: string | undefined;
  readonly scheduler: LoadedScheduler | undefined;
  readonly congestion: string | undefined;
  readonly numberSpaces: NumberSpaces | undefined;
  readonly seed: number | undefined;
  readonly seeds: number;
  readonly qlog: string | undefined;
  readonly picture: PictureOption | undefined;
}

/** What picture is wanted. */
export interface PictureOption {
  /** As typed. */
  readonly file: string;
  /** Whose view; by default that of the end which sends most. */
  readonly end: PictureEnd | undefined;
}

/** Reads them; throws `UsageError`. */
export async function simOptions(given: Arguments): Promise<SimOptions> {
  const mode = given.value("mode");
  const file = given.value("scheduler");
  if (mode !== undefined && file !== undefined) throw exclusive("--mode", "--scheduler");
  if (mode !== undefined && given.has("compare")) throw exclusive("--mode", "--compare");
  if (mode !== undefined) checkMode(mode);
  const congestion = oneOf(given, "congestion", controllerNames());
  const numberSpaces = oneOf(given, "number-spaces", numberSpacesNames());
  return {
    files: given.positional.map((typed) => ({ typed, path: userPath(typed) })),
    json: given.has("json"),
    compare: given.has("compare"),
    mode,
    congestion,
    numberSpaces,
    seed: whole(given, "seed", 0, Number.MAX_SAFE_INTEGER),
    seeds: whole(given, "seeds", 1, MAX_SEEDS) ?? 1,
    qlog: given.value("qlog"),
    picture: pictureOption(given),
    scheduler: file === undefined ? undefined : await load(file),
  };
}

/** Nothing was tried yet: a module that is no scheduler is wrong usage here. */
async function load(file: string): Promise<LoadedScheduler> {
  try {
    return { path: schedulerSource(file).title, factory: await loadScheduler(file) };
  } catch (error) {
    throw error instanceof CommandError ? new UsageError(error.message) : error;
  }
}

/** A picture shows one run. */
function pictureOption(given: Arguments): PictureOption | undefined {
  const file = given.value("picture");
  const end = oneOf(given, "picture-end", PICTURE_ENDS);
  if (file === undefined) {
    if (end !== undefined) throw new UsageError('"--picture-end" is given without "--picture": expected both');
    return undefined;
  }
  if (OTHER_PICTURE.test(file)) {
    throw new UsageError(`"--picture" is "${file}": expected a name that ends in .svg, for that is what is drawn`);
  }
  if (given.has("compare")) throw exclusive("--picture", "--compare");
  const runs = given.positional.length * (whole(given, "seeds", 1, MAX_SEEDS) ?? 1);
  if (runs > 1) throw new UsageError(`"--picture" is given for ${runs} runs: expected one FILE and one seed`);
  return { file, end };
}

function exclusive(one: string, other: string): UsageError {
  return new UsageError(`The options "${one}" and "${other}" exclude each other`);
}

function oneOf<T extends string>(given: Arguments, name: string, words: readonly T[]): T | undefined {
  const typed = given.value(name);
  if (typed === undefined) return undefined;
  const word = words.find((each) => each === typed);
  if (word !== undefined) return word;
  const near = nearest(typed, words);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new UsageError(`"--${name}" is "${typed}": expected one of ${words.join(", ")}${hint}`);
}

function whole(given: Arguments, name: string, least: number, most: number): number | undefined {
  const number = given.number(name, least, most);
  if (number === undefined || Number.isInteger(number)) return number;
  throw new UsageError(`"--${name}" is "${given.value(name)}": expected a whole number from ${least} to ${most}`);
}
