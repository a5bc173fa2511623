/**
 * Congestion controllers by name.
 *
 * @module
 */
import type { ControllerFactory } from "./controller.ts";
import { cubic } from "./cubic.ts";
import { newReno } from "./new_reno.ts";

const CONTROLLERS: ReadonlyMap<string, () => ControllerFactory> = new Map<string, () => ControllerFactory>([
  ["cubic", cubic],
  ["newreno", newReno],
]);

/** The names that {@linkcode controllerByName} knows. */
export const CONTROLLER_NAMES: readonly string[] = Object.freeze([...CONTROLLERS.keys()]);

/** Makes controllers of that name, as they are by default; `undefined` when there are none. */
export function controllerByName(name: string): ControllerFactory | undefined {
  return CONTROLLERS.get(name)?.();
}
