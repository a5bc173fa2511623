/** The suite for schedulers finds what is wrong, and says where. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { minRtt, type SchedulerFactory } from "../../schedulers/mod.ts";
import { SCHEDULER_RULES, schedulerViolations, testScheduler } from "../kit/mod.ts";
import { BROKEN } from "./broken.ts";

for (const [what, { breaks, factory }] of Object.entries(BROKEN)) {
  Deno.test(`testScheduler() finds that a scheduler ${what}`, () => {
    const rule = SCHEDULER_RULES.find(({ name }) => name === breaks);
    assert(rule !== undefined, `there is no rule "${breaks}"`);
    const violations = schedulerViolations(factory, [rule]);
    assert(violations.length > 0, `nothing is wrong by the rule "${breaks}"`);
    for (const { rule, seed, step, what } of violations) {
      assertEquals(rule, breaks);
      assert(Number.isInteger(seed) && seed > 0 && Number.isInteger(step) && step >= 0);
      assert(what.length > 0 && what.length < 300, what);
    }
  });
}

Deno.test("SCHEDULER_RULES each have a scheduler that breaks them", () => {
  const broken = new Set(Object.values(BROKEN).map(({ breaks }) => breaks));
  assertEquals(SCHEDULER_RULES.map(({ name }) => name).filter((name) => !broken.has(name)), []);
});

Deno.test("schedulerViolations() finds the same each time, and nothing in what is sound", () => {
  const { factory } = BROKEN["waits for more data"]!;
  assertEquals(schedulerViolations(factory), schedulerViolations(factory));
  assertEquals(schedulerViolations(minRtt), []);
});

Deno.test("schedulerViolations() says where a scheduler threw, and what it made that is none", () => {
  const first = (factory: unknown, rule: string): string => {
    const rules = SCHEDULER_RULES.filter(({ name }) => name === rule);
    return schedulerViolations(factory as SchedulerFactory, rules)[0]?.what ?? "";
  };
  const later = { name: "later", schedule: () => Promise.resolve({ path: 0, copies: [] }) };
  const cases: [made: () => unknown, walk: RegExp][] = [
    [() => ({ name: "thrower", schedule: () => oops() }), /^threw Error: oops \(broken_test\.ts:\d+:\d+\)$/],
    [() => oops(), /^threw Error: oops \(broken_test\.ts:\d+:\d+\)$/],
    [() => later, /^answered a Promise: expected a decision at once$/],
    [() => Promise.resolve(minRtt()), /^made a Promise: expected an object with "name" and "schedule"$/],
    [() => undefined, /^made undefined: expected an object with "name" and "schedule"$/],
    [() => ({ name: "idle" }), /^made no "schedule": expected/],
    [() => ({ schedule: minRtt().schedule }), /^made no "name": expected/],
  ];
  for (const [factory, expected] of cases) {
    for (const rule of ["survives a single path", "has every byte arrive once"]) {
      assertMatch(first(factory, rule), expected);
    }
  }
});

Deno.test("testScheduler() refuses what is no scheduler, before it registers a test", () => {
  assertThrows(() => testScheduler("mine", {} as SchedulerFactory), TypeError, 'Scheduler "mine" is object');
  assertThrows(() => testScheduler(minRtt as unknown as string, minRtt), TypeError, "Name is function");
});

function oops(): never {
  throw new Error("oops");
}
