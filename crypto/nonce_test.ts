import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { writeNonce, writeNonceHalves } from "./nonce.ts";

const IV = Uint8Array.fromHex("6b26114b9cba2b63a9e8dd4f");

function nonce(path: number, packetNumber: number, iv = IV): string {
  const into = new Uint8Array(iv.length);
  writeNonce(into, iv, path, packetNumber);
  return into.toHex();
}

Deno.test("writeNonce() gives the example of RFC 10069 §2.4: path 3, packet 54321", () => {
  assertEquals(nonce(3, 54321), "6b2611489cba2b63a9e8097e");
});

Deno.test("writeNonce() gives the example of earlier drafts: path 3, packet 0xaead", () => {
  assertEquals(nonce(3, 0xaead), "6b2611489cba2b63a9e873e2");
});

Deno.test("writeNonce() for path 0 is RFC 9001's", () => {
  assertEquals(nonce(0, 54321), "6b26114b9cba2b63a9e8097e");
});

Deno.test("writeNonce() for path 1 changes with packet number 0 already", () => {
  assertEquals(nonce(1, 0), "6b26114a9cba2b63a9e8dd4f");
});

Deno.test("writeNonceHalves() reaches the largest path and packet number", () => {
  const into = new Uint8Array(12);
  writeNonceHalves(into, IV, 0xffffffff, 0x3fffffff, 0xffffffff);
  assertEquals(into.toHex(), "94d9eeb4a345d49c561722b0");
});

Deno.test("writeNonce() pads path and number on the left when the IV is longer", () => {
  assertEquals(nonce(3, 54321, Uint8Array.fromHex("0102" + IV.toHex())), "01026b2611489cba2b63a9e8097e");
});

Deno.test("writeNonce() agrees with arithmetic in BigInt up to 2^53-1", () => {
  const iv = BigInt("0x" + IV.toHex());
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.maxSafeNat(), (path, packetNumber) => {
    const expected = iv ^ ((BigInt(path) << 64n) | BigInt(packetNumber));
    assertEquals(nonce(path, packetNumber), expected.toString(16).padStart(24, "0"));
  }));
});
