/**
 * The runs that belong to the suite.
 *
 * @module
 */
import { check, describeFailure } from "./chaos.ts";

/** Milliseconds for shortening a failure. */
const PATIENCE = 10_000;

/** Runs so many seeds; throws an `Error` with the command for the first that fails. */
export function assertChaos(first: number, count: number): void {
  for (let seed = first; seed < first + count; seed++) {
    const failure = check(seed, PATIENCE);
    if (failure !== undefined) throw new Error(describeFailure(failure));
  }
}
