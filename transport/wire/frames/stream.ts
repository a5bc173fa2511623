/**
 * STREAM, RESET_STREAM and STOP_SENDING (RFC 9000 §19.4, §19.5, §19.8). STREAM frames are read in all their forms and
 * written with a length, unless they end the packet.
 *
 * @module
 */
import { FrameType, STREAM_FIN, STREAM_LEN, STREAM_OFF } from "../frame_types.ts";
import { type Reader, WireError } from "../reader.ts";
import { MAX_VARINT, varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type { ResetStreamFrame, StopSendingFrame, StreamFrame } from "./types.ts";

/** Reads the fields of a STREAM of the wire type `type`; without a length it goes on to the end. */
export function readStream(r: Reader, type: number): StreamFrame {
  const streamId = r.varint();
  const offset = (type & STREAM_OFF) !== 0 ? r.varint() : 0;
  const length = (type & STREAM_LEN) !== 0 ? r.varint() : r.left;
  const data = r.bytes(length);
  checkEnd(offset, length);
  return { kind: "stream", streamId, offset, data, fin: (type & STREAM_FIN) !== 0 };
}

/**
 * Refuses data that ends above 2^62-1 (RFC 9000 §19.6, §19.8): a FRAME_ENCODING_ERROR. Data above 2^53-1 is refused too,
 * as no offset there was ever granted and it could not be counted exactly.
 */
export function checkEnd(offset: number, length: number): void {
  if (offset >= MAX_VARINT - length) throw new WireError("Data ends beyond the largest offset");
}

/** The wire type of a STREAM as it is written: 0x08 to 0x0f. */
export function streamType({ offset, fin, toEnd }: StreamFrame): number {
  return FrameType.STREAM | (toEnd ? 0 : STREAM_LEN) | (offset > 0 ? STREAM_OFF : 0) | (fin ? STREAM_FIN : 0);
}

/** Bytes of a STREAM frame before its data, and before its length if it has one. */
export function streamHeaderSize(streamId: number, offset: number): number {
  return 1 + varintSize(streamId) + (offset > 0 ? varintSize(offset) : 0);
}

/** Bytes of a STREAM frame. */
export function streamFrameSize({ streamId, offset, data, toEnd }: StreamFrame): number {
  return streamHeaderSize(streamId, offset) + (toEnd ? 0 : varintSize(data.length)) + data.length;
}

/** Writes a STREAM frame: the one copy that data goes through on its way out. */
export function writeStreamFrame(w: Writer, frame: StreamFrame): void {
  w.u8(streamType(frame));
  w.varint(frame.streamId);
  if (frame.offset > 0) w.varint(frame.offset);
  if (!frame.toEnd) w.varint(frame.data.length);
  w.bytes(frame.data);
}

/** Reads the fields of a RESET_STREAM. */
export function readResetStream(r: Reader): ResetStreamFrame {
  return { kind: "reset_stream", streamId: r.varint(), code: r.varint(), finalSize: r.varint() };
}

/** Writes a RESET_STREAM. */
export function writeResetStream(w: Writer, frame: ResetStreamFrame): void {
  w.u8(FrameType.RESET_STREAM);
  w.varint(frame.streamId);
  w.varint(frame.code);
  w.varint(frame.finalSize);
}

/** Bytes of a RESET_STREAM. */
export function resetStreamSize(frame: ResetStreamFrame): number {
  return 1 + varintSize(frame.streamId) + varintSize(frame.code) + varintSize(frame.finalSize);
}

/** Reads the fields of a STOP_SENDING. */
export function readStopSending(r: Reader): StopSendingFrame {
  return { kind: "stop_sending", streamId: r.varint(), code: r.varint() };
}

/** Writes a STOP_SENDING. */
export function writeStopSending(w: Writer, frame: StopSendingFrame): void {
  w.u8(FrameType.STOP_SENDING);
  w.varint(frame.streamId);
  w.varint(frame.code);
}

/** Bytes of a STOP_SENDING. */
export function stopSendingSize(frame: StopSendingFrame): number {
  return 1 + varintSize(frame.streamId) + varintSize(frame.code);
}
