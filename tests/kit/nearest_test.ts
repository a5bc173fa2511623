import { assertEquals } from "@std/assert";
import { editSteps, nearest } from "./nearest.ts";

Deno.test("editSteps() counts insertions, deletions, changes and swaps", () => {
  assertEquals(editSteps("get", "get"), 0);
  assertEquals(editSteps("", "get"), 3);
  assertEquals(editSteps("gte", "get"), 1);
  assertEquals(editSteps("gett", "get"), 1);
  assertEquals(editSteps("gat", "get"), 1);
});

Deno.test("nearest() finds what was meant, and nothing when nothing is near", () => {
  assertEquals(nearest("sreve", ["get", "serve"]), "serve");
  assertEquals(nearest("GET", ["get", "serve"]), "get");
  assertEquals(nearest("download", ["get", "serve"]), undefined);
  assertEquals(nearest("1", ["ca", "to"]), undefined);
});
