import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LARGEST_BLOCK, Reassembler } from "./reassembler.ts";

/** The bytes of a test stream: their value tells their offset. */
function bytes(from: number, to: number): Uint8Array {
  return Uint8Array.from({ length: to - from }, (_, i) => (from + i) * 7 + ((from + i) >> 8) & 0xff);
}

function insert(into: Reassembler, from: number, to: number, fin = false): number {
  return into.insert(from, bytes(from, to), fin);
}

/** Reads all there is and checks that it is what it should be; how many bytes, and whether the end came. */
function drain(from: Reassembler, limit?: number): { read: number; ended: boolean } {
  const start = from.consumed;
  while (true) {
    const at = from.consumed;
    const data = from.read(limit);
    if (data === undefined || data === null) return { read: at - start, ended: data === null };
    assert(data.length > 0 && data.length <= (limit ?? LARGEST_BLOCK));
    assertEquals(data, bytes(at, at + data.length));
  }
}

Deno.test("Reassembler gives bytes in order", () => {
  const it = new Reassembler();
  assertEquals(it.read(), undefined);
  assertEquals(insert(it, 0, 10), 10);
  assertEquals(it.available, 10);
  assertEquals(it.read(), bytes(0, 10));
  assertEquals(it.read(), undefined);
  assertEquals(insert(it, 10, 20, true), 10);
  assertEquals(drain(it), { read: 10, ended: true });
});

Deno.test("Reassembler waits for gaps to close", () => {
  const it = new Reassembler();
  assertEquals(insert(it, 10, 20), 20);
  assertEquals(insert(it, 30, 40, true), 20);
  assertEquals(it.available, 0);
  assertEquals(insert(it, 0, 10), 0);
  assertEquals(drain(it), { read: 20, ended: false });
  assertEquals([it.highest, it.finalSize, it.isComplete], [40, 40, false]);
  insert(it, 20, 30);
  assertEquals(it.isComplete, true);
  assertEquals(drain(it), { read: 20, ended: true });
});

Deno.test("Reassembler tolerates data that overlaps and that comes again", () => {
  const it = new Reassembler();
  insert(it, 0, 10);
  assertEquals(drain(it).read, 10);
  assertEquals(insert(it, 0, 10), 0);
  assertEquals(insert(it, 5, 15), 5);
  assertEquals(insert(it, 20, 30), 15);
  assertEquals(insert(it, 12, 40), 10);
  assertEquals(drain(it).read, 30);
});

Deno.test("Reassembler ends an empty stream, and one whose end comes alone", () => {
  const empty = new Reassembler();
  insert(empty, 0, 0, true);
  assertEquals(empty.read(), null);
  const alone = new Reassembler();
  insert(alone, 0, 5);
  assertEquals(drain(alone), { read: 5, ended: false });
  insert(alone, 5, 5, true);
  assertEquals(alone.read(), null);
});

Deno.test("Reassembler.read() keeps to the limit, and what it gives is the reader's alone", () => {
  const it = new Reassembler();
  insert(it, 0, 5000);
  const first = it.read(1000)!;
  assertEquals(first, bytes(0, 1000));
  // What a byte stream does with a chunk: the buffer is gone for everybody else.
  structuredClone(first, { transfer: [first.buffer] });
  insert(it, 5000, 9000);
  assertEquals(drain(it, 700).read, 8000);
});

Deno.test("Reassembler.read() gives buffers away without harm to bytes beyond a gap", () => {
  const it = new Reassembler();
  let at = 0;
  for (let round = 0; round < 200; round++) {
    insert(it, at + 1000, at + 1500);
    insert(it, at, at + 600);
    for (let data = it.read(); data; data = it.read()) structuredClone(data, { transfer: [data.buffer] });
    insert(it, at + 600, at + 1000);
    assertEquals(it.available, 900);
    const from = it.consumed;
    const data = it.read()!;
    assertEquals(data, bytes(from, from + data.length));
    structuredClone(data, { transfer: [data.buffer] });
    while (it.read());
    at += 1500;
  }
});

