/**
 * Key exchange over `node:crypto`: X25519 and P-256, with the private key made of given random bytes, so that a seeded
 * world repeats itself.
 *
 * @module
 */
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  type PrivateKeyInput,
  type PublicKeyInput,
} from "node:crypto";
import type { GroupName, KeyShare, RandomBytes } from "./provider.ts";
import { CryptoError } from "./provider.ts";

const X25519_LENGTH = 32;
const P256_SCALAR_LENGTH = 32;
const P256_POINT_LENGTH = 65;
/** First byte of an uncompressed point, the only form TLS 1.3 has (RFC 8446 §4.2.8.2). */
const UNCOMPRESSED = 4;
/** A random scalar is out of range once in 2^32; a source that never gives a good one is broken. */
const MAX_SCALAR_TRIES = 16;

/** DER up to the key: PrivateKeyInfo and SubjectPublicKeyInfo for X25519 (RFC 8410 §7, §4). */
const X25519_PRIVATE_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");
const X25519_PUBLIC_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");

/** The order of P-256's group (FIPS 186-4 §D.1.2.3). */
const P256_ORDER = Uint8Array.fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** A key pair of that group, made of bytes from `random`. */
export function makeKeyShare(group: GroupName, random: RandomBytes): KeyShare {
  return group === "x25519" ? new X25519Share(random) : new P256Share(random);
}

/** RFC 7748. */
class X25519Share implements KeyShare {
  readonly group = "x25519";
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(random: RandomBytes) {
    const scalar = new Uint8Array(X25519_LENGTH);
    random(scalar);
    const der = joined(X25519_PRIVATE_PREFIX, scalar);
    // The declared type wants a `Buffer`; any bytes will do.
    this.#privateKey = createPrivateKey({ key: der as PrivateKeyInput["key"], format: "der", type: "pkcs8" });
    der.fill(0);
    scalar.fill(0);
    const spki = createPublicKey(this.#privateKey).export({ format: "der", type: "spki" });
    this.publicKey = new Uint8Array(spki.subarray(spki.length - X25519_LENGTH));
  }

  agree(peerPublicKey: Uint8Array): Uint8Array {
    if (peerPublicKey.length !== X25519_LENGTH) {
      throw new CryptoError(`X25519 public key has ${peerPublicKey.length} bytes: expected ${X25519_LENGTH}`);
    }
    const key = joined(X25519_PUBLIC_PREFIX, peerPublicKey) as PublicKeyInput["key"];
    let secret: Uint8Array;
    try {
      const publicKey = createPublicKey({ key, format: "der", type: "spki" });
      secret = new Uint8Array(diffieHellman({ privateKey: this.#privateKey, publicKey }));
    } catch (cause) {
      throw new CryptoError("X25519 public key was refused", { cause });
    }
    // RFC 8446 §7.4.2: without branches, so that time tells nothing of the secret.
    let bits = 0;
    for (const byte of secret) bits |= byte;
    if (bits === 0) throw new CryptoError("X25519 shared secret is all zero: expected a point of large order");
    return secret;
  }
}

/** ECDH on P-256 (RFC 8446 §4.2.8.2); the secret is the x-coordinate. */
class P256Share implements KeyShare {
  readonly group = "secp256r1";
  readonly publicKey: Uint8Array;
  readonly #ecdh: ReturnType<typeof createECDH>;

  constructor(random: RandomBytes) {
    this.#ecdh = createECDH("prime256v1");
    // It keeps the array itself, so this must not be cleared or reused.
    this.#ecdh.setPrivateKey(randomScalar(random));
    this.publicKey = new Uint8Array(this.#ecdh.getPublicKey());
  }

  agree(peerPublicKey: Uint8Array): Uint8Array {
    if (peerPublicKey.length !== P256_POINT_LENGTH || peerPublicKey[0] !== UNCOMPRESSED) {
      throw new CryptoError(
        `P-256 public key is malformed: expected ${P256_POINT_LENGTH} bytes of an uncompressed point`,
      );
    }
    try {
      // Checks that the point is on the curve; no other check is needed, the cofactor is 1.
      return new Uint8Array(this.#ecdh.computeSecret(peerPublicKey));
    } catch (cause) {
      throw new CryptoError("P-256 public key is not a point of the curve", { cause });
    }
  }
}

/** A number from 1 to the order less 1, big endian. */
function randomScalar(random: RandomBytes): Uint8Array {
  const scalar = new Uint8Array(P256_SCALAR_LENGTH);
  for (let i = 0; i < MAX_SCALAR_TRIES; i++) {
    random(scalar);
    if (scalar.some((byte) => byte !== 0) && isBelow(scalar, P256_ORDER)) return scalar;
  }
  throw new CryptoError("No P-256 key could be made: expected random bytes from the source");
}

/** Compares numbers of one length, big endian. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at >= 0 && a[at]! < b[at]!;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
