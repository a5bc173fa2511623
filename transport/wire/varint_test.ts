import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { dataRoom, MAX_VARINT, VARINT_SATURATED, varintSize } from "./varint.ts";

Deno.test("varintSize() grows where RFC 9000 §16 says", () => {
  const sizes: [number, number][] = [
    [0, 1],
    [63, 1],
    [64, 2],
    [16383, 2],
    [16384, 4],
    [2 ** 30 - 1, 4],
    [2 ** 30, 8],
    [MAX_VARINT, 8],
  ];
  for (const [value, size] of sizes) assertEquals(varintSize(value), size, `${value}`);
});

Deno.test("VARINT_SATURATED is a safe integer and not below anything that can be written", () => {
  assert(Number.isSafeInteger(VARINT_SATURATED));
  assert(VARINT_SATURATED >= MAX_VARINT);
});

Deno.test("dataRoom() is the most that fits with its length", () => {
  const rooms = fc.oneof(
    fc.integer({ min: -4, max: 70_000 }),
    fc.integer({ min: 2 ** 30 - 20, max: 2 ** 30 + 20 }),
    fc.constantFrom(0, 1, 64, 65, 66, 16385, 16386, 16387, 16388, 16389),
  );
  fc.assert(fc.property(rooms, (room) => {
    const most = dataRoom(room);
    if (most < 0) return room < 1;
    return most + varintSize(most) <= room && most + 1 + varintSize(most + 1) > room;
  }));
});
