/**
 * Names of modes, schedulers, controllers and layouts of packet numbers: those that there are, asked where they are kept, so
 * that what is added there can be named in scenarios at once.
 *
 * @module
 */
import { CONTROLLER_NAMES } from "../../../recovery/congestion/controllers.ts";
import { SCHEDULER_NAMES } from "../../../schedulers/modes.ts";
import { DEFAULT_CONFIG } from "../../../transport/connection/config.ts";
import { type Fields, oneOf } from "./fields.ts";
import type { NumberSpaces } from "./types.ts";

/** A name that is in the list under a key; throws `ScenarioError` that says which there are. */
function nameIn(fields: Fields, key: string, names: readonly string[], what: string): string {
  const name = fields.text(key);
  if (names.includes(name)) return name;
  throw fields.error(
    key,
    `is ${JSON.stringify(name)}, and there is no such ${what} yet: expected ${oneOf(names, name)}`,
  );
}

/** The mode, or scheduler, under a key. */
export function modeName(fields: Fields, key: string): string {
  return nameIn(fields, key, SCHEDULER_NAMES, "mode");
}

/** The congestion controller under a key. */
export function controllerName(fields: Fields, key: string): string {
  return nameIn(fields, key, CONTROLLER_NAMES, "congestion controller");
}

/** The congestion controllers that there are. */
export function controllerNames(): readonly string[] {
  return CONTROLLER_NAMES;
}

/** The layouts of packet numbers that the transport has. */
export function numberSpacesNames(): readonly NumberSpaces[] {
  return Object.hasOwn(DEFAULT_CONFIG, "numberSpaces") ? ["multiple", "single", "off"] : ["multiple", "off"];
}

/** The layout of packet numbers under a key. */
export function numberSpacesName(fields: Fields, key: string): NumberSpaces {
  return nameIn(fields, key, numberSpacesNames(), "layout of packet numbers") as NumberSpaces;
}
