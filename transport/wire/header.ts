/**
 * Packet headers of QUIC version 1 (RFC 9000 §17), and what RFC 8999 promises of those of any other version. First bytes
 * and packet numbers are taken and given as they are without header protection; whoever protects changes them in place.
 *
 * @module
 */
import type { NumberLength } from "./packet_number.ts";
import { Reader, WireError } from "./reader.ts";
import { varintSize } from "./varint.ts";
import { QUIC_V1 } from "./version.ts";
import type { Writer } from "./writer.ts";

/** Every kind of packet of version 1. */
export type PacketType = "initial" | "zero_rtt" | "handshake" | "retry" | "version_negotiation" | "one_rtt";

/** The types with a long header and a packet number. */
export type LongPacketType = "initial" | "zero_rtt" | "handshake";

/** The longest connection id of version 1, in bytes (RFC 9000 §17.2). */
export const MAX_CID_LENGTH = 20;

/** Bytes of a Retry packet's integrity tag (RFC 9001 §5.8). */
export const RETRY_TAG_LENGTH = 16;

/** Bytes from the packet number to the end of the header-protection sample (RFC 9001 §5.4.2). */
export const SAMPLE_REACH = 20;

const LONG_FORM = 0x80;
const FIXED_BIT = 0x40;
const NO_BYTES: Uint8Array = new Uint8Array(0);
const LONG_TYPES = ["initial", "zero_rtt", "handshake", "retry"] as const;

/** A header as far as it can be read while it is protected. Offsets are offsets in the array that was parsed. */
export interface Header {
  /** `"unknown_version"`: only the version and the connection ids mean anything. */
  readonly type: PacketType | "unknown_version";
  /** As it arrived: its low bits are still protected where the packet is. */
  readonly firstByte: number;
  /** 0 for Version Negotiation and, where the connection knows it, for a short header. */
  readonly version: number;
  /** A view; 0 to 20 bytes, up to 255 in Version Negotiation and unknown versions. */
  readonly destinationId: Uint8Array;
  /** As `destinationId`; empty for a short header. */
  readonly sourceId: Uint8Array;
  /** A view of the token of an Initial or a Retry packet; else empty. */
  readonly token: Uint8Array;
  /** Offset of the first byte. */
  readonly headerStart: number;
  /** Offset of the protected packet number; -1 where there is none. */
  readonly numberAt: number;
  /** Offset of a Retry packet's integrity tag; -1 elsewhere. */
  readonly tagAt: number;
  /** Where this packet ends and the next of the datagram begins. */
  readonly end: number;
}

/**
 * Reads the header of the packet that starts at `start` in a datagram that ends at `end`; `shortIdLength` is the length of
 * the ids that this end gives out, for short headers do not tell. The next coalesced packet starts at `Header.end`.
 *
 * The fixed bit is not looked at (see {@linkcode hasFixedBit}; RFC 9287 lets peers clear it), nor whether the packet is
 * long enough to be unprotected (see {@linkcode hasSample}): such a datagram may be a stateless reset.
 *
 * @throws {WireError} when it is cut short or a field is out of range; the rest of the datagram cannot be split then.
 */
export function parseHeader(bytes: Uint8Array, start: number, end: number, shortIdLength: number): Header {
  if (start >= end) throw new WireError("Packet is empty");
  const firstByte = bytes[start]!;
  if ((firstByte & LONG_FORM) !== 0) return parseLong(bytes, start, end, firstByte);
  const numberAt = start + 1 + shortIdLength;
  if (numberAt >= end) throw new WireError(`Short header is cut off: ${end - start} bytes`);
  return {
    type: "one_rtt",
    firstByte,
    version: 0,
    destinationId: bytes.subarray(start + 1, numberAt),
    sourceId: NO_BYTES,
    token: NO_BYTES,
    headerStart: start,
    numberAt,
    tagAt: -1,
    end,
  };
}

