import { AES_128_GCM } from "../../crypto/suites.ts";
import type { AeadKey, CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import { type Address, formatAddress } from "../base/address.ts";
import { Reader, WireError } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** What a token turned out to be. */
export type TokenCheck =
  /** Not one of ours, damaged, for another address, or too old. */
  | { readonly kind: "invalid" }
  /** From a Retry: the client's address is good, and this is how its first Initial was addressed. */
  | { readonly kind: "retry"; readonly originalDestination: Uint8Array }
  /** From NEW_TOKEN: the client's address is good. */
  | { readonly kind: "new_token" };

/** How long a Retry token is good, in milliseconds: as long as a handshake may take. */
export const RETRY_TOKEN_LIFETIME = 15_000;
/** How long a NEW_TOKEN token is good, in milliseconds. */
export const NEW_TOKEN_LIFETIME = 24 * 3_600_000;

const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const KIND_RETRY = 1;
const KIND_NEW_TOKEN = 2;

/**
 * Address validation tokens (RFC 9000 §8.1): sealed with a key of this endpoint, bound to the client's address. Layout: a
 * random nonce, then sealed: kind, time of issue, the address, and for a Retry the original destination id.
 */
export class AddressTokens {
  readonly #key: AeadKey;
  readonly #random: RandomBytes;

  constructor(provider: CryptoProvider, random: RandomBytes) {
    const key = new Uint8Array(AES_128_GCM.keyLength);
    random(key);
    this.#key = provider.aead(AES_128_GCM, key);
    this.#random = random;
  }

  /** A token for a Retry packet. */
  retry(remote: Address, originalDestination: Uint8Array, now: number): Uint8Array {
    return this.#seal(KIND_RETRY, formatAddress(remote), originalDestination, now);
  }

  /** A token for NEW_TOKEN: bound to the host alone, since ports change between connections. */
  newToken(remote: Address, now: number): Uint8Array {
    return this.#seal(KIND_NEW_TOKEN, remote.hostname, new Uint8Array(0), now);
  }

  /** Looks at a client's token. */
  check(token: Uint8Array, remote: Address, now: number): TokenCheck {
    if (token.length < NONCE_LENGTH + TAG_LENGTH) return { kind: "invalid" };
    const bytes = token.slice();
    const end = this.#key.open(bytes.subarray(0, NONCE_LENGTH), bytes, 0, NONCE_LENGTH, bytes.length);
    if (end < 0) return { kind: "invalid" };
    try {
      return readToken(new Reader(bytes, NONCE_LENGTH, end), remote, now);
    } catch (error) {
      if (error instanceof WireError) return { kind: "invalid" };
      throw error;
    }
  }

  #seal(kind: number, address: string, id: Uint8Array, now: number): Uint8Array {
    const text = new TextEncoder().encode(address);
    const bytes = new Uint8Array(NONCE_LENGTH + 1 + 8 + 2 + text.length + id.length + TAG_LENGTH + 8);
    const nonce = bytes.subarray(0, NONCE_LENGTH);
    this.#random(nonce);
    const w = new Writer(bytes, NONCE_LENGTH);
    w.u8(kind);
    w.varint(Math.max(0, Math.floor(now)), 8);
    w.u8(text.length);
    w.bytes(text);
    w.u8(id.length);
    w.bytes(id);
    return bytes.slice(0, this.#key.seal(nonce.slice(), bytes, 0, NONCE_LENGTH, w.at));
  }
}

function readToken(r: Reader, remote: Address, now: number): TokenCheck {
  const kind = r.u8();
  const issued = r.varint();
  const address = new TextDecoder().decode(r.bytes(r.u8()));
  const originalDestination = r.bytes(r.u8()).slice();
  const lifetime = kind === KIND_RETRY ? RETRY_TOKEN_LIFETIME : NEW_TOKEN_LIFETIME;
  if (now - issued > lifetime) return { kind: "invalid" };
  if (kind === KIND_RETRY) {
    return address === formatAddress(remote) ? { kind: "retry", originalDestination } : { kind: "invalid" };
  }
  return address === remote.hostname ? { kind: "new_token" } : { kind: "invalid" };
}
