import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "./errors.ts";
import { nearest } from "../tests/kit/nearest.ts";

/** What a command takes. Names are without dashes. */
export interface ArgumentSpec {
  /** Options without a value. `help` is always one. */
  readonly flags?: readonly string[];
  /** Options with one value. */
  readonly values?: readonly string[];
  /** Options with a value that may be given more than once. */
  readonly lists?: readonly string[];
  /** One-letter names of options. */
  readonly short?: Readonly<Record<string, string>>;
  /** What stands without dashes, in order, by the name in error messages; all are required. */
  readonly positional?: readonly string[];
  /** What may stand after those, any number of times but at least once, by the name in error messages. */
  readonly rest?: string;
}

/** What was given. */
export interface Arguments {
  /** Whether a flag was given. */
  has(name: string): boolean;
  /** The value of an option. */
  value(name: string): string | undefined;
  /** The values of an option, in order. */
  list(name: string): readonly string[];
  /** As `value`; throws `UsageError` when the option was not given. */
  required(name: string): string;
  /** As `value`, as a number between two bounds; throws `UsageError`. */
  number(name: string, least: number, most: number): number | undefined;
  readonly positional: readonly string[];
}

/** Reads a command line; throws `UsageError` that names what is wrong with it. */
export function readArguments(args: readonly string[], spec: ArgumentSpec): Arguments {
  const flags = [...(spec.flags ?? []), "help"];
  const valued = [...(spec.values ?? []), ...(spec.lists ?? [])];
  const short: Record<string, string> = { h: "help", ...spec.short };
  refuseFlagValues(args, flags, short);
  const parsed = parseArgs(joinNegatives(args, valued, short), {
    boolean: flags,
    string: [...valued, "_"],
    collect: valued,
    alias: short,
    unknown: (arg: string, key?: string) => {
      if (key === undefined || !arg.startsWith("-")) return true;
      throw unknownOption(arg.split("=")[0]!, [...flags, ...valued]);
    },
  }) as Record<string, unknown>;
  const values = new Map<string, string[]>(valued.map((name) => [name, listOf(parsed[name])]));
  if (parsed["help"] !== true) {
    checkValues(values, spec);
    checkPositional(listOf(parsed["_"]), spec.positional ?? [], spec.rest);
  }
  return view(parsed, values);
}

function view(parsed: Record<string, unknown>, values: ReadonlyMap<string, string[]>): Arguments {
  function required(name: string): string {
    const value = values.get(name)?.[0];
    if (value === undefined) throw new UsageError(`The option "--${name}" is missing`);
    return value;
  }
  return {
    has: (name) => parsed[name] === true,
    value: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
    required,
    number(name, least, most) {
      const value = values.get(name)?.[0];
      if (value === undefined) return undefined;
      const number = Number(value);
      if (value.trim() !== "" && number >= least && number <= most) return number;
      throw new UsageError(`"--${name}" is "${value}": expected a number from ${least} to ${most}`);
    },
    positional: listOf(parsed["_"]),
  };
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
}

function checkValues(values: ReadonlyMap<string, string[]>, spec: ArgumentSpec): void {
  for (const [name, given] of values) {
    if (given.includes("")) throw new UsageError(`The option "--${name}" needs a value`);
    if (given.length > 1 && !spec.lists?.includes(name)) {
      throw new UsageError(`The option "--${name}" was given ${given.length} times, once is enough`);
    }
  }
}

function checkPositional(given: readonly string[], names: readonly string[], rest: string | undefined): void {
  const all = rest === undefined ? names : [...names, rest];
  if (given.length < all.length) throw new UsageError(`The argument ${all[given.length]} is missing`);
  if (given.length > all.length && rest === undefined) {
    throw new UsageError(`The argument "${given[names.length]}" is one too many`);
  }
}

/** The parser takes `--json=maybe` for `--json`; a person who writes that means something else. */
function refuseFlagValues(args: readonly string[], flags: readonly string[], short: Record<string, string>): void {
  for (const arg of args) {
    if (arg === "--") return;
    const found = /^--?([^=]+)=/.exec(arg)?.[1];
    if (found === undefined) continue;
    const name = short[found] ?? found;
    if (flags.includes(name)) throw new UsageError(`The option "--${name}" takes no value`);
  }
}

/** The parser takes a number below zero for an option of that name, and not for the value of the option before it. */
function joinNegatives(args: readonly string[], valued: readonly string[], short: Record<string, string>): string[] {
  const end = args.indexOf("--");
  const joined: string[] = [];
  args.forEach((arg, i) => {
    const before = joined.at(-1) ?? "";
    const name = /^--?([^-=][^=]*)$/.exec(before)?.[1] ?? "";
    const isValue = (end < 0 || i < end) && /^-\.?\d/.test(arg) && valued.includes(short[name] ?? name);
    if (isValue) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  });
  return joined;
}

function unknownOption(option: string, names: readonly string[]): UsageError {
  const near = nearest(option.replace(/^-+/, ""), names);
  return new UsageError(`Unknown option "${option}"${near === undefined ? "" : `; did you mean "--${near}"?`}`);
}
