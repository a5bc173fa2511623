/**
 * Reads the closing line of Deno's test runner.
 *
 * @module
 */

/** How many tests had which outcome. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Ignored, by the test itself or because another was marked `only`. */
  readonly skipped: number;
}

// deno-lint-ignore no-control-regex -- colours begin with an escape
const COLORS = /\x1b\[[0-9;]*m/g;
const CLOSING = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))*((?: \| .*)?)$/;

/**
 * The counts in one line of the runner's output, such as `ok | 3 passed (4 steps) | 0 failed | 1 ignored (6ms)`;
 * `undefined` for every other line.
 */
export function readCounts(line: string): TestCounts | undefined {
  const plain = line.replace(COLORS, "").trimEnd();
  const match = CLOSING.exec(plain);
  if (match === null) return undefined;
  const ignored = /\| (\d+) ignored/.exec(match[3] ?? "");
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(ignored?.[1] ?? 0) };
}

/** `N passed, N failed`, with `, N skipped` when there are any. */
export function formatCounts(counts: TestCounts): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}
