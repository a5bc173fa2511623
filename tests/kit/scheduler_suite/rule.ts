/**
 * What a rule for schedulers is, apart from the tests that are made of it.
 *
 * @module
 */
import type { SchedulerFactory } from "../../../schedulers/mod.ts";

/** Something that a scheduler did and should not have. */
export interface Violation {
  /** The rule that it breaks. */
  readonly rule: string;
  /** The seed of the run in which it was seen. */
  readonly seed: number;
  /** Which step of that run: of a walk over views, or which question in a world. */
  readonly step: number;
  /** What it did, and what was expected. */
  readonly what: string;
}

/** A violation as a check finds it: the rule is known to whoever asked. */
export type Finding = Omit<Violation, "rule">;

/** A rule that every scheduler is to keep. */
export interface SchedulerRule {
  /** What schedulers do that keep it. */
  readonly name: string;
  /** Tries a scheduler and returns what it did wrong; the same each time. */
  readonly check: (factory: SchedulerFactory) => readonly Finding[];
}