Deno.test("Reassembler hands out large pieces of data that comes in order", () => {
  const it = new Reassembler();
  const packet = bytes(0, 1400);
  for (let at = 0; at < 1_400_000; at += 1400) it.insert(at, packet, false);
  let reads = 0;
  while (it.read()) reads++;
  assert(reads < 40, `${reads} reads`);
});

Deno.test("Reassembler holds about as much as it is given, in order or not", () => {
  const inOrder = new Reassembler();
  const late = new Reassembler();
  const packet = bytes(0, 1000);
  for (let at = 0; at < 2_000_000; at += 1000) {
    inOrder.insert(at, packet, false);
    if (at > 0) late.insert(at, packet, false);
  }
  assert(inOrder.memory < 2_200_000, `${inOrder.memory}`);
  assert(late.memory < 2_400_000, `${late.memory}`);
});

Deno.test("Reassembler holds little for a short stream", () => {
  const one = new Reassembler();
  insert(one, 0, 100, true);
  assertEquals(one.memory, 100);
  const open = new Reassembler();
  insert(open, 0, 1);
  assert(open.memory <= 2048);
  open.read();
  assert(open.memory <= 2048);
});

Deno.test("Reassembler bounds the memory of single bytes with gaps between them", () => {
  const it = new Reassembler();
  const window = 1 << 18;
  const most = (window + LARGEST_BLOCK) * 9 / 8;
  for (let at = 1; at < window; at += 2) it.insert(at, new Uint8Array(1), false);
  assert(it.memory <= most, `${it.memory}`);
  const backwards = new Reassembler();
  for (let at = window - 1; at > 0; at -= 2) backwards.insert(at, new Uint8Array(1), false);
  assert(backwards.memory <= most, `${backwards.memory}`);
  for (let at = 0; at < window; at += 2) it.insert(at, new Uint8Array(1), false);
  assertEquals(it.available, window);
});

Deno.test("Reassembler shrinks its blocks when reads become small", () => {
  const it = new Reassembler();
  insert(it, 0, 300_000);
  drain(it);
  let at = 300_000;
  for (let i = 0; i < 50; i++) {
    insert(it, at, at + 1200);
    drain(it);
    at += 1200;
  }
  assert(it.memory <= 4096, `${it.memory}`);
});

Deno.test("Reassembler.discard() counts but keeps nothing", () => {
  const it = new Reassembler();
  insert(it, 0, 100);
  insert(it, 200, 300);
  it.discard();
  assertEquals(it.memory, 0);
  assertEquals(insert(it, 250, 400), 100);
  assertEquals([it.memory, it.available, it.highest], [0, 0, 400]);
});

Deno.test("Reassembler delivers exact bytes from any pieces in any order", () => {
  const piece = fc.record({ at: fc.nat(9999), length: fc.integer({ min: 0, max: 3000 }), limit: fc.nat(2500) });
  fc.assert(
    fc.property(
      fc.array(piece, { size: "max", maxLength: 60 }),
      fc.integer({ min: 1, max: 10_000 }),
      (pieces, size) => {
        const it = new Reassembler();
        const have = new Uint8Array(size);
        let highest = 0;
        for (const { at, length, limit } of pieces) {
          const from = Math.min(at, size);
          const to = Math.min(from + length, size);
          assertEquals(insert(it, from, to, to === size), Math.max(0, to - highest));
          have.fill(1, from, to);
          highest = Math.max(highest, to);
          const ready = have.indexOf(0) < 0 ? size : have.indexOf(0);
          assertEquals(it.available, ready - it.consumed);
          if (limit > 0) drain(it, limit > 2000 ? undefined : limit);
        }
        insert(it, 0, size, true);
        assertEquals(it.isComplete, true);
        assertEquals(drain(it).ended, true);
        assertEquals(it.consumed, size);
      },
    ),
    { numRuns: 300 },
  );
});
