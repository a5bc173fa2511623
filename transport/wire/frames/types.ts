/**
 * Every frame that this implementation knows, as plain values. Several wire types that mean one thing share a kind
 * (STREAM has eight types, ACK and PATH_ACK have four); the codecs beside this file choose the type.
 * Ranges: all integers are 0 to 2^53-1; larger varints decode to {@linkcode VARINT_SATURATED}.
 *
 * @module
 */

/** PADDING (RFC 9000 §19.1); `length` bytes of it in a row are one value. */
export interface PaddingFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "padding";
  /** Bytes. */
  readonly length: number;
}

/** PING (RFC 9000 §19.2). */
export interface PingFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "ping";
}

/** The counts that an ACK with ECN carries (RFC 9000 §19.3.2). */
export interface EcnCounts {
  /** Packets marked ECT(0). */
  readonly ect0: number;
  /** Packets marked ECT(1). */
  readonly ect1: number;
  /** Packets marked CE. */
  readonly ce: number;
}

/** ACK (RFC 9000 §19.3), and PATH_ACK (RFC 10069 §4.1) when `path` is there. */
export interface AckFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "ack";
  /** The path id of a PATH_ACK; `undefined` in a plain ACK, which speaks of path 0 or of a handshake space. */
  readonly path: number | undefined;
  /** The delay as it stands on the wire: not yet scaled by `ack_delay_exponent`. */
  readonly delay: number;
  /** Pairs `largest, smallest` (both inclusive), in descending order, at least one pair. */
  readonly ranges: readonly number[];
  /** The counts, when the frame has them. */
  readonly ecn: EcnCounts | undefined;
}

/** RESET_STREAM (RFC 9000 §19.4). */
export interface ResetStreamFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "reset_stream";
  /** The stream. */
  readonly streamId: number;
  /** The application's error code. */
  readonly code: number;
  /** Bytes of the stream in all. */
  readonly finalSize: number;
}

/** STOP_SENDING (RFC 9000 §19.5). */
export interface StopSendingFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "stop_sending";
  /** The stream. */
  readonly streamId: number;
  /** The application's error code. */
  readonly code: number;
}

/** CRYPTO (RFC 9000 §19.6). `data` is a view of the packet. */
export interface CryptoFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "crypto";
  /** Where the data belongs in the handshake stream of its level. */
  readonly offset: number;
  /** The bytes; see above. */
  readonly data: Uint8Array;
}

/** NEW_TOKEN (RFC 9000 §19.7). */
export interface NewTokenFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "new_token";
  /** At least one byte. */
  readonly token: Uint8Array;
}

/** STREAM (RFC 9000 §19.8). `data` is a view of the packet. */
export interface StreamFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "stream";
  /** The stream. */
  readonly streamId: number;
  /** Where the data belongs in the stream. */
  readonly offset: number;
  /** The bytes; see above. */
  readonly data: Uint8Array;
  /** Whether the stream ends with it. */
  readonly fin: boolean;
  /** Whether it is written without a length: the data ends with the packet. Not set on frames that were read. */
  readonly toEnd?: boolean;
}

/** MAX_DATA (RFC 9000 §19.9). */
export interface MaxDataFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "max_data";
  /** Bytes that may be sent on all streams together. */
  readonly limit: number;
}

/** MAX_STREAM_DATA (RFC 9000 §19.10). */
export interface MaxStreamDataFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "max_stream_data";
  /** The stream. */
  readonly streamId: number;
  /** Bytes that may be sent on the stream. */
  readonly limit: number;
}

/** MAX_STREAMS (RFC 9000 §19.11). */
export interface MaxStreamsFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "max_streams";
  /** Whether it speaks of bidirectional streams. */
  readonly bidirectional: boolean;
  /** Streams of that sort that may ever be opened. */
  readonly limit: number;
}

/** DATA_BLOCKED (RFC 9000 §19.12). */
export interface DataBlockedFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "data_blocked";
  /** The limit that is in the way. */
  readonly limit: number;
}

/** STREAM_DATA_BLOCKED (RFC 9000 §19.13). */
export interface StreamDataBlockedFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "stream_data_blocked";
  /** The stream. */
  readonly streamId: number;
  /** The limit that is in the way. */
  readonly limit: number;
}

/** STREAMS_BLOCKED (RFC 9000 §19.14). */
export interface StreamsBlockedFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "streams_blocked";
  /** Whether it speaks of bidirectional streams. */
  readonly bidirectional: boolean;
  /** The limit that is in the way. */
  readonly limit: number;
}

/** NEW_CONNECTION_ID (RFC 9000 §19.15), and PATH_NEW_CONNECTION_ID (RFC 10069 §4.4) when `path` is there. */
export interface NewConnectionIdFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "new_connection_id";
  /** The path id; `undefined` in NEW_CONNECTION_ID, which speaks of path 0. */
  readonly path: number | undefined;
  /** The number of the connection id on its path. */
  readonly sequence: number;
  /** All ids with lower numbers are to be retired. */
  readonly retirePriorTo: number;
  /** 1 to 20 bytes. */
  readonly connectionId: Uint8Array;
  /** 16 bytes. */
  readonly resetToken: Uint8Array;
}

