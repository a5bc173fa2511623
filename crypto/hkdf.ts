/**
 * HKDF (RFC 5869) and its TLS 1.3 form (RFC 8446 §7.1), over a provider's HMAC.
 *
 * @module
 */
import type { CryptoProvider, HashName } from "./provider.ts";
import { CryptoError } from "./provider.ts";
import { hashLength } from "./suites.ts";

/** What HKDF needs of a provider. */
export type HmacProvider = Pick<CryptoProvider, "hmac">;

const EMPTY = new Uint8Array(0);
const LABEL_PREFIX = "tls13 ";
/** The label, prefix included, and the context have a length field of one byte each. */
const MAX_LABEL = 255;

/** HKDF-Extract (RFC 5869 §2.2): a pseudorandom key of the hash's length. An empty salt stands for zeros. */
export function extract(provider: HmacProvider, hash: HashName, salt: Uint8Array, secret: Uint8Array): Uint8Array {
  return provider.hmac(hash, salt.length > 0 ? salt : new Uint8Array(hashLength(hash)), secret);
}

/**
 * HKDF-Expand (RFC 5869 §2.3): `length` bytes, at most 255 times the hash's length.
 *
 * @throws {CryptoError} when `length` is above that.
 */
export function expand(
  provider: HmacProvider,
  hash: HashName,
  secret: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const size = hashLength(hash);
  if (!(length >= 0 && length <= 255 * size)) {
    throw new CryptoError(`Cannot expand a secret to ${length} bytes: expected 0 to ${255 * size}`);
  }
  const out = new Uint8Array(length);
  let block: Uint8Array = EMPTY;
  for (let at = 0, count = 1; at < length; at += size, count++) {
    const input = new Uint8Array(block.length + info.length + 1);
    input.set(block);
    input.set(info, block.length);
    input[input.length - 1] = count;
    block = provider.hmac(hash, secret, input);
    out.set(block.length <= length - at ? block : block.subarray(0, length - at), at);
  }
  return out;
}

/**
 * HKDF-Expand-Label (RFC 8446 §7.1). `label` comes without its "tls13 " prefix and is ASCII; `context` is at most 255 bytes.
 *
 * @throws {CryptoError} when a length is out of range.
 */
export function expandLabel(
  provider: HmacProvider,
  hash: HashName,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const full = LABEL_PREFIX + label;
  if (full.length > MAX_LABEL || context.length > MAX_LABEL) {
    throw new CryptoError(
      `Cannot expand a label of ${full.length} and a context of ${context.length} bytes: expected 255`,
    );
  }
  const info = new Uint8Array(4 + full.length + context.length);
  info[0] = length >>> 8;
  info[1] = length & 0xff;
  info[2] = full.length;
  for (let i = 0; i < full.length; i++) info[3 + i] = full.charCodeAt(i);
  info[3 + full.length] = context.length;
  info.set(context, 4 + full.length);
  return expand(provider, hash, secret, info, length);
}
