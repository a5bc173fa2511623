/**
 * PATH_CHALLENGE and PATH_RESPONSE (RFC 9000 §19.17, §19.18), and the frames that manage paths (RFC 10069 §4.2, §4.3,
 * §4.6, §4.7). Path ids above 2^32-1 are not refused here: whoever knows the announced limit refuses them with it.
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import { type Reader, WireError } from "../reader.ts";
import { varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type {
  MaxPathIdFrame,
  PathAbandonFrame,
  PathChallengeFrame,
  PathCidsBlockedFrame,
  PathResponseFrame,
  PathsBlockedFrame,
  PathStatusFrame,
} from "./types.ts";

/** Bytes of the data of PATH_CHALLENGE and PATH_RESPONSE. */
export const PATH_CHALLENGE_LENGTH = 8;

/** A frame of this file that has its type, two numbers at most, and no more. */
export type PathControlFrame =
  | PathAbandonFrame
  | PathStatusFrame
  | MaxPathIdFrame
  | PathsBlockedFrame
  | PathCidsBlockedFrame;

/** Bytes of the type of every multipath frame but PATH_ACK. */
const TYPE_SIZE = 2;

/** Reads the data of a PATH_CHALLENGE. */
export function readPathChallenge(r: Reader): PathChallengeFrame {
  return { kind: "path_challenge", data: r.bytes(PATH_CHALLENGE_LENGTH) };
}

/** Reads the data of a PATH_RESPONSE. */
export function readPathResponse(r: Reader): PathResponseFrame {
  return { kind: "path_response", data: r.bytes(PATH_CHALLENGE_LENGTH) };
}

/** Writes a PATH_CHALLENGE or PATH_RESPONSE; throws {@linkcode WireError} when the data does not have 8 bytes. */
export function writePathProbe(w: Writer, frame: PathChallengeFrame | PathResponseFrame): void {
  const { data } = frame;
  if (data.length !== PATH_CHALLENGE_LENGTH) {
    throw new WireError(`Path validation data has ${data.length} bytes, must have ${PATH_CHALLENGE_LENGTH}`);
  }
  w.u8(frame.kind === "path_challenge" ? FrameType.PATH_CHALLENGE : FrameType.PATH_RESPONSE);
  w.bytes(data);
}

/** Reads the fields of a PATH_ABANDON. */
export function readPathAbandon(r: Reader): PathAbandonFrame {
  return { kind: "path_abandon", path: r.varint(), code: r.varint() };
}

/** Reads the fields of a PATH_STATUS_BACKUP or PATH_STATUS_AVAILABLE of the wire type `type`. */
export function readPathStatus(r: Reader, type: number): PathStatusFrame {
  const status = type === FrameType.PATH_STATUS_AVAILABLE ? "available" : "backup";
  return { kind: "path_status", path: r.varint(), sequence: r.varint(), status };
}

/** Reads the field of a MAX_PATH_ID. */
export function readMaxPathId(r: Reader): MaxPathIdFrame {
  return { kind: "max_path_id", limit: r.varint() };
}

/** Reads the field of a PATHS_BLOCKED. */
export function readPathsBlocked(r: Reader): PathsBlockedFrame {
  return { kind: "paths_blocked", limit: r.varint() };
}

/** Reads the fields of a PATH_CIDS_BLOCKED. */
export function readPathCidsBlocked(r: Reader): PathCidsBlockedFrame {
  return { kind: "path_cids_blocked", path: r.varint(), nextSequence: r.varint() };
}

/** The wire type of a frame that manages paths. */
export function pathControlType(frame: PathControlFrame): number {
  switch (frame.kind) {
    case "path_abandon":
      return FrameType.PATH_ABANDON;
    case "path_status":
      return frame.status === "available" ? FrameType.PATH_STATUS_AVAILABLE : FrameType.PATH_STATUS_BACKUP;
    case "max_path_id":
      return FrameType.MAX_PATH_ID;
    case "paths_blocked":
      return FrameType.PATHS_BLOCKED;
    case "path_cids_blocked":
      return FrameType.PATH_CIDS_BLOCKED;
  }
}

/** Writes a frame that manages paths. */
export function writePathControl(w: Writer, frame: PathControlFrame): void {
  w.varint(pathControlType(frame));
  switch (frame.kind) {
    case "max_path_id":
    case "paths_blocked":
      w.varint(frame.limit);
      break;
    default:
      w.varint(frame.path);
      w.varint(secondField(frame));
  }
}

/** Bytes of a frame that manages paths. */
export function pathControlSize(frame: PathControlFrame): number {
  switch (frame.kind) {
    case "max_path_id":
    case "paths_blocked":
      return TYPE_SIZE + varintSize(frame.limit);
    default:
      return TYPE_SIZE + varintSize(frame.path) + varintSize(secondField(frame));
  }
}

function secondField(frame: PathAbandonFrame | PathStatusFrame | PathCidsBlockedFrame): number {
  switch (frame.kind) {
    case "path_abandon":
      return frame.code;
    case "path_status":
      return frame.sequence;
    case "path_cids_blocked":
      return frame.nextSequence;
  }
}
