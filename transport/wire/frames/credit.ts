/**
 * Flow control: MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS and their BLOCKED counterparts (RFC 9000 §19.9 to §19.14).
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import type { Reader } from "../reader.ts";
import { varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type {
  DataBlockedFrame,
  MaxDataFrame,
  MaxStreamDataFrame,
  MaxStreamsFrame,
  StreamDataBlockedFrame,
  StreamsBlockedFrame,
} from "./types.ts";

/** A frame of this file. */
export type CreditFrame =
  | MaxDataFrame
  | MaxStreamDataFrame
  | MaxStreamsFrame
  | DataBlockedFrame
  | StreamDataBlockedFrame
  | StreamsBlockedFrame;

/** Reads the fields of a MAX_DATA. */
export function readMaxData(r: Reader): MaxDataFrame {
  return { kind: "max_data", limit: r.varint() };
}

/** Reads the fields of a MAX_STREAM_DATA. */
export function readMaxStreamData(r: Reader): MaxStreamDataFrame {
  return { kind: "max_stream_data", streamId: r.varint(), limit: r.varint() };
}

/** Reads the fields of a MAX_STREAMS; more than 2^60 streams are refused (RFC 9000 §19.11). */
export function readMaxStreams(r: Reader, type: number): MaxStreamsFrame {
  return { kind: "max_streams", bidirectional: type === FrameType.MAX_STREAMS_BIDI, limit: r.streamCount() };
}

/** Reads the fields of a DATA_BLOCKED. */
export function readDataBlocked(r: Reader): DataBlockedFrame {
  return { kind: "data_blocked", limit: r.varint() };
}

/** Reads the fields of a STREAM_DATA_BLOCKED. */
export function readStreamDataBlocked(r: Reader): StreamDataBlockedFrame {
  return { kind: "stream_data_blocked", streamId: r.varint(), limit: r.varint() };
}

/** Reads the fields of a STREAMS_BLOCKED; more than 2^60 streams are refused (RFC 9000 §19.14). */
export function readStreamsBlocked(r: Reader, type: number): StreamsBlockedFrame {
  return { kind: "streams_blocked", bidirectional: type === FrameType.STREAMS_BLOCKED_BIDI, limit: r.streamCount() };
}

/** The wire type of a frame of this file. */
export function creditType(frame: CreditFrame): number {
  switch (frame.kind) {
    case "max_data":
      return FrameType.MAX_DATA;
    case "max_stream_data":
      return FrameType.MAX_STREAM_DATA;
    case "max_streams":
      return frame.bidirectional ? FrameType.MAX_STREAMS_BIDI : FrameType.MAX_STREAMS_UNI;
    case "data_blocked":
      return FrameType.DATA_BLOCKED;
    case "stream_data_blocked":
      return FrameType.STREAM_DATA_BLOCKED;
    case "streams_blocked":
      return frame.bidirectional ? FrameType.STREAMS_BLOCKED_BIDI : FrameType.STREAMS_BLOCKED_UNI;
  }
}

/** Writes a frame of this file: its stream, if it has one, and its limit. */
export function writeCredit(w: Writer, frame: CreditFrame): void {
  w.u8(creditType(frame));
  if (frame.kind === "max_stream_data" || frame.kind === "stream_data_blocked") w.varint(frame.streamId);
  w.varint(frame.limit);
}

/** Bytes of a frame of this file. */
export function creditSize(frame: CreditFrame): number {
  const ofStream = frame.kind === "max_stream_data" || frame.kind === "stream_data_blocked";
  return 1 + (ofStream ? varintSize(frame.streamId) : 0) + varintSize(frame.limit);
}
