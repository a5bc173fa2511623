import { assertEquals } from "@std/assert";
import { findSequence, importsOf, normalizeMembers, tokenize } from "./tokens.ts";

function words(source: string): string {
  return tokenize(source).filter((t) => t.kind !== "text").map((t) => t.value).join(" ");
}

Deno.test("tokenize() leaves out comments and marks strings as text", () => {
  assertEquals(words("a // Date.now()\nb /* await\n */ c"), "a b c");
  assertEquals(words(`f("Date.now() // no comment", 'it''s', "a\\"b")`), "f ( , , )");
  assertEquals(words("#!/usr/bin/env deno\nx"), "x");
});

Deno.test("tokenize() sees the code inside templates, nested too", () => {
  assertEquals(words("x = `await ${Date.now()} async`;"), "x = { Date . now ( ) } ;");
  assertEquals(words("`${a({ b: `${c} // d` })}` + e"), "{ a ( { b : { c } } ) } + e");
});

Deno.test("tokenize() tells regular expressions from divisions", () => {
  assertEquals(words("a = b / c / d; e"), "a = b / c / d ; e");
  assertEquals(words('x.replace(/"/g, y) // z'), "x . replace ( , y )");
  assertEquals(words("if (a) /'/.test(b); c"), "if ( a ) . test ( b ) ; c");
  assertEquals(words("(a + b) / 2 + '/'"), "( a + b ) / 2 +");
  assertEquals(words("i++ / 2; x! / 3; /[/'\"]/.test(y)"), "i + + / 2 ; x ! / 3 ; . test ( y )");
  assertEquals(words("return /'/"), "return");
  assertEquals(words("a[0] / b['c'] / d"), "a [ 0 ] / b [ ] / d");
});

Deno.test("tokenize() counts lines through comments, templates and escapes", () => {
  const tokens = tokenize("a\n/* x\n y */\n`t\n${b}\n` c");
  assertEquals(tokens.filter((t) => t.kind === "word").map((t) => [t.value, t.line]), [["a", 1], ["b", 5], ["c", 6]]);
});

Deno.test("importsOf() finds every form of import and nothing else", () => {
  const found = importsOf(tokenize(`
import a from "./a.ts";
import type { B } from "./b.ts";
import { type C, type D as E } from "./c.ts";
import { type F, g } from "./d.ts";
import "./e.ts";
import * as h from "./f.ts";
export * from "./g.ts";
export { i as j } from "./h.ts";
export type { K } from "./i.ts";
const l = await import("./j.ts");
type M = import("./k.ts").M;
export { n };
export const o = { from: "./no.ts" };
export function from(import_: string): void { import_.replace("a", "b"); }
console.log(import.meta.url, "import x from './no.ts'");
`));
  assertEquals(found.map((i) => `${i.specifier}${i.typeOnly ? " type" : ""}`), [
    "./a.ts",
    "./b.ts type",
    "./c.ts type",
    "./d.ts",
    "./e.ts",
    "./f.ts",
    "./g.ts",
    "./h.ts",
    "./i.ts type",
    "./j.ts",
    "./k.ts",
  ]);
  assertEquals(found[0]?.line, 2);
});

Deno.test("findSequence() finds globals in any spelling, not members of the same name", () => {
  const pattern = tokenize("Date.now");
  const lines = findSequence(
    normalizeMembers(tokenize('Date.now();\nDate["now"];\nDate?.now;\nx.Date.now;\nDate.UTC')),
    pattern,
  );
  assertEquals(lines, [1, 2, 3]);
});