function parseLong(bytes: Uint8Array, start: number, datagramEnd: number, firstByte: number): Header {
  const r = new Reader(bytes, start + 1, datagramEnd);
  const version = r.u32();
  const known = version === QUIC_V1;
  const destinationId = readId(r, known);
  const sourceId = readId(r, known);
  let type: Header["type"] = version === 0 ? "version_negotiation" : "unknown_version";
  let token = NO_BYTES;
  let numberAt = -1;
  let tagAt = -1;
  let end = datagramEnd;
  if (known) {
    type = LONG_TYPES[firstByte >> 4 & 3]!;
    if (type === "retry") {
      token = readRetryToken(r);
      tagAt = r.at;
    } else {
      if (type === "initial") token = r.bytes(r.varint());
      const length = r.varint();
      numberAt = r.at;
      r.skip(length);
      end = r.at;
    }
  }
  return {
    type,
    firstByte,
    version,
    destinationId,
    sourceId,
    token,
    headerStart: start,
    numberAt,
    tagAt,
    end,
  };
}

function readId(r: Reader, known: boolean): Uint8Array {
  const length = r.u8();
  if (known && length > MAX_CID_LENGTH) {
    throw new WireError(`Connection id has ${length} bytes, must have at most ${MAX_CID_LENGTH}`);
  }
  return r.bytes(length);
}

function readRetryToken(r: Reader): Uint8Array {
  const length = r.left - RETRY_TAG_LENGTH;
  // RFC 9000 §17.2.5.2: a client discards a Retry packet without a token.
  if (length <= 0) throw new WireError("Retry packet has no token");
  return r.bytes(length);
}

/** Whether the fixed bit is set, as it must be unless this end offered `grease_quic_bit` (RFC 9000 §17.2, RFC 9287 §3). */
export function hasFixedBit(header: Header): boolean {
  return (header.firstByte & FIXED_BIT) !== 0;
}

/** Whether the packet holds a whole header-protection sample; it is discarded if not (RFC 9001 §5.4.2). */
export function hasSample(header: Header): boolean {
  return header.numberAt >= 0 && header.end - header.numberAt >= SAMPLE_REACH;
}

/** The length of the packet number, from an unprotected first byte. */
export function numberLengthOf(firstByte: number): NumberLength {
  return (firstByte & 3) + 1 as NumberLength;
}

/** The reserved bits of an unprotected first byte: anything but 0 is a PROTOCOL_VIOLATION (RFC 9000 §17.2, §17.3.1). */
export function reservedBits(firstByte: number): number {
  return firstByte & ((firstByte & LONG_FORM) !== 0 ? 0x0c : 0x18);
}

/** The key phase of a short header's unprotected first byte (RFC 9001 §6). */
export function keyPhaseOf(firstByte: number): 0 | 1 {
  return (firstByte >> 2 & 1) as 0 | 1;
}

/** The spin bit of a short header's first byte (RFC 9000 §17.4). */
export function spinOf(firstByte: number): boolean {
  return (firstByte & 0x20) !== 0;
}

/** The truncated packet number at `bytes[at, at + length)`; the range must be there (see {@linkcode hasSample}). */
export function readNumber(bytes: Uint8Array, at: number, length: NumberLength): number {
  let number = bytes[at]!;
  for (let i = 1; i < length; i++) number = number * 0x100 + bytes[at + i]!;
  return number;
}

/** What {@linkcode writeLongHeader} writes. */
export interface LongHeader {
  readonly type: LongPacketType;
  readonly version: number;
  /** 0 to 20 bytes. */
  readonly destinationId: Uint8Array;
  /** 0 to 20 bytes. */
  readonly sourceId: Uint8Array;
  /** Of an Initial packet; left out: empty. */
  readonly token?: Uint8Array | undefined;
  readonly number: number;
  readonly numberLength: NumberLength;
  /** `false` clears the fixed bit for a peer that offered `grease_quic_bit` (RFC 9287 §3.1). */
  readonly fixedBit?: boolean | undefined;
}

/**
 * Writes a long header up to and including the packet number. Two bytes are kept for the Length field: put what follows
 * them in with {@linkcode patchLength} once it is known.
 *
 * @throws {WireError} when it does not fit or an id is too long.
 */
export function writeLongHeader(
  w: Writer,
  header: LongHeader,
): { readonly lengthAt: number; readonly numberAt: number } {
  const { type } = header;
  const token = header.token ?? NO_BYTES;
  if (type !== "initial" && token.length > 0) throw new WireError("Only an Initial packet can carry a token");
  const fixed = header.fixedBit === false ? 0 : FIXED_BIT;
  w.u8(LONG_FORM | fixed | LONG_TYPES.indexOf(type) << 4 | header.numberLength - 1);
  writeIds(w, header);
  if (type === "initial") {
    w.varint(token.length);
    w.bytes(token);
  }
  const lengthAt = w.at;
  w.varint(0, 2);
  const numberAt = w.at;
  writeNumber(w, header.number, header.numberLength);
  return { lengthAt, numberAt };
}

