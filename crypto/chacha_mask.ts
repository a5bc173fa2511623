/**
 * One block of ChaCha20 key stream (RFC 8439 §2.3), of which header protection needs five bytes (RFC 9001 §5.4.4). Written
 * out here because a general stream cipher spends most of its time on getting started. Constant time.
 *
 * @module
 */
import type { HeaderKey } from "./provider.ts";
import { CryptoError } from "./provider.ts";

const KEY_LENGTH = 32;
const DOUBLE_ROUNDS = 10;

/** "expand 32-byte k" as little-endian words. */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

/** Reads four bytes, lowest first. */
export function littleEndianWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function quarterRound(x: Int32Array, a: number, b: number, c: number, d: number): void {
  let p = x[a]!;
  let q = x[b]!;
  let r = x[c]!;
  let s = x[d]!;
  p = (p + q) | 0;
  s ^= p;
  s = (s << 16) | (s >>> 16);
  r = (r + s) | 0;
  q ^= r;
  q = (q << 12) | (q >>> 20);
  p = (p + q) | 0;
  s ^= p;
  s = (s << 8) | (s >>> 24);
  r = (r + s) | 0;
  q ^= r;
  q = (q << 7) | (q >>> 25);
  x[a] = p;
  x[b] = q;
  x[c] = r;
  x[d] = s;
}

/** Puts the 16 words of the block for the 16-word `state` into `into`. */
export function chacha20Block(state: Int32Array, into: Int32Array): void {
  into.set(state);
  for (let i = 0; i < DOUBLE_ROUNDS; i++) {
    quarterRound(into, 0, 4, 8, 12);
    quarterRound(into, 1, 5, 9, 13);
    quarterRound(into, 2, 6, 10, 14);
    quarterRound(into, 3, 7, 11, 15);
    quarterRound(into, 0, 5, 10, 15);
    quarterRound(into, 1, 6, 11, 12);
    quarterRound(into, 2, 7, 8, 13);
    quarterRound(into, 3, 4, 9, 14);
  }
  for (let i = 0; i < 16; i++) into[i] = into[i]! + state[i]!;
}

/** Header protection by ChaCha20: the sample is the block's counter and nonce. */
export class ChaChaHeaderKey implements HeaderKey {
  readonly #state = new Int32Array(16);
  readonly #block = new Int32Array(16);

  /** @throws {CryptoError} when the key has not 32 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_LENGTH) throw new CryptoError(`Key has ${key.length} bytes: expected ${KEY_LENGTH}`);
    this.#state.set(CONSTANTS);
    for (let i = 0; i < 8; i++) this.#state[4 + i] = littleEndianWord(key, 4 * i);
  }

  mask(buffer: Uint8Array, at: number, into: Uint8Array): void {
    const state = this.#state;
    for (let i = 0; i < 4; i++) state[12 + i] = littleEndianWord(buffer, at + 4 * i);
    chacha20Block(state, this.#block);
    const word = this.#block[0]!;
    into[0] = word;
    into[1] = word >>> 8;
    into[2] = word >>> 16;
    into[3] = word >>> 24;
    into[4] = this.#block[1]!;
  }
}
