import { assertEquals, assertRejects } from "@std/assert";
import { type Arguments, readArguments } from "./arguments.ts";
import { UsageError } from "./errors.ts";
import { pathsChoice } from "./mode_option.ts";

function given(...args: string[]): Arguments {
  return readArguments(args, { values: ["mode", "scheduler", "max-paths"] });
}

Deno.test("pathsChoice() takes known modes and a number of paths", async () => {
  assertEquals(await pathsChoice(given()), {});
  assertEquals(await pathsChoice(given("--mode", "round-robin", "--max-paths", "2")), {
    mode: "round-robin",
    maxPaths: 2,
  });
});

Deno.test("pathsChoice() names the known modes, and what is wrong", async () => {
  await assertRejects(() => pathsChoice(given("--mode", "fastest")), UsageError, "one of interactive, handover");
  await assertRejects(() => pathsChoice(given("--mode", "min-rt")), UsageError, 'did you mean "min-rtt"?');
  await assertRejects(() => pathsChoice(given("--max-paths", "1.5")), UsageError, "whole number");
  await assertRejects(() => pathsChoice(given("--max-paths", "65")), UsageError, "from 0 to 64");
  await assertRejects(() => pathsChoice(given("--mode", "min-rtt", "--scheduler", "x")), UsageError, "exclude");
});
