/**
 * Signatures of certificates over `node:crypto`; apart from `CryptoProvider.verify`, as certificates are signed in ways that
 * TLS 1.3 has no scheme for.
 *
 * @module
 */
import { constants, createPublicKey, type KeyObject, type PublicKeyInput, verify } from "node:crypto";
import type { SignatureAlgorithm } from "./certificate_signature.ts";

/** Curves that certificates may be signed on, as OpenSSL names them. */
const CURVES: readonly (string | undefined)[] = ["prime256v1", "secp384r1", "secp521r1"];

/** Checks a certificate's signature; see `SignatureCheck`. */
export function checkCertificateSignature(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: publicKey as PublicKeyInput["key"], format: "der", type: "spki" });
    return isOfKind(key, algorithm) && verifyWith(algorithm, key, data, signature);
  } catch {
    // A key or a signature that cannot be parsed proves nothing.
    return false;
  }
}

function isOfKind(key: KeyObject, { kind }: SignatureAlgorithm): boolean {
  const type = key.asymmetricKeyType;
  if (kind === "ecdsa") return type === "ec" && CURVES.includes(key.asymmetricKeyDetails?.namedCurve);
  return kind === "ed25519" ? type === "ed25519" : type === "rsa";
}

function verifyWith(
  { kind, hash }: SignatureAlgorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (kind) {
    case "ed25519":
      return verify(null, data, key, signature);
    case "ecdsa":
      return verify(hash, data, { key, dsaEncoding: "der" }, signature);
    case "rsa":
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case "rsa-pss": {
      const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
      return verify(hash, data, { key, ...options }, signature);
    }
  }
}
