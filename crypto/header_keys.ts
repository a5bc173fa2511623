/**
 * Header protection (RFC 9001 §5.4) in JavaScript, with the state of a key built once. Every provider of ours uses it: a
 * cipher object of `node:crypto` kept for the life of a key takes ten times as long for a block, and holds a resource
 * of the runtime that only `final()` gives back.
 *
 * @module
 */
import { unsafe } from "@noble/ciphers/aes.js";
import { ChaChaHeaderKey, littleEndianWord } from "./chacha_mask.ts";
import type { CipherSuite, HeaderKey } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, checkKey, unknownSuite } from "./suites.ts";

/**
 * Header protection for the suite.
 *
 * @throws {CryptoError} when the suite is unknown or the key has another length than it wants.
 */
export function headerKey(suite: CipherSuite, key: Uint8Array): HeaderKey {
  checkKey(suite, key);
  switch (suite.id) {
    case CHACHA20_POLY1305.id:
      return new ChaChaHeaderKey(key);
    case AES_128_GCM.id:
    case AES_256_GCM.id:
      return new AesHeaderKey(key);
    default:
      throw unknownSuite(suite);
  }
}

/** By AES (§5.4.3); the sample is the block. Table look-ups: not constant time against someone on this machine. */
class AesHeaderKey implements HeaderKey {
  readonly #schedule: Uint32Array;

  constructor(key: Uint8Array) {
    this.#schedule = unsafe.expandKeyLE(key);
  }

  mask(buffer: Uint8Array, at: number, into: Uint8Array): void {
    const block = unsafe.encrypt(
      this.#schedule,
      littleEndianWord(buffer, at),
      littleEndianWord(buffer, at + 4),
      littleEndianWord(buffer, at + 8),
      littleEndianWord(buffer, at + 12),
    );
    into[0] = block.s0;
    into[1] = block.s0 >>> 8;
    into[2] = block.s0 >>> 16;
    into[3] = block.s0 >>> 24;
    into[4] = block.s1;
  }
}
