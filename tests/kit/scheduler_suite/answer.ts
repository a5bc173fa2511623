/**
 * What is wrong with an answer, by itself.
 *
 * @module
 */
import { type ConnectionView, HOLD, type Scheduler } from "../../../schedulers/mod.ts";

/** A sort of mistake; each rule looks for some of them. */
export type MistakeKind = "threw" | "unusable" | "held" | "backup" | "copies";

/** A mistake that was made in answering. */
export interface Mistake {
  /** Its sort. */
  readonly kind: MistakeKind;
  /** What was done, and what was expected. */
  readonly what: string;
}

/** An answer that can be carried out. */
export interface SoundAnswer {
  /** -1: none. */
  readonly path: number;
  readonly copies: readonly number[];
}

/** Reads an answer as the core does: once, and trusting nothing. */
export function readAnswer(raw: unknown, view: ConnectionView): SoundAnswer | Mistake {
  if (typeof raw !== "object" || raw === null) return unusable(`answered ${show(raw)}: expected a decision`);
  if (raw instanceof Promise) return unusable("answered a Promise: expected a decision at once");
  const { path, copies } = raw as { path?: unknown; copies?: unknown };
  if (path === HOLD.path) return { path: HOLD.path, copies: [] };
  const ids = view.paths.map(({ id }) => id);
  const usable = ids.length === 0 ? "none, as there is none" : `one of ${ids.join(", ")}`;
  if (!ids.includes(path as number)) return unusable(`chose path ${show(path)}: expected ${usable}`);
  if (!Array.isArray(copies)) return { kind: "copies", what: `wants copies on ${show(copies)}: expected an array` };
  const all = [path, ...copies];
  const stranger = copies.find((id) => !ids.includes(id));
  if (stranger !== undefined) return unusable(`wants a copy on path ${show(stranger)}: expected ${usable}`);
  if (new Set(all).size < all.length) {
    return { kind: "copies", what: `sends the same on paths ${all.join(", ")}: expected each once` };
  }
  return { path: path as number, copies: copies as number[] };
}

/** Where an error comes from: the innermost place that is in a file. */
function placeOf(error: unknown): string {
  const frames = error instanceof Error && typeof error.stack === "string" ? error.stack.split("\n") : [];
  const found = frames.map((frame) => /([^/\\()\s]+:\d+:\d+)\)?$/.exec(frame)?.[1]).find((place) =>
    place !== undefined
  );
  return found === undefined ? "" : ` (${found})`;
}

/** What a factory made is a scheduler. */
export function checkMade(made: unknown): Mistake | undefined {
  if (made instanceof Promise) return notMade("a Promise");
  const read = ask(() => {
    const { name, schedule } = (made ?? {}) as { name?: unknown; schedule?: unknown };
    return { name, schedule };
  });
  if (isMistake(read)) return read;
  const { name, schedule } = read;
  if (typeof schedule !== "function") {
    return notMade(typeof made === "object" && made !== null ? 'no "schedule"' : show(made));
  }
  return typeof name === "string" ? undefined : notMade('no "name"');
}

function notMade(what: string): Mistake {
  return { kind: "threw", what: `made ${what}: expected an object with "name" and "schedule"` };
}

/** Asks; what it throws is a mistake. */
export function ask<T>(question: () => T): T | Mistake {
  try {
    return question();
  } catch (error) {
    return { kind: "threw", what: `threw ${describe(error)}${placeOf(error)}` };
  }
}

/** Whether it is a mistake and no answer. */
export function isMistake(answer: unknown): answer is Mistake {
  return typeof answer === "object" && answer !== null && "kind" in answer && "what" in answer;
}

/** What a scheduler says of reinjection is one of the words that there are. */
export function checkReinjection(scheduler: Scheduler): Mistake | undefined {
  const word = ask<unknown>(() => scheduler.reinjection);
  if (isMistake(word)) return word;
  if (word === undefined || word === "never" || word === "when-idle" || word === "before-new") return undefined;
  return { kind: "threw", what: `says ${show(word)} of reinjection: expected "never", "when-idle" or "before-new"` };
}

function unusable(what: string): Mistake {
  return { kind: "unusable", what };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : show(error);
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
