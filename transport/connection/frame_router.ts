import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, ReceivedPacket } from "../base/frame_owner.ts";
import { FRAMES, LEVEL_BIT } from "../wire/frame_table.ts";
import { FrameTypeLengthError, readFrameBody, readFrameType, UnknownFrameError } from "../wire/frames/mod.ts";
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import { Reader, WireError } from "../wire/reader.ts";
import type { Context } from "./context.ts";

/** What a packet held, taken together. One object, overwritten by the next packet. */
export interface PayloadSummary {
  ackEliciting: boolean;
  /** Only probing frames (RFC 9000 §9.1). */
  probing: boolean;
  /** At least one CRYPTO frame. */
  crypto: boolean;
  /** Payload of its STREAM frames. */
  streamBytes: number;
  /** Data of streams, their end, or a datagram. */
  data: boolean;
  /** The frames, when someone observes. */
  frames: Frame[];
}

/**
 * Takes packets apart into frames and gives each to its owner. What holds for all frames is checked here once: known type,
 * right packet type, whole, negotiated, at least one.
 */
export class FrameRouter {
  readonly #context: Context;
  readonly #owners = new Map<FrameKind, FrameOwner>();
  readonly #summary: PayloadSummary = {
    ackEliciting: false,
    probing: true,
    crypto: false,
    streamBytes: 0,
    data: false,
    frames: [],
  };

  constructor(context: Context, owners: readonly FrameOwner[]) {
    this.#context = context;
    for (const owner of owners) {
      for (const kind of owner.receives) {
        if (this.#owners.has(kind)) throw new TypeError(`Cannot route frames: "${kind}" has two owners`);
        this.#owners.set(kind, owner);
      }
    }
  }

  /**
   * Routes the frames in `bytes[start, end)`. Throws `TransportError` naming the frame at fault.
   */
  route(bytes: Uint8Array, start: number, end: number, packet: ReceivedPacket): PayloadSummary {
    const summary = this.#summary;
    summary.ackEliciting = false;
    summary.probing = true;
    summary.crypto = false;
    summary.streamBytes = 0;
    summary.data = false;
    if (this.#context.observer !== undefined) summary.frames = [];
    if (start === end) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, "A packet holds no frame, expected at least one");
    }
    const reader = new Reader(bytes, start, end);
    let type = 0;
    try {
      while (reader.left > 0) {
        type = readFrameType(reader);
        this.#one(reader, type, packet, summary);
      }
    } catch (error) {
      throw asTransportError(error, type);
    }
    return summary;
  }

  #one(reader: Reader, type: number, packet: ReceivedPacket, summary: PayloadSummary): void {
    const spec = FRAMES.get(type);
    if (spec === undefined) throw new UnknownFrameError(type);
    if ((spec.levels & LEVEL_BIT[packet.level]) === 0) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `${spec.name} came in a packet of level "${packet.level}", where it is not allowed`,
        type,
      );
    }
    if (spec.multipath && !this.#context.multipath) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `${spec.name} came although multipath was not negotiated`,
        type,
      );
    }
    if (spec.hints && this.#context.hints === 0) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `${spec.name} came although the hints extension was not negotiated`,
        type,
      );
    }
    const frame = readFrameBody(reader, type);
    if (spec.ackEliciting) summary.ackEliciting = true;
    if (!spec.probing) summary.probing = false;
    if (spec.kind === "crypto") summary.crypto = true;
    if (frame.kind === "stream") {
      summary.streamBytes += frame.data.length;
      summary.data = true;
    } else if (frame.kind === "datagram" || frame.kind === "datagram_numbered") {
      summary.data = true;
    }
    if (this.#context.observer !== undefined) summary.frames.push(frame);
    this.#owners.get(spec.kind)?.onFrame(frame, packet);
  }
}

/** Every fault of the peer's bytes as the transport error that the RFC gives it, with the frame's type. */
function asTransportError(error: unknown, type: number): unknown {
  if (error instanceof FrameTypeLengthError) {
    return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, error.message, error.type);
  }
  if (error instanceof UnknownFrameError) {
    return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, error.message, error.type);
  }
  if (error instanceof WireError) {
    return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, error.message, type);
  }
  // Owners know the kind of frame, which may have several types.
  if (error instanceof TransportError && error.constructor === TransportError && error.frameType !== type) {
    return new TransportError(error.code, error.reason, type);
  }
  return error;
}
