/**
 * What is true of a frame because of its type alone: RFC 9000 §12.4 (table 3), RFC 9221 §4 and RFC 10069 §4 as data, and
 * the hints extension (`hints_codepoints.ts`).
 *
 * @module
 */
import { FrameType, STREAM_FIN, STREAM_LEN, STREAM_OFF } from "./frame_types.ts";
import type { FrameKind } from "./frames/types.ts";
import { DATAGRAM_NUMBERED, HINT_MODE, HINT_PATH, HINT_SIGNAL, HINT_STREAM_MODE } from "./hints_codepoints.ts";

/** Bits of {@linkcode FrameSpec.levels}, under the names of packet types and under those of encryption levels. */
export const LEVEL_BIT = {
  initial: 1,
  zero_rtt: 2,
  early: 2,
  handshake: 4,
  one_rtt: 8,
  application: 8,
} as const;

export { frameTypeOf } from "./frames/mod.ts";

/** One wire type. */
export interface FrameSpec {
  readonly type: number;
  /** As qlog calls it. */
  readonly name: string;
  readonly kind: FrameKind;
  /** The packets it may appear in: a sum of {@linkcode LEVEL_BIT}s. In others it is a PROTOCOL_VIOLATION. */
  readonly levels: number;
  /** The peer must acknowledge a packet with it (RFC 9002 §2). */
  readonly ackEliciting: boolean;
  /** A packet of only such frames probes a path and does not migrate to it (RFC 9000 §9.1). */
  readonly probing: boolean;
  /** A packet with it counts as in flight (RFC 9002 §3). */
  readonly counted: boolean;
  /** It belongs to RFC 10069: nobody may send it unless both ends sent `initial_max_path_id`. */
  readonly multipath: boolean;
  /** It belongs to the hints extension: nobody may send it unless both ends sent the parameter `hints`. */
  readonly hints: boolean;
}

const EVERYWHERE = LEVEL_BIT.initial | LEVEL_BIT.zero_rtt | LEVEL_BIT.handshake | LEVEL_BIT.one_rtt;
const NOT_EARLY = LEVEL_BIT.initial | LEVEL_BIT.handshake | LEVEL_BIT.one_rtt;
const APPLICATION = LEVEL_BIT.zero_rtt | LEVEL_BIT.one_rtt;
const ONE_RTT = LEVEL_BIT.one_rtt;

const LAST_STREAM = FrameType.STREAM | STREAM_OFF | STREAM_LEN | STREAM_FIN;

/** First type, last type, name, kind, levels, marks: "N" not ack-eliciting, "C" not counted, "P" probing, "M" multipath, "H" hints. */
type Row = readonly [number, number, string, FrameKind, number, string];

