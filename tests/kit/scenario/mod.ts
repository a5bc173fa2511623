/**
 * Scenario files: one file, one reproducible experiment.
 *
 * @module
 */
export { aloneOver } from "./alone.ts";
export { ScenarioError } from "./error.ts";
export type { ScenarioFiles } from "./files.ts";
export { controllerNames, numberSpacesNames } from "./names.ts";
export { type ParseOptions, parseScenario } from "./parse.ts";
export type { ScenarioOverrides } from "./sides.ts";
export type * from "./types.ts";
