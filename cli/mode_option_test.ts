import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { type Arguments, readArguments } from "./arguments.ts";
import { CommandError, UsageError } from "./errors.ts";
import { loadScheduler, pathsChoice } from "./mode_option.ts";

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

Deno.test("loadScheduler() loads a module that makes one, and tells of any other in one line", async () => {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    const good = join(directory, "good.ts");
    await Deno.writeTextFile(
      good,
      'export default () => ({ name: "mine", schedule: () => ({ path: -1, copies: [] }) });',
    );
    assertEquals(typeof await loadScheduler(good), "function");
    const bad: [string, string][] = [
      ["export const scheduler = 1;", "and it is missing"],
      ["export default 7;", "and it is a number"],
      ["export default () => 7;", 'an object with "name" and "schedule"'],
      ["export default () => { throw new Error('no'); };", "its function throws: no"],
      ["export default (", "Cannot load the scheduler"],
    ];
    for (const [i, [text, message]] of bad.entries()) {
      const file = join(directory, `bad${i}.ts`);
      await Deno.writeTextFile(file, text);
      await assertRejects(() => loadScheduler(file), CommandError, message);
    }
    await assertRejects(() => loadScheduler(join(directory, "none.ts")), CommandError, "Cannot load the scheduler");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
