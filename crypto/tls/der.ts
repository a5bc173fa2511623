/**
 * Reads DER (X.690), as much of it as X.509 needs: definite lengths in shortest form, tags of one byte.
 *
 * @module
 */

/** The bytes are not DER, or not of the expected structure. */
export class DerError extends Error {
  override name = "DerError";
}

/** Tags in use; context-specific ones are 0xa0 + n (constructed) and 0x80 + n (primitive). */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag and length too. */
  readonly whole: Uint8Array;
}

/** Longest content: lengths above are refused. */
const MAX_LENGTH_BYTES = 3;

/** Reads elements one after the other; all it gives are views. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing is left. */
  get isEmpty(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next element, whatever it is. */
  next(): DerElement {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new DerError("Tag has several bytes, expected one");
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new DerError("Element is cut short");
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  /** The next element, which must have that tag. */
  element(tag: number): DerElement {
    const element = this.next();
    if (element.tag !== tag) throw new DerError(`Element has tag ${element.tag}, expected ${tag}`);
    return element;
  }

  /** A reader of the next element's contents. */
  nested(tag: number): DerReader {
    return new DerReader(this.element(tag).content);
  }

  /** The contents of the next element when it has that tag. */
  optional(tag: number): Uint8Array | undefined {
    return !this.isEmpty && this.#bytes[this.#at] === tag ? this.next().content : undefined;
  }

  /** An object identifier in dots: "2.5.29.17". */
  oid(): string {
    return readOid(this.element(Tag.oid).content);
  }

  /** A BOOLEAN, `false` when it is left out. */
  flag(): boolean {
    const content = this.optional(Tag.boolean);
    if (content === undefined) return false;
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError("Boolean is malformed");
    return content[0] === 0xff;
  }

  /** Refuses what is left over. */
  end(): void {
    if (!this.isEmpty) throw new DerError("Elements are left over");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new DerError("Element is cut short");
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first - 0x80;
    if (count === 0 || count > MAX_LENGTH_BYTES) throw new DerError("Length is indefinite or too large");
    let length = 0;
    for (let i = 0; i < count; i++) length = length << 8 | this.#byte();
    const least = count === 1 ? 0x80 : 1 << 8 * (count - 1);
    if (length < least) throw new DerError("Length is not in its shortest form");
    return length;
  }
}

/** A non-negative INTEGER up to 2^31 - 1. */
export function readSmallInteger(content: Uint8Array): number {
  if (content.length === 0 || content.length > 4 || content[0]! >= 0x80) throw new DerError("Integer is out of range");
  if (content.length > 1 && content[0] === 0 && content[1]! < 0x80) {
    throw new DerError("Integer is not in its shortest form");
  }
  let value = 0;
  for (const byte of content) value = value << 8 | byte;
  return value;
}

/** A BIT STRING of whole bytes. */
export function readBitString(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) throw new DerError("Bit string has unused bits, expected whole bytes");
  return content.subarray(1);
}

/** A BIT STRING of named flags: bit n of the number is flag n; flags from 31 on are left out. */
export function readFlags(content: Uint8Array): number {
  if (content.length === 0 || content[0]! > 7 || (content.length === 1 && content[0] !== 0)) {
    throw new DerError("Bit string is malformed");
  }
  let flags = 0;
  for (let bit = 0; bit < Math.min(31, 8 * (content.length - 1)); bit++) {
    if (content[1 + (bit >> 3)]! & 0x80 >> (bit & 7)) flags |= 1 << bit;
  }
  return flags;
}

/** A time (RFC 5280 §4.1.2.5) as Unix milliseconds. */
export function readTime(element: DerElement): number {
  const text = String.fromCharCode(...element.content.subarray(0, 20));
  const isShort = element.tag === Tag.utcTime;
  if (!isShort && element.tag !== Tag.generalizedTime) throw new DerError(`Time has tag ${element.tag}`);
  const match = (isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(
    text,
  );
  if (match === null) throw new DerError("Time is malformed");
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fullYear = !isShort ? year : year < 50 ? 2000 + year : 1900 + year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 &&
    second < 60;
  if (!isReal) throw new DerError("Time does not exist");
  return date.getTime();
}

function readOid(content: Uint8Array): string {
  if (content.length === 0 || content[content.length - 1]! >= 0x80) {
    throw new DerError("Object identifier is malformed");
  }
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    if (arc === 0 && byte === 0x80) throw new DerError("Object identifier is not in its shortest form");
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) throw new DerError("Object identifier is too large");
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - 40 * first);
    } else arcs.push(arc);
    arc = 0;
  }
  return arcs.join(".");
}
