/**
 * The cryptography of worlds: suites and their order are the same everywhere, so that the same seed gives the same bytes
 * whatever provider there is; and, for large sweeps, packet protection that costs nothing.
 *
 * @module
 */
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, fastestProvider, TAG_LENGTH } from "../../crypto/mod.ts";
import type { AeadKey, CryptoProvider, HeaderKey } from "../../crypto/provider.ts";

/** How packets of a world are protected: in earnest, or with tags that only tell keys apart. */
export type WorldCrypto = "real" | "plain";

const NO_MASK: HeaderKey = { mask: (_buffer, _at, into) => void into.fill(0) };

/**
 * The provider for a world, made of another one (default: the fastest). "plain" has the handshake of "real" with all its
 * signatures and key exchange, and packets of the same sizes, but they are not encrypted: what was changed on the way is not
 * noticed, a packet under a wrong key is.
 */
export function worldProvider(crypto: WorldCrypto = "real", base: CryptoProvider = fastestProvider()): CryptoProvider {
  return {
    name: crypto === "real" ? base.name : "plain",
    suites: [CHACHA20_POLY1305, AES_128_GCM, AES_256_GCM],
    groups: ["x25519", "secp256r1"],
    aead: (suite, key) => crypto === "real" ? base.aead(suite, key) : plainAead(key),
    header: (suite, key) => crypto === "real" ? base.header(suite, key) : NO_MASK,
    hash: (name) => base.hash(name),
    hmac: (name, key, data) => base.hmac(name, key, data),
    keyShare: (group, random) => base.keyShare(group, random),
    signingKey: (pem) => base.signingKey(pem),
    verify: (scheme, key, data, signature) => base.verify(scheme, key, data, signature),
  };
}

/** The tag is the beginning of the key. */
function plainAead(key: Uint8Array): AeadKey {
  const tag = key.slice(0, TAG_LENGTH);
  return {
    seal(_nonce, buffer, _aadStart, _start, end): number {
      buffer.set(tag, end);
      return end + TAG_LENGTH;
    },
    open(_nonce, buffer, _aadStart, start, end): number {
      const tagAt = end - TAG_LENGTH;
      if (tagAt < start) return -1;
      for (let i = 0; i < TAG_LENGTH; i++) if (buffer[tagAt + i] !== tag[i]) return -1;
      return tagAt;
    },
  };
}
