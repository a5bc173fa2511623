/**
 * Cryptography for QUIC: providers of primitives behind one interface, key derivation and packet protection.
 *
 * @module
 */
export type * from "./provider.ts";
export { CryptoError } from "./provider.ts";
export { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, hashLength, suiteById, TAG_LENGTH } from "./suites.ts";
export { nobleProvider } from "./noble_provider.ts";
export { nodeProvider } from "./node_provider.ts";
export { fastestProvider } from "./choose.ts";
export { SignatureScheme, VERIFY_SCHEMES } from "./asymmetric.ts";
export { expand, expandLabel, extract, type HmacProvider } from "./hkdf.ts";
export { type InitialSecrets, initialSecrets } from "./initial_keys.ts";
export { isRetryIntact, retryIntegrityTag } from "./retry_integrity.ts";
export { KeyError, type KeyErrorKind } from "./key_error.ts";
export { type KeyLevel, KeyRing, type KeyUse, type OpenOutcome } from "./key_ring.ts";
export type { ReadOutcome } from "./read_phases.ts";
