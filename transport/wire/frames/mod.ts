/**
 * All frames, bytes ⇄ values.
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import { DATAGRAM_NUMBERED, HINT_MODE, HINT_PATH, HINT_SIGNAL, HINT_STREAM_MODE } from "../hints_codepoints.ts";
import { type Reader, WireError } from "../reader.ts";
import { varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import { ackFrameSize, ackType, readAck, writeAck } from "./ack.ts";
import {
  creditSize,
  creditType,
  readDataBlocked,
  readMaxData,
  readMaxStreamData,
  readMaxStreams,
  readStreamDataBlocked,
  readStreamsBlocked,
  writeCredit,
} from "./credit.ts";
import { datagramFrameOverhead, readDatagram, writeDatagram } from "./datagram.ts";
import {
  hintSize,
  hintType,
  numberedDatagramOverhead,
  readHintMode,
  readHintPath,
  readHintSignal,
  readHintStreamMode,
  readNumberedDatagram,
  writeHint,
  writeNumberedDatagram,
} from "./hints.ts";
import {
  newConnectionIdSize,
  newConnectionIdType,
  readNewConnectionId,
  readRetireConnectionId,
  retireConnectionIdSize,
  retireConnectionIdType,
  writeNewConnectionId,
  writeRetireConnectionId,
} from "./ids.ts";
import {
  PATH_CHALLENGE_LENGTH,
  pathControlSize,
  pathControlType,
  readMaxPathId,
  readPathAbandon,
  readPathChallenge,
  readPathCidsBlocked,
  readPathResponse,
  readPathsBlocked,
  readPathStatus,
  writePathControl,
  writePathProbe,
} from "./path.ts";
import {
  connectionCloseSize,
  cryptoFrameOverhead,
  newTokenSize,
  readConnectionClose,
  readCrypto,
  readNewToken,
  readPadding,
  writeConnectionClose,
  writeCrypto,
  writeNewToken,
  writePadding,
} from "./simple.ts";
import {
  readResetStream,
  readStopSending,
  readStream,
  resetStreamSize,
  stopSendingSize,
  streamFrameSize,
  streamType,
  writeResetStream,
  writeStopSending,
  writeStreamFrame,
} from "./stream.ts";
import type { Frame } from "./types.ts";

/** A frame type that is not in the table: a FRAME_ENCODING_ERROR (RFC 9000 §12.4). */
export class UnknownFrameError extends WireError {
  override name = "UnknownFrameError";
  /** The wire type; saturated above 2^53-1. */
  readonly type: number;

  constructor(type: number) {
    super(`Frame type 0x${type.toString(16)} is unknown`);
    this.type = type;
  }
}

/** A frame type in more bytes than it needs: RFC 9000 §12.4 suggests a PROTOCOL_VIOLATION. */
export class FrameTypeLengthError extends WireError {
  override name = "FrameTypeLengthError";
  /** The wire type. */
  readonly type: number;

  constructor(type: number) {
    super(`Frame type 0x${type.toString(16)} is not in its shortest form`);
    this.type = type;
  }
}

/** Reads a frame's wire type. Throws {@linkcode FrameTypeLengthError} when it is not in the shortest form. */
export function readFrameType(r: Reader): number {
  const at = r.at;
  const type = r.varint();
  if (r.at - at !== varintSize(type)) throw new FrameTypeLengthError(type);
  return type;
}

/**
 * Reads what follows the wire type `type`. Data is given as views.
 *
 * @throws {UnknownFrameError} when there is no such type.
 * @throws {WireError} when the frame is cut short or a field is out of range.
 */
