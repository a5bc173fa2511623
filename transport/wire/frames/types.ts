/**
 * Every frame that this implementation knows, as plain values. Several wire types that mean one thing share a kind
 * (STREAM has eight types, ACK and PATH_ACK have four); the codecs beside this file choose the type.
 * Ranges: all integers are 0 to 2^53-1; larger varints decode to {@linkcode VARINT_SATURATED}.
 *
 * @module
 */

/** PADDING (RFC 9000 §19.1); `length` bytes of it in a row are one value. */
export interface PaddingFrame {
  readonly kind: "padding";
  readonly length: number;
}

/** PING (RFC 9000 §19.2). */
export interface PingFrame {
  readonly kind: "ping";
}

/** The counts that an ACK with ECN carries (RFC 9000 §19.3.2). */
export interface EcnCounts {
  readonly ect0: number;
  readonly ect1: number;
  readonly ce: number;
}

/** ACK (RFC 9000 §19.3), and PATH_ACK (RFC 10069 §4.1) when `path` is there. */
export interface AckFrame {
  readonly kind: "ack";
  /** The path id of a PATH_ACK; `undefined` in a plain ACK, which speaks of path 0 or of a handshake space. */
  readonly path: number | undefined;
  /** The delay as it stands on the wire: not yet scaled by `ack_delay_exponent`. */
  readonly delay: number;
  /** Pairs `largest, smallest` (both inclusive), in descending order, at least one pair. */
  readonly ranges: readonly number[];
  readonly ecn: EcnCounts | undefined;
}

/** RESET_STREAM (RFC 9000 §19.4). */
export interface ResetStreamFrame {
  readonly kind: "reset_stream";
  readonly streamId: number;
  readonly code: number;
  readonly finalSize: number;
}

/** STOP_SENDING (RFC 9000 §19.5). */
export interface StopSendingFrame {
  readonly kind: "stop_sending";
  readonly streamId: number;
  readonly code: number;
}

/** CRYPTO (RFC 9000 §19.6). `data` is a view of the packet. */
export interface CryptoFrame {
  readonly kind: "crypto";
  readonly offset: number;
  readonly data: Uint8Array;
}

/** NEW_TOKEN (RFC 9000 §19.7). */
export interface NewTokenFrame {
  readonly kind: "new_token";
  readonly token: Uint8Array;
}

/** STREAM (RFC 9000 §19.8). `data` is a view of the packet. */
export interface StreamFrame {
  readonly kind: "stream";
  readonly streamId: number;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly fin: boolean;
}

/** MAX_DATA (RFC 9000 §19.9). */
export interface MaxDataFrame {
  readonly kind: "max_data";
  readonly limit: number;
}

/** MAX_STREAM_DATA (RFC 9000 §19.10). */
export interface MaxStreamDataFrame {
  readonly kind: "max_stream_data";
  readonly streamId: number;
  readonly limit: number;
}

/** MAX_STREAMS (RFC 9000 §19.11). */
export interface MaxStreamsFrame {
  readonly kind: "max_streams";
  readonly bidirectional: boolean;
  readonly limit: number;
}

/** DATA_BLOCKED (RFC 9000 §19.12). */
export interface DataBlockedFrame {
  readonly kind: "data_blocked";
  readonly limit: number;
}

/** STREAM_DATA_BLOCKED (RFC 9000 §19.13). */
export interface StreamDataBlockedFrame {
  readonly kind: "stream_data_blocked";
  readonly streamId: number;
  readonly limit: number;
}

/** STREAMS_BLOCKED (RFC 9000 §19.14). */
export interface StreamsBlockedFrame {
  readonly kind: "streams_blocked";
  readonly bidirectional: boolean;
  readonly limit: number;
}

/** NEW_CONNECTION_ID (RFC 9000 §19.15), and PATH_NEW_CONNECTION_ID (RFC 10069 §4.4) when `path` is there. */
export interface NewConnectionIdFrame {
  readonly kind: "new_connection_id";
  readonly path: number | undefined;
  readonly sequence: number;
  readonly retirePriorTo: number;
  /** 1 to 20 bytes. */
  readonly connectionId: Uint8Array;
  /** 16 bytes. */
  readonly resetToken: Uint8Array;
}

/** RETIRE_CONNECTION_ID (RFC 9000 §19.16), and PATH_RETIRE_CONNECTION_ID (RFC 10069 §4.5) when `path` is there. */
export interface RetireConnectionIdFrame {
  readonly kind: "retire_connection_id";
  readonly path: number | undefined;
  readonly sequence: number;
}

