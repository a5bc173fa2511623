/**
 * Which provider to use: the fastest that is there and agrees with the portable one.
 *
 * @module
 */
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import type { CipherSuite, CryptoProvider } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, TAG_LENGTH } from "./suites.ts";

let chosen: CryptoProvider | undefined;

/** The provider of `node:crypto` where its ciphers work, else noble's. Tried once in a process. */
export function fastestProvider(): CryptoProvider {
  chosen ??= isSound(nodeProvider()) ? nodeProvider() : nobleProvider();
  return chosen;
}

/**
 * Whether a provider seals, opens, refuses and masks as noble does, for every suite. Never throws: a provider whose
 * platform lacks a cipher is not sound.
 */
export function isSound(provider: CryptoProvider): boolean {
  try {
    return [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305].every((suite) => agrees(provider, nobleProvider(), suite));
  } catch {
    return false;
  }
}

function agrees(provider: CryptoProvider, reference: CryptoProvider, suite: CipherSuite): boolean {
  const aadLength = 5;
  const end = 40;
  const nonce = counting(12);
  const key = counting(suite.keyLength);
  const plain = counting(end + TAG_LENGTH);
  const ours = plain.slice();
  const theirs = plain.slice();
  const aead = provider.aead(suite, key);
  const sealedEnd = aead.seal(nonce, ours, 0, aadLength, end);
  reference.aead(suite, key).seal(nonce, theirs, 0, aadLength, end);
  if (sealedEnd !== end + TAG_LENGTH || !areEqual(ours, theirs, sealedEnd)) return false;
  if (aead.open(nonce, ours, 0, aadLength, sealedEnd) !== end || !areEqual(ours, plain, end)) return false;
  theirs[0] = theirs[0]! ^ 1;
  if (aead.open(nonce, theirs, 0, aadLength, sealedEnd) !== -1) return false;
  const mask = new Uint8Array(5);
  const expected = new Uint8Array(5);
  provider.header(suite, key).mask(plain, 3, mask);
  reference.header(suite, key).mask(plain, 3, expected);
  return areEqual(mask, expected, 5);
}

/** 1, 2, 3, ... */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i + 1);
}

function areEqual(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
