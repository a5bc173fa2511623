import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { IdIndex, sameId } from "./id_index.ts";

Deno.test("IdIndex.get() finds an id by a view of other memory", () => {
  const index = new IdIndex<string>();
  index.add(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), "a");
  assertEquals(index.get(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8).subarray(1)), "a");
  assertEquals(index.get(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9)), undefined);
  assertEquals(index.get(Uint8Array.of(1, 2, 3, 4, 5, 6, 7)), undefined);
  assertEquals(index.get(new Uint8Array()), undefined);
});

Deno.test("IdIndex agrees with a map of strings (property)", () => {
  // The same first bytes make ids fall into one bucket.
  const id = fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 7 }).map((bytes) => Uint8Array.from(bytes));
  const step = fc.record({ adds: fc.boolean(), id });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const index = new IdIndex<number>();
    const model = new Map<string, number>();
    for (const [i, { adds, id }] of steps.entries()) {
      const key = id.join();
      if (!adds) assertEquals(index.remove(id), model.delete(key));
      else if (!model.has(key)) {
        index.add(id, i);
        model.set(key, i);
      }
      assertEquals(index.get(id), model.get(key));
      assertEquals(index.size, model.size);
    }
    assertEquals([...index.values()].sort(), [...model.values()].sort());
    return true;
  }));
});

Deno.test("sameId() compares lengths and bytes", () => {
  assert(sameId(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert(!sameId(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert(!sameId(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
});
