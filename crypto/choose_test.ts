import { assertEquals, assertStrictEquals } from "@std/assert";
import { fastestProvider, isSound } from "./choose.ts";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import type { AeadKey, CryptoProvider } from "./provider.ts";

Deno.test("fastestProvider() is node's here, and the same each time", () => {
  assertStrictEquals(fastestProvider(), nodeProvider());
  assertStrictEquals(fastestProvider(), fastestProvider());
});

Deno.test("isSound() holds for both providers", () => {
  assertEquals(isSound(nobleProvider()), true);
  assertEquals(isSound(nodeProvider()), true);
});

/** A provider whose AEAD is changed. */
function withAead(change: (real: AeadKey) => AeadKey): CryptoProvider {
  const real = nobleProvider();
  return { ...real, aead: (suite, key) => change(real.aead(suite, key)) };
}

Deno.test("isSound() fails for a cipher that is missing, seals wrongly, opens anything or writes no tag", () => {
  const missing: CryptoProvider = {
    ...nobleProvider(),
    aead() {
      throw new Error("Unknown cipher");
    },
  };
  assertEquals(isSound(missing), false);
  const wrong = withAead((real) => ({
    seal: (nonce, buffer, aad, start, end) => real.seal(nonce.with(0, 99), buffer, aad, start, end),
    open: (nonce, buffer, aad, start, end) => real.open(nonce.with(0, 99), buffer, aad, start, end),
  }));
  assertEquals(isSound(wrong), false);
  const credulous = withAead((real) => ({
    seal: (...args) => real.seal(...args),
    open: (nonce, buffer, aad, start, end) => {
      const plainEnd = real.open(nonce, buffer, aad, start, end);
      return plainEnd < 0 ? end - 16 : plainEnd;
    },
  }));
  assertEquals(isSound(credulous), false);
  const mute = withAead((real) => ({ seal: (_n, _b, _a, _s, end) => end, open: (...args) => real.open(...args) }));
  assertEquals(isSound(mute), false);
});

Deno.test("isSound() fails for a wrong header mask", () => {
  const real = nobleProvider();
  const provider: CryptoProvider = { ...real, header: () => ({ mask: (_buffer, _at, into) => void into.fill(0) }) };
  assertEquals(isSound(provider), false);
});
