import { MAX_VARINT } from "./varint.ts";
import { WireError } from "./reader.ts";

/** Bytes of a packet number on the wire. */
export type NumberLength = 1 | 2 | 3 | 4;

/**
 * How many bytes of `number` must be sent when the peer has acknowledged up to `largestAcked` (-1: nothing yet): enough
 * for more than twice the distance (RFC 9000 §17.1, §A.2). Throws {@linkcode WireError} when four bytes are not enough.
 */
export function numberLength(number: number, largestAcked: number): NumberLength {
  const unacked = number - largestAcked;
  if (unacked < 0x80) return 1;
  if (unacked < 0x8000) return 2;
  if (unacked < 0x80_0000) return 3;
  if (unacked < 0x8000_0000) return 4;
  throw new WireError(`Packet number ${number} is too far above the largest acknowledged ${largestAcked}`);
}

/**
 * The packet number of which the lowest `length` bytes are `truncated`: the one nearest to what follows `largest`, the
 * highest number yet received in the space (-1: none) (RFC 9000 §A.3). Numbers above 2^53-1 do not occur.
 */
export function expandNumber(truncated: number, length: NumberLength, largest: number): number {
  const window = 2 ** (8 * length);
  const half = window / 2;
  const expected = largest + 1;
  const candidate = expected - expected % window + truncated;
  if (candidate <= expected - half && candidate <= MAX_VARINT - window) return candidate + window;
  if (candidate > expected + half && candidate >= window) return candidate - window;
  return candidate;
}