// RETIRE_CONNECTION_ID stands in table 3 as allowed in 0-RTT; RFC 9000 §12.5 says that it cannot be there, and that a server
// may refuse it. CONNECTION_CLOSE is not counted by RFC 9002 §3. PATH_NEW_CONNECTION_ID is probing because the frame that
// it extends is.
const ROWS: readonly Row[] = [
  [FrameType.PADDING, FrameType.PADDING, "padding", "padding", EVERYWHERE, "NP"],
  [FrameType.PING, FrameType.PING, "ping", "ping", EVERYWHERE, ""],
  [FrameType.ACK, FrameType.ACK_ECN, "ack", "ack", NOT_EARLY, "NC"],
  [FrameType.RESET_STREAM, FrameType.RESET_STREAM, "reset_stream", "reset_stream", APPLICATION, ""],
  [FrameType.STOP_SENDING, FrameType.STOP_SENDING, "stop_sending", "stop_sending", APPLICATION, ""],
  [FrameType.CRYPTO, FrameType.CRYPTO, "crypto", "crypto", NOT_EARLY, ""],
  [FrameType.NEW_TOKEN, FrameType.NEW_TOKEN, "new_token", "new_token", ONE_RTT, ""],
  [FrameType.STREAM, LAST_STREAM, "stream", "stream", APPLICATION, ""],
  [FrameType.MAX_DATA, FrameType.MAX_DATA, "max_data", "max_data", APPLICATION, ""],
  [FrameType.MAX_STREAM_DATA, FrameType.MAX_STREAM_DATA, "max_stream_data", "max_stream_data", APPLICATION, ""],
  [FrameType.MAX_STREAMS_BIDI, FrameType.MAX_STREAMS_UNI, "max_streams", "max_streams", APPLICATION, ""],
  [FrameType.DATA_BLOCKED, FrameType.DATA_BLOCKED, "data_blocked", "data_blocked", APPLICATION, ""],
  [
    FrameType.STREAM_DATA_BLOCKED,
    FrameType.STREAM_DATA_BLOCKED,
    "stream_data_blocked",
    "stream_data_blocked",
    APPLICATION,
    "",
  ],
  [
    FrameType.STREAMS_BLOCKED_BIDI,
    FrameType.STREAMS_BLOCKED_UNI,
    "streams_blocked",
    "streams_blocked",
    APPLICATION,
    "",
  ],
  [
    FrameType.NEW_CONNECTION_ID,
    FrameType.NEW_CONNECTION_ID,
    "new_connection_id",
    "new_connection_id",
    APPLICATION,
    "P",
  ],
  [
    FrameType.RETIRE_CONNECTION_ID,
    FrameType.RETIRE_CONNECTION_ID,
    "retire_connection_id",
    "retire_connection_id",
    ONE_RTT,
    "",
  ],
  [FrameType.PATH_CHALLENGE, FrameType.PATH_CHALLENGE, "path_challenge", "path_challenge", APPLICATION, "P"],
  [FrameType.PATH_RESPONSE, FrameType.PATH_RESPONSE, "path_response", "path_response", ONE_RTT, "P"],
  [FrameType.CONNECTION_CLOSE, FrameType.CONNECTION_CLOSE, "connection_close", "connection_close", EVERYWHERE, "NC"],
  [
    FrameType.CONNECTION_CLOSE_APPLICATION,
    FrameType.CONNECTION_CLOSE_APPLICATION,
    "connection_close",
    "connection_close",
    APPLICATION,
    "NC",
  ],
  [FrameType.HANDSHAKE_DONE, FrameType.HANDSHAKE_DONE, "handshake_done", "handshake_done", ONE_RTT, ""],
  [FrameType.DATAGRAM, FrameType.DATAGRAM_WITH_LENGTH, "datagram", "datagram", APPLICATION, ""],
  [FrameType.PATH_ACK, FrameType.PATH_ACK_ECN, "path_ack", "ack", ONE_RTT, "NCM"],
  [FrameType.PATH_ABANDON, FrameType.PATH_ABANDON, "path_abandon", "path_abandon", ONE_RTT, "M"],
  [FrameType.PATH_STATUS_BACKUP, FrameType.PATH_STATUS_BACKUP, "path_status_backup", "path_status", ONE_RTT, "M"],
  [
    FrameType.PATH_STATUS_AVAILABLE,
    FrameType.PATH_STATUS_AVAILABLE,
    "path_status_available",
    "path_status",
    ONE_RTT,
    "M",
  ],
  [
    FrameType.PATH_NEW_CONNECTION_ID,
    FrameType.PATH_NEW_CONNECTION_ID,
    "path_new_connection_id",
    "new_connection_id",
    ONE_RTT,
    "PM",
  ],
  [
    FrameType.PATH_RETIRE_CONNECTION_ID,
    FrameType.PATH_RETIRE_CONNECTION_ID,
    "path_retire_connection_id",
    "retire_connection_id",
    ONE_RTT,
    "M",
  ],
  [FrameType.MAX_PATH_ID, FrameType.MAX_PATH_ID, "max_path_id", "max_path_id", ONE_RTT, "M"],
  [FrameType.PATHS_BLOCKED, FrameType.PATHS_BLOCKED, "paths_blocked", "paths_blocked", ONE_RTT, "M"],
  [FrameType.PATH_CIDS_BLOCKED, FrameType.PATH_CIDS_BLOCKED, "path_cids_blocked", "path_cids_blocked", ONE_RTT, "M"],
  [HINT_SIGNAL, HINT_SIGNAL, "hint_signal", "hint_signal", ONE_RTT, "H"],
  [HINT_PATH, HINT_PATH, "hint_path", "hint_path", ONE_RTT, "H"],
  [HINT_MODE, HINT_MODE, "hint_mode", "hint_mode", ONE_RTT, "H"],
  [HINT_STREAM_MODE, HINT_STREAM_MODE, "hint_stream_mode", "hint_stream_mode", ONE_RTT, "H"],
  [DATAGRAM_NUMBERED, DATAGRAM_NUMBERED, "datagram_numbered", "datagram_numbered", ONE_RTT, "H"],
];

const byType = new Map<number, FrameSpec>();
const byKind = new Map<FrameKind, FrameSpec>();
for (const [first, last, name, kind, levels, marks] of ROWS) {
  for (let type = first; type <= last; type++) {
    const spec: FrameSpec = {
      type,
      name,
      kind,
      levels,
      ackEliciting: !marks.includes("N"),
      probing: marks.includes("P"),
      counted: !marks.includes("C"),
      multipath: marks.includes("M"),
      hints: marks.includes("H"),
    };
    byType.set(type, spec);
    if (!byKind.has(kind)) byKind.set(kind, spec);
  }
}

/** Every known wire type. A type that is not in it is a FRAME_ENCODING_ERROR (RFC 9000 §12.4). */
export const FRAMES: ReadonlyMap<number, FrameSpec> = byType;

/** Whether a packet with such a frame must be acknowledged (the same for every type of a kind). */
export function isAckEliciting(kind: FrameKind): boolean {
  return byKind.get(kind)!.ackEliciting;
}

/** Whether such a frame only probes a path (the same for every type of a kind; RFC 9000 §9.1). */
export function isProbing(kind: FrameKind): boolean {
  return byKind.get(kind)!.probing;
}

/** Whether a packet with such a frame counts as in flight (the same for every type of a kind; RFC 9002 §3). */
export function isCounted(kind: FrameKind): boolean {
  return byKind.get(kind)!.counted;
}

/** Whether a frame of the type may appear in a packet of the given type or level. */
export function isAllowedIn(spec: FrameSpec, level: keyof typeof LEVEL_BIT): boolean {
  return (spec.levels & LEVEL_BIT[level]) !== 0;
}
