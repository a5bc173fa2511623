import {
  ApplicationError,
  HandshakeError,
  type QuicError,
  StreamError,
  TransportError,
  TransportErrorCode,
} from "../base/errors.ts";
import type { FrameOwner, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { ConnectionCloseFrame, Frame } from "../wire/frames/types.ts";
import { MAX_REASON_LENGTH } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";

/**
 * CONNECTION_CLOSE, out and in (RFC 9000 §10.2). In the closing state it is repeated for every 1st, 2nd, 4th, 8th, ...
 * packet that still arrives, so that two closing ends do not keep each other awake.
 */
export class Closer implements FrameOwner {
  readonly receives = ["connection_close"] as const;
  readonly #lifecycle: Lifecycle;
  readonly #period: () => number;
  #frame: ConnectionCloseFrame | undefined;
  #pending = false;
  #arrivals = 0;
  #nextRepeat = 1;

  /** `period` tells how long closing and draining last: three times the largest PTO. */
  constructor(lifecycle: Lifecycle, period: () => number) {
    this.#lifecycle = lifecycle;
    this.#period = period;
  }

  /** Whether a CONNECTION_CLOSE is to be sent now. */
  get isPending(): boolean {
    return this.#pending;
  }

  /** This end closes, for this reason. */
  close(error: QuicError, now: number): void {
    if (!this.#lifecycle.isOpen) return;
    this.#frame = closeFrameOf(error);
    this.#pending = true;
    this.#lifecycle.close(error, this.#period(), now);
  }

  /** A packet arrived in the closing state. */
  onArrival(): void {
    if (this.#frame === undefined || this.#lifecycle.state !== "closing") return;
    this.#arrivals += 1;
    if (this.#arrivals < this.#nextRepeat) return;
    this.#nextRepeat *= 2;
    this.#arrivals = 0;
    this.#pending = true;
  }

  /** All levels that could be written have been. */
  onSent(): void {
    this.#pending = false;
  }

  onFrame(frame: Frame, packet: ReceivedPacket): void {
    this.#lifecycle.drain(errorOf(frame as ConnectionCloseFrame), this.#period(), packet.now);
    this.#pending = false;
  }

  hasFrames(_target: PacketTarget): boolean {
    return this.#pending;
  }

  writeFrames(packet: PacketWriter): void {
    if (this.#frame === undefined) return;
    const frame = packet.level === "application" || !this.#frame.application ? this.#frame : HIDDEN;
    if (!packet.write(frame)) packet.write({ ...frame, reason: "" });
  }

  onAcked(): void {}
  onLost(): void {}
}

/** TLS alerts have one byte (RFC 8446 §6). */
const MAX_ALERT = 0xff;

/** What an application's close looks like before the handshake is complete (RFC 9000 §10.2.3): nothing of it leaks. */
const HIDDEN: ConnectionCloseFrame = {
  kind: "connection_close",
  application: false,
  code: TransportErrorCode.APPLICATION_ERROR,
  frameType: 0,
  reason: "",
};

/** What the peer's CONNECTION_CLOSE says. */
function errorOf({ application, code, frameType, reason }: ConnectionCloseFrame): QuicError {
  if (application) return new ApplicationError(code, reason, true);
  const alert = code - TransportErrorCode.CRYPTO_ERROR;
  if (alert >= 0 && alert <= MAX_ALERT) return new HandshakeError(alert, reason, true);
  return new TransportError(code, reason, frameType, true);
}

function closeFrameOf(error: QuicError): ConnectionCloseFrame {
  const application = error instanceof ApplicationError;
  const said = error instanceof ApplicationError || error instanceof TransportError ? error.reason : error.message;
  return {
    kind: "connection_close",
    application,
    code: error instanceof StreamError ? TransportErrorCode.INTERNAL_ERROR : error.code,
    frameType: error instanceof TransportError ? error.frameType : 0,
    reason: said.slice(0, MAX_REASON_LENGTH),
  };
}
