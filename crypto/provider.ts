/**
 * The one seam between this implementation and the cryptography of its platform: synchronous, in place, with the state of
 * a key built once.
 *
 * @module
 */

/** The hashes of the TLS 1.3 cipher suites in use. */
export type HashName = "sha256" | "sha384";

/** A cipher suite of TLS 1.3 (RFC 8446 §B.4) with its limits in QUIC (RFC 9001 §6.6). */
export interface CipherSuite {
  /** The codepoint: 0x1301, 0x1302 or 0x1303. */
  readonly id: number;
  /** As the IANA registry of TLS cipher suites has it. */
  readonly name: "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256";
  /** Bytes. */
  readonly keyLength: number;
  /** What its key schedule is made with. */
  readonly hash: HashName;
  /** Bytes of a nonce; `undefined`: 12, as in all suites of TLS 1.3. With fewer there is no RFC 10069. */
  readonly nonceLength?: number;
  /** Most packets that may be sealed with one key. */
  readonly confidentialityLimit: number;
  /** Most packets that may fail to open in one connection. */
  readonly integrityLimit: number;
}

/** An AEAD with one key. Tags have 16 bytes, nonces 12. */
export interface AeadKey {
  /**
   * Encrypts `buffer[start, end)` in place and writes the tag at `end`; the associated data is
   * `buffer[aadStart, start)`. Returns `end + 16`.
   */
  seal(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number;
  /**
   * Decrypts `buffer[start, end)`, tag included, in place. Returns where the plaintext ends, or -1 when the tag does not
   * fit: then the bytes are as they were, so that another key may be tried.
   */
  open(nonce: Uint8Array, buffer: Uint8Array, aadStart: number, start: number, end: number): number;
}

/** Header protection with one key (RFC 9001 §5.4). */
export interface HeaderKey {
  /** Puts the 5-byte mask for the 16-byte sample at `buffer[at]` into `into`. */
  mask(buffer: Uint8Array, at: number, into: Uint8Array): void;
}

/** A hash that takes its input in pieces. */
export interface RunningHash {
  /** Takes the next piece. */
  update(data: Uint8Array): void;
  /** The digest of all so far; more may follow. */
  digest(): Uint8Array;
}

/** A key-exchange group (RFC 8446 §4.2.7). */
export type GroupName = "x25519" | "secp256r1";

/** A key pair for one exchange. */
export interface KeyShare {
  /** What it is a pair of. */
  readonly group: GroupName;
  /** As it stands in `KeyShareEntry.key_exchange`. */
  readonly publicKey: Uint8Array;
  /** The shared secret; throws `CryptoError` when the peer's key is malformed or gives a forbidden value. */
  agree(peerPublicKey: Uint8Array): Uint8Array;
}

/** Fills the array with random bytes. Cryptographically strong outside tests; seeded inside. */
export type RandomBytes = (into: Uint8Array) => void;

/** A private key that signs CertificateVerify. */
export interface SigningKey {
  /** The signature schemes it can make, by codepoint (RFC 8446 §4.2.3), preferred first. */
  readonly schemes: readonly number[];
  /** Signs with one of them; throws `CryptoError` for any other scheme. ECDSA signatures are in DER. */
  sign(scheme: number, data: Uint8Array): Uint8Array;
}

/** All cryptography that a connection needs. */
export interface CryptoProvider {
  /** `"noble"`, `"node"`, ... */
  readonly name: string;
  /** Fastest first: the order in which a client offers and a server chooses. */
  readonly suites: readonly CipherSuite[];
  /** The AEAD of the suite with that key, of which it keeps a copy; throws `CryptoError` when they do not fit. */
  aead(suite: CipherSuite, key: Uint8Array): AeadKey;
  /** Header protection of the suite with that key; throws `CryptoError` when they do not fit. */
  header(suite: CipherSuite, key: Uint8Array): HeaderKey;
  /** A hash of nothing yet. */
  hash(name: HashName): RunningHash;
  /** HMAC (RFC 2104) of one piece. */
  hmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Preferred first. */
  readonly groups: readonly GroupName[];
  /** A fresh key pair made of bytes from `random` (same bytes, same pair). */
  keyShare(group: GroupName, random: RandomBytes): KeyShare;
  /** A signing key from PEM (PKCS#8, SEC 1 or PKCS#1); throws `CryptoError`. */
  signingKey(pem: string): SigningKey;
  /**
   * Whether `signature` over `data` is right under the public key (SubjectPublicKeyInfo, DER) and scheme; `false` too when
   * the key is not of the scheme's kind.
   */
  verify(scheme: number, publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}

/** Cryptography refused an input: a malformed key, an unknown algorithm. */
export class CryptoError extends Error {
  /** `"CryptoError"`. */
  override name = "CryptoError";
}
