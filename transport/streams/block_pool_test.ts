import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { BLOCK_SIZE, BlockPool, MAX_SPARE_BLOCKS } from "./block_pool.ts";
import { SendChunks } from "./send_chunks.ts";

Deno.test("BlockPool.take() gives back what was given, and keeps a bounded number", () => {
  const pool = new BlockPool();
  const block = pool.take();
  assertEquals(block.length, BLOCK_SIZE);
  assertNotStrictEquals(pool.take(), block);
  pool.give(block);
  assertStrictEquals(pool.take(), block);
  for (let i = 0; i < 2 * MAX_SPARE_BLOCKS; i++) pool.give(new Uint8Array(BLOCK_SIZE));
  assertEquals(pool.spare, MAX_SPARE_BLOCKS);
});

Deno.test("SendChunks.appendCopy() leaves the array to the caller", () => {
  for (const length of [10, 2000, 20_000, 200_000]) {
    const chunks = new SendChunks(new BlockPool());
    const data = new Uint8Array(length).fill(7);
    chunks.appendCopy(data);
    data.fill(9);
    for (let at = 0; at < length;) {
      const view = chunks.view(at, length);
      assert(view.every((byte) => byte === 7));
      at += view.length;
    }
  }
});

Deno.test("SendChunks.appendCopy() uses blocks again once all in them is released", () => {
  const pool = new BlockPool();
  const chunks = new SendChunks(pool);
  const data = new Uint8Array(100_000);
  for (let round = 0; round < 50; round++) {
    const from = chunks.end;
    chunks.appendCopy(data);
    chunks.release(from, chunks.end);
    assert(pool.spare <= 2, `${pool.spare} blocks are spare`);
  }
  assertEquals(chunks.held, 0);
});

Deno.test("SendChunks holds the right bytes whatever is copied, given and released, in any order", () => {
  const step = fc.record({ length: fc.integer({ min: 1, max: 90_000 }), copy: fc.boolean(), release: fc.nat(100) });
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const chunks = new SendChunks(new BlockPool());
    let next = 0;
    let released = 0;
    for (const { length, copy, release } of steps) {
      const data = Uint8Array.from({ length }, (_, i) => (next + i) * 31 & 0xff);
      if (copy) chunks.appendCopy(data);
      else chunks.append(data);
      if (copy) data.fill(0);
      next += length;
      const to = released + Math.floor((next - released) * release / 100);
      chunks.release(released, to);
      released = to;
      for (let at = released; at < next;) {
        const view = chunks.view(at, 50_000);
        for (let i = 0; i < view.length; i += 97) assertEquals(view[i], (at + i) * 31 & 0xff);
        at += view.length;
      }
    }
  }));
});
