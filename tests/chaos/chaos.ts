/**
 * Random operations over a real client and a real server in virtual time: one seed, one plan, one run, always the same.
 *
 * @module
 */
import fc from "fast-check";
import type { Trace } from "../kit/trace.ts";
import { Arena } from "./arena.ts";
import { plans } from "./draw.ts";
import { assertSound, judge } from "./judge.ts";
import { perform } from "./perform.ts";
import { type EndName, formatPlan, type Plan } from "./plan.ts";
import { shorten } from "./shorten.ts";

/** How long a patient plan waits for the handshake: milliseconds. */
const HANDSHAKE = 60_000;

/** A run that went wrong. */
export interface Failure {
  readonly seed: number;
  /** What is wrong with the shortest plan that was found. */
  readonly message: string;
  /** That plan. */
  readonly plan: Plan;
}

/** The plan of a seed. */
export function chaos(seed: number): Plan {
  return fc.sample(plans(seed), { seed, numRuns: 1 })[0]!;
}

/** Runs a plan. Throws an `Error` when something is wrong. */
export function run(
  plan: Plan,
  tell: (line: string) => void = () => {},
  observe?: (end: EndName) => Trace | undefined,
): void {
  const arena = new Arena(plan, observe);
  if (plan.patient) arena.world.run({ until: () => arena.connections !== undefined, limit: HANDSHAKE });
  for (const operation of plan.operations) {
    if (operation.wait > 0) arena.world.runFor(operation.wait);
    const outcome = perform(arena, operation);
    tell(`${arena.now.toFixed(1)} ${JSON.stringify(operation)}: ${outcome}`);
    assertSound(arena);
  }
  judge(arena);
}

/** Runs the plan of a seed; when it fails, looks for the shortest that fails too, for at most so many milliseconds. */
export function check(seed: number, patience: number): Failure | undefined {
  const plan = chaos(seed);
  const message = complaintOf(plan);
  if (message === undefined) return undefined;
  const end = performance.now() + patience;
  const failure = shorter({ seed, plan, message }, () => performance.now() < end);
  // Then values become simple, and the list shorter still.
  return performance.now() < end ? simpler(failure, end - performance.now()) : failure;
}

/** What is wrong with a plan; `undefined`: nothing. */
function complaintOf(plan: Plan): string | undefined {
  try {
    run(plan);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The same plan with as few operations as show a fault. */
function shorter(failure: Failure, mayGoOn: () => boolean): Failure {
  let found = failure;
  shorten(failure.plan.operations, (operations) => {
    const plan = { ...failure.plan, operations };
    const message = complaintOf(plan);
    if (message === undefined) return false;
    found = { ...failure, plan, message };
    return true;
  }, mayGoOn);
  return found;
}

/** fast-check's shortest, if it is shorter. */
function simpler(failure: Failure, patience: number): Failure {
  const { seed } = failure;
  const { counterexample, errorInstance } = fc.check(fc.property(plans(seed), (plan) => run(plan)), {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: patience,
  });
  const plan = counterexample?.[0];
  if (plan === undefined || plan.operations.length > failure.plan.operations.length) return failure;
  return { seed, plan, message: messageOf(errorInstance) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What to say of a failure. */
export function describeFailure({ seed, message, plan }: Failure): string {
  return `Seed ${seed}: ${message}\ndeno task chaos --replay '${formatPlan(plan)}'`;
}
