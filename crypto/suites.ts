/**
 * The cipher suites of TLS 1.3 that QUIC may use here, with their limits as data.
 *
 * @module
 */
import { type CipherSuite, CryptoError, type HashName } from "./provider.ts";

/** Bytes of an authentication tag; the same in all three suites. */
export const TAG_LENGTH = 16;

/** Bytes of an AEAD nonce (RFC 9001 §5.3); the same in all three suites. */
export const NONCE_LENGTH = 12;

/** Most packets sealed with one AES-GCM key (RFC 9001 §6.6). */
const GCM_CONFIDENTIALITY_LIMIT = 2 ** 23;

/** Most forgeries to try against AES-GCM in one connection (RFC 9001 §6.6). */
const GCM_INTEGRITY_LIMIT = 2 ** 52;

/** Most forgeries to try against ChaCha20-Poly1305 in one connection (RFC 9001 §6.6). */
const CHACHA20_INTEGRITY_LIMIT = 2 ** 36;

/** 0x1301, mandatory, and what Initial packets are sealed with (RFC 9001 §5.2). */
export const AES_128_GCM: CipherSuite = {
  id: 0x1301,
  name: "TLS_AES_128_GCM_SHA256",
  keyLength: 16,
  hash: "sha256",
  confidentialityLimit: GCM_CONFIDENTIALITY_LIMIT,
  integrityLimit: GCM_INTEGRITY_LIMIT,
};

/** 0x1302. */
export const AES_256_GCM: CipherSuite = {
  id: 0x1302,
  name: "TLS_AES_256_GCM_SHA384",
  keyLength: 32,
  hash: "sha384",
  confidentialityLimit: GCM_CONFIDENTIALITY_LIMIT,
  integrityLimit: GCM_INTEGRITY_LIMIT,
};

/** 0x1303. Its confidentiality limit is above the number of packets that can exist (RFC 9001 §6.6): none. */
export const CHACHA20_POLY1305: CipherSuite = {
  id: 0x1303,
  name: "TLS_CHACHA20_POLY1305_SHA256",
  keyLength: 32,
  hash: "sha256",
  confidentialityLimit: Infinity,
  integrityLimit: CHACHA20_INTEGRITY_LIMIT,
};

/** The suite with that codepoint; `undefined` when it is none of the three. */
export function suiteById(id: number): CipherSuite | undefined {
  switch (id) {
    case AES_128_GCM.id:
      return AES_128_GCM;
    case AES_256_GCM.id:
      return AES_256_GCM;
    case CHACHA20_POLY1305.id:
      return CHACHA20_POLY1305;
    default:
      return undefined;
  }
}

/** Bytes of a digest. */
export function hashLength(name: HashName): number {
  return name === "sha256" ? 32 : 48;
}

/**
 * Refuses a key that does not fit the suite.
 *
 * @throws {CryptoError} when the key has not the length that the suite wants.
 */
export function checkKey(suite: CipherSuite, key: Uint8Array): void {
  if (key.length !== suite.keyLength) {
    throw new CryptoError(`Key of ${suite.name} has ${key.length} bytes: expected ${suite.keyLength}`);
  }
}

/** The error for a suite that is none of the three. */
export function unknownSuite(suite: CipherSuite): CryptoError {
  return new CryptoError(`Cipher suite 0x${suite.id.toString(16)} is unknown: expected 0x1301, 0x1302 or 0x1303`);
}
