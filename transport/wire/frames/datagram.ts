/**
 * DATAGRAM (RFC 9221 §4): read with and without a length, written with one.
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import type { Reader } from "../reader.ts";
import { dataRoom, varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type { DatagramFrame } from "./types.ts";

/** Reads a DATAGRAM of the wire type `type`; without a length it goes on to the end. */
export function readDatagram(r: Reader, type: number): DatagramFrame {
  const length = type === FrameType.DATAGRAM_WITH_LENGTH ? r.varint() : r.left;
  return { kind: "datagram", data: r.bytes(length) };
}

/** Bytes of a DATAGRAM frame before its data. */
export function datagramFrameOverhead(length: number): number {
  return 1 + varintSize(length);
}

/** Most bytes of data that a DATAGRAM frame of `room` bytes can carry; -1 when not even an empty one fits. */
export function datagramDataRoom(room: number): number {
  return dataRoom(room - 1);
}

/** Writes a DATAGRAM. */
export function writeDatagram(w: Writer, frame: DatagramFrame): void {
  w.u8(FrameType.DATAGRAM_WITH_LENGTH);
  w.varint(frame.data.length);
  w.bytes(frame.data);
}
