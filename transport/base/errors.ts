/**
 * Every way in which a connection, a stream or a path can fail. `code` is the number that goes, or came, over the wire.
 *
 * @module
 */

/** Transport error codes (RFC 9000 §20.1, RFC 10069 §4 for the last four). CRYPTO_ERROR is the first of 256. */
export const TransportErrorCode: {
  readonly NO_ERROR: 0x0;
  readonly INTERNAL_ERROR: 0x1;
  readonly CONNECTION_REFUSED: 0x2;
  readonly FLOW_CONTROL_ERROR: 0x3;
  readonly STREAM_LIMIT_ERROR: 0x4;
  readonly STREAM_STATE_ERROR: 0x5;
  readonly FINAL_SIZE_ERROR: 0x6;
  readonly FRAME_ENCODING_ERROR: 0x7;
  readonly TRANSPORT_PARAMETER_ERROR: 0x8;
  readonly CONNECTION_ID_LIMIT_ERROR: 0x9;
  readonly PROTOCOL_VIOLATION: 0xa;
  readonly INVALID_TOKEN: 0xb;
  readonly APPLICATION_ERROR: 0xc;
  readonly CRYPTO_BUFFER_EXCEEDED: 0xd;
  readonly KEY_UPDATE_ERROR: 0xe;
  readonly AEAD_LIMIT_REACHED: 0xf;
  readonly NO_VIABLE_PATH: 0x10;
  readonly CRYPTO_ERROR: 0x100;
  readonly APPLICATION_ABANDON_PATH: 0x3e;
  readonly PATH_RESOURCE_LIMIT_REACHED: 0x3e75;
  readonly PATH_UNSTABLE_OR_POOR: 0x3e76;
  readonly NO_CID_AVAILABLE_FOR_PATH: 0x3e77;
} = {
  NO_ERROR: 0x0,
  INTERNAL_ERROR: 0x1,
  CONNECTION_REFUSED: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  STREAM_LIMIT_ERROR: 0x4,
  STREAM_STATE_ERROR: 0x5,
  FINAL_SIZE_ERROR: 0x6,
  FRAME_ENCODING_ERROR: 0x7,
  TRANSPORT_PARAMETER_ERROR: 0x8,
  CONNECTION_ID_LIMIT_ERROR: 0x9,
  PROTOCOL_VIOLATION: 0xa,
  INVALID_TOKEN: 0xb,
  APPLICATION_ERROR: 0xc,
  CRYPTO_BUFFER_EXCEEDED: 0xd,
  KEY_UPDATE_ERROR: 0xe,
  AEAD_LIMIT_REACHED: 0xf,
  NO_VIABLE_PATH: 0x10,
  CRYPTO_ERROR: 0x100,
  APPLICATION_ABANDON_PATH: 0x3e,
  PATH_RESOURCE_LIMIT_REACHED: 0x3e75,
  PATH_UNSTABLE_OR_POOR: 0x3e76,
  NO_CID_AVAILABLE_FOR_PATH: 0x3e77,
};

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TransportErrorCode).map(([name, code]) => [code, name]),
);

/** The RFC's name of a transport error code, or its number in hexadecimal. */
export function transportErrorName(code: number): string {
  if (code >= 0x100 && code <= 0x1ff) return `CRYPTO_ERROR (TLS alert ${code - 0x100})`;
  return NAMES.get(code) ?? `0x${code.toString(16)}`;
}

/** The common ancestor: whatever ends a connection, a stream or a path. */
export class QuicError extends Error {
  /** The class's name. */
  override name = "QuicError";
  /** The error code on the wire. */
  readonly code: number;
  /** Whether the peer said so (in CONNECTION_CLOSE, RESET_STREAM, STOP_SENDING or PATH_ABANDON) rather than this end. */
  readonly byPeer: boolean;

  /** Made where the fault is seen. */
  constructor(code: number, message: string, byPeer = false) {
    super(message);
    this.code = code;
    this.byPeer = byPeer;
  }
}