/** Bytes that {@linkcode writeLongHeader} takes, packet number included. */
export function longHeaderSize(header: LongHeader): number {
  const ids = 7 + header.destinationId.length + header.sourceId.length;
  const tokenLength = header.token?.length ?? 0;
  const token = header.type === "initial" ? varintSize(tokenLength) + tokenLength : 0;
  return ids + token + 2 + header.numberLength;
}

/**
 * Puts `value` into the Length field that {@linkcode writeLongHeader} kept: the bytes of packet number, payload and AEAD
 * tag. Throws {@linkcode WireError} above 16383.
 */
export function patchLength(buffer: Uint8Array, lengthAt: number, value: number): void {
  if (!(value >= 0 && value <= 0x3fff)) throw new WireError(`Packet length is ${value}, must be at most 16383`);
  buffer[lengthAt] = 0x40 | value >> 8;
  buffer[lengthAt + 1] = value;
}

/** What {@linkcode writeShortHeader} writes. */
export interface ShortHeader {
  readonly destinationId: Uint8Array;
  /** Left out: 0. */
  readonly spin?: boolean | undefined;
  /** The key phase, or a count of key updates, of which the lowest bit is sent. */
  readonly keyPhase: number;
  readonly number: number;
  readonly numberLength: NumberLength;
  /** `false` clears the fixed bit for a peer that offered `grease_quic_bit` (RFC 9287 §3.1). */
  readonly fixedBit?: boolean | undefined;
}

/** Writes a short header up to and including the packet number. Throws {@linkcode WireError} when it does not fit. */
export function writeShortHeader(w: Writer, header: ShortHeader): { readonly numberAt: number } {
  const fixed = header.fixedBit === false ? 0 : FIXED_BIT;
  w.u8(fixed | (header.spin === true ? 0x20 : 0) | (header.keyPhase & 1) << 2 | header.numberLength - 1);
  w.bytes(header.destinationId);
  const numberAt = w.at;
  writeNumber(w, header.number, header.numberLength);
  return { numberAt };
}

/** What {@linkcode writeRetry} writes. */
export interface RetryHeader {
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** At least one byte. */
  readonly token: Uint8Array;
  /** Four bits that mean nothing; left out: 0 (RFC 9000 §17.2.5). */
  readonly unused?: number | undefined;
}

/**
 * Writes a Retry packet but for its integrity tag, which comes next, at `w.at`: 16 bytes computed over the client's first
 * destination id and what is written here (RFC 9001 §5.8).
 *
 * @throws {WireError} when it does not fit, an id is too long, or the token is empty.
 */
export function writeRetry(w: Writer, header: RetryHeader): { readonly tagAt: number } {
  if (header.token.length === 0) throw new WireError("Retry packet has no token");
  w.u8(LONG_FORM | FIXED_BIT | 3 << 4 | (header.unused ?? 0) & 0x0f);
  writeIds(w, header);
  w.bytes(header.token);
  return { tagAt: w.at };
}

function writeIds(w: Writer, header: Pick<LongHeader, "version" | "destinationId" | "sourceId">): void {
  const { destinationId, sourceId } = header;
  if (destinationId.length > MAX_CID_LENGTH || sourceId.length > MAX_CID_LENGTH) {
    throw new WireError(`Connection id is longer than ${MAX_CID_LENGTH} bytes`);
  }
  w.u32(header.version);
  w.u8(destinationId.length);
  w.bytes(destinationId);
  w.u8(sourceId.length);
  w.bytes(sourceId);
}

function writeNumber(w: Writer, number: number, length: NumberLength): void {
  // Division, not shifts: the number may have more than 32 bits.
  if (length > 2) {
    if (length === 4) w.u8(Math.floor(number / 0x100_0000) % 0x100);
    w.u8(Math.floor(number / 0x1_0000) % 0x100);
  }
  if (length > 1) w.u8(Math.floor(number / 0x100) % 0x100);
  w.u8(number % 0x100);
}
