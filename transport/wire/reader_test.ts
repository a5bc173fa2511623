import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Reader, WireError } from "./reader.ts";
import { VARINT_SATURATED } from "./varint.ts";

function reader(hex: string): Reader {
  return new Reader(Uint8Array.fromHex(hex));
}

Deno.test("Reader.varint() decodes the examples of RFC 9000 §A.1", () => {
  // The first is 151,288,809,941,952,652, above 2^53-1.
  assertEquals(reader("c2197c5eff14e88c").varint(), VARINT_SATURATED);
  assertEquals(reader("9d7f3e7d").varint(), 494_878_333);
  assertEquals(reader("7bbd").varint(), 15_293);
  assertEquals(reader("25").varint(), 37);
  assertEquals(reader("4025").varint(), 37);
});

Deno.test("Reader.varint() is exact up to 2^53-1 and saturates above", () => {
  assertEquals(reader("c01ffffffffffffe").varint(), 2 ** 53 - 2);
  assertEquals(reader("c01fffffffffffff").varint(), 2 ** 53 - 1);
  assertEquals(reader("c020000000000000").varint(), VARINT_SATURATED);
  assertEquals(reader("ffffffffffffffff").varint(), VARINT_SATURATED);
  assertEquals(reader("c0000000ffffffff").varint(), 2 ** 32 - 1);
  assertEquals(reader("c000000080000000").varint(), 2 ** 31);
});

Deno.test("Reader.varint() takes every form of a value", () => {
  for (const hex of ["25", "4025", "80000025", "c000000000000025"]) {
    const r = reader(hex);
    assertEquals(r.varint(), 37);
    assertEquals(r.left, 0);
  }
});

Deno.test("Reader.varint() throws WireError at each cut and stays where it is", () => {
  for (const hex of ["7bbd", "9d7f3e7d", "c2197c5eff14e88c"]) {
    const bytes = Uint8Array.fromHex(hex);
    for (let end = 0; end < bytes.length; end++) {
      const r = new Reader(bytes, 0, end);
      assertThrows(() => r.varint(), WireError);
      assertEquals(r.at, 0);
    }
  }
});

Deno.test("Reader.streamCount() refuses counts above 2^60 and no others", () => {
  assertEquals(reader("d000000000000000").streamCount(), VARINT_SATURATED); // 2^60
  assertEquals(reader("cfffffffffffffff").streamCount(), VARINT_SATURATED); // 2^60-1
  assertEquals(reader("25").streamCount(), 37);
  assertThrows(() => reader("d000000000000001").streamCount(), WireError, "Stream count is above 2^60");
  assertThrows(() => reader("d000000100000000").streamCount(), WireError);
  assertThrows(() => reader("ffffffffffffffff").streamCount(), WireError);
});

Deno.test("Reader takes integers most significant byte first", () => {
  const r = reader("01f203ff000102");
  assertEquals(r.u8(), 1);
  assertEquals(r.u16(), 0xf203);
  assertEquals(r.u32(), 0xff000102);
  assertThrows(() => r.u8(), WireError);
  assertThrows(() => r.u16(), WireError);
  assertThrows(() => r.u32(), WireError);
});

Deno.test("Reader.bytes() gives a view of the source", () => {
  const source = Uint8Array.of(1, 2, 3, 4);
  const r = new Reader(source, 1);
  const view = r.bytes(2);
  assertEquals([...view], [2, 3]);
  assertStrictEquals(view.buffer, source.buffer);
  assertEquals(r.left, 1);
  assertThrows(() => r.bytes(2), WireError);
  assertThrows(() => r.bytes(VARINT_SATURATED), WireError);
  assertThrows(() => r.bytes(-1), WireError);
  assertThrows(() => r.bytes(NaN), WireError);
  assertEquals(r.at, 3);
});

Deno.test("Reader stops at the end it was given, not at that of the array", () => {
  const r = new Reader(Uint8Array.of(0x40, 0x25, 0x40, 0x25), 2, 3);
  assertThrows(() => r.varint(), WireError, "2 bytes are wanted, 1 are left");
});

Deno.test("Reader.skipZeros() passes over the run and no further", () => {
  const r = new Reader(Uint8Array.of(0, 0, 0, 1, 0), 0, 5);
  assertEquals(r.skipZeros(), 3);
  assertEquals(r.skipZeros(), 0);
  r.skip(1);
  assertEquals(r.skipZeros(), 1);
  assertEquals(r.left, 0);
});

Deno.test("Reader refuses a range outside of the array", () => {
  assertThrows(() => new Reader(new Uint8Array(4), 0, 5), RangeError);
  assertThrows(() => new Reader(new Uint8Array(4), 3, 2), RangeError);
  assertThrows(() => new Reader(new Uint8Array(4), -1, 2), RangeError);
});

Deno.test("Reader throws nothing but WireError on any bytes", () => {
  type Step = "u8" | "u16" | "u32" | "varint" | "streamCount" | "skipZeros";
  const steps = fc.array(fc.constantFrom<Step>("u8", "u16", "u32", "varint", "streamCount", "skipZeros"));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), steps, (bytes, steps) => {
    const r = new Reader(bytes);
    for (const step of steps) {
      try {
        r[step]();
      } catch (error) {
        return error instanceof WireError;
      }
    }
    return r.left >= 0;
  }));
});
