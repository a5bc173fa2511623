import { VARINT_SATURATED } from "./varint.ts";

/** Bytes that are no packet or frame, or a value that cannot be written as one; the message says what is wrong. */
export class WireError extends Error {
  override name = "WireError";
}

/** Bits of an 8-byte varint's first half that are above 2^53-1, its two length bits left out. */
const SAFE_HIGH = 0x1f_ffff;

/** The first half of 2^60. */
const STREAM_COUNT_HIGH = 0x1000_0000;

/**
 * Takes values from `bytes[start, end)`, one after the other. Nothing is copied: {@linkcode Reader.bytes} gives views.
 * Each method throws {@linkcode WireError} and stays where it is when too few bytes are left.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** Offset of the next byte in the array (not in the range); may be moved within the range. */
  at: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`Range ${start} to ${end} is not within the ${bytes.length} bytes`);
    }
    this.#bytes = bytes;
    this.#end = end;
    this.at = start;
  }

  /** Bytes not yet taken. */
  get left(): number {
    return this.#end - this.at;
  }

  /** One byte. */
  u8(): number {
    const at = this.at;
    if (at >= this.#end) throw truncated(1, 0);
    this.at = at + 1;
    return this.#bytes[at]!;
  }

  /** Two bytes, most significant first. */
  u16(): number {
    const at = this.#take(2);
    return this.#bytes[at]! << 8 | this.#bytes[at + 1]!;
  }

  /** Four bytes, most significant first. */
  u32(): number {
    return this.#u32At(this.#take(4));
  }

  /** A variable-length integer in any of its forms; {@linkcode VARINT_SATURATED} above 2^53-1. */
  varint(): number {
    const bytes = this.#bytes;
    const at = this.at;
    if (at >= this.#end) throw truncated(1, 0);
    const first = bytes[at]!;
    if (first < 0x40) {
      this.at = at + 1;
      return first;
    }
    if (first < 0x80) {
      this.#take(2);
      return (first & 0x3f) << 8 | bytes[at + 1]!;
    }
    if (first < 0xc0) {
      this.#take(4);
      return (first & 0x3f) << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
    }
    this.#take(8);
    const high = this.#u32At(at) & 0x3fff_ffff;
    return high > SAFE_HIGH ? VARINT_SATURATED : high * 0x1_0000_0000 + this.#u32At(at + 4);
  }

  /**
   * A variable-length integer that counts streams. Throws {@linkcode WireError} above 2^60, which saturation would hide
   * (RFC 9000 §4.6); above 2^53-1 it saturates like {@linkcode Reader.varint}.
   */
  streamCount(): number {
    const at = this.at;
    const count = this.varint();
    if (this.at - at === 8) {
      const high = this.#u32At(at) & 0x3fff_ffff;
      if (high > STREAM_COUNT_HIGH || (high === STREAM_COUNT_HIGH && this.#u32At(at + 4) > 0)) {
        throw new WireError("Stream count is above 2^60");
      }
    }
    return count;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Passes over `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /** Passes over a run of zero bytes; returns how many there were. */
  skipZeros(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const from = this.at;
    let at = from;
    while (at < end && bytes[at] === 0) at++;
    this.at = at;
    return at - from;
  }

  #take(length: number): number {
    const at = this.at;
    // Negated so that a length that is not a number is refused too.
    if (!(length >= 0 && length <= this.#end - at)) throw truncated(length, this.#end - at);
    this.at = at + length;
    return at;
  }

  #u32At(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
  }
}

function truncated(wanted: number, left: number): WireError {
  return new WireError(`Input ends too early: ${wanted} bytes are wanted, ${left} are left`);
}
