import { WireError } from "./reader.ts";
import { MAX_VARINT, varintSize } from "./varint.ts";

/**
 * Puts values into the caller's `into[at, end)`, one after the other. Each method throws {@linkcode WireError} and writes
 * nothing when there is no room or the value does not fit its field.
 */
export class Writer {
  readonly #into: Uint8Array;
  readonly #end: number;
  /** Offset of the next byte in the array (not in the range); may be moved within the range. */
  at: number;

  constructor(into: Uint8Array, at = 0, end: number = into.length) {
    if (!(at >= 0 && at <= end && end <= into.length)) {
      throw new RangeError(`Range ${at} to ${end} is not within the ${into.length} bytes`);
    }
    this.#into = into;
    this.#end = end;
    this.at = at;
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#end - this.at;
  }

  /** One byte. */
  u8(value: number): void {
    if (!(value >= 0 && value <= 0xff)) throw unfit(value, 1);
    const at = this.#take(1);
    this.#into[at] = value;
  }

  /** Two bytes, most significant first. */
  u16(value: number): void {
    if (!(value >= 0 && value <= 0xffff)) throw unfit(value, 2);
    const at = this.#take(2);
    this.#into[at] = value >>> 8;
    this.#into[at + 1] = value;
  }

  /** Four bytes, most significant first. */
  u32(value: number): void {
    if (!(value >= 0 && value <= 0xffff_ffff)) throw unfit(value, 4);
    this.#u32At(this.#take(4), value);
  }

  /**
   * A variable-length integer: an integer from 0 to {@linkcode MAX_VARINT}, in the shortest form or in one of `size`
   * bytes.
   */
  varint(value: number, size: 1 | 2 | 4 | 8 = varintSize(value)): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new WireError(`Value ${value} is not from 0 to ${MAX_VARINT}`);
    if (size < varintSize(value)) throw unfit(value, size);
    const at = this.#take(size);
    const into = this.#into;
    switch (size) {
      case 1:
        into[at] = value;
        break;
      case 2:
        into[at] = 0x40 | value >>> 8;
        into[at + 1] = value;
        break;
      case 4:
        this.#u32At(at, value);
        into[at]! |= 0x80;
        break;
      default: {
        const high = Math.floor(value / 0x1_0000_0000);
        this.#u32At(at, high);
        into[at]! |= 0xc0;
        this.#u32At(at + 4, value - high * 0x1_0000_0000);
      }
    }
  }

  /** All of `bytes`. */
  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#into.set(bytes, at);
  }

  /** `length` bytes of 0. */
  zeros(length: number): void {
    const at = this.#take(length);
    this.#into.fill(0, at, at + length);
  }

  #take(length: number): number {
    const at = this.at;
    if (!(length >= 0 && length <= this.#end - at)) {
      throw new WireError(`No room: ${length} bytes are wanted, ${this.#end - at} are left`);
    }
    this.at = at + length;
    return at;
  }

  #u32At(at: number, value: number): void {
    const into = this.#into;
    into[at] = value >>> 24;
    into[at + 1] = value >>> 16;
    into[at + 2] = value >>> 8;
    into[at + 3] = value;
  }
}

function unfit(value: number, size: number): WireError {
  return new WireError(`Value ${value} does not fit in ${size} bytes`);
}
