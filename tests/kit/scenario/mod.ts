/**
 * Scenario files: one file, one reproducible experiment.
 *
 * @module
 */
export { ScenarioError } from "./error.ts";
export type { ScenarioFiles } from "./files.ts";
export { numberSpacesNames } from "./names.ts";
export { type ParseOptions, parseScenario } from "./parse.ts";
export type { ScenarioOverrides } from "./sides.ts";
export type * from "./types.ts";
