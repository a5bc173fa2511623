import { assertEquals, assertThrows } from "@std/assert";
import { formatEntry, Trace } from "../kit/trace.ts";
import { chaos, check, run } from "./chaos.ts";
import { formatPlan, parsePlan } from "./plan.ts";
import { shorten } from "./shorten.ts";
import { Progress } from "./progress.ts";

Deno.test("chaos() makes the same plan of a seed each time, and it survives its text", () => {
  for (let seed = 1; seed <= 50; seed++) {
    assertEquals(chaos(seed), chaos(seed));
    assertEquals(parsePlan(formatPlan(chaos(seed))), chaos(seed));
  }
});

Deno.test("run() does the same again, packet by packet", () => {
  const once = (seed: number): string => {
    const [client, server] = [new Trace(), new Trace()];
    run(chaos(seed), undefined, (end) => end === "client" ? client : server);
    return [...client.entries, ...server.entries].map(formatEntry).join("\n");
  };
  for (const seed of [3, 5, 8]) assertEquals(once(seed), once(seed));
});

Deno.test("check() finds nothing wrong with a seed that passes", () => {
  assertEquals(check(3, 1000), undefined);
});

Deno.test("parsePlan() refuses what is no plan", () => {
  assertThrows(() => parsePlan("{"), TypeError, "Plan is no JSON");
  assertThrows(() => parsePlan("null"), TypeError, "expected the text that a failed run prints");
  assertThrows(() => parsePlan('{"seed":1}'), TypeError, "Plan has no seed, links and operations");
});

Deno.test("Progress goes on where it was, batch by batch", () => {
  const progress = new Progress(10, 25, 10);
  assertEquals(progress.open(), [10, 20, 30]);
  progress.note(30, [{ seed: 33, text: "Seed 33" }]);
  const again = Progress.parse(progress.format(), 10, 25);
  assertEquals(again.open(), [10, 20]);
  assertEquals([again.count, again.sizeOf(20), again.failed], [5, 10, [{ seed: 33, text: "Seed 33" }]]);
});

Deno.test("Progress refuses the file of another run", () => {
  const text = new Progress(1, 100, 10).format();
  assertThrows(
    () => Progress.parse(text, 2, 100),
    TypeError,
    "100 runs from seed 1: expected that of 100 runs from seed 2",
  );
  assertThrows(() => Progress.parse("", 1, 100), TypeError, "Progress is no JSON");
});

Deno.test("shorten() leaves what is needed, in order, and stops when it may not go on", () => {
  const list = Array.from({ length: 60 }, (_, i) => i);
  const fails = (shorter: readonly number[]): boolean => [7, 31, 58].every((n) => shorter.includes(n));
  assertEquals(shorten(list, fails, () => true), [7, 31, 58]);
  assertEquals(shorten(list, () => true, () => true), []);
  assertEquals(shorten(list, fails, () => false), list);
});
