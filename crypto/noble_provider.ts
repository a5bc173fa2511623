/**
 * The portable provider: AEAD, header protection and hashes in JavaScript, by noble. What is asymmetric is `node:crypto`'s
 * here too, so that there is one implementation of it.
 *
 * @module
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha384 } from "@noble/hashes/sha2.js";
import { makeKeyShare, signingKeyFromPem, verifySignature } from "./asymmetric.ts";
import { headerKey } from "./header_keys.ts";
import type { AeadKey, CipherSuite, CryptoProvider, HashName, RunningHash } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, checkKey, TAG_LENGTH, unknownSuite } from "./suites.ts";

/** An AEAD of noble's: one object seals or opens one packet. */
type NobleCipher = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => {
  encrypt(plain: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
};

/** The provider of noble; there is one. */
export function nobleProvider(): CryptoProvider {
  return PROVIDER;
}

/** HMAC (RFC 2104) of one piece, by noble: for pieces as short as a key schedule's it is the fastest there is here. */
export function nobleHmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac(name === "sha256" ? sha256 : sha384, key, data);
}

const PROVIDER: CryptoProvider = {
  name: "noble",
  suites: [CHACHA20_POLY1305, AES_128_GCM, AES_256_GCM],
  groups: ["x25519", "secp256r1"],
  aead: nobleAead,
  header: headerKey,
  hash: (name) => new NobleHash(name),
  hmac: nobleHmac,
  keyShare: makeKeyShare,
  signingKey: signingKeyFromPem,
  verify: verifySignature,
};

function nobleAead(suite: CipherSuite, key: Uint8Array): AeadKey {
  checkKey(suite, key);
  switch (suite.id) {
    case CHACHA20_POLY1305.id:
      return new NobleAead(chacha20poly1305, key);
    case AES_128_GCM.id:
    case AES_256_GCM.id:
      return new NobleAead(gcm, key);
    default:
      throw unknownSuite(suite);
  }
}

class NobleAead implements AeadKey {
  readonly #cipher: NobleCipher;
  readonly #key: Uint8Array;

  constructor(cipher: NobleCipher, key: Uint8Array) {
    this.#cipher = cipher;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number {
    const sealed = this.#cipher(this.#key, nonce, buffer.subarray(aadStart, start)).encrypt(
      buffer.subarray(start, end),
    );
    buffer.set(sealed, start);
    return end + TAG_LENGTH;
  }

  open(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number {
    if (end - start < TAG_LENGTH) return -1;
    const cipher = this.#cipher(this.#key, nonce, buffer.subarray(aadStart, start));
    let plain: Uint8Array;
    try {
      plain = cipher.decrypt(buffer.subarray(start, end));
    } catch {
      return -1;
    }
    buffer.set(plain, start);
    return end - TAG_LENGTH;
  }
}

class NobleHash implements RunningHash {
  readonly #state: ReturnType<typeof sha256.create> | ReturnType<typeof sha384.create>;

  constructor(name: HashName) {
    this.#state = name === "sha256" ? sha256.create() : sha384.create();
  }

  update(data: Uint8Array): void {
    this.#state.update(data);
  }

  digest(): Uint8Array {
    return this.#state.clone().digest();
  }
}