/** PATH_CHALLENGE (RFC 9000 §19.17): 8 bytes. */
export interface PathChallengeFrame {
  readonly kind: "path_challenge";
  readonly data: Uint8Array;
}

/** PATH_RESPONSE (RFC 9000 §19.18): 8 bytes. */
export interface PathResponseFrame {
  readonly kind: "path_response";
  readonly data: Uint8Array;
}

/** CONNECTION_CLOSE (RFC 9000 §19.19): 0x1d when `application`, else 0x1c with the frame type at fault. */
export interface ConnectionCloseFrame {
  readonly kind: "connection_close";
  readonly application: boolean;
  readonly code: number;
  /** The wire type of the frame at fault; 0 when unknown or when `application`. */
  readonly frameType: number;
  /** UTF-8 on the wire; decoded with replacement characters. */
  readonly reason: string;
}

/** HANDSHAKE_DONE (RFC 9000 §19.20). */
export interface HandshakeDoneFrame {
  readonly kind: "handshake_done";
}

/** DATAGRAM (RFC 9221 §4). `data` is a view of the packet. */
export interface DatagramFrame {
  readonly kind: "datagram";
  readonly data: Uint8Array;
}

/** PATH_ABANDON (RFC 10069 §4.2). */
export interface PathAbandonFrame {
  readonly kind: "path_abandon";
  readonly path: number;
  readonly code: number;
}

/** PATH_STATUS_AVAILABLE and PATH_STATUS_BACKUP (RFC 10069 §4.3). */
export interface PathStatusFrame {
  readonly kind: "path_status";
  readonly path: number;
  readonly sequence: number;
  readonly status: "available" | "backup";
}

/** MAX_PATH_ID (RFC 10069 §4.6). */
export interface MaxPathIdFrame {
  readonly kind: "max_path_id";
  readonly limit: number;
}

/** PATHS_BLOCKED (RFC 10069 §4.7). */
export interface PathsBlockedFrame {
  readonly kind: "paths_blocked";
  readonly limit: number;
}

/** PATH_CIDS_BLOCKED (RFC 10069 §4.7). */
export interface PathCidsBlockedFrame {
  readonly kind: "path_cids_blocked";
  readonly path: number;
  readonly nextSequence: number;
}

/** HINT_SIGNAL (private, see `hints_codepoints.ts`): a number that the client's application knows, under a name. */
export interface HintSignalFrame {
  readonly kind: "hint_signal";
  /** 1 to 32 bytes of UTF-8. */
  readonly name: string;
  readonly sequence: number;
  /** Finite. */
  readonly value: number;
}

/** HINT_PATH (private): what the client's application says of a path. */
export interface HintPathFrame {
  readonly kind: "hint_path";
  readonly path: number;
  readonly sequence: number;
  /** Finite, at least 0. */
  readonly cost: number;
  readonly metered: boolean;
  /** 0 to 64 bytes of UTF-8. */
  readonly label: string;
}

/** HINT_MODE (private): the mode that the client asks the server to send with. */
export interface HintModeFrame {
  readonly kind: "hint_mode";
  readonly sequence: number;
  /** 1 to 32 bytes of UTF-8. */
  readonly mode: string;
}

/** DATAGRAM_NUMBERED (private): a DATAGRAM of which there may be copies. `data` is a view of the packet. */
export interface NumberedDatagramFrame {
  readonly kind: "datagram_numbered";
  /** 0 to 2^53-2; the same in all copies of a datagram. */
  readonly number: number;
  readonly data: Uint8Array;
}

/** Any frame. */
export type Frame =
  | PaddingFrame
  | PingFrame
  | AckFrame
  | ResetStreamFrame
  | StopSendingFrame
  | CryptoFrame
  | NewTokenFrame
  | StreamFrame
  | MaxDataFrame
  | MaxStreamDataFrame
  | MaxStreamsFrame
  | DataBlockedFrame
  | StreamDataBlockedFrame
  | StreamsBlockedFrame
  | NewConnectionIdFrame
  | RetireConnectionIdFrame
  | PathChallengeFrame
  | PathResponseFrame
  | ConnectionCloseFrame
  | HandshakeDoneFrame
  | DatagramFrame
  | PathAbandonFrame
  | PathStatusFrame
  | MaxPathIdFrame
  | PathsBlockedFrame
  | PathCidsBlockedFrame
  | HintSignalFrame
  | HintPathFrame
  | HintModeFrame
  | NumberedDatagramFrame;

/** The discriminant of {@linkcode Frame}. */
export type FrameKind = Frame["kind"];