/** RETIRE_CONNECTION_ID (RFC 9000 §19.16), and PATH_RETIRE_CONNECTION_ID (RFC 10069 §4.5) when `path` is there. */
export interface RetireConnectionIdFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "retire_connection_id";
  /** The path id; `undefined` in RETIRE_CONNECTION_ID, which speaks of path 0. */
  readonly path: number | undefined;
  /** The number of the connection id on its path. */
  readonly sequence: number;
}

/** PATH_CHALLENGE (RFC 9000 §19.17): 8 bytes. */
export interface PathChallengeFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "path_challenge";
  /** 8 unpredictable bytes. */
  readonly data: Uint8Array;
}

/** PATH_RESPONSE (RFC 9000 §19.18): 8 bytes. */
export interface PathResponseFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "path_response";
  /** The 8 bytes of the challenge. */
  readonly data: Uint8Array;
}

/** CONNECTION_CLOSE (RFC 9000 §19.19): 0x1d when `application`, else 0x1c with the frame type at fault. */
export interface ConnectionCloseFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "connection_close";
  /** Whether an application closes, with a code of its own. */
  readonly application: boolean;
  /** The error code: the application's, or RFC 9000 §20.1. */
  readonly code: number;
  /** The wire type of the frame at fault; 0 when unknown or when `application`. */
  readonly frameType: number;
  /** UTF-8 on the wire; decoded with replacement characters. */
  readonly reason: string;
}

/** HANDSHAKE_DONE (RFC 9000 §19.20). */
export interface HandshakeDoneFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "handshake_done";
}

/** DATAGRAM (RFC 9221 §4). `data` is a view of the packet. */
export interface DatagramFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "datagram";
  /** The bytes; see above. */
  readonly data: Uint8Array;
}

/** PATH_ABANDON (RFC 10069 §4.2). */
export interface PathAbandonFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "path_abandon";
  /** The path id. */
  readonly path: number;
  /** Why: a transport error code (RFC 10069 §4.2). */
  readonly code: number;
}

/** PATH_STATUS_AVAILABLE and PATH_STATUS_BACKUP (RFC 10069 §4.3). */
export interface PathStatusFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "path_status";
  /** The path id. */
  readonly path: number;
  /** Rises with each status of the path; lower ones are late. */
  readonly sequence: number;
  /** What the sender thinks of the path. */
  readonly status: "available" | "backup";
}

/** MAX_PATH_ID (RFC 10069 §4.6). */
export interface MaxPathIdFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "max_path_id";
  /** The largest path id that may be used. */
  readonly limit: number;
}

/** PATHS_BLOCKED (RFC 10069 §4.7). */
export interface PathsBlockedFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "paths_blocked";
  /** The limit that is in the way. */
  readonly limit: number;
}

/** PATH_CIDS_BLOCKED (RFC 10069 §4.7). */
export interface PathCidsBlockedFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "path_cids_blocked";
  /** The path id. */
  readonly path: number;
  /** The number of the id that is missing. */
  readonly nextSequence: number;
}

/** HINT_SIGNAL (private, see `hints_codepoints.ts`): a number that the client's application knows, under a name. */
export interface HintSignalFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "hint_signal";
  /** 1 to 32 bytes of UTF-8. */
  readonly name: string;
  /** Rises with each such frame about the same thing; lower ones are late. */
  readonly sequence: number;
  /** Finite. */
  readonly value: number;
}

/** HINT_PATH (private): what the client's application says of a path. */
export interface HintPathFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "hint_path";
  /** The path id. */
  readonly path: number;
  /** Rises with each such frame about the same thing; lower ones are late. */
  readonly sequence: number;
  /** Finite, at least 0. */
  readonly cost: number;
  /** Whether bytes are counted by someone. */
  readonly metered: boolean;
  /** 0 to 64 bytes of UTF-8. */
  readonly label: string;
  /** Place in the order of preference, 0 the first; absent: none was said, or the version of the extension has none. */
  readonly preference?: number | undefined;
}

/** HINT_STREAM_MODE (private): the mode that the client asks the server to send a stream with. */
export interface HintStreamModeFrame {
  /** Which frame it is. */
  readonly kind: "hint_stream_mode";
  /** The stream. */
  readonly streamId: number;
  /** Newer ones have higher numbers. */
  readonly sequence: number;
  /** 0 to 32 bytes of UTF-8 without control characters; empty: the connection's mode. */
  readonly mode: string;
}

/** HINT_MODE (private): the mode that the client asks the server to send with. */
export interface HintModeFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "hint_mode";
  /** Rises with each such frame about the same thing; lower ones are late. */
  readonly sequence: number;
  /** 1 to 32 bytes of UTF-8. */
  readonly mode: string;
}

/** DATAGRAM_NUMBERED (private): a DATAGRAM of which there may be copies. `data` is a view of the packet. */
export interface NumberedDatagramFrame {
  /** Tells the kinds of frames apart. */
  readonly kind: "datagram_numbered";
  /** 0 to 2^53-2; the same in all copies of a datagram. */
  readonly number: number;
  /** The bytes; see above. */
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
  | HintStreamModeFrame
  | NumberedDatagramFrame;

/** The discriminant of {@linkcode Frame}. */
export type FrameKind = Frame["kind"];
