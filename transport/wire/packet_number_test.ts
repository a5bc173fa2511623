import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { expandNumber, numberLength } from "./packet_number.ts";
import { WireError } from "./reader.ts";

Deno.test("numberLength() gives the examples of RFC 9000 §A.2", () => {
  assertEquals(numberLength(0xac5c02, 0xabe8b3), 2);
  assertEquals(numberLength(0xace8fe, 0xabe8b3), 3);
});

Deno.test("numberLength() covers more than twice the distance (RFC 9000 §17.1)", () => {
  for (const [distance, length] of [[1, 1], [127, 1], [128, 2], [32767, 2], [32768, 3], [2 ** 23, 4]] as const) {
    assertEquals(numberLength(1000 + distance, 1000), length, `${distance}`);
  }
  assertEquals(numberLength(0, -1), 1);
  assertEquals(numberLength(126, -1), 1);
  assertEquals(numberLength(127, -1), 2);
  assertEquals(numberLength(2 ** 31 - 1, 0), 4);
  assertThrows(() => numberLength(2 ** 31, 0), WireError);
});

Deno.test("expandNumber() gives the example of RFC 9000 §A.3", () => {
  assertEquals(expandNumber(0x9b32, 2, 0xa82f30ea), 0xa82f9b32);
});

Deno.test("expandNumber() takes the first numbers of a space as they are", () => {
  assertEquals(expandNumber(0, 1, -1), 0);
  assertEquals(expandNumber(200, 1, -1), 200);
  assertEquals(expandNumber(2, 1, 0), 2);
  assertEquals(expandNumber(0xffff_fff0, 4, -1), 0xffff_fff0);
});

Deno.test("expandNumber() crosses a window upwards and downwards", () => {
  assertEquals(expandNumber(0x00, 1, 0xff), 0x100);
  assertEquals(expandNumber(0xff, 1, 0x100), 0xff);
  assertEquals(expandNumber(0x7f, 1, 0xfe), 0x17f);
  assertEquals(expandNumber(0x80, 1, 0xfe), 0x80);
  assertEquals(expandNumber(0, 4, 0xffff_ffff), 0x1_0000_0000);
  assertEquals(expandNumber(1, 1, 2 ** 53 - 2), 2 ** 53 - 256 + 1);
});

Deno.test("expandNumber() restores what numberLength() allows, at any number the receiver may have reached", () => {
  const half = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  fc.assert(fc.property(fc.nat(2 ** 52), half, fc.double({ min: 0, max: 1, noNaN: true }), (acked, distance, part) => {
    const number = acked + distance;
    const length = numberLength(number, acked);
    // The receiver has seen at least what it acknowledged, and at most all that came before.
    const largest = acked + Math.floor(part * (distance - 1));
    assertEquals(expandNumber(number % 2 ** (8 * length), length, largest), number);
  }));
});
