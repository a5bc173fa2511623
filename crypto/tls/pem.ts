/**
 * PEM (RFC 7468): text around DER.
 *
 * @module
 */
import { CryptoError } from "../provider.ts";

/**
 * All blocks with that label (`"CERTIFICATE"`), in order, as DER; none is an empty list. Text around blocks is let be.
 *
 * @throws {CryptoError} when a block does not end or is not base64.
 */
export function decodePem(text: string, label: string): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const start = at + begin.length;
    const stop = text.indexOf(end, start);
    if (stop < 0) throw new CryptoError(`PEM block ${label} does not end, expected ${end}`);
    blocks.push(decodeBase64(text.slice(start, stop), label));
    at = stop + end.length;
  }
  return blocks;
}

function decodeBase64(text: string, label: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw new CryptoError(`PEM block ${label} is not base64`, { cause });
  }
  if (binary.length === 0) throw new CryptoError(`PEM block ${label} is empty, expected DER in base64`);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
