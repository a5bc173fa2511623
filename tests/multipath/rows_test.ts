/**
 * The rows of the checklist in `multipath-spec.md` §8 that say what must be, by RFC 10069 itself (M) or by the RFCs of QUIC for
 * each path (R): tests name them, so that none is lost.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";

/** Rows of level M or R. Not among them: 8, which only resumption can show, as it does one half of 18 and of 95. */
// deno-fmt-ignore
const ROWS = [
  1, 3, 4, 5, 6, 7, 15, 18, 24, 25, 28, 30, 31, 32, 33, 34, 35, 37, 40, 41, 44, 45, 47, 48, 49, 50, 51, 59, 60, 61, 63, 68,
  72, 73, 77, 78, 81, 85, 88, 91, 92, 94, 95, 96, 97, 99, 101, 102, 103, 104, 106, 107, 122, 123, 124, 125, 126, 133, 134,
];
/** A test's name, however it is quoted, and the rows that it begins with or mentions. */
const NAME = /Deno\.test\(\s*(?:\{\s*name:\s*)?(?:"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)/g;
const NAMED = /\brows? (\d+(?:(?:, | and )\d+)*)/g;

/** Rows that the names of tests in a source mention. */
function rowsIn(source: string): number[] {
  return [...source.matchAll(NAME)].flatMap(([, plain, template]) =>
    [...(plain ?? template ?? "").matchAll(NAMED)].flatMap(([, list]) => (list ?? "").split(/, | and /).map(Number))
  );
}

Deno.test("Names of tests are read whatever they look like", () => {
  const source =
    'Deno.test("row 7: a", f); Deno.test(\n  `rows 40, 41: ${b}`, f); Deno.test({ name: "c, and row 65 and 66", fn });' +
    ' // row 1\nDeno.test("rowing 9", f); log("row 3");';
  assertEquals(rowsIn(source), [7, 40, 41, 65, 66]);
});

Deno.test("Every rule that must be kept has a test that names its row", async () => {
  const named = new Set<number>();
  let files = 0;
  for await (const { name } of Deno.readDir(new URL(".", import.meta.url))) {
    if (!name.endsWith("_test.ts") || name === "rows_test.ts") continue;
    files++;
    for (const row of rowsIn(await Deno.readTextFile(new URL(name, import.meta.url)))) named.add(row);
  }
  assertGreater(files, 10);
  assertEquals(ROWS.filter((row) => !named.has(row)), []);
  assertEquals([...named].filter((row) => row < 1 || row > 134), []);
});
