import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Reader, WireError } from "./reader.ts";
import { MAX_VARINT, varintSize } from "./varint.ts";
import { Writer } from "./writer.ts";

function written(write: (w: Writer) => void): string {
  const into = new Uint8Array(64);
  const w = new Writer(into);
  write(w);
  return into.subarray(0, w.at).toHex();
}

Deno.test("Writer.varint() writes the examples of RFC 9000 §A.1", () => {
  assertEquals(written((w) => w.varint(494_878_333)), "9d7f3e7d");
  assertEquals(written((w) => w.varint(15_293)), "7bbd");
  assertEquals(written((w) => w.varint(37)), "25");
  assertEquals(written((w) => w.varint(37, 2)), "4025");
});

Deno.test("Writer.varint() pads to the size that is asked for", () => {
  assertEquals(written((w) => w.varint(37, 4)), "80000025");
  assertEquals(written((w) => w.varint(37, 8)), "c000000000000025");
  assertEquals(written((w) => w.varint(MAX_VARINT)), "c01fffffffffffff");
});

Deno.test("Writer.varint() gives back what Reader.varint() takes", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.constantFrom<1 | 2 | 4 | 8>(1, 2, 4, 8), (value, wish) => {
    const size = Math.max(wish, varintSize(value)) as 1 | 2 | 4 | 8;
    const into = new Uint8Array(8);
    const w = new Writer(into);
    w.varint(value, size);
    const r = new Reader(into, 0, w.at);
    assertEquals(w.at, size);
    assertEquals(r.varint(), value);
    assertEquals(r.left, 0);
  }));
});

Deno.test("Writer.varint() refuses what does not fit the format or the size", () => {
  const w = new Writer(new Uint8Array(16));
  for (const value of [-1, 1.5, NaN, Infinity, 2 ** 53]) assertThrows(() => w.varint(value), WireError);
  assertThrows(() => w.varint(64, 1), WireError, "does not fit in 1 bytes");
  assertThrows(() => w.varint(16384, 2), WireError);
  assertThrows(() => w.varint(2 ** 30, 4), WireError);
  assertEquals(w.at, 0);
});

Deno.test("Writer writes integers most significant byte first", () => {
  assertEquals(
    written((w) => {
      w.u8(0xfe);
      w.u16(0x0102);
      w.u32(0xf1020304);
    }),
    "fe0102f1020304",
  );
  const w = new Writer(new Uint8Array(16));
  assertThrows(() => w.u8(256), WireError);
  assertThrows(() => w.u16(0x1_0000), WireError);
  assertThrows(() => w.u32(2 ** 32), WireError);
  assertThrows(() => w.u8(-1), WireError);
  assertEquals(w.at, 0);
});

Deno.test("Writer stays within its range and writes nothing where there is no room", () => {
  const into = new Uint8Array(8).fill(0xee);
  const w = new Writer(into, 2, 5);
  assertEquals(w.room, 3);
  assertThrows(() => w.u32(0), WireError, "No room: 4 bytes are wanted, 3 are left");
  assertThrows(() => w.bytes(new Uint8Array(4)), WireError);
  assertThrows(() => w.varint(2 ** 20), WireError);
  assertThrows(() => w.zeros(4), WireError);
  assertEquals(into.toHex(), "eeeeeeeeeeeeeeee");
  w.bytes(Uint8Array.of(1, 2));
  w.zeros(1);
  assertEquals(w.room, 0);
  assertThrows(() => w.u8(1), WireError);
  assertEquals(into.toHex(), "eeee010200eeeeee");
});

Deno.test("Writer refuses a range outside of the array", () => {
  assertThrows(() => new Writer(new Uint8Array(4), 0, 5), RangeError);
  assertThrows(() => new Writer(new Uint8Array(4), 5), RangeError);
});
