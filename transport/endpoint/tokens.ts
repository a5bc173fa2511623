import { AES_128_GCM } from "../../crypto/suites.ts";
import type { AeadKey, CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import { type Address, formatAddress } from "../base/address.ts";
import { idKey } from "../wire/connection_id.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** What a token turned out to be. */
export type TokenCheck =
  /**
   * Not one of ours, damaged, or from NEW_TOKEN and for another host, too old, or used before: as good as none (RFC 9000
   * §8.1.3).
   */
  | { readonly kind: "invalid" }
  /** From a Retry, but for another address or too old: a client takes no second Retry, so it is told (RFC 9000 §8.1.3). */
  | { readonly kind: "refused" }
  /** From a Retry: the client's address is good, and this is how its first Initial was addressed. */
  | { readonly kind: "retry"; readonly originalDestination: Uint8Array }
  /** From NEW_TOKEN: the client's address is good. */
  | { readonly kind: "new_token" };

/** How long a Retry token is good at least, in milliseconds: longer than a handshake may take by default. */
export const RETRY_TOKEN_LIFETIME = 15_000;
/** How long a NEW_TOKEN token is good, in milliseconds. */
export const NEW_TOKEN_LIFETIME = 24 * 3_600_000;

/** Tokens from NEW_TOKEN that were used and are remembered, so that each counts once (RFC 9000 §8.1.4); older ones are not. */
export const MAX_USED_TOKENS = 4096;

const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
/** Stands between addresses, none of which has it. */
const SEPARATOR = " ";
const KIND_RETRY = 1;
const KIND_NEW_TOKEN = 2;

/**
 * Address validation tokens (RFC 9000 §8.1): sealed with a key of this endpoint, bound to the client's address. Layout: a
 * random nonce, then sealed: kind, time of issue, the address, and for a Retry the original destination id.
 */
export class AddressTokens {
  readonly #key: AeadKey;
  readonly #random: RandomBytes;
  readonly #retryLifetime: number;
  /** Nonces of tokens from NEW_TOKEN that were used. */
  readonly #used = new Set<string>();

  /**
   * `handshakeTimeout`: how long a handshake may take, in milliseconds; a client that lost much comes late with its token, and
   * takes no second Retry (RFC 9000 §17.2.5.2).
   */
  constructor(provider: CryptoProvider, random: RandomBytes, handshakeTimeout = 0) {
    const key = new Uint8Array(AES_128_GCM.keyLength);
    random(key);
    this.#key = provider.aead(AES_128_GCM, key);
    this.#random = random;
    this.#retryLifetime = Math.max(RETRY_TOKEN_LIFETIME, handshakeTimeout);
  }

  /** A token for a Retry packet. */
  retry(remote: Address, originalDestination: Uint8Array, now: number): Uint8Array {
    return this.#seal(KIND_RETRY, [formatAddress(remote)], originalDestination, now);
  }

  /** A token for NEW_TOKEN: bound to hosts alone, of which the client may come from any; ports change between connections. */
  newToken(hosts: readonly string[], now: number): Uint8Array {
    return this.#seal(KIND_NEW_TOKEN, hosts, new Uint8Array(0), now);
  }

  /** Looks at a client's token. */
  check(token: Uint8Array, remote: Address, now: number): TokenCheck {
    if (token.length < NONCE_LENGTH + TAG_LENGTH) return { kind: "invalid" };
    const bytes = token.slice();
    const end = this.#key.open(bytes.subarray(0, NONCE_LENGTH), bytes, 0, NONCE_LENGTH, bytes.length);
    if (end < 0) return { kind: "invalid" };
    const found = readToken(new Reader(bytes, NONCE_LENGTH, end), remote, this.#retryLifetime, now);
    return found.kind === "new_token" && !this.#isFirstUse(token) ? { kind: "invalid" } : found;
  }

  #isFirstUse(token: Uint8Array): boolean {
    const nonce = idKey(token, 0, NONCE_LENGTH);
    if (this.#used.has(nonce)) return false;
    this.#used.add(nonce);
    if (this.#used.size > MAX_USED_TOKENS) {
      for (const oldest of this.#used) {
        this.#used.delete(oldest);
        break;
      }
    }
    return true;
  }

  #seal(kind: number, addresses: readonly string[], id: Uint8Array, now: number): Uint8Array {
    const text = new TextEncoder().encode(addresses.join(SEPARATOR));
    const bytes = new Uint8Array(NONCE_LENGTH + 1 + 8 + 3 + text.length + id.length + TAG_LENGTH + 8);
    const nonce = bytes.subarray(0, NONCE_LENGTH);
    this.#random(nonce);
    const w = new Writer(bytes, NONCE_LENGTH);
    w.u8(kind);
    w.varint(Math.max(0, Math.floor(now)), 8);
    w.u16(text.length);
    w.bytes(text);
    w.u8(id.length);
    w.bytes(id);
    return bytes.slice(0, this.#key.seal(nonce.slice(), bytes, 0, NONCE_LENGTH, w.at));
  }
}

/** Reads what was sealed; only an endpoint with the key can have written it. */
function readToken(r: Reader, remote: Address, retryLifetime: number, now: number): TokenCheck {
  const kind = r.u8();
  const issued = r.varint();
  const addresses = new TextDecoder().decode(r.bytes(r.u16())).split(SEPARATOR);
  const originalDestination = r.bytes(r.u8()).slice();
  const age = now - issued;
  if (kind === KIND_RETRY) {
    const isGood = age <= retryLifetime && addresses.includes(formatAddress(remote));
    return isGood ? { kind: "retry", originalDestination } : { kind: "refused" };
  }
  const isGood = age <= NEW_TOKEN_LIFETIME && addresses.includes(remote.hostname);
  return isGood ? { kind: "new_token" } : { kind: "invalid" };
}
