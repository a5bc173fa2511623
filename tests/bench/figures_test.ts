import { assertEquals } from "@std/assert";
import { median, medians } from "./figures.ts";

Deno.test("median() is the middle one", () => {
  assertEquals(median([5, 1, 9]), 5);
  assertEquals(median([1, 2, 3, 10]), 2.5);
});

Deno.test("medians() takes each number for itself", () => {
  const records = [{ a: 1, b: { c: 30 }, d: "x" }, { a: 3, b: { c: 10 }, d: "x" }, { a: 2, b: { c: 20 }, d: "x" }];
  assertEquals(medians(records), { a: 2, b: { c: 20 }, d: "x" });
});
