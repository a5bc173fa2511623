/**
 * The presentation language of TLS (RFC 8446 §3): big-endian integers, and vectors with a length in front.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";

/** How many bytes a length takes. */
export type LengthSize = 1 | 2 | 3;

/** Reads one structure. Whatever does not fit is a `TlsAlert` "decode_error" that names the structure. */
export class TlsReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** `what` is the structure's name for messages of errors: `"ServerHello"`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** An integer of 1 byte. */
  u8(): number {
    return this.#integer(1);
  }

  /** An integer of 2 bytes. */
  u16(): number {
    return this.#integer(2);
  }

  /** An integer of 4 bytes. */
  u32(): number {
    return this.#integer(4);
  }

  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array {
    if (length > this.left) throw this.#fault(`${this.left} bytes are left, expected ${length}`);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** The contents, as a view, of a vector whose length takes `size` bytes and is `least` to `most`. */
  vector(size: LengthSize, least = 0, most = 2 ** (8 * size) - 1): Uint8Array {
    const length = this.#integer(size);
    if (length < least || length > most) {
      throw this.#fault(`a vector has ${length} bytes, expected ${least} to ${most}`);
    }
    return this.bytes(length);
  }

  /** A vector of 2-byte integers, at least one of them, in order. */
  codes(size: LengthSize): number[] {
    const bytes = this.vector(size, 2);
    if (bytes.length % 2 !== 0) throw this.#fault(`a list has ${bytes.length} bytes, expected an even number`);
    const codes: number[] = [];
    for (let i = 0; i < bytes.length; i += 2) codes.push(bytes[i]! << 8 | bytes[i + 1]!);
    return codes;
  }

  /** Refuses what is left over. */
  end(): void {
    if (this.left > 0) throw this.#fault(`${this.left} bytes are left over, expected none`);
  }

  #integer(size: number): number {
    if (size > this.left) throw this.#fault(`${this.left} bytes are left, expected ${size}`);
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#bytes[this.#at++]!;
    return value;
  }

  #fault(state: string): TlsAlert {
    return new TlsAlert("decode_error", `Malformed ${this.#what}: ${state}`);
  }
}

/** Writes a structure into a buffer that grows. */
export class TlsWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(room = 512) {
    this.#bytes = new Uint8Array(room);
  }

  /** What was written: a copy that is the caller's. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** An integer of 1 byte. */
  u8(value: number): this {
    this.#grow(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  /** An integer of 2 bytes. */
  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  /** An integer of 4 bytes. */
  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  /** Bytes as they are. */
  bytes(data: Uint8Array): this {
    this.#grow(data.length);
    this.#bytes.set(data, this.#at);
    this.#at += data.length;
    return this;
  }

  /** A vector with `data` as its contents. */
  vector(size: LengthSize, data: Uint8Array): this {
    return this.nest(size, (w) => w.bytes(data));
  }

  /** A vector of 2-byte integers. */
  codes(size: LengthSize, codes: readonly number[]): this {
    return this.nest(size, (w) => {
      for (const code of codes) w.u16(code);
    });
  }

  /** A vector whose contents `write` writes. Throws `RangeError` when they outgrow the length. */
  nest(size: LengthSize, write: (writer: TlsWriter) => void): this {
    const start = this.#at;
    for (let i = 0; i < size; i++) this.u8(0);
    write(this);
    let length = this.#at - start - size;
    if (length >= 2 ** (8 * size)) {
      throw new RangeError(`Vector has ${length} bytes, expected at most ${2 ** (8 * size) - 1}`);
    }
    for (let i = size - 1; i >= 0; i--) {
      this.#bytes[start + i] = length;
      length = Math.floor(length / 256);
    }
    return this;
  }

  #grow(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Whether two byte strings are equal; not in constant time. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two byte strings are equal, in time that depends on their length only. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