/** The protocol was violated, or the transport gave up (RFC 9000 §20.1). */
export class TransportError extends QuicError {
  /** The class's name. */
  override name = "TransportError";
  /** The wire type of the frame at fault; 0 when no frame is. */
  readonly frameType: number;
  /** The reason in words, as it stands in CONNECTION_CLOSE. */
  readonly reason: string;

  /** Made where the fault is seen. */
  constructor(code: number, reason: string, frameType = 0, byPeer = false) {
    super(
      code,
      `${transportErrorName(code)}${byPeer ? " from the peer" : ""}${reason === "" ? "" : `: ${reason}`}`,
      byPeer,
    );
    this.frameType = frameType;
    this.reason = reason;
  }
}

/** The TLS handshake failed; `code` is CRYPTO_ERROR with the alert (RFC 9001 §4.8). */
export class HandshakeError extends TransportError {
  /** The class's name. */
  override name = "HandshakeError";
  /** The TLS alert (RFC 8446 §6). */
  readonly alert: number;

  /** Made where the fault is seen. */
  constructor(alert: number, reason: string, byPeer = false) {
    super(TransportErrorCode.CRYPTO_ERROR + alert, reason, 0x06, byPeer);
    this.alert = alert;
  }
}

/** An application closed the connection with its own code (CONNECTION_CLOSE 0x1d). */
export class ApplicationError extends QuicError {
  /** The class's name. */
  override name = "ApplicationError";
  /** The reason in words, as it stands in CONNECTION_CLOSE. */
  readonly reason: string;

  /** Made where the fault is seen. */
  constructor(code: number, reason: string, byPeer: boolean) {
    const said = reason === "" ? "" : `: ${reason}`;
    super(
      code,
      `Connection closed by ${byPeer ? "the peer" : "this end"} with application code ${code}${said}`,
      byPeer,
    );
    this.reason = reason;
  }
}

/** One stream was reset, or its reader asked to stop. */
export class StreamError extends QuicError {
  /** The class's name. */
  override name = "StreamError";
  /** The stream. */
  readonly streamId: number;
  /** Whether its sender reset it, or its reader asked to stop. */
  readonly kind: "reset" | "stopped";

  /** Made where the fault is seen. */
  constructor(code: number, streamId: number, kind: "reset" | "stopped", byPeer = true) {
    super(code, `Stream ${streamId} was ${kind} with application code ${code}`, byPeer);
    this.streamId = streamId;
    this.kind = kind;
  }
}

/** Nothing came from the peer for the idle timeout (RFC 9000 §10.1). */
export class IdleTimeoutError extends QuicError {
  /** The class's name. */
  override name = "IdleTimeoutError";

  /** Made where the fault is seen. */
  constructor(timeout: number, message = `Nothing was received from the peer for ${Math.round(timeout)} ms`) {
    super(TransportErrorCode.NO_ERROR, message);
  }
}

/** The peer has lost the connection's state (RFC 9000 §10.3). */
export class StatelessResetError extends QuicError {
  /** The class's name. */
  override name = "StatelessResetError";

  /** Made where the fault is seen. */
  constructor() {
    super(TransportErrorCode.NO_ERROR, "The peer no longer knows the connection (stateless reset)", true);
  }
}

/** The peer speaks none of our versions (RFC 9000 §6.2). */
export class VersionError extends QuicError {
  /** The class's name. */
  override name = "VersionError";
  /** The versions that the peer offers. */
  readonly offered: readonly number[];

  /** Made where the fault is seen. */
  constructor(offered: readonly number[]) {
    const list = offered.map((v) => `0x${v.toString(16)}`).join(", ");
    super(TransportErrorCode.NO_ERROR, `The peer does not speak QUIC version 1: it offers ${list || "nothing"}`, true);
    this.offered = offered;
  }
}

/** A path could not be opened or used (RFC 10069); `code` as in PATH_ABANDON. */
export class PathError extends QuicError {
  /** The class's name. */
  override name = "PathError";

  /** Made where the fault is seen. */
  constructor(message: string, code: number = TransportErrorCode.NO_ERROR, byPeer = false) {
    super(code, message, byPeer);
  }
}
