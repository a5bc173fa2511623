import type { PacketTarget, PacketWriter } from "../base/frame_owner.ts";
import type { Observer } from "../base/observer.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId } from "../base/role.ts";
import type { PathStatusFrame } from "../wire/frames/types.ts";
import type { PathStatus } from "./path.ts";

/** What path statuses work with. */
export interface PathStatusesParts {
  readonly observer: Observer | undefined;
  /** Whether the peer can be told of the path now: multipath is on, and the id within its limit. */
  readonly mayTell: (id: PathId) => boolean;
}

interface Said {
  readonly status: PathStatus;
  readonly sequence: number;
}

/**
 * What each end thinks of each path (RFC 10069 §3.3, §4.3): each says it for itself, with sequence numbers per path id, and
 * the newest counts. A path need not be open for that. While a path is in trouble the peer is told that it is a backup,
 * whatever is thought of it otherwise.
 */
export class PathStatuses {
  readonly #parts: PathStatusesParts;
  readonly #queue: QueueOf<PathId, PathStatusFrame>;
  /** What this end thinks of paths. */
  readonly #wishes = new Map<PathId, PathStatus>();
  /** Paths in trouble. */
  readonly #avoided = new Set<PathId>();
  /** What the peer was told. */
  readonly #local = new Map<PathId, Said>();
  readonly #remote = new Map<PathId, Said>();

  constructor(parts: PathStatusesParts) {
    this.#parts = parts;
    // The status of a path that the peer does not allow yet waits until it does, and without multipath for ever.
    this.#queue = new QueueOf<PathId, PathStatusFrame>((path) => {
      const own = this.#local.get(path);
      return own === undefined ? undefined : { kind: "path_status", path, sequence: own.sequence, status: own.status };
    }, { mayGo: parts.mayTell });
  }

  /** What this end thinks of the path; "available" when nothing was said. */
  local(id: PathId): PathStatus {
    return this.#wishes.get(id) ?? "available";
  }

  /** What the peer said of the path; `undefined`: nothing yet. */
  remote(id: PathId): PathStatus | undefined {
    return this.#remote.get(id)?.status;
  }

  /** This end says something; returns whether that is anything new. */
  say(id: PathId, status: PathStatus, now: number): boolean {
    if (this.#wishes.get(id) === status) return false;
    this.#wishes.set(id, status);
    if (!this.#avoided.has(id)) this.#tell(id, status, now);
    return true;
  }

  /** The peer is to send elsewhere if it can; or need not any more. */
  avoid(id: PathId, isAvoided: boolean, now: number): void {
    if (this.#avoided.has(id) === isAvoided) return;
    if (isAvoided) this.#avoided.add(id);
    else this.#avoided.delete(id);
    this.#tell(id, isAvoided ? "backup" : this.local(id), now);
  }

  /** Says again that the peer is to avoid the path, if it is. */
  remind(id: PathId, now: number): void {
    if (this.#avoided.has(id)) this.#tell(id, "backup", now, true);
  }

  #tell(id: PathId, status: PathStatus, now: number, always = false): void {
    const own = this.#local.get(id);
    if (own?.status === status && !always) return;
    this.#local.set(id, { status, sequence: (own?.sequence ?? 0) + 1 });
    this.#queue.want(id);
    this.#parts.observer?.on("multipath:path_status_updated", { path: id, owner: "local", status }, now);
  }

  /** The peer says something; returns whether it is newer than what it said before. */
  hear(frame: PathStatusFrame, now: number): boolean {
    const { path, sequence, status } = frame;
    const last = this.#remote.get(path);
    if (last !== undefined && sequence <= last.sequence) return false;
    this.#remote.set(path, { sequence, status });
    this.#parts.observer?.on("multipath:path_status_updated", { path, owner: "remote", status }, now);
    return true;
  }

  /** The path is over, or never was: nothing of it is said any more. */
  silence(id: PathId): void {
    this.#queue.cancel(id);
  }

  /** Nothing more is heard of the path either. */
  forget(id: PathId): void {
    this.silence(id);
    this.#wishes.delete(id);
    this.#avoided.delete(id);
    this.#local.delete(id);
    this.#remote.delete(id);
  }

  /** Whether the peer has something to hear. */
  hasFrames(target: PacketTarget): boolean {
    return this.#queue.hasFrames(target);
  }

  /** Writes what the peer has to hear, as long as it fits. */
  writeFrames(packet: PacketWriter): void {
    this.#queue.writeFrames(packet);
  }

  /** What is in flight on the path may be written again elsewhere. */
  offerAgain(path: PathId): void {
    this.#queue.offerAgain(path);
  }
}
