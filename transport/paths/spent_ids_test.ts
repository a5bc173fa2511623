import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SpentIds } from "./spent_ids.ts";

const none = (): boolean => false;

Deno.test("SpentIds.smallestFresh() the first that is neither taken nor spent", () => {
  const ids = new SpentIds();
  assertEquals(ids.smallestFresh(none), 0);
  assertEquals(ids.smallestFresh((id) => id < 3), 3);
  ids.burn(3);
  ids.forget(4);
  assertEquals(ids.smallestFresh((id) => id < 3), 5);
  assertEquals(ids.smallestFresh((id) => id < 2 || id === 5), 2);
});

Deno.test("SpentIds.forget() is for ever, a burnt id is not gone before", () => {
  const ids = new SpentIds();
  ids.burn(1);
  assertEquals([ids.has(1), ids.isGone(1)], [true, false]);
  ids.forget(1);
  ids.burn(1);
  assertEquals([ids.has(1), ids.isGone(1)], [true, true]);
});

Deno.test("SpentIds agrees with a set (property)", () => {
  const steps = fc.array(fc.record({ id: fc.nat(20), forgets: fc.boolean() }), { maxLength: 50 });
  fc.assert(fc.property(steps, fc.uniqueArray(fc.nat(20)), (list, taken) => {
    const ids = new SpentIds();
    const spent = new Set<number>();
    for (const { id, forgets } of list) {
      if (forgets) ids.forget(id);
      else ids.burn(id);
      spent.add(id);
    }
    let expected = 0;
    while (spent.has(expected) || taken.includes(expected)) expected++;
    assertEquals(ids.smallestFresh((id) => taken.includes(id)), expected);
    for (let id = 0; id <= 20; id++) assertEquals(ids.has(id), spent.has(id));
  }));
});
