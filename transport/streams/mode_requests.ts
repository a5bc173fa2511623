import type { Frame, HintStreamModeFrame } from "../wire/frames/types.ts";
import { isHintName } from "../wire/frames/hints.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId, Role } from "../base/role.ts";
import type { StreamSet } from "./stream_set.ts";

/** What the application of a server learns. */
export interface ModeRequestEvent {
  /** Which event it is. */
  readonly type: "stream_mode_requested";
  /** The stream. */
  readonly id: number;
  /** The mode that the client would like for what is sent on it, one of those that are accepted; `undefined`: the connection's. */
  readonly name: string | undefined;
}

/** What {@linkcode ModeRequests} work with. */
export interface ModeRequestsParts {
  readonly role: Role;
  readonly streams: StreamSet;
  /** Whether both ends speak a version of the hints extension that has such requests. */
  readonly isActive: () => boolean;
  /** Server: the modes that a client may ask for. */
  readonly acceptModes: readonly string[];
}

interface Asked {
  mode: string;
  sequence: number;
}

/**
 * A client asks the server for the mode of what it downloads, stream by stream (HINT_STREAM_MODE, see
 * `hints_codepoints.ts`). Nothing is kept of a request that arrived, but its number at the server, as long as it sends on the
 * stream; and no more is kept for the server's application than the newest for each such stream.
 */
export class ModeRequests implements FrameOwner {
  readonly receives = ["hint_stream_mode"] as const;
  readonly #parts: ModeRequestsParts;
  readonly #asked = new Map<number, Asked>();
  readonly #queue: QueueOf<number, HintStreamModeFrame>;
  #sequence = 0;
  /** What the application was not told. */
  readonly #news = new Map<number, string>();

  constructor(parts: ModeRequestsParts) {
    this.#parts = parts;
    this.#queue = new QueueOf<number, HintStreamModeFrame>((streamId) => {
      const asked = this.#asked.get(streamId);
      return asked && { kind: "hint_stream_mode", streamId, sequence: asked.sequence, mode: asked.mode };
    }, { onDelivered: (id) => this.#asked.delete(id) });
  }

  /**
   * Client: asks the server to send on a stream in a mode; `undefined`: in the connection's again. Throws `TypeError` at a
   * server, and for a name that is not 1 to 32 bytes of UTF-8 without control characters, `RangeError` for a stream that is
   * for sending only or was never opened.
   */
  request(id: number, name: string | undefined): void {
    const { role, streams, isActive } = this.#parts;
    if (role === "server") throw new TypeError("Cannot request a mode: only clients do, servers decide");
    if (name !== undefined && !isHintName(name)) {
      throw new TypeError(`Mode name ${JSON.stringify(name)} is not 1 to 32 bytes of text`);
    }
    if (!streams.isReceiving(id) || !isActive()) return;
    this.#asked.set(id, { mode: name ?? "", sequence: this.#sequence++ });
    this.#queue.want(id);
  }

  /** The next thing that the application has not been told. */
  nextEvent(): ModeRequestEvent | undefined {
    if (this.#news.size === 0) return undefined;
    for (const [id, mode] of this.#news) {
      this.#news.delete(id);
      return { type: "stream_mode_requested", id, name: mode === "" ? undefined : mode };
    }
    return undefined;
  }

  /** Takes in a request. PROTOCOL_VIOLATION from a server, or when it is none that was negotiated. */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    const { role, streams, isActive, acceptModes } = this.#parts;
    if (frame.kind !== "hint_stream_mode") {
      throw new TypeError(`Requests for modes receive no frames of the kind "${frame.kind}"`);
    }
    if (role === "client" || !isActive()) {
      const reason = role === "client"
        ? "HINT_STREAM_MODE came from a server, only clients send it"
        : "HINT_STREAM_MODE came although the client's version of the hints extension has none";
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason);
    }
    const { streamId, sequence, mode } = frame;
    if (!streams.onModeHint(streamId, sequence)) return;
    if (mode === "" || acceptModes.includes(mode)) this.#news.set(streamId, mode);
  }

  hasFrames(target: PacketTarget): boolean {
    return this.#queue.hasFrames(target);
  }

  writeFrames(packet: PacketWriter): void {
    this.#queue.writeFrames(packet);
  }

  /** What is in flight on the path may be written again elsewhere. */
  offerAgain(path: PathId): void {
    this.#queue.offerAgain(path);
  }

  /** Never called: the queue owns its records. */
  onAcked(_record: FrameRecord): void {}
  /** Never called, likewise. */
  onLost(_record: FrameRecord): void {}
}
