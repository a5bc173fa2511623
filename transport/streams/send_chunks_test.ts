import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SendChunks } from "./send_chunks.ts";

function filled(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => start + i);
}

Deno.test("SendChunks gives views of the arrays it was given", () => {
  const it = new SendChunks();
  const large = filled(5000, 0);
  it.append(large);
  assert(it.view(0, 10_000) === large);
  assertEquals(it.view(1000, 10).buffer, large.buffer);
  assertEquals(it.view(4990, 100).length, 10);
  assertEquals(it.view(5000, 100).length, 0);
  assertEquals([it.end, it.held], [5000, 5000]);
});

Deno.test("SendChunks collects small writes", () => {
  const it = new SendChunks();
  for (let i = 0; i < 100; i++) it.append(filled(10, i * 10));
  assert(it.view(10, 1000).length > 900);
  assertEquals(it.view(10, 990), filled(990, 10));
});

Deno.test("SendChunks.release() frees bytes in any order", () => {
  const it = new SendChunks();
  it.append(filled(2000, 0));
  it.append(filled(2000, 2000));
  it.release(1000, 3000);
  assertEquals(it.held, 2000);
  it.release(3000, 4000);
  assertEquals(it.view(0, 500), filled(500, 0));
  it.release(0, 1000);
  assertEquals(it.held, 0);
  it.append(filled(10, 4000));
  assertEquals(it.view(4000, 10), filled(10, 4000));
});

Deno.test("SendChunks holds exact bytes, whatever is written and released", () => {
  const step = fc.record({ write: fc.integer({ min: 0, max: 3000 }), from: fc.nat(50), length: fc.nat(50) });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 60 }), (steps) => {
    const it = new SendChunks();
    const released: boolean[] = [];
    for (const { write, from, length } of steps) {
      const start = it.end;
      it.append(filled(write, start));
      for (let i = 0; i < write; i++) released.push(false);
      // A part of which nothing is released yet, in units of 50 bytes.
      const at = Math.min(from * 50, it.end);
      const to = Math.min(at + length * 50, it.end);
      if (!released.slice(at, to).includes(true)) {
        it.release(at, to);
        released.fill(true, at, to);
      }
      assertEquals(it.held, released.filter((r) => !r).length);
    }
    for (let at = released.indexOf(false); at >= 0;) {
      const gap = released.indexOf(true, at);
      const view = it.view(at, (gap < 0 ? it.end : gap) - at);
      assert(view.length > 0);
      assertEquals(view, filled(view.length, at));
      at = released.indexOf(false, at + view.length);
    }
  }));
});
