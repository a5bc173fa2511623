import { runScenario } from "../kit/sim/run.ts";
import { scenarioOf } from "./design.ts";
import type { Job, Outcome } from "./runs.ts";

/** Does one run. Without encryption it takes less time and gives the same. */
export function runJob({ key, paths, bytes, mode }: Job): Outcome {
  const { completed, completedMs, error } = runScenario(scenarioOf(paths, bytes, mode), { crypto: "plain" });
  return completed ? { key, ms: completedMs, error: null } : { key, ms: null, error: error ?? "Not complete" };
}
