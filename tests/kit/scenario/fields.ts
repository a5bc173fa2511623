/**
 * Reads the objects of a scenario file key by key, strictly: a key that is not known, a value of another type and one out of
 * range are errors that name file and key.
 *
 * @module
 */
import { nearest } from "../nearest.ts";
import { quoteValue, ScenarioError } from "./error.ts";

/** Lowest and highest value of a number. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** Whether only whole numbers will do. */
  readonly whole?: boolean;
}

/** Milliseconds, from none. */
export const DURATION: NumberRange = { least: 0, most: 1e9 };
/** Milliseconds, more than none. */
export const POSITIVE_DURATION: NumberRange = { least: 1e-3, most: 1e9 };
/** Bytes, from none. */
export const SIZE: NumberRange = { least: 0, most: 1e12, whole: true };
/** Bytes, at least one. */
export const POSITIVE_SIZE: NumberRange = { least: 1, most: 1e12, whole: true };

/** One object of the file. */
export class Fields {
  /** The file, as it is called in messages. */
  readonly file: string;
  /** The path of this object in it; empty: the whole. */
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** Throws {@linkcode ScenarioError} when `value` is no object, or has a key that is none of `known`. */
  constructor(file: string, path: string, value: unknown, known: readonly string[]) {
    this.file = file;
    this.path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ScenarioError(
        file,
        path,
        path === "" ? "expected an object" : `is ${quoteValue(value)}: expected an object`,
      );
    }
    this.#values = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(value)) if (!known.includes(key)) throw this.#unknown(key, known);
  }

  /** The keys that are there. */
  get keys(): string[] {
    return Object.keys(this.#values);
  }

  /** Whether a key is there, be it with `null`. */
  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  /** Whatever stands there; `undefined`: nothing. */
  raw(key: string): unknown {
    return this.has(key) ? this.#values[key] : undefined;
  }

  /** The path of a key of this object. */
  pathOf(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** An error about a key of this object; `reason` goes on where the key ends. */
  error(key: string, reason: string): ScenarioError {
    return new ScenarioError(this.file, this.pathOf(key), reason);
  }

  /** An error about the value of a key. */
  wrong(key: string, expected: string): ScenarioError {
    const value = this.raw(key);
    return this.error(key, `is ${value === undefined ? "missing" : quoteValue(value)}: expected ${expected}`);
  }

  /** A number; without a `fallback` it must be there. */
  number(key: string, range: NumberRange, fallback?: number): number {
    if (!this.has(key) && fallback !== undefined) return fallback;
    return this.#number(key, range, "");
  }

  /** A number or null. */
  numberOrNull(key: string, range: NumberRange, fallback: number | null): number | null {
    if (!this.has(key)) return fallback;
    return this.raw(key) === null ? null : this.#number(key, range, ", or null");
  }

  /** A text that is not empty; without a `fallback` it must be there. */
  text(key: string, fallback?: string): string {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.raw(key);
    if (typeof value !== "string" || value.trim() === "") throw this.wrong(key, "a text");
    return value;
  }

  /** True or false. */
  flag(key: string, fallback: boolean): boolean {
    if (!this.has(key)) return fallback;
    const value = this.raw(key);
    if (typeof value !== "boolean") throw this.wrong(key, "true or false");
    return value;
  }

  /** One of some words; without a `fallback` it must be there. */
  word<T extends string>(key: string, words: readonly T[], fallback?: T): T {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.raw(key);
    const found = words.find((word) => word === value);
    if (found === undefined) throw this.wrong(key, oneOf(words, value));
    return found;
  }

  /** A list; without a `fallback` it must be there. */
  list(key: string, fallback?: readonly unknown[]): readonly unknown[] {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.raw(key);
    if (!Array.isArray(value)) throw this.wrong(key, "a list");
    return value;
  }

  #number(key: string, range: NumberRange, orElse: string): number {
    const value = this.raw(key);
    const { least, most, whole = false } = range;
    if (typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value))) {
      return value;
    }
    throw this.wrong(key, `a ${whole ? "whole " : ""}number from ${least} to ${most}${orElse}`);
  }

  #unknown(key: string, known: readonly string[]): ScenarioError {
    const near = key.length <= MAX_NAME ? nearest(key, known) : undefined;
    const hint = near === undefined ? `expected one of ${known.join(", ")}` : `did you mean "${near}"?`;
    return this.error(key, `is not a key that is known here: ${hint}`);
  }
}

/** `"one of a, b, c"`, with the nearest when something like it stands there. */
export function oneOf(words: readonly string[], value: unknown): string {
  const near = typeof value === "string" && value.length <= MAX_NAME ? nearest(value, words) : undefined;
  const hint = near === undefined || words.length < 4 ? "" : `; did you mean "${near}"?`;
  return `one of ${words.join(", ")}${hint}`;
}

/** Longest text that is compared with names. */
const MAX_NAME = 40;
