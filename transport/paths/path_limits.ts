import { PathError, TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { Latest } from "../base/latest.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId } from "../base/role.ts";
import type { Frame, MaxPathIdFrame, PathCidsBlockedFrame, PathsBlockedFrame } from "../wire/frames/types.ts";
import { MAX_PATH_ID_LIMIT } from "../wire/transport_parameters.ts";
import type { CidIssuer } from "./cid_issuer.ts";
import type { CidPool } from "./cid_pool.ts";

/** What the limits are made of. */
export interface PathLimitsOptions {
  /** Paths at once: the announced limit starts one below, since ids start at 0. */
  readonly maxPaths: number;
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  /** The peer's limit rose, or its ids may have come. */
  readonly onRaised: (now: number) => void;
}

/**
 * Which path ids may exist (RFC 10069 §3.2, §4.6, §4.7): our limit, the peer's, and the frames that raise them or tell of
 * being blocked.
 */
export class PathLimits implements FrameOwner {
  readonly receives = ["max_path_id", "paths_blocked", "path_cids_blocked"] as const;
  readonly #options: PathLimitsOptions;
  readonly #maxPathId: Latest<MaxPathIdFrame>;
  readonly #pathsBlocked: Latest<PathsBlockedFrame>;
  readonly #cidsBlocked: QueueOf<PathId, PathCidsBlockedFrame>;
  #local: number;
  #initialPeer = 0;
  #peer = 0;
  /** The limit that PATHS_BLOCKED was last sent for. */
  #blockedAt = -1;
  /** The sequence number that PATH_CIDS_BLOCKED was last sent for, per path. */
  readonly #askedFor = new Map<PathId, number>();

  constructor(options: PathLimitsOptions) {
    this.#options = options;
    this.#local = Math.min(Math.max(0, options.maxPaths - 1), MAX_PATH_ID_LIMIT);
    this.#maxPathId = new Latest<MaxPathIdFrame>(() => ({ kind: "max_path_id", limit: this.#local }));
    this.#pathsBlocked = new Latest<PathsBlockedFrame>(() => ({ kind: "paths_blocked", limit: this.#peer }));
    this.#cidsBlocked = new QueueOf<PathId, PathCidsBlockedFrame>((path) =>
      options.pool.hasUnused(path)
        ? undefined
        : { kind: "path_cids_blocked", path, nextSequence: options.pool.nextSequence(path) }
    );
  }

  /** The largest path id that we said the peer may use. */
  get local(): number {
    return this.#local;
  }

  /** The largest path id that the peer allows. */
  get peer(): number {
    return this.#peer;
  }

  /** Multipath is on; the peer's parameter was this. */
  start(peerInitial: number): void {
    this.#initialPeer = peerInitial;
    // A MAX_PATH_ID may have overtaken the end of the handshake.
    this.#peer = Math.max(this.#peer, peerInitial);
    this.#provide(1);
  }

  /** A path is gone for good: one more id may take its place. */
  raise(): void {
    if (this.#local >= MAX_PATH_ID_LIMIT) return;
    this.#local += 1;
    this.#maxPathId.want();
    this.#provide(this.#local);
  }

  /** Says once per limit that the peer's limit is in the way (RFC 10069 §4.7). */
  blockedByLimit(): void {
    if (this.#blockedAt === this.#peer) return;
    this.#blockedAt = this.#peer;
    this.#pathsBlocked.want();
  }

  /** Says, once for each id that is missing, that the peer has given no unused connection id for the path. */
  blockedByIds(path: PathId): void {
    const next = this.#options.pool.nextSequence(path);
    if (this.#askedFor.get(path) === next) return;
    this.#askedFor.set(path, next);
    this.#cidsBlocked.want(path);
  }

  /** The path is abandoned, or given up before it began. */
  unblocked(path: PathId): void {
    this.#askedFor.delete(path);
    this.#cidsBlocked.cancel(path);
  }

  /** Checks a path id in a frame of the peer's: above our limit it is a PROTOCOL_VIOLATION (RFC 10069 §4). */
  check(path: PathId): void {
    if (path <= this.#local) return;
    throw new TransportError(
      TransportErrorCode.PROTOCOL_VIOLATION,
      `Path id ${path} is above the announced limit ${this.#local}`,
    );
  }

  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (frame.kind === "max_path_id") this.#onMaxPathId(frame, packet.now);
    else if (frame.kind === "paths_blocked") this.check(frame.limit);
    else if (frame.kind === "path_cids_blocked") {
      this.check(frame.path);
      if (this.#options.issuer.isAbandoned(frame.path)) return;
      if (frame.nextSequence > this.#options.issuer.nextSequence(frame.path)) {
        throw new TransportError(
          TransportErrorCode.PROTOCOL_VIOLATION,
          `Next sequence number ${frame.nextSequence} of path ${frame.path} is above ${
            this.#options.issuer.nextSequence(frame.path)
          }, the next one to be issued`,
        );
      }
    }
  }

  hasFrames(target: PacketTarget): boolean {
    return this.#maxPathId.hasFrames(target) || this.#pathsBlocked.hasFrames(target) ||
      this.#cidsBlocked.hasFrames(target);
  }

  writeFrames(packet: PacketWriter): void {
    this.#maxPathId.writeFrames(packet);
    this.#pathsBlocked.writeFrames(packet);
    this.#cidsBlocked.writeFrames(packet);
  }

  /** What is in flight on the path may be written again elsewhere. */
  offerAgain(path: PathId): void {
    this.#maxPathId.offerAgain(path);
    this.#pathsBlocked.offerAgain(path);
    this.#cidsBlocked.offerAgain(path);
  }

  /** Never called: the synchronisers own their records. */
  onAcked(_record: FrameRecord): void {}
  /** Never called, likewise. */
  onLost(_record: FrameRecord): void {}

  #onMaxPathId(frame: MaxPathIdFrame, now: number): void {
    if (frame.limit > MAX_PATH_ID_LIMIT || frame.limit < this.#initialPeer) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `MAX_PATH_ID is ${frame.limit}, expected ${this.#initialPeer} to ${MAX_PATH_ID_LIMIT}`,
      );
    }
    if (frame.limit <= this.#peer) return;
    const from = this.#peer + 1;
    this.#peer = frame.limit;
    this.#provide(from);
    this.#options.onRaised(now);
  }

  /** An unused connection id for each path id from `from` on that both limits allow, in order (RFC 10069 §3.2.1). */
  #provide(from: number): void {
    const to = Math.min(this.#local, this.#peer);
    for (let path = from; path <= to; path++) this.#options.issuer.provide(path);
  }
}

/** Why there can be no path but path 0. */
export const NOT_SPOKEN = "the peer does not speak RFC 10069, or this end does not offer it";
/** Why there can be none to an address. */
export const FORBIDDEN = "the peer forbids paths to that address of its";

/** The error for an attempt to open a path that the connection cannot have. */
export function cannotOpen(why: string): PathError {
  return new PathError(`Cannot open a path: ${why}`);
}
