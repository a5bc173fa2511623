/**
 * The option `--path` as people type it.
 *
 * @module
 */
import { isIP } from "node:net";
import type { QuicPathOptions } from "../mod.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "../tests/kit/nearest.ts";
import { parseBytes } from "./format.ts";
import { formatHostPort, parseHostPort } from "./where.ts";

/** What it expects, for messages. */
const SHAPE = "LOCAL[,remote=HOST:PORT][,label=NAME][,cost=NUMBER][,metered][,budget=BYTES][,backup]";
const NAMES = ["remote", "label", "cost", "metered", "budget", "backup"];

/** A path of the command line: always from an address. */
export interface PathSpec extends QuicPathOptions {
  readonly local: string;
}

/** Reads all `--path` of a command line: `undefined` without any. Throws `UsageError` naming what is wrong. */
export function parsePaths(texts: readonly string[]): readonly PathSpec[] | "auto" | undefined {
  if (texts.length === 0) return undefined;
  if (!texts.includes("auto")) return unlike(texts, texts.map(parsePath));
  if (texts.length > 1) throw new UsageError('"--path auto" takes every address: expected no other --path');
  return "auto";
}

/** Two paths between the same ends would be one: whoever says that meant something else. Throws `UsageError`. */
function unlike(texts: readonly string[], paths: readonly PathSpec[]): readonly PathSpec[] {
  const seen = new Map<string, string>();
  paths.forEach(({ local, remote }, i) => {
    const port = isIP(local) === 0 ? parseHostPort(local, '"--path"').port : 0;
    const ends = JSON.stringify([localHost(local), port, remote]);
    const before = seen.get(ends);
    if (before !== undefined) {
      const both = before === texts[i] ? `"${before}" is given twice` : `"${before}" and "${texts[i]}" are one path`;
      throw new UsageError(`--path ${both}: expected another address, port or remote`);
    }
    seen.set(ends, texts[i]!);
  });
  return paths;
}

/** Reads one; throws `UsageError`. */
export function parsePath(text: string): PathSpec {
  const [local = "", ...rest] = text.split(",");
  const found: { -readonly [K in keyof PathSpec]: PathSpec[K] } = { local: parseLocal(local, text) };
  const seen = new Set<string>();
  for (const part of rest) {
    const at = part.indexOf("=");
    const name = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? undefined : part.slice(at + 1);
    if (seen.has(name)) throw wrong(text, `has "${name}" twice`);
    seen.add(name);
    if (name === "metered" || name === "backup") {
      if (value !== undefined) throw wrong(text, `gives "${name}" a value`);
      if (name === "metered") found.metered = true;
      else found.status = "backup";
    } else if (name === "remote") found.remote = parseRemote(needed(value, name, text), text);
    else if (name === "label") found.label = needed(value, name, text);
    else if (name === "cost") found.cost = parseCost(needed(value, name, text), text);
    else if (name === "budget") found.budgetBytes = parseBudget(needed(value, name, text), text);
    else throw unknownPart(name, text);
  }
  return found;
}

/** The host of a path's `local`, as the system writes it. */
export function localHost(local: string): string {
  const host = isIP(local) === 0 ? parseHostPort(local, '"--path"').hostname : local;
  return isIP(host) === 6 && !host.includes("%") ? new URL(`http://[${host}]/`).hostname.slice(1, -1) : host;
}

function parseLocal(local: string, text: string): string {
  const match = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(local);
  const hostname = match?.[1] ?? match?.[2] ?? local;
  const port = Number(match?.[3] ?? 0);
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  if (isIP(hostname) === 0 || isAny || port > 65_535) {
    throw not(text, `begins with "${local}"`, "an IP address of this machine, with a port or without");
  }
  return port === 0 ? hostname : formatHostPort({ hostname, port });
}

function parseRemote(value: string, text: string): { hostname: string; port: number } {
  const remote = parseHostPort(value, `The remote of --path "${text}"`);
  if (remote.port === 0) throw not(text, 'has port 0 in "remote"', "1 to 65535");
  return remote;
}

function parseCost(value: string, text: string): number {
  const cost = Number(value);
  if (value.trim() !== "" && cost >= 0 && cost < Infinity) return cost;
  throw not(text, `has the cost "${value}"`, "a number from 0");
}

function parseBudget(value: string, text: string): number {
  const bytes = parseBytes(value);
  if (bytes !== undefined) return bytes;
  throw not(text, `has the budget "${value}"`, "bytes such as 500000, 500kB or 1.5GB");
}

function needed(value: string | undefined, name: string, text: string): string {
  if (value === undefined || value === "") throw wrong(text, `gives "${name}" no value`);
  return value;
}

function unknownPart(name: string, text: string): UsageError {
  const near = nearest(name, NAMES);
  return wrong(text, `has "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`);
}

function wrong(text: string, what: string): UsageError {
  return not(text, what, SHAPE);
}

function not(text: string, what: string, expected: string): UsageError {
  return new UsageError(`--path "${text}" ${what}: expected ${expected}`);
}
