/**
 * PADDING, PING, CRYPTO, NEW_TOKEN, CONNECTION_CLOSE and HANDSHAKE_DONE (RFC 9000 §19.1, §19.2, §19.6, §19.7, §19.19,
 * §19.20).
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import { type Reader, WireError } from "../reader.ts";
import { dataRoom, varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import { checkEnd } from "./stream.ts";
import type { ConnectionCloseFrame, CryptoFrame, NewTokenFrame, PaddingFrame } from "./types.ts";

const utf8Encoder = new TextEncoder();
// A byte order mark is text like any other here.
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads the rest of a run of PADDING, of which the first byte is read already. */
export function readPadding(r: Reader): PaddingFrame {
  return { kind: "padding", length: 1 + r.skipZeros() };
}

/** Writes `length` bytes of PADDING; throws {@linkcode WireError} when that is less than one. */
export function writePadding(w: Writer, frame: PaddingFrame): void {
  if (!(frame.length >= 1)) throw new WireError(`Padding has ${frame.length} bytes, must have at least 1`);
  w.zeros(frame.length);
}

/** Reads the fields of a CRYPTO. */
export function readCrypto(r: Reader): CryptoFrame {
  const offset = r.varint();
  const length = r.varint();
  const data = r.bytes(length);
  checkEnd(offset, length);
  return { kind: "crypto", offset, data };
}

/** Bytes of a CRYPTO frame before its data. */
export function cryptoFrameOverhead(offset: number, length: number): number {
  return 1 + varintSize(offset) + varintSize(length);
}

/** Most bytes of data that a CRYPTO frame of `room` bytes can carry; -1 when not even an empty one fits. */
export function cryptoDataRoom(offset: number, room: number): number {
  return dataRoom(room - 1 - varintSize(offset));
}

/** Writes a CRYPTO. */
export function writeCrypto(w: Writer, frame: CryptoFrame): void {
  w.u8(FrameType.CRYPTO);
  w.varint(frame.offset);
  w.varint(frame.data.length);
  w.bytes(frame.data);
}

/** Reads the token of a NEW_TOKEN, which must not be empty. */
export function readNewToken(r: Reader): NewTokenFrame {
  const length = r.varint();
  checkToken(length);
  return { kind: "new_token", token: r.bytes(length) };
}

function checkToken(length: number): void {
  if (length === 0) throw new WireError("New token is empty");
}

/** Writes a NEW_TOKEN; throws {@linkcode WireError} when the token is empty. */
export function writeNewToken(w: Writer, frame: NewTokenFrame): void {
  checkToken(frame.token.length);
  w.u8(FrameType.NEW_TOKEN);
  w.varint(frame.token.length);
  w.bytes(frame.token);
}

/** Bytes of a NEW_TOKEN. */
export function newTokenSize(frame: NewTokenFrame): number {
  return 1 + varintSize(frame.token.length) + frame.token.length;
}

/** Reads the fields of a CONNECTION_CLOSE of the wire type `type`; a reason that is no UTF-8 is no error. */
export function readConnectionClose(r: Reader, type: number): ConnectionCloseFrame {
  const application = type === FrameType.CONNECTION_CLOSE_APPLICATION;
  const code = r.varint();
  const frameType = application ? 0 : r.varint();
  const reason = utf8Decoder.decode(r.bytes(r.varint()));
  return { kind: "connection_close", application, code, frameType, reason };
}

/** Writes a CONNECTION_CLOSE. */
export function writeConnectionClose(w: Writer, frame: ConnectionCloseFrame): void {
  const reason = utf8Encoder.encode(frame.reason);
  w.u8(frame.application ? FrameType.CONNECTION_CLOSE_APPLICATION : FrameType.CONNECTION_CLOSE);
  w.varint(frame.code);
  if (!frame.application) w.varint(frame.frameType);
  w.varint(reason.length);
  w.bytes(reason);
}

/** Bytes of a CONNECTION_CLOSE. */
export function connectionCloseSize(frame: ConnectionCloseFrame): number {
  const reason = utf8Encoder.encode(frame.reason).length;
  const frameType = frame.application ? 0 : varintSize(frame.frameType);
  return 1 + varintSize(frame.code) + frameType + varintSize(reason) + reason;
}

/** As much of the start of `reason` as takes at most `limit` bytes on the wire, cut between characters. */
export function shortenReason(reason: string, limit: number): string {
  // The encoder stops before a character that does not fit whole.
  return reason.slice(0, utf8Encoder.encodeInto(reason, new Uint8Array(Math.max(0, limit))).read);
}
