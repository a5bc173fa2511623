import { assertEquals, assertThrows } from "@std/assert";
import { ecb } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { headerKey } from "./header_keys.ts";
import { CryptoError } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305 } from "./suites.ts";
import { CHACHA20_SHORT, CLIENT_INITIAL, KEYS, SERVER_INITIAL } from "../tests/vectors/rfc9001.ts";

function mask(suite: typeof AES_128_GCM, key: string, sample: string): string {
  const into = new Uint8Array(5);
  headerKey(suite, Uint8Array.fromHex(key)).mask(Uint8Array.fromHex("ff" + sample), 1, into);
  return into.toHex();
}

Deno.test("headerKey() gives the masks of RFC 9001 §A", () => {
  assertEquals(mask(AES_128_GCM, KEYS.client.hp, CLIENT_INITIAL.sample), CLIENT_INITIAL.mask);
  assertEquals(mask(AES_128_GCM, KEYS.server.hp, SERVER_INITIAL.sample), SERVER_INITIAL.mask);
  assertEquals(mask(CHACHA20_POLY1305, CHACHA20_SHORT.hp, CHACHA20_SHORT.sample), CHACHA20_SHORT.mask);
});

Deno.test("headerKey() for AES agrees with AES-ECB", () => {
  for (const suite of [AES_128_GCM, AES_256_GCM]) {
    const { keyLength } = suite;
    const keys = fc.uint8Array({ minLength: keyLength, maxLength: keyLength });
    const samples = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(fc.property(keys, samples, (key, sample) => {
      const expected = ecb(key, { disablePadding: true }).encrypt(sample).subarray(0, 5);
      assertEquals(mask(suite, key.toHex(), sample.toHex()), expected.toHex());
    }));
  }
});

Deno.test("headerKey() refuses a key that does not fit and a suite that it does not know", () => {
  for (const suite of [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305]) {
    assertThrows(() => headerKey(suite, new Uint8Array(24)), CryptoError, `expected ${suite.keyLength}`);
  }
  const other = { ...AES_128_GCM, id: 0x1304 };
  assertThrows(() => headerKey(other, new Uint8Array(16)), CryptoError, "0x1304");
});
