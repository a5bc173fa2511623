/**
 * Runs `deno test` on everything, doc examples included, and closes with `N passed, N failed` on a line of its own, from the
 * runner's counts. Arguments are given on: files, `--filter`, ... . Fails when a test failed, when none ran, and when the
 * runner ended without counts.
 *
 * Run: `deno task test`.
 *
 * @module
 */
import { formatCounts, readCounts, type TestCounts } from "./test_counts.ts";

const command = new Deno.Command(Deno.execPath(), {
  args: ["test", "--allow-all", "--doc", "--parallel", "--trace-leaks", ...Deno.args],
  stdout: "piped",
  stderr: "inherit",
  ...(Deno.stdout.isTerminal() ? { env: { FORCE_COLOR: "1" } } : {}),
});
const runner = command.spawn();
let counts: TestCounts | undefined;
let partial = "";
const decoder = new TextDecoder();
for await (const chunk of runner.stdout) {
  for (let at = 0; at < chunk.length;) at += Deno.stdout.writeSync(chunk.subarray(at));
  const lines = (partial + decoder.decode(chunk, { stream: true })).split("\n");
  partial = lines.pop() ?? "";
  for (const line of lines) counts = readCounts(line) ?? counts;
}
counts = readCounts(partial) ?? counts;
const { code } = await runner.status;

if (counts === undefined) {
  console.error(`The test runner ended with code ${code} and without counts`);
  Deno.exit(code === 0 ? 1 : code);
}
const ran = counts.passed + counts.failed > 0;
if (!ran) console.error("No test ran");
console.log(formatCounts(counts));
Deno.exit(code !== 0 ? code : counts.failed > 0 || !ran ? 1 : 0);
