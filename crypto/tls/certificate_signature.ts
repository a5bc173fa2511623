/**
 * Which algorithms certificates may be signed with (RFC 5280 §4.1.1.2, RFC 8446 §4.2.3), and how large keys must be.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";
import { DerReader, readSmallInteger, Tag } from "./der.ts";
import { type Certificate, readAlgorithm, readKeyKind, type SignatureIdentifier } from "./x509.ts";

/** How a certificate's signature is made. */
export interface SignatureAlgorithm {
  readonly kind: "rsa" | "rsa-pss" | "ecdsa" | "ed25519";
  /** Of no meaning for Ed25519. */
  readonly hash: "sha256" | "sha384" | "sha512";
}

/**
 * Whether `signature` over `data` is right under the key (SubjectPublicKeyInfo); `false` too when the key is not of the
 * algorithm's kind. Never throws for a peer's input.
 */
export type SignatureCheck = (
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** RSA keys outside these sizes in bits are refused: below, they can be broken; above, a peer could keep us busy. */
export const RSA_MIN_BITS = 2048;
/** See `RSA_MIN_BITS`. */
export const RSA_MAX_BITS = 8192;

const ALGORITHMS: { readonly [oid: string]: SignatureAlgorithm } = {
  "1.2.840.113549.1.1.11": { kind: "rsa", hash: "sha256" },
  "1.2.840.113549.1.1.12": { kind: "rsa", hash: "sha384" },
  "1.2.840.113549.1.1.13": { kind: "rsa", hash: "sha512" },
  "1.2.840.10045.4.3.2": { kind: "ecdsa", hash: "sha256" },
  "1.2.840.10045.4.3.3": { kind: "ecdsa", hash: "sha384" },
  "1.2.840.10045.4.3.4": { kind: "ecdsa", hash: "sha512" },
  "1.3.101.112": { kind: "ed25519", hash: "sha512" },
};

const RSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";

const HASHES: { readonly [oid: string]: SignatureAlgorithm["hash"] } = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

const SALT_LENGTHS = { sha256: 32, sha384: 48, sha512: 64 };

/** Algorithms that are broken: RSA and ECDSA over MD2, MD5, SHA-1 or SHA-224, and DSA. */
const WEAK: ReadonlySet<string> = new Set([
  "1.2.840.113549.1.1.2",
  "1.2.840.113549.1.1.4",
  "1.2.840.113549.1.1.5",
  "1.2.840.113549.1.1.14",
  "1.2.840.10045.4.1",
  "1.2.840.10045.4.3.1",
  "1.2.840.10040.4.3",
  "2.16.840.1.101.3.4.3.2",
]);

/** What keys may be: RSA, elliptic curve, Ed25519. */
const KEY_KINDS: ReadonlySet<string> = new Set(["1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"]);

/**
 * How a certificate is signed. Throws `TlsAlert`: "bad_certificate" for a weak algorithm (RFC 8446 §4.4.2.4),
 * "unsupported_certificate" for an unknown one, and `DerError`.
 */
export function signatureAlgorithm(identifier: SignatureIdentifier, what: string): SignatureAlgorithm {
  const { oid, parameters } = identifier;
  if (WEAK.has(oid)) {
    throw new TlsAlert(
      "bad_certificate",
      `${what} has a weak signature (algorithm ${oid}): expected SHA-256 or better`,
    );
  }
  const algorithm = oid === RSA_PSS ? readPss(parameters) : ALGORITHMS[oid];
  if (algorithm === undefined) {
    throw new TlsAlert(
      "unsupported_certificate",
      `${what} is signed by unknown algorithm ${oid}: expected RSA or ECDSA`,
    );
  }
  return algorithm;
}

/** RFC 4055 §3.1, with the same hash throughout and a salt of its length (RFC 8446 §4.2.3); `undefined` for any other. */
function readPss(parameters: Uint8Array): SignatureAlgorithm | undefined {
  if (parameters.length === 0) return undefined;
  const r = new DerReader(parameters).nested(Tag.sequence);
  const hash = readHash(r.optional(0xa0));
  const mask = r.optional(0xa1);
  const salt = r.optional(0xa2);
  r.optional(0xa3);
  r.end();
  if (hash === undefined || mask === undefined || salt === undefined) return undefined;
  const generator = readAlgorithm(new DerReader(mask).element(Tag.sequence).content);
  const isFit = generator.oid === MGF1 && readHash(generator.parameters) === hash &&
    readSmallInteger(new DerReader(salt).element(Tag.integer).content) === SALT_LENGTHS[hash];
  return isFit ? { kind: "rsa-pss", hash } : undefined;
}

function readHash(explicit: Uint8Array | undefined): SignatureAlgorithm["hash"] | undefined {
  if (explicit === undefined || explicit.length === 0) return undefined;
  return HASHES[readAlgorithm(new DerReader(explicit).element(Tag.sequence).content).oid];
}

/** Refuses a certificate's key that is of an unknown kind, or RSA of a bad size; throws `TlsAlert` and `DerError`. */
export function checkKey(certificate: Certificate, what: string): void {
  const { oid, rsaBits } = readKeyKind(certificate.publicKey);
  if (!KEY_KINDS.has(oid)) {
    throw new TlsAlert(
      "unsupported_certificate",
      `${what} has a key of unknown kind ${oid}: expected RSA, an elliptic curve or Ed25519`,
    );
  }
  if (rsaBits !== undefined && (rsaBits < RSA_MIN_BITS || rsaBits > RSA_MAX_BITS)) {
    throw new TlsAlert(
      "bad_certificate",
      `${what} has an RSA key of ${rsaBits} bits: expected ${RSA_MIN_BITS} to ${RSA_MAX_BITS}`,
    );
  }
}
