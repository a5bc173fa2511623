import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RangeSet } from "./ranges.ts";

function listed(set: RangeSet): [number, number][] {
  return [...set].map((r) => [r.from, r.to]);
}

Deno.test("RangeSet joins ranges that touch and tells what was new", () => {
  const set = new RangeSet();
  assert(set.addOne(5));
  assert(set.addOne(6));
  assertFalse(set.addOne(5));
  assert(set.add(8, 10));
  assertEquals(listed(set), [[5, 6], [8, 10]]);
  assert(set.addOne(7));
  assertEquals(listed(set), [[5, 10]]);
  assertFalse(set.add(6, 9));
  assert(set.add(0, 20));
  assertEquals(listed(set), [[0, 20]]);
  assertEquals([set.size, set.count, set.min, set.max], [1, 21, 0, 20]);
});

Deno.test("RangeSet is empty at first and after clear()", () => {
  const set = new RangeSet();
  assertEquals([set.size, set.count, set.min, set.max], [0, 0, -1, -1]);
  set.add(3, 4);
  set.clear();
  assertEquals([set.size, set.min, set.has(3)], [0, -1, false]);
});

Deno.test("remove() cuts, splits and spans ranges", () => {
  const set = new RangeSet();
  set.add(0, 10);
  set.remove(4, 5);
  assertEquals(listed(set), [[0, 3], [6, 10]]);
  set.add(20, 30);
  set.remove(2, 25);
  assertEquals(listed(set), [[0, 1], [26, 30]]);
  set.remove(0, 1);
  set.remove(100, 200);
  assertEquals(listed(set), [[26, 30]]);
});

Deno.test("RangeSet drops the lowest range beyond its limit", () => {
  const set = new RangeSet(2);
  set.addOne(0);
  set.addOne(2);
  set.addOne(4);
  assertEquals(listed(set), [[2, 2], [4, 4]]);
  assertThrows(() => new RangeSet(0), RangeError, "expected 1 or more");
});

Deno.test("toPairs() lists from above, at most so many, at most so high", () => {
  const set = new RangeSet();
  set.add(0, 3);
  set.add(5, 8);
  set.add(10, 12);
  assertEquals(set.toPairs(), [12, 10, 8, 5, 3, 0]);
  assertEquals(set.toPairs(2), [12, 10, 8, 5]);
  assertEquals(set.toPairs(2, 6), [6, 5, 3, 0]);
  assertEquals(set.toPairs(2, 4), [3, 0]);
  assertEquals([...set.descending()].map((r) => r.to), [12, 8, 3]);
});

Deno.test("RangeSet works with numbers above 2^32", () => {
  const set = new RangeSet();
  const big = 2 ** 52;
  set.addOne(big);
  set.addOne(big + 1);
  set.addOne(big + 3);
  assertEquals(set.toPairs(), [big + 3, big + 3, big + 1, big]);
});

Deno.test("RangeSet equals a naive set under random operations", () => {
  const operation = fc.record({
    kind: fc.constantFrom("add", "addOne", "remove"),
    from: fc.nat(60),
    length: fc.nat(8),
  });
  fc.assert(fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
    const set = new RangeSet();
    const model = new Set<number>();
    for (const { kind, from, length } of operations) {
      const to = kind === "addOne" ? from : from + length;
      const before = model.size;
      for (let n = from; n <= to; n++) kind === "remove" ? model.delete(n) : model.add(n);
      if (kind === "remove") set.remove(from, to);
      else assertEquals(kind === "add" ? set.add(from, to) : set.addOne(from), model.size > before);
    }
    assertEquals(set.count, model.size);
    for (let n = 0; n < 80; n++) assertEquals(set.has(n), model.has(n));
    const ranges = listed(set);
    for (let i = 1; i < ranges.length; i++) assert(ranges[i]![0] > ranges[i - 1]![1] + 1, "ranges touch");
    assertEquals(set.toPairs(), ranges.toReversed().flatMap(([from, to]) => [to, from]));
  }));
});

Deno.test("RangeSet.remove() of an empty span leaves everything as it is", () => {
  const set = new RangeSet();
  set.add(3, 7);
  set.remove(7, 6);
  set.remove(5, 4);
  assertEquals(set.toPairs(), [7, 3]);
});
