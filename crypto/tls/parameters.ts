/**
 * What both sides know of groups and signature schemes: codepoints, and what may be used for what.
 *
 * @module
 */
import type { GroupName } from "../provider.ts";

/** Key-exchange groups by name (RFC 8446 §4.2.7). */
export const GROUP_CODES: Readonly<Record<GroupName, number>> = { secp256r1: 0x0017, x25519: 0x001d };

/** Signature schemes for CertificateVerify that a client offers, preferred first (RFC 8446 §4.2.3). */
export const HANDSHAKE_SCHEMES: readonly number[] = [
  0x0403, // ecdsa_secp256r1_sha256
  0x0807, // ed25519
  0x0804, // rsa_pss_rsae_sha256
  0x0503, // ecdsa_secp384r1_sha384
  0x0805, // rsa_pss_rsae_sha384
  0x0603, // ecdsa_secp521r1_sha512
  0x0806, // rsa_pss_rsae_sha512
];

/** Schemes that only certificates may be signed with: RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 and SHA-512. */
export const CERTIFICATE_SCHEMES: readonly number[] = [0x0401, 0x0501, 0x0601];

/** Whether a scheme may sign CertificateVerify: neither PKCS #1 v1.5 nor SHA-1 (RFC 8446 §4.4.3). */
export function isHandshakeScheme(scheme: number): boolean {
  return HANDSHAKE_SCHEMES.includes(scheme) || (scheme >= 0x0808 && scheme <= 0x080b);
}

const SERVER_CONTEXT = "TLS 1.3, server CertificateVerify";

/** What a server's CertificateVerify signs (RFC 8446 §4.4.3). */
export function signedContent(transcript: Uint8Array): Uint8Array {
  const content = new Uint8Array(64 + SERVER_CONTEXT.length + 1 + transcript.length).fill(0x20, 0, 64);
  for (let i = 0; i < SERVER_CONTEXT.length; i++) content[64 + i] = SERVER_CONTEXT.charCodeAt(i);
  content.set(transcript, 64 + SERVER_CONTEXT.length + 1);
  return content;
}

/** A GREASE value (RFC 8701 §2): 0x?a?a with both digits from the random byte. */
export function greaseCode(random: number): number {
  const half = (random & 0xf0) | 0x0a;
  return half << 8 | half;
}

/** Whether a codepoint is one of GREASE's. */
export function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >> 8 === (code & 0xff);
}

/**
 * Checks a list of application protocols.
 *
 * @throws {TypeError} when it is empty, or a name is empty or longer than 255 bytes.
 */
export function checkAlpnProtocols(names: readonly string[]): void {
  if (names.length === 0) throw new TypeError("No application protocols are given: expected at least one");
  for (const name of names) {
    const { length } = new TextEncoder().encode(name);
    if (length < 1 || length > 255) {
      throw new TypeError(`Application protocol "${name}" has ${length} bytes: expected 1 to 255`);
    }
  }
}

/** Names that a peer sent, for a message: quoted, and neither too many nor too long. */
export function quoteNames(names: readonly string[]): string {
  const shown = names.slice(0, 4).map((name) => JSON.stringify(name.slice(0, 32)));
  return shown.join(", ") + (names.length > 4 ? ` and ${names.length - 4} more` : "");
}
