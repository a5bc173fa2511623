/**
 * Variable-length integers (RFC 9000 §16) as plain numbers.
 *
 * @module
 */

/** The largest value that is written: 2^53-1. The format would allow 2^62-1. */
export const MAX_VARINT: number = Number.MAX_SAFE_INTEGER;

/**
 * What every value above 2^53-1 is read as. It is a safe integer itself: limits compare right with it, and an offset or
 * a number this high is beyond anything that was granted.
 */
export const VARINT_SATURATED: number = Number.MAX_SAFE_INTEGER;

/** Bytes of the shortest form of `value` (an integer from 0 to {@linkcode MAX_VARINT}; RFC 9000 §16, table 4). */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

/**
 * Most bytes of data that fit in `room` bytes together with the varint of their length; -1 when not even none fit. (Where
 * the varint grows, a byte or more of the room may be left over.)
 */
export function dataRoom(room: number): number {
  if (room < 1) return -1;
  if (room <= 0x40) return room - 1;
  if (room <= 0x4001) return Math.max(room - 2, 0x3f);
  return room <= 0x4000_0003 ? Math.max(room - 4, 0x3fff) : Math.max(room - 8, 0x3fff_ffff);
}