export function readFrameBody(r: Reader, type: number): Frame {
  if (type >= FrameType.STREAM && type < FrameType.MAX_DATA) return readStream(r, type);
  switch (type) {
    case FrameType.PADDING:
      return readPadding(r);
    case FrameType.PING:
      return { kind: "ping" };
    case FrameType.ACK:
    case FrameType.ACK_ECN:
    case FrameType.PATH_ACK:
    case FrameType.PATH_ACK_ECN:
      return readAck(r, type);
    case FrameType.RESET_STREAM:
      return readResetStream(r);
    case FrameType.STOP_SENDING:
      return readStopSending(r);
    case FrameType.CRYPTO:
      return readCrypto(r);
    case FrameType.NEW_TOKEN:
      return readNewToken(r);
    case FrameType.MAX_DATA:
      return readMaxData(r);
    case FrameType.MAX_STREAM_DATA:
      return readMaxStreamData(r);
    case FrameType.MAX_STREAMS_BIDI:
    case FrameType.MAX_STREAMS_UNI:
      return readMaxStreams(r, type);
    case FrameType.DATA_BLOCKED:
      return readDataBlocked(r);
    case FrameType.STREAM_DATA_BLOCKED:
      return readStreamDataBlocked(r);
    case FrameType.STREAMS_BLOCKED_BIDI:
    case FrameType.STREAMS_BLOCKED_UNI:
      return readStreamsBlocked(r, type);
    case FrameType.HANDSHAKE_DONE:
      return { kind: "handshake_done" };
    case FrameType.CONNECTION_CLOSE:
    case FrameType.CONNECTION_CLOSE_APPLICATION:
      return readConnectionClose(r, type);
    case FrameType.DATAGRAM:
    case FrameType.DATAGRAM_WITH_LENGTH:
      return readDatagram(r, type);
    default:
      return readPathFrame(r, type);
  }
}

/** The frames that manage paths and connection ids. */
function readPathFrame(r: Reader, type: number): Frame {
  switch (type) {
    case FrameType.NEW_CONNECTION_ID:
    case FrameType.PATH_NEW_CONNECTION_ID:
      return readNewConnectionId(r, type);
    case FrameType.RETIRE_CONNECTION_ID:
    case FrameType.PATH_RETIRE_CONNECTION_ID:
      return readRetireConnectionId(r, type);
    case FrameType.PATH_CHALLENGE:
      return readPathChallenge(r);
    case FrameType.PATH_RESPONSE:
      return readPathResponse(r);
    case FrameType.PATH_ABANDON:
      return readPathAbandon(r);
    case FrameType.PATH_STATUS_BACKUP:
    case FrameType.PATH_STATUS_AVAILABLE:
      return readPathStatus(r, type);
    case FrameType.MAX_PATH_ID:
      return readMaxPathId(r);
    case FrameType.PATHS_BLOCKED:
      return readPathsBlocked(r);
    case FrameType.PATH_CIDS_BLOCKED:
      return readPathCidsBlocked(r);
    default:
      return readHintFrame(r, type);
  }
}

/** The frames of the hints extension. */
function readHintFrame(r: Reader, type: number): Frame {
  switch (type) {
    case HINT_SIGNAL:
      return readHintSignal(r);
    case HINT_PATH:
      return readHintPath(r);
    case HINT_MODE:
      return readHintMode(r);
    case HINT_STREAM_MODE:
      return readHintStreamMode(r);
    case DATAGRAM_NUMBERED:
      return readNumberedDatagram(r);
    default:
      throw new UnknownFrameError(type);
  }
}

/** Reads one frame: {@linkcode readFrameType} and {@linkcode readFrameBody}. */
export function readFrame(r: Reader): Frame {
  return readFrameBody(r, readFrameType(r));
}

/**
 * Writes one frame, in {@linkcode frameSize} bytes. Throws {@linkcode WireError}, with `w.at` where it was, when there is
 * no room or a field is out of range; the bytes after `w.at` may have changed then.
 */
export function writeFrame(w: Writer, frame: Frame): void {
  const at = w.at;
  try {
    write(w, frame);
  } catch (error) {
    w.at = at;
    throw error;
  }
}

