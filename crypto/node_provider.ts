/**
 * The provider over `node:crypto`, which Deno has built in: what it is faster at than noble, measured, is its own (AEAD,
 * running hashes); the rest is noble's.
 *
 * @module
 */
import { type CipherGCM, createCipheriv, createDecipheriv, createHash, type DecipherGCM, type Hash } from "node:crypto";
import { makeKeyShare, signingKeyFromPem, verifySignature } from "./asymmetric.ts";
import { headerKey } from "./header_keys.ts";
import { nobleHmac } from "./noble_provider.ts";
import type { AeadKey, CipherSuite, CryptoProvider, HashName, RunningHash } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, checkKey, TAG_LENGTH, unknownSuite } from "./suites.ts";

/** The types know this call for each cipher apart; it is the same for all three. */
type NodeCipher = "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";

const OPTIONS = { authTagLength: TAG_LENGTH } as const;

/** The provider of `node:crypto`; there is one. ChaCha20 comes first: it takes half of AES-GCM's time here. */
export function nodeProvider(): CryptoProvider {
  return PROVIDER;
}

const PROVIDER: CryptoProvider = {
  name: "node",
  suites: [CHACHA20_POLY1305, AES_128_GCM, AES_256_GCM],
  groups: ["x25519", "secp256r1"],
  aead: nodeAead,
  header: headerKey,
  hash: (name) => new NodeHash(name),
  hmac: nobleHmac,
  keyShare: makeKeyShare,
  signingKey: signingKeyFromPem,
  verify: verifySignature,
};

function nodeAead(suite: CipherSuite, key: Uint8Array): AeadKey {
  checkKey(suite, key);
  return new NodeAead(cipherName(suite), key);
}

function cipherName(suite: CipherSuite): NodeCipher {
  switch (suite.id) {
    case CHACHA20_POLY1305.id:
      return "chacha20-poly1305";
    case AES_128_GCM.id:
      return "aes-128-gcm";
    case AES_256_GCM.id:
      return "aes-256-gcm";
    default:
      throw unknownSuite(suite);
  }
}

/** A cipher object seals one packet and gives its resource back in `final()`, which must be called in every case. */
class NodeAead implements AeadKey {
  readonly #name: NodeCipher;
  readonly #key: Uint8Array;

  constructor(name: NodeCipher, key: Uint8Array) {
    this.#name = name;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number {
    const cipher = createCipheriv(this.#name as "aes-128-gcm", this.#key, nonce, OPTIONS) as CipherGCM;
    cipher.setAAD(buffer.subarray(aadStart, start));
    const sealed = cipher.update(buffer.subarray(start, end));
    cipher.final();
    buffer.set(sealed, start);
    buffer.set(cipher.getAuthTag(), end);
    return end + TAG_LENGTH;
  }

  open(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number {
    const tagAt = end - TAG_LENGTH;
    if (tagAt < start) return -1;
    const decipher = createDecipheriv(this.#name as "aes-128-gcm", this.#key, nonce, OPTIONS) as DecipherGCM;
    decipher.setAAD(buffer.subarray(aadStart, start));
    decipher.setAuthTag(buffer.subarray(tagAt, end));
    const plain = decipher.update(buffer.subarray(start, tagAt));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    buffer.set(plain, start);
    return tagAt;
  }
}

class NodeHash implements RunningHash {
  readonly #state: Hash;

  constructor(name: HashName) {
    this.#state = createHash(name);
  }

  update(data: Uint8Array): void {
    this.#state.update(data);
  }

  digest(): Uint8Array {
    return new Uint8Array(this.#state.copy().digest());
  }
}
