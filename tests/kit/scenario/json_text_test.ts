import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { JsonError, parseJson } from "./json_text.ts";

Deno.test("parseJson() takes what the runtime takes, and nothing else", () => {
  fc.assert(fc.property(fc.json(), (text) => assertEquals(parseJson(text), JSON.parse(text))));
  const nearly = fc.array(
    fc.constantFrom("{", "}", "[", "]", ",", ":", '"', '"a"', "1", "-", "0", ".", "e", "true", "\\", " "),
  );
  fc.assert(
    fc.property(nearly.map((parts) => parts.join("")), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (isJson && !/"a".*:.*"a"/.test(text)) assertEquals(parseJson(text), JSON.parse(text));
      else if (!isJson) assertThrows(() => parseJson(text), JsonError, "expected");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseJson() says where it stops being JSON", () => {
  const wrong: [text: string, message: string][] = [
    ["", "line 1, column 1 has the end: expected a value"],
    ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3 has "\\"": expected "," or "}"'],
    ['{"a": 1,}', 'line 1, column 9 has "}": expected a key in quotes'],
    ["[1, 2", 'line 1, column 6 has the end: expected "," or "]"'],
    ["[1,\n // why\n 2]", 'line 2, column 2 has "/": expected a value'],
    ['{"a" 1}', 'line 1, column 6 has "1": expected ":"'],
    ['["a\nb"]', 'line 1, column 4 has "\\n": expected the quote that ends the text'],
    ['["\\x"]', "expected an escape such as \\n"],
    ["{} {}", 'line 1, column 4 has "{": expected the end'],
    ["01", 'line 1, column 2 has "1": expected the end'],
    ['{"a": 1,\n "\\u0061": 2}', 'line 2, column 2 has the key "a" again: expected it once'],
  ];
  for (const [text, message] of wrong) assertThrows(() => parseJson(text), JsonError, message);
  assertEquals(parseJson("\ufeff[1]"), [1]);
  assertEquals(parseJson('[{"a": {"a": 1}}, {"a": 1}]'), [{ a: { a: 1 } }, { a: 1 }]);
});
