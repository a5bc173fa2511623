import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { formatCounts, readCounts } from "./test_counts.ts";

Deno.test("readCounts() reads the closing lines of the runner", () => {
  const cases: [string, string][] = [
    ["ok | 3 passed | 0 failed (6ms)", "3 passed, 0 failed"],
    ["ok | 3 passed (4 steps) | 0 failed | 1 ignored (6ms)", "3 passed, 0 failed, 1 skipped"],
    ["FAILED | 12 passed (1 step) | 2 failed (3 steps) (1m2s)", "12 passed, 2 failed"],
    ["ok | 1 passed | 0 failed | 2 measured | 7 filtered out (6ms)", "1 passed, 0 failed"],
    ["FAILED | 0 passed | 1 failed | 3 ignored (2 steps) | 1 filtered out (6ms)", "0 passed, 1 failed, 3 skipped"],
    ["\x1b[0m\x1b[32mok\x1b[0m | 6 passed | 0 failed \x1b[0m\x1b[38;5;245m(8ms)\x1b[0m", "6 passed, 0 failed"],
  ];
  for (const [line, expected] of cases) {
    const counts = readCounts(line);
    assert(counts, line);
    assertEquals(formatCounts(counts), expected);
  }
});

Deno.test("readCounts() takes no other line for a closing line", () => {
  const lines = [
    "",
    "ok (3ms)",
    "readCounts() reads the closing lines ... ok (3ms)",
    "3 passed, 0 failed",
    "error: Test failed",
    "said: ok | 3 passed | 0 failed (6ms)",
  ];
  for (const line of lines) assertEquals(readCounts(line), undefined);
});

/** Runs the runner on one file with this text. */
async function run(text: string): Promise<{ code: number; lines: string[]; stderr: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/a_test.ts`, text);
    await Deno.writeTextFile(`${folder}/deno.json`, "{}");
    const args = ["run", "-A", new URL("run_tests.ts", import.meta.url).href, "a_test.ts"];
    const output = await new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" } }).output();
    const decoder = new TextDecoder();
    const lines = decoder.decode(output.stdout).trimEnd().split("\n");
    return { code: output.code, lines, stderr: decoder.decode(output.stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("run_tests closes with the counts alone on the last line", async () => {
  const good = await run('Deno.test("a", () => {}); Deno.test.ignore("b", () => {});');
  assertEquals([good.code, good.lines.at(-1)], [0, "1 passed, 0 failed, 1 skipped"]);
  const bad = await run('Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("x"); });');
  assertNotEquals(bad.code, 0);
  assertEquals(bad.lines.at(-1), "1 passed, 1 failed");
});

Deno.test("run_tests fails without counts, and when nothing ran", async () => {
  const broken = await run('const a: number = "x";');
  assertNotEquals(broken.code, 0);
  assert(broken.stderr.includes("without counts"));
  const dead = await run('Deno.test("a", () => Deno.exit(0));');
  assertNotEquals(dead.code, 0);
  const none = await run("export {};");
  assertNotEquals(none.code, 0);
  assert(none.stderr.includes("No test ran"));
});
