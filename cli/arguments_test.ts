import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ArgumentSpec, readArguments } from "./arguments.ts";
import { UsageError } from "./errors.ts";

const SPEC: ArgumentSpec = {
  flags: ["json", "retry"],
  values: ["root", "output", "rate"],
  lists: ["listen"],
  short: { o: "output" },
};

function refused(args: string[], message: string, spec = SPEC): void {
  assertThrows(() => readArguments(args, spec), UsageError, message);
}

Deno.test("readArguments() reads flags, values, lists, short names and what has no dashes", () => {
  const spec = { ...SPEC, positional: ["URL"] };
  const args = readArguments(["--listen", "a:1", "--json", "https://h:1/p", "--listen=b:2", "-o", "f"], spec);
  assertEquals(args.list("listen"), ["a:1", "b:2"]);
  assert(args.has("json"));
  assert(!args.has("retry"));
  assertEquals(args.value("output"), "f");
  assertEquals(args.value("root"), undefined);
  assertEquals(args.positional, ["https://h:1/p"]);
});

Deno.test("readArguments() names an unknown option and the nearest known one", () => {
  refused(["--jsn"], 'Unknown option "--jsn"; did you mean "--json"?');
  refused(["--frobnicate=3"], 'Unknown option "--frobnicate"');
  refused(["-x"], 'Unknown option "-x"');
  refused(["--no-json"], 'Unknown option "--no-json"');
});

Deno.test("readArguments() refuses values that are missing, doubled, or not wanted", () => {
  refused(["--root"], 'The option "--root" needs a value');
  refused(["--root", "--json"], 'The option "--root" needs a value');
  refused(["--root", "a", "--root", "b"], 'The option "--root" was given 2 times');
  refused(["--json=maybe"], 'The option "--json" takes no value');
});

Deno.test("readArguments() counts what has no dashes", () => {
  refused([], "The argument URL is missing", { ...SPEC, positional: ["URL"] });
  refused(["a", "b"], 'The argument "b" is one too many', { ...SPEC, positional: ["URL"] });
});

Deno.test("readArguments() takes any number of arguments at the end where there may be, but one at least", () => {
  const spec = { ...SPEC, positional: ["URL"], rest: "FILE" };
  refused(["a"], "The argument FILE is missing", spec);
  assertEquals(readArguments(["a", "b", "--json", "c"], spec).positional, ["a", "b", "c"]);
});

Deno.test("readArguments() keeps numbers as they were typed", () => {
  assertEquals(readArguments(["007", "--root", "08"], { ...SPEC, positional: ["X"] }).positional, ["007"]);
  assertEquals(readArguments(["--root", "08"], SPEC).value("root"), "08");
});

Deno.test("readArguments() takes a number below zero for the value of the option before it", () => {
  assertEquals(readArguments(["--rate", "-1", "-o", "-.5"], SPEC).value("rate"), "-1");
  assertThrows(
    () => readArguments(["--rate", "-1"], SPEC).number("rate", 0, 9),
    UsageError,
    '"--rate" is "-1": expected a',
  );
  refused(["-1"], 'Unknown option "-1"');
  refused(["--json", "-1"], 'Unknown option "-1"');
});

Deno.test("readArguments() lets --help pass whatever else is missing", () => {
  assert(readArguments(["--help"], { ...SPEC, positional: ["URL"] }).has("help"));
  assert(readArguments(["-h"], SPEC).has("help"));
});

Deno.test("Arguments.number() checks the range", () => {
  assertEquals(readArguments(["--rate", "2.5"], SPEC).number("rate", 0, 10), 2.5);
  assertEquals(readArguments([], SPEC).number("rate", 0, 10), undefined);
  for (const wrong of ["11", "fast", "-1e3", " "]) {
    assertThrows(() => readArguments([`--rate=${wrong}`], SPEC).number("rate", 0, 10), UsageError, '"--rate" is');
  }
});

Deno.test("Arguments.required() names the missing option", () => {
  assertThrows(() => readArguments([], SPEC).required("root"), UsageError, 'The option "--root" is missing');
});
