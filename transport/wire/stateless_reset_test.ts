import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { WireError } from "./reader.ts";
import {
  MIN_STATELESS_RESET,
  resetTokenOf,
  sameResetToken,
  statelessResetSize,
  writeStatelessReset,
} from "./stateless_reset.ts";

const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

Deno.test("writeStatelessReset() looks like a short header and ends in the token", () => {
  const into = new Uint8Array(64);
  for (const fill of [0x00, 0xff]) {
    assertEquals(writeStatelessReset(into, token, 40, (bytes) => void bytes.fill(fill)), 40);
    assertEquals(into[0]! >> 6, 1);
    assertEquals(into[0]! & 0x3f, fill & 0x3f);
    assertEquals(into[23], fill);
    assertEquals(resetTokenOf(into.subarray(0, 40)), token);
  }
});

Deno.test("writeStatelessReset() asks for unpredictable bytes up to the token and not beyond", () => {
  let asked = 0;
  writeStatelessReset(new Uint8Array(100), token, 21, (bytes) => void (asked = bytes.length));
  assertEquals(asked, 5);
});

Deno.test("writeStatelessReset() refuses wrong sizes", () => {
  const random = () => {};
  assertThrows(() => writeStatelessReset(new Uint8Array(64), token, 20, random), WireError, "must have 21 to 64");
  assertThrows(() => writeStatelessReset(new Uint8Array(30), token, 31, random), WireError);
  assertThrows(() => writeStatelessReset(new Uint8Array(64), token.subarray(1), 30, random), WireError);
});

Deno.test("statelessResetSize() is below the size of what it answers", () => {
  assertEquals(statelessResetSize(MIN_STATELESS_RESET), undefined);
  assertEquals(statelessResetSize(22), 21);
  assertEquals(statelessResetSize(43), 42);
  assertEquals(statelessResetSize(1200), 43);
});

Deno.test("resetTokenOf() gives the last 16 bytes of any datagram that is long enough", () => {
  assertEquals(resetTokenOf(new Uint8Array(20)), undefined);
  const datagram = Uint8Array.of(0xc0, 0, 0, 0, 1, ...token);
  assertEquals(resetTokenOf(datagram), token);
});

Deno.test("sameResetToken() compares whole tokens", () => {
  assert(sameResetToken(token, token.slice()));
  for (let i = 0; i < 16; i++) {
    const other = token.slice();
    other[i]! ^= 0x80;
    assertFalse(sameResetToken(token, other));
  }
  assertFalse(sameResetToken(token, token.subarray(1)));
});