function write(w: Writer, frame: Frame): void {
  switch (frame.kind) {
    case "stream":
      return writeStreamFrame(w, frame);
    case "ack":
      return writeAck(w, frame);
    case "datagram":
      return writeDatagram(w, frame);
    case "padding":
      return writePadding(w, frame);
    case "ping":
      return w.u8(FrameType.PING);
    case "reset_stream":
      return writeResetStream(w, frame);
    case "stop_sending":
      return writeStopSending(w, frame);
    case "crypto":
      return writeCrypto(w, frame);
    case "new_token":
      return writeNewToken(w, frame);
    case "new_connection_id":
      return writeNewConnectionId(w, frame);
    case "retire_connection_id":
      return writeRetireConnectionId(w, frame);
    case "path_challenge":
    case "path_response":
      return writePathProbe(w, frame);
    case "connection_close":
      return writeConnectionClose(w, frame);
    case "handshake_done":
      return w.u8(FrameType.HANDSHAKE_DONE);
    case "path_abandon":
    case "path_status":
    case "max_path_id":
    case "paths_blocked":
    case "path_cids_blocked":
      return writePathControl(w, frame);
    case "datagram_numbered":
      return writeNumberedDatagram(w, frame);
    case "hint_signal":
    case "hint_path":
    case "hint_mode":
    case "hint_stream_mode":
      return writeHint(w, frame);
    default:
      return writeCredit(w, frame);
  }
}

/** Bytes that {@linkcode writeFrame} takes for the frame, type included. */
export function frameSize(frame: Frame): number {
  switch (frame.kind) {
    case "stream":
      return streamFrameSize(frame);
    case "ack":
      return ackFrameSize(frame);
    case "datagram":
      return datagramFrameOverhead(frame.data.length) + frame.data.length;
    case "padding":
      return frame.length;
    case "ping":
    case "handshake_done":
      return 1;
    case "reset_stream":
      return resetStreamSize(frame);
    case "stop_sending":
      return stopSendingSize(frame);
    case "crypto":
      return cryptoFrameOverhead(frame.offset, frame.data.length) + frame.data.length;
    case "new_token":
      return newTokenSize(frame);
    case "new_connection_id":
      return newConnectionIdSize(frame);
    case "retire_connection_id":
      return retireConnectionIdSize(frame);
    case "path_challenge":
    case "path_response":
      return 1 + PATH_CHALLENGE_LENGTH;
    case "connection_close":
      return connectionCloseSize(frame);
    case "path_abandon":
    case "path_status":
    case "max_path_id":
    case "paths_blocked":
    case "path_cids_blocked":
      return pathControlSize(frame);
    case "datagram_numbered":
      return numberedDatagramOverhead(frame.number, frame.data.length) + frame.data.length;
    case "hint_signal":
    case "hint_path":
    case "hint_mode":
    case "hint_stream_mode":
      return hintSize(frame);
    default:
      return creditSize(frame);
  }
}

/** The wire type that {@linkcode writeFrame} gives the frame. */
export function frameTypeOf(frame: Frame): number {
  switch (frame.kind) {
    case "padding":
      return FrameType.PADDING;
    case "ping":
      return FrameType.PING;
    case "ack":
      return ackType(frame);
    case "reset_stream":
      return FrameType.RESET_STREAM;
    case "stop_sending":
      return FrameType.STOP_SENDING;
    case "crypto":
      return FrameType.CRYPTO;
    case "new_token":
      return FrameType.NEW_TOKEN;
    case "stream":
      return streamType(frame);
    case "new_connection_id":
      return newConnectionIdType(frame);
    case "retire_connection_id":
      return retireConnectionIdType(frame);
    case "path_challenge":
      return FrameType.PATH_CHALLENGE;
    case "path_response":
      return FrameType.PATH_RESPONSE;
    case "connection_close":
      return frame.application ? FrameType.CONNECTION_CLOSE_APPLICATION : FrameType.CONNECTION_CLOSE;
    case "handshake_done":
      return FrameType.HANDSHAKE_DONE;
    case "datagram":
      return FrameType.DATAGRAM_WITH_LENGTH;
    case "path_abandon":
    case "path_status":
    case "max_path_id":
    case "paths_blocked":
    case "path_cids_blocked":
      return pathControlType(frame);
    case "hint_signal":
    case "hint_path":
    case "hint_mode":
    case "hint_stream_mode":
    case "datagram_numbered":
      return hintType(frame);
    default:
      return creditType(frame);
  }
}
