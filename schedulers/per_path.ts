/**
 * Settings for single paths: by label, or by id.
 *
 * @module
 */
import type { PathView } from "./scheduler.ts";

/**
 * A number for each path: under its label, or under its id (`{ wifi: 3, "1": 2 }`), or from a function that is asked with
 * every question.
 */
export type PerPath = Readonly<Record<string, number>> | ((path: PathView) => number);

/** Under which of the names a path's setting is; `undefined`: there is none. The label comes before the id. */
export function keyOf(names: Readonly<Record<string, unknown>>, { label, id }: PathView): string | undefined {
  if (label !== "" && Object.hasOwn(names, label)) return label;
  const key = `${id}`;
  return Object.hasOwn(names, key) ? key : undefined;
}

/** What is set for a path; `otherwise` for one that is not named. */
export function settingOf(settings: PerPath, path: PathView, otherwise: number): number {
  if (typeof settings === "function") return settings(path);
  const key = keyOf(settings, path);
  return key === undefined ? otherwise : settings[key]!;
}

/** Throws `RangeError` unless every value is a number from 0 to `most`; `what` is their name. */
export function checkSettings(what: string, settings: Readonly<Record<string, number>>, most = Infinity): void {
  for (const [key, value] of Object.entries(settings)) {
    if (value >= 0 && value <= most && Number.isFinite(value)) continue;
    const range = most === Infinity ? "from 0" : `from 0 to ${most}`;
    throw new RangeError(`${what} of "${key}" is ${value}: expected a number ${range}`);
  }
}
