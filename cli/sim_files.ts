/**
 * The scenario files of `mpquic sim`: all are read and checked before anything runs.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { DEFAULT_MODE, type SchedulerFactory } from "@multipath/quic/schedulers";
import {
  parseScenario,
  type Scenario,
  ScenarioError,
  type ScenarioFiles,
  type Side,
} from "../tests/kit/scenario/mod.ts";
import { CommandError } from "./errors.ts";
import { loadScheduler } from "./scheduler_option.ts";
import type { SimOptions } from "./sim_options.ts";

/** Schedulers that a file names, loaded. */
export type Schedulers = Partial<Record<Side, SchedulerFactory>>;

/** A file that can be run. */
export interface SimFile {
  readonly scenario: Scenario;
  /** In place of what its sides name. */
  readonly schedulers: Schedulers;
}

/** Reads all files; what is wrong with any of them is in `errors`, a line for each file. */
export async function readSimFiles(options: SimOptions): Promise<{ files: SimFile[]; errors: string[] }> {
  const files: SimFile[] = [];
  const errors: string[] = [];
  for (const { typed, path } of options.files) {
    try {
      const scenario = parse(typed, path, options);
      files.push({ scenario, schedulers: await loadSchedulers(typed, scenario, options) });
    } catch (error) {
      if (!(error instanceof ScenarioError || error instanceof CommandError)) throw error;
      errors.push(error.message);
    }
  }
  return { files, errors };
}

function parse(typed: string, path: string, options: SimOptions): Scenario {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new ScenarioError(typed, "", `cannot be read: ${reasonOf(error)}`);
  }
  const { mode, scheduler, congestion, numberSpaces, seed } = options;
  const overrides = { mode, scheduler: scheduler?.path, congestion, numberSpaces, seed };
  const files = filesBeside(path);
  if (!options.compare) return parseScenario(text, typed, { files, overrides });
  try {
    return parseScenario(text, typed, { files, overrides });
  } catch {
    // Where modes are compared, those of the file need not exist; what else is wrong with it is told now.
    return parseScenario(text, typed, { files, overrides: { ...overrides, mode: mode ?? DEFAULT_MODE } });
  }
}

function filesBeside(path: string): ScenarioFiles {
  const folder = dirname(path);
  return {
    read(name) {
      try {
        return Deno.readTextFileSync(resolve(folder, name));
      } catch (error) {
        throw new Error(reasonOf(error));
      }
    },
    locate(name) {
      const found = resolve(folder, name);
      try {
        Deno.statSync(found);
      } catch (error) {
        throw new Error(reasonOf(error));
      }
      return found;
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  return error instanceof Error ? error.message : String(error);
}

/** Both sides may name the same module: each has a factory of its own all the same, for a factory makes one per connection. */
async function loadSchedulers(typed: string, scenario: Scenario, options: SimOptions): Promise<Schedulers> {
  if (options.scheduler !== undefined) {
    const { factory } = options.scheduler;
    return { client: factory, server: factory };
  }
  const schedulers: Schedulers = {};
  for (const side of ["client", "server"] as const) {
    const path = scenario[side].scheduler;
    if (path === undefined) continue;
    try {
      schedulers[side] = await loadScheduler(path);
    } catch (error) {
      throw new ScenarioError(typed, `${side}.scheduler`, `cannot be used: ${(error as Error).message}`);
    }
  }
  return schedulers;
}
