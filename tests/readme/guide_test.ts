/** The guide of `README.md`, followed by the letter in a folder of its own: each file type-checks, and each claim holds. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ScenarioResult } from "../kit/mod.ts";
import { codeBelow, FreshFolder } from "./fresh_folder.ts";

const GUIDE = "From import to a scheduler of your own";

interface Row {
  readonly p99: number;
  readonly repeatedPercent: number;
}

function meanOf(results: readonly ScenarioResult[]): Row {
  const mean = (of: (result: ScenarioResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0) / results.length;
  return { p99: mean((r) => r.latencyMs.p99), repeatedPercent: 100 * mean((r) => r.repeatedShare) };
}

/** The row of a scheduler in the table that the guide shows. */
function shownRow(table: string, name: string): Row {
  const line = table.split("\n").find((each) => each.includes(` ${name} `));
  const cells = line?.trim().split(/ {2,}/) ?? [];
  return { p99: Number(cells[6]), repeatedPercent: parseFloat(cells[7] ?? "") };
}

Deno.test("README.md's guide: its files type-check, its plugin passes the rules, and its gain is as it says", async () => {
  const [connect = "", plugin = "", rules = ""] = await codeBelow("README.md", GUIDE, "ts");
  const [game = ""] = await codeBelow("README.md", GUIDE, "json");
  const [table = ""] = await codeBelow("README.md", GUIDE, "text");
  await using folder = await FreshFolder.with({
    "connect.ts": connect,
    "small_twice.ts": plugin,
    "small_twice_test.ts": rules,
    "game.json": game,
  });
  await folder.deno("check", "connect.ts", "small_twice.ts", "small_twice_test.ts");
  assertStringIncludes(await folder.deno("test", "--no-prompt"), "12 passed | 0 failed");

  const [commands = ""] = await codeBelow("README.md", GUIDE, "sh");
  const rows: Row[] = [];
  for (const command of commands.trim().split("\n")) {
    const [deno, ...args] = command.split(" ");
    assertEquals(deno, "deno");
    const printed = await folder.deno(...args, "--json");
    const results = printed.trim().split("\n").map((line) => JSON.parse(line) as ScenarioResult);
    assertEquals(results.length, 10);
    assert(results.every((result) => result.completed));
    rows.push(meanOf(results));
  }
  const [naive, own] = rows as [Row, Row];
  for (const [row, name] of [[naive, "min-rtt"], [own, "small-twice"]] as const) {
    const shown = shownRow(table, name);
    const told = `${name}: measured ${JSON.stringify(row)}, shown ${JSON.stringify(shown)}`;
    assert(Math.abs(row.p99 - shown.p99) < 0.1 * shown.p99, told);
    assert(Math.abs(row.repeatedPercent - shown.repeatedPercent) < 0.5, told);
  }
  assert(own.p99 < 0.7 * naive.p99, `p99 ${own.p99} of ${naive.p99} ms`);
});
