/**
 * The files beside a scenario. Who parses says how they are read: what is here knows no file system.
 *
 * @module
 */
import type { CapacityTrace } from "../link_capacity.ts";
import { parseCapacityTrace } from "../link_trace.ts";
import type { Fields } from "./fields.ts";

/** Finds files by their names in a scenario, which are relative to it. */
export interface ScenarioFiles {
  /** The text of a file. Throws an `Error` that says why not when it cannot be read. */
  read(name: string): string;
  /** The absolute path, or URL, of a module that exists. Throws an `Error` that says why not when there is none. */
  locate(name: string): string;
}

/** The trace that is named under a key; throws `ScenarioError`. */
export function traceAt(fields: Fields, key: string, files: ScenarioFiles | undefined): CapacityTrace {
  const name = fields.text(key);
  const text = found(fields, key, name, () => mustHave(files).read(name));
  try {
    return parseCapacityTrace(text, name);
  } catch (error) {
    throw fields.error(key, `is ${JSON.stringify(name)}, which is no trace: ${(error as Error).message}`);
  }
}

/** The path of the module that is named under a key; throws `ScenarioError`. */
export function moduleAt(fields: Fields, key: string, files: ScenarioFiles | undefined): string {
  const name = fields.text(key);
  return found(fields, key, name, () => mustHave(files).locate(name));
}

function found(fields: Fields, key: string, name: string, find: () => string): string {
  try {
    return find();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fields.error(key, `is ${JSON.stringify(name)}, which cannot be read: ${reason}`);
  }
}

function mustHave(files: ScenarioFiles | undefined): ScenarioFiles {
  if (files === undefined) throw new Error("this parser was given no files beside the scenario");
  return files;
}
