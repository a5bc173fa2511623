/**
 * Versions, and the Version Negotiation packet (RFC 8999 §6, RFC 9000 §17.2.1).
 *
 * @module
 */
import { Reader, WireError } from "./reader.ts";
import { Writer } from "./writer.ts";

/** QUIC version 1 (RFC 9000 §15). */
export const QUIC_V1 = 1;

/** Whether a version is one of those that nobody may ever support, of the form 0x?a?a?a?a (RFC 9000 §15). */
export function isReserved(version: number): boolean {
  return (version & 0x0f0f_0f0f) === 0x0a0a_0a0a;
}

/** A Version Negotiation packet. */
export interface VersionNegotiation {
  /** A view; 0 to 255 bytes. */
  readonly destinationId: Uint8Array;
  /** A view; 0 to 255 bytes. */
  readonly sourceId: Uint8Array;
  /** As listed: duplicates and reserved versions are not taken out. */
  readonly versions: readonly number[];
}

/**
 * Writes the answer to a packet of an unknown version and returns its length. `destinationId` is the source id of that
 * packet and `sourceId` its destination id; of `random` (a byte) the six low bits become the unused ones.
 *
 * @throws {WireError} when it does not fit, an id has more than 255 bytes (RFC 8999 §5.1), or there is no version to list.
 */
export function writeVersionNegotiation(
  into: Uint8Array,
  destinationId: Uint8Array,
  sourceId: Uint8Array,
  versions: readonly number[],
  random: number,
): number {
  if (versions.length === 0) throw new WireError("Version Negotiation lists no version");
  const w = new Writer(into);
  // The fixed bit is set although it means nothing here, for the sake of demultiplexing (RFC 9000 §17.2.1).
  w.u8(0xc0 | random & 0x3f);
  w.u32(0);
  w.u8(destinationId.length);
  w.bytes(destinationId);
  w.u8(sourceId.length);
  w.bytes(sourceId);
  for (const version of versions) w.u32(version);
  return w.at;
}

/**
 * Reads a Version Negotiation packet, which takes the whole of `bytes[start, end)`.
 *
 * @throws {WireError} when it is none, is cut short, or lists no version.
 */
export function readVersionNegotiation(bytes: Uint8Array, start = 0, end: number = bytes.length): VersionNegotiation {
  const r = new Reader(bytes, start, end);
  if ((r.u8() & 0x80) === 0 || r.u32() !== 0) throw new WireError("Packet is not a Version Negotiation packet");
  const destinationId = r.bytes(r.u8());
  const sourceId = r.bytes(r.u8());
  if (r.left === 0 || r.left % 4 !== 0) throw new WireError(`Version list has ${r.left} bytes, must be whole versions`);
  const versions: number[] = [];
  while (r.left > 0) versions.push(r.u32());
  return { destinationId, sourceId, versions };
}
