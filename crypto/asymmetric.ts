/**
 * Signatures over `node:crypto`, for every provider: ECDSA, Ed25519 and RSA-PSS as TLS 1.3 names them (RFC 8446 §4.2.3).
 * Key exchange is in `key_exchange.ts` and exported from here too.
 *
 * @module
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  type PublicKeyInput,
  sign,
  verify,
} from "node:crypto";
import type { SigningKey } from "./provider.ts";
import { CryptoError } from "./provider.ts";

export { makeKeyShare } from "./key_exchange.ts";

/** Signature schemes by their TLS names (RFC 8446 §4.2.3). */
export const SignatureScheme = {
  ECDSA_SECP256R1_SHA256: 0x0403,
  ECDSA_SECP384R1_SHA384: 0x0503,
  ECDSA_SECP521R1_SHA512: 0x0603,
  RSA_PSS_RSAE_SHA256: 0x0804,
  RSA_PSS_RSAE_SHA384: 0x0805,
  RSA_PSS_RSAE_SHA512: 0x0806,
  ED25519: 0x0807,
  RSA_PSS_PSS_SHA256: 0x0809,
  RSA_PSS_PSS_SHA384: 0x080a,
  RSA_PSS_PSS_SHA512: 0x080b,
} as const;

/** RSA keys outside these sizes in bits are refused: below, they can be broken; above, a peer could keep us busy. */
const RSA_MIN_BITS = 2048;
const RSA_MAX_BITS = 8192;

/** How one scheme signs, and which keys it is for. */
interface SchemeSpec {
  readonly id: number;
  /** As `KeyObject.asymmetricKeyType` has it. */
  readonly keyType: "ec" | "ed25519" | "rsa" | "rsa-pss";
  /** Of "ec" keys, as OpenSSL names it. */
  readonly curve?: string;
  /** `null`: the signature algorithm hashes by itself. */
  readonly hash: "sha256" | "sha384" | "sha512" | null;
}

/** Within one kind of key, preferred first. */
const SCHEMES: readonly SchemeSpec[] = [
  { id: SignatureScheme.ECDSA_SECP256R1_SHA256, keyType: "ec", curve: "prime256v1", hash: "sha256" },
  { id: SignatureScheme.ECDSA_SECP384R1_SHA384, keyType: "ec", curve: "secp384r1", hash: "sha384" },
  { id: SignatureScheme.ECDSA_SECP521R1_SHA512, keyType: "ec", curve: "secp521r1", hash: "sha512" },
  { id: SignatureScheme.ED25519, keyType: "ed25519", hash: null },
  { id: SignatureScheme.RSA_PSS_RSAE_SHA256, keyType: "rsa", hash: "sha256" },
  { id: SignatureScheme.RSA_PSS_RSAE_SHA384, keyType: "rsa", hash: "sha384" },
  { id: SignatureScheme.RSA_PSS_RSAE_SHA512, keyType: "rsa", hash: "sha512" },
  { id: SignatureScheme.RSA_PSS_PSS_SHA256, keyType: "rsa-pss", hash: "sha256" },
  { id: SignatureScheme.RSA_PSS_PSS_SHA384, keyType: "rsa-pss", hash: "sha384" },
  { id: SignatureScheme.RSA_PSS_PSS_SHA512, keyType: "rsa-pss", hash: "sha512" },
];

const SPECS: ReadonlyMap<number, SchemeSpec> = new Map(SCHEMES.map((spec) => [spec.id, spec]));

/** The schemes that `verifySignature` knows, by codepoint: what may stand in signature_algorithms. */
export const VERIFY_SCHEMES: readonly number[] = SCHEMES.map((spec) => spec.id);

/**
 * A signing key from PEM (PKCS#8, SEC 1 or PKCS#1, not encrypted).
 *
 * @throws {CryptoError} when it is no private key, or one that TLS 1.3 has no scheme for here.
 */
export function signingKeyFromPem(pem: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch (cause) {
    throw new CryptoError("Private key is not readable: expected PEM without a password", { cause });
  }
  const specs = SCHEMES.filter((spec) => isFor(spec, key));
  if (specs.length === 0) {
    throw new CryptoError(
      `Private key of type ${key.asymmetricKeyType} has no signature scheme: expected ECDSA with P-256, P-384 or P-521, ` +
        `Ed25519, or RSA of ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits`,
    );
  }
  return new NodeSigningKey(key, specs.map((spec) => spec.id));
}

/** Checks a signature (RFC 8446 §4.4.3); `publicKey` is SubjectPublicKeyInfo in DER. Never throws for a peer's input. */
export function verifySignature(
  scheme: number,
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const spec = SPECS.get(scheme);
  if (spec === undefined) return false;
  try {
    const key = createPublicKey({ key: publicKey as PublicKeyInput["key"], format: "der", type: "spki" });
    return isFor(spec, key) && verify(spec.hash, data, { key, ...signatureForm(spec) }, signature);
  } catch {
    // A key or a signature that cannot be parsed proves nothing.
    return false;
  }
}

class NodeSigningKey implements SigningKey {
  readonly schemes: readonly number[];
  readonly #key: KeyObject;

  constructor(key: KeyObject, schemes: readonly number[]) {
    this.#key = key;
    this.schemes = schemes;
  }

  sign(scheme: number, data: Uint8Array): Uint8Array {
    const spec = SPECS.get(scheme);
    if (spec === undefined || !this.schemes.includes(scheme)) {
      throw new CryptoError(`Key cannot sign with scheme 0x${scheme.toString(16)}: expected one of its own`);
    }
    try {
      return new Uint8Array(sign(spec.hash, data, { key: this.#key, ...signatureForm(spec) }));
    } catch (cause) {
      throw new CryptoError("Private key failed to sign", { cause });
    }
  }
}

/** Whether the key is of the scheme's kind, strong enough, and not bound to another hash. */
function isFor(spec: SchemeSpec, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== spec.keyType) return false;
  const details = key.asymmetricKeyDetails;
  if (spec.keyType === "ec") return details?.namedCurve === spec.curve;
  if (spec.keyType === "ed25519") return true;
  const bits = details?.modulusLength ?? 0;
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) return false;
  // RFC 8446 §4.2.3: parameters in an id-RSASSA-PSS key bind it.
  return (details?.hashAlgorithm ?? spec.hash) === spec.hash && (details?.mgf1HashAlgorithm ?? spec.hash) === spec.hash;
}

/** RFC 8446 §4.2.3: DER for ECDSA; for RSA-PSS a salt as long as the digest. */
function signatureForm(spec: SchemeSpec): { dsaEncoding?: "der"; padding?: number; saltLength?: number } {
  if (spec.keyType === "ec") return { dsaEncoding: "der" };
  if (spec.keyType === "ed25519") return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
