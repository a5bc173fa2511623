import { assertEquals, assertThrows } from "@std/assert";
import { chacha20 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { ChaChaHeaderKey } from "./chacha_mask.ts";
import { CryptoError } from "./provider.ts";

Deno.test("ChaChaHeaderKey gives the first bytes of the block of RFC 8439 §2.3.2", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const counterAndNonce = Uint8Array.fromHex("01000000" + "000000090000004a00000000");
  const into = new Uint8Array(5);
  new ChaChaHeaderKey(key).mask(counterAndNonce, 0, into);
  assertEquals(into.toHex(), "10f1e7e4d1");
});

Deno.test("ChaChaHeaderKey agrees with noble's ChaCha20, wherever the sample stands", () => {
  const thirtyTwo = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(fc.property(thirtyTwo, thirtyTwo, fc.nat(16), (key, buffer, at) => {
    const sample = buffer.slice(at, at + 16);
    const counter = new DataView(sample.buffer).getUint32(0, true);
    // noble refuses the very last counter.
    fc.pre(counter < 0xffffffff);
    const expected = chacha20(key, sample.slice(4), new Uint8Array(5), undefined, counter);
    const into = new Uint8Array(5);
    new ChaChaHeaderKey(key).mask(buffer, at, into);
    assertEquals(into, expected);
  }));
});

Deno.test("ChaChaHeaderKey masks with counters that have the highest bit set", () => {
  const key = new Uint8Array(32);
  const masks = ["ffffffff", "80000000", "00000080"].map((counter) => {
    const into = new Uint8Array(5);
    new ChaChaHeaderKey(key).mask(Uint8Array.fromHex(counter + "00".repeat(12)), 0, into);
    return into.toHex();
  });
  assertEquals(new Set(masks).size, 3);
});

Deno.test("ChaChaHeaderKey refuses a key of another length", () => {
  assertThrows(() => new ChaChaHeaderKey(new Uint8Array(16)), CryptoError, "expected 32");
});
