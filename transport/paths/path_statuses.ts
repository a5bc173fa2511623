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

/**
 * Why the peer is to send elsewhere, whatever is thought of a path otherwise: it is in trouble, its budget is spent, or what it
 * costs is not worth while just now.
 */
export type Aversion = "trouble" | "spent" | "thrift";

interface Said {
  readonly status: PathStatus;
  readonly sequence: number;
}

/**
 * What each end thinks of each path (RFC 10069 §3.3, §4.3): each says it for itself, with sequence numbers per path id, and
 * the newest counts. A path need not be open for that. While there is an {@linkcode Aversion} the peer is told that the path
 * is a backup, whatever is thought of it otherwise.
 */
export class PathStatuses {
  readonly #parts: PathStatusesParts;
  readonly #queue: QueueOf<PathId, PathStatusFrame>;
  /** What this end thinks of paths. */
  readonly #wishes = new Map<PathId, PathStatus>();
  /** Paths that the peer is to avoid, and why. */
  readonly #avoided = new Map<PathId, Set<Aversion>>();
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

  /** What this end thinks of the path; "available" when nothing was said, and its budget is not spent. */
  local(id: PathId): PathStatus {
    if (this.#avoided.get(id)?.has("spent")) return "backup";
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

  /** The peer is to send elsewhere if it can; or need not any more, for this reason. */
  avoid(id: PathId, why: Aversion, isAvoided: boolean, now: number): void {
    const reasons = this.#avoided.get(id) ?? new Set();
    if (reasons.has(why) === isAvoided) return;
    if (isAvoided) reasons.add(why);
    else reasons.delete(why);
    if (reasons.size > 0) this.#avoided.set(id, reasons);
    else this.#avoided.delete(id);
    this.#tell(id, reasons.size > 0 ? "backup" : this.local(id), now);
  }

  /** Says again that the peer is to avoid the path, if it is in trouble. */
  remind(id: PathId, now: number): void {
    if (this.#avoided.get(id)?.has("trouble")) this.#tell(id, "backup", now, true);
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
