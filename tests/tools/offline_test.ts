import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";
import { parseArgs } from "@std/cli";

Deno.test("@std/assert narrows what it has checked", () => {
  const maybe: { n: number } | undefined = [{ n: 1 }].find((o) => o.n === 1);
  assert(maybe);
  assertEquals(maybe.n, 1);
  const text: string | null = "x" as string | null;
  assertExists(text);
  assertStringIncludes(text, "x");
  const value: unknown = new RangeError("too far");
  assertInstanceOf(value, RangeError);
  assertMatch(value.message, /far/);
  assertIsError(value, RangeError, "too");
});

Deno.test("@std/assert fails with an AssertionError, and returns what was thrown", async () => {
  assertThrows(() => assertEquals([1, { a: 2 }], [1, { a: 3 }]), AssertionError, "not equal");
  const error = assertThrows(() => new Uint8Array(-1), RangeError);
  assertEquals(error.name, "RangeError");
  const rejected = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  assertEquals(rejected.message, "no");
  assertThrows(() => assertNotEquals(1, 1), AssertionError);
  assertThrows(() => assertFalse(1), AssertionError);
  assertStrictEquals(1, 1);
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertGreater(2, 1);
  assertLess(1, 2);
  assertArrayIncludes([1, 2, 3], [2]);
  assertObjectMatch({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 2 } });
  assert(equal(new Uint8Array([1]), new Uint8Array([1])));
});

Deno.test("parseArgs() types its result by its options", () => {
  const args = parseArgs([
    "sim",
    "--seed",
    "7",
    "--mode=interactive",
    "--json",
    "--no-color",
    "--link",
    "a",
    "--link=b",
  ], {
    string: ["mode", "seed", "link"],
    boolean: ["json", "color"],
    collect: ["link"],
    negatable: ["color"],
    default: { seed: "1", color: true },
  });
  const seed: string = args.seed;
  const mode: string | undefined = args.mode;
  const json: boolean = args.json;
  const links: string[] = args.link;
  assertEquals([seed, mode, json, args.color, links, args._], ["7", "interactive", true, false, ["a", "b"], ["sim"]]);
});
