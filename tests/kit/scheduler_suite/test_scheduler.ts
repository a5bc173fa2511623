import { type SchedulerFactory, schedulerOf } from "../../../schedulers/mod.ts";
import type { SchedulerRule, Violation } from "./rule.ts";
import { SCHEDULER_RULES } from "./rules.ts";

/** Violations that are told of one rule. */
const MOST_TOLD = 3;

/**
 * What a scheduler does that it should not: nothing, when it keeps all rules. For those who want more than tests that pass or
 * fail; `rules` are those to try.
 */
export function schedulerViolations(
  factory: SchedulerFactory,
  rules: readonly SchedulerRule[] = SCHEDULER_RULES,
): Violation[] {
  return rules.flatMap(({ name, check }) => check(factory).map((finding) => ({ rule: name, ...finding })));
}

/**
 * Registers a test for each rule that a scheduler is to keep ({@linkcode SCHEDULER_RULES}); to be called at the top level of a
 * test file. The tests need no permission, take a few seconds, and have the same outcome each time. A failure names the rule,
 * the seed of the run, and the step in it.
 *
 * The factory is called once for each connection that is tried, and what it makes must not share anything.
 *
 * @example
 * ```ts ignore
 * import { testScheduler } from "@multipath/quic/testing";
 * import { wifiFirst } from "./wifi_first.ts";
 *
 * testScheduler("wifi-first", wifiFirst);
 * ```
 *
 * @throws {TypeError} when the name is no text, or the factory is no function.
 */
export function testScheduler(name: string, factory: SchedulerFactory): void {
  if (typeof name !== "string") throw new TypeError(`Name is ${typeof name}: expected a string`);
  if (typeof factory !== "function") {
    throw new TypeError(`Scheduler "${name}" is ${typeof factory}: expected a function that makes one`);
  }
  const make = schedulerOf(factory);
  for (const rule of SCHEDULER_RULES) {
    Deno.test(`${name} ${rule.name}`, () => {
      const violations = schedulerViolations(make, [rule]);
      if (violations.length > 0) throw new Error(report(name, violations));
    });
  }
}

function report(name: string, violations: readonly Violation[]): string {
  const told = violations.slice(0, MOST_TOLD).map(({ rule, seed, step, what }) =>
    `Rule "${rule}", seed ${seed}, step ${step}: ${name} ${what}`
  );
  const more = violations.length - told.length;
  if (more > 0) told.push(`... and ${more} more`);
  return told.join("\n");
}
