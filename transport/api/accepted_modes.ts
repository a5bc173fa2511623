import { type ModeChoice, schedulerByName, schedulerOf } from "../../schedulers/modes.ts";
import type { Mode } from "../../schedulers/mode.ts";
import { ACCEPTED_MODES } from "../connection/config.ts";

/** The modes that a client may ask for, by name; those that this program does not know are accepted and change nothing. */
export type AcceptedModes = ReadonlyMap<string, ModeChoice>;

/** What it is called; `undefined` for a bare scheduler. */
export function modeName(mode: ModeChoice | undefined): string | undefined {
  return typeof mode === "string" ? mode : typeof mode === "object" ? mode.name : undefined;
}

/** The option `acceptModes`, checked; throws `TypeError`. */
export function acceptedModes(modes: readonly (string | Mode)[] = ACCEPTED_MODES): AcceptedModes {
  if (!Array.isArray(modes)) throw new TypeError(`"acceptModes" is ${String(modes)}: expected a list`);
  return new Map(modes.map((mode: string | Mode, i) => {
    const name = modeName(mode);
    if (typeof name !== "string" || name === "") {
      throw new TypeError(`"acceptModes"[${i}] is ${String(mode)}: expected a mode or the name of one`);
    }
    if (typeof mode !== "string") schedulerOf(mode);
    return [name, mode];
  }));
}

/** What to set when a client asks for a mode; `undefined`: this program does not know it. */
export function modeAskedFor(name: string, accepted: AcceptedModes): ModeChoice | undefined {
  const mode = accepted.get(name);
  return typeof mode === "string" && schedulerByName(mode) === undefined ? undefined : mode;
}
