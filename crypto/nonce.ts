/**
 * Nonces of packet protection: the path and packet number, XORed into the IV (RFC 9001 §5.3; RFC 10069 §2.4).
 *
 * @module
 */

const TWO_32 = 2 ** 32;

/**
 * Puts the nonce of a packet into `into`, which has the length of `iv`, 12 bytes or more. `path` has 32 bits; for path 0
 * the nonce is RFC 9001's. `packetNumber` is at most 2^53-1.
 */
export function writeNonce(into: Uint8Array, iv: Uint8Array, path: number, packetNumber: number): void {
  writeNonceHalves(into, iv, path, Math.floor(packetNumber / TWO_32), packetNumber >>> 0);
}

/** The same, with the packet number in halves: its upper 30 bits and its lower 32, so that all of 2^62 can be said. */
export function writeNonceHalves(into: Uint8Array, iv: Uint8Array, path: number, high: number, low: number): void {
  const at = iv.length - 12;
  for (let i = 0; i < at; i++) into[i] = iv[i]!;
  into[at] = iv[at]! ^ (path >>> 24);
  into[at + 1] = iv[at + 1]! ^ (path >>> 16);
  into[at + 2] = iv[at + 2]! ^ (path >>> 8);
  into[at + 3] = iv[at + 3]! ^ path;
  into[at + 4] = iv[at + 4]! ^ (high >>> 24);
  into[at + 5] = iv[at + 5]! ^ (high >>> 16);
  into[at + 6] = iv[at + 6]! ^ (high >>> 8);
  into[at + 7] = iv[at + 7]! ^ high;
  into[at + 8] = iv[at + 8]! ^ (low >>> 24);
  into[at + 9] = iv[at + 9]! ^ (low >>> 16);
  into[at + 10] = iv[at + 10]! ^ (low >>> 8);
  into[at + 11] = iv[at + 11]! ^ low;
}
