/**
 * NEW_CONNECTION_ID and RETIRE_CONNECTION_ID (RFC 9000 §19.15, §19.16), and their forms with a path id (RFC 10069 §4.4,
 * §4.5).
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import { MAX_CID_LENGTH } from "../header.ts";
import { type Reader, WireError } from "../reader.ts";
import { STATELESS_RESET_TOKEN_LENGTH } from "../stateless_reset.ts";
import { varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type { NewConnectionIdFrame, RetireConnectionIdFrame } from "./types.ts";

/** Reads the fields of a NEW_CONNECTION_ID or PATH_NEW_CONNECTION_ID of the wire type `type`. */
export function readNewConnectionId(r: Reader, type: number): NewConnectionIdFrame {
  const path = type === FrameType.PATH_NEW_CONNECTION_ID ? r.varint() : undefined;
  const sequence = r.varint();
  const retirePriorTo = r.varint();
  checkRetirePriorTo(retirePriorTo, sequence);
  const length = r.u8();
  checkIdLength(length);
  const connectionId = r.bytes(length);
  const resetToken = r.bytes(STATELESS_RESET_TOKEN_LENGTH);
  return { kind: "new_connection_id", path, sequence, retirePriorTo, connectionId, resetToken };
}

function checkRetirePriorTo(retirePriorTo: number, sequence: number): void {
  if (retirePriorTo > sequence) {
    throw new WireError(`Retire Prior To is ${retirePriorTo}, must not be above the sequence number ${sequence}`);
  }
}

function checkIdLength(length: number): void {
  if (length < 1 || length > MAX_CID_LENGTH) {
    throw new WireError(`New connection id has ${length} bytes, must have 1 to ${MAX_CID_LENGTH}`);
  }
}

/** The wire type of a NEW_CONNECTION_ID: 0x18, or 0x3e78 with a path. */
export function newConnectionIdType(frame: NewConnectionIdFrame): number {
  return frame.path === undefined ? FrameType.NEW_CONNECTION_ID : FrameType.PATH_NEW_CONNECTION_ID;
}

/** Writes a NEW_CONNECTION_ID or PATH_NEW_CONNECTION_ID; throws {@linkcode WireError} when a field is out of range. */
export function writeNewConnectionId(w: Writer, frame: NewConnectionIdFrame): void {
  const { path, connectionId, resetToken } = frame;
  checkRetirePriorTo(frame.retirePriorTo, frame.sequence);
  checkIdLength(connectionId.length);
  if (resetToken.length !== STATELESS_RESET_TOKEN_LENGTH) {
    throw new WireError(
      `Stateless reset token has ${resetToken.length} bytes, must have ${STATELESS_RESET_TOKEN_LENGTH}`,
    );
  }
  w.varint(newConnectionIdType(frame));
  if (path !== undefined) w.varint(path);
  w.varint(frame.sequence);
  w.varint(frame.retirePriorTo);
  w.u8(connectionId.length);
  w.bytes(connectionId);
  w.bytes(resetToken);
}

/** Bytes of a NEW_CONNECTION_ID or PATH_NEW_CONNECTION_ID. */
export function newConnectionIdSize(frame: NewConnectionIdFrame): number {
  const path = frame.path === undefined ? 0 : varintSize(frame.path);
  return varintSize(newConnectionIdType(frame)) + path + varintSize(frame.sequence) + varintSize(frame.retirePriorTo) +
    1 + frame.connectionId.length + STATELESS_RESET_TOKEN_LENGTH;
}

/** Reads the fields of a RETIRE_CONNECTION_ID or PATH_RETIRE_CONNECTION_ID of the wire type `type`. */
export function readRetireConnectionId(r: Reader, type: number): RetireConnectionIdFrame {
  const path = type === FrameType.PATH_RETIRE_CONNECTION_ID ? r.varint() : undefined;
  return { kind: "retire_connection_id", path, sequence: r.varint() };
}

/** The wire type of a RETIRE_CONNECTION_ID: 0x19, or 0x3e79 with a path. */
export function retireConnectionIdType(frame: RetireConnectionIdFrame): number {
  return frame.path === undefined ? FrameType.RETIRE_CONNECTION_ID : FrameType.PATH_RETIRE_CONNECTION_ID;
}

/** Writes a RETIRE_CONNECTION_ID or PATH_RETIRE_CONNECTION_ID. */
export function writeRetireConnectionId(w: Writer, frame: RetireConnectionIdFrame): void {
  w.varint(retireConnectionIdType(frame));
  if (frame.path !== undefined) w.varint(frame.path);
  w.varint(frame.sequence);
}

/** Bytes of a RETIRE_CONNECTION_ID or PATH_RETIRE_CONNECTION_ID. */
export function retireConnectionIdSize(frame: RetireConnectionIdFrame): number {
  const path = frame.path === undefined ? 0 : varintSize(frame.path);
  return varintSize(retireConnectionIdType(frame)) + path + varintSize(frame.sequence);
}
