import type { Address } from "../base/address.ts";
import { TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId } from "../base/role.ts";
import type { Frame, PathAbandonFrame, PathStatusFrame } from "../wire/frames/types.ts";
import { describePath, Path, type PathProperties, type PathState, type PathStatus, UNDESCRIBED } from "./path.ts";
import { type PathChange, pathStats } from "./path_events.ts";
import { cannotOpen, FORBIDDEN, NOT_SPOKEN } from "./path_limits.ts";
import type { PathManagerParts } from "./path_manager_parts.ts";
import { type Aversion, PathStatuses } from "./path_statuses.ts";
import { Retention } from "./retention.ts";
import { LEVEL_INDEX, type Route } from "./route.ts";
import { SpentIds } from "./spent_ids.ts";

/** What a path is opened with. */
export interface OpenPathOptions {
  /** The local address to send from. */
  readonly local: Address;
  /** The peer's address. */
  readonly remote: Address;
  /** What the application says of it. */
  readonly properties: PathProperties;
  /** What the peer is told of it. */
  readonly status: PathStatus;
}

interface Opening extends OpenPathOptions {
  readonly id: PathId;
  readonly since: number;
}

/** Longest that a path waits for the peer to allow it, and to give it a connection id. */
export const OPENING_TIMEOUT = 10_000;

/**
 * Opens, validates and abandons paths (RFC 10069 §3); the table of states is in `path.ts`. It owns PATH_ABANDON and
 * PATH_STATUS.
 */
export class PathManager implements FrameOwner {
  readonly receives = ["path_abandon", "path_status"] as const;
  readonly #parts: PathManagerParts;
  readonly #abandons: QueueOf<PathId, PathAbandonFrame>;
  readonly #statuses: PathStatuses;
  readonly #spent = new SpentIds();
  /** Codes of PATH_ABANDONs that are not acknowledged. */
  readonly #codes = new Map<PathId, number>();
  readonly #openings: Opening[] = [];
  readonly #retention: Retention;
  /** The revision of the pool that paths were last looked through for. */
  #heldFor = -1;
  /** When the connection ends unless a path comes; Infinity: there is one. */
  #lonelyUntil = Infinity;
  /** None came. */
  #ended = false;

  constructor(parts: PathManagerParts) {
    this.#parts = parts;
    this.#retention = new Retention(parts.largestPto);
    this.#abandons = new QueueOf<PathId, PathAbandonFrame>(
      (path) => ({ kind: "path_abandon", path, code: this.#codes.get(path) ?? 0 }),
      { mayGo: (path, target) => target.path !== path, onDelivered: (path, now) => this.#onTold(path, now) },
    );
    this.#statuses = new PathStatuses({
      observer: parts.observer,
      mayTell: (path) => parts.isReady() && path <= parts.limits.peer,
    });
  }

  /**
   * Begins to open a path and returns its id; it becomes usable, or closes with a reason, later. Throws `PathError` when
   * the connection cannot have another path, `RangeError` when its cost is not a number from 0.
   */
  open(options: OpenPathOptions, now: number): PathId {
    const { role, maxPaths, isNegotiated, isForbidden } = this.#parts;
    if (role === "server") throw cannotOpen("only clients open paths");
    if (isNegotiated() === false) throw cannotOpen(NOT_SPOKEN);
    if (isForbidden(options.remote)) throw cannotOpen(FORBIDDEN);
    const live =
      [...this.#parts.paths.all()].filter((path) => path.state !== "gone" && path.state !== "closing").length;
    if (live + this.#openings.length >= maxPaths) {
      throw cannotOpen(`${live} paths are open, at most ${maxPaths} may be`);
    }
    const properties = describePath(options.properties);
    const id = this.#smallestUnused();
    this.#openings.push({ ...options, properties, id, since: now });
    this.#traceState(id, "", "opening", `opening ${options.properties.label}`, now);
    this.progress(now);
    return id;
  }

  /** The handshake is confirmed: path 0 is there. */
  announceFirst(now: number): void {
    const first = this.#parts.paths.get(0);
    if (first === undefined) return;
    this.#announce(first, "opened", "the handshake ran on it", now);
    this.#announce(first, "usable", "the handshake is confirmed", now);
  }

  /** Something changed that openings may wait for. */
  progress(now: number): void {
    const { limits, pool, issuer, isReady } = this.#parts;
    this.#holdWithoutIds();
    if (this.#openings.length === 0) return;
    this.#dropImpossible(now);
    if (!isReady()) return;
    for (let i = 0; i < this.#openings.length; i++) {
      const opening = this.#openings[i]!;
      if (opening.id > limits.peer) {
        limits.blockedByLimit();
        continue;
      }
      if (opening.id > limits.local) continue;
      if (!pool.hasUnused(opening.id)) {
        limits.blockedByIds(opening.id);
        continue;
      }
      // The peer must be able to answer: our own id for the path has arrived there (RFC 10069 §3.1).
      if (!issuer.isDelivered(opening.id)) continue;
      this.#openings.splice(i--, 1);
      this.#begin(opening, now);
    }
  }

  /** Server: the first packet on a path that the client opened was authenticated. */
  admit(id: PathId, local: Address, remote: Address, now: number): Path {
    const path = this.#make(id, {
      local,
      remote,
      properties: UNDESCRIBED,
      status: "available",
    }, now);
    const { pool, validator } = this.#parts;
    const known = this.#isKnown(path.route);
    if (known) path.route.amplification.validate();
    this.#announce(path, "opened", "opened by the peer", now);
    const hasId = pool.hasUnused(id);
    if (!hasId) this.#askForIds(id);
    if (known && hasId) this.#usable(path, "the address is known", now);
    else validator.challenge(id, path.route.number, now);
    return path;
  }

  /** Sends with another of the peer's ids on the path; `false`: it has given no unused one, and is asked for it. */
  rotate(path: Path): boolean {
    if (this.#parts.pool.rotate(path.id, path.route.number)) return true;
    this.#askForIds(path.id);
    return false;
  }

  /** Whether a packet for this path id may open a path here. */
  mayAdmit(id: PathId): boolean {
    const { role, paths, limits } = this.#parts;
    return role === "server" && this.#parts.isReady() && paths.get(id) === undefined && id <= limits.local &&
      !this.isOver(id);
  }

  /** The validation of a path that was being opened ended. */
  onValidated(path: Path, ok: boolean, now: number): void {
    if (path.state !== "validating") return;
    if (ok) {
      path.route.amplification.validate();
      this.#usable(path, "validated", now);
    } else {
      const hasId = this.#parts.pool.current(path.id, path.route.number) !== undefined;
      const code = hasId ? TransportErrorCode.PATH_UNSTABLE_OR_POOR : TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH;
      const reason = hasId ? "The peer did not answer on it" : "The peer gave no connection id for it";
      this.close(path, code, reason, now);
    }
  }

  /** The path does not work just now. */
  suspend(path: Path, reason: string, now: number): void {
    if (path.state !== "usable") return;
    this.#setState(path, "suspended", reason, now);
    this.#announce(path, "suspended", reason, now);
  }

  /** It works again. */
  resume(path: Path, reason: string, now: number): void {
    if (path.state !== "suspended") return;
    this.#usable(path, reason, now);
  }

  /**
   * Whether the path can go on at another address of the peer's. When the peer changed its id too, that takes one that is not
   * in use (RFC 9000 §9.5); without one it stays until there is, and asks for it.
   */
  mayMove(path: Path, route: Route): boolean {
    const hasId = this.#parts.pool.hasIdFor(path.id, route.number);
    if (!hasId) this.#askForIds(path.id);
    return hasId;
  }

  /** The path's addresses changed. */
  migrated(path: Path, now: number): void {
    this.#announce(path, "migrated", "the peer's address changed", now);
  }

  /** Tells the peer what this end thinks of the path; also before it is open, and never once it is over. */
  setStatus(id: PathId, status: PathStatus, now: number): void {
    if (this.isOver(id) || !this.#statuses.say(id, status, now)) return;
    const path = this.#parts.paths.get(id);
    if (path !== undefined) path.localStatus = this.#statuses.local(id);
  }

  /** Asks the peer to send elsewhere for a reason, whatever the path's status otherwise; or takes that back. */
  avoid(path: Path, why: Aversion, isAvoided: boolean, now: number): void {
    if (this.isOver(path.id)) return;
    this.#statuses.avoid(path.id, why, isAvoided, now);
    path.localStatus = this.#statuses.local(path.id);
  }

  /** Still in trouble: where a translator has forgotten a client, the client alone can mend that, by speaking. */
  remind(path: Path, now: number): void {
    if (this.#parts.role === "server") this.#statuses.remind(path.id, now);
  }

  /** Abandons a path (RFC 10069 §3.4): nothing is sent on it any more. */
  close(path: Path, code: number, reason: string, now: number, byPeer = false): void {
    if (path.state === "closing" || path.state === "gone") return;
    const { validator, pool, issuer, limits } = this.#parts;
    const wasLast = !this.hasOther(path);
    this.#setState(path, "closing", reason, now);
    this.#announce(path, "closed", reason, now, code, byPeer);
    this.#parts.observer?.on("multipath:path_closed", { path: path.id, code, byPeer }, now);
    this.#codes.set(path.id, byPeer ? TransportErrorCode.NO_ERROR : code);
    this.#statuses.silence(path.id);
    limits.unblocked(path.id);
    this.#abandons.want(path.id);
    this.#parts.onClosing(path, now);
    for (const route of [path.route, path.previous, ...path.candidates]) {
      if (route !== undefined) validator.cancel(route.number);
    }
    pool.abandon(path.id);
    issuer.abandon(path.id, Infinity);
    if (wasLast) this.#lonelyUntil = Math.min(this.#lonelyUntil, this.#retention.from(now));
  }

  /** Gives up a path that is not open yet; `false` when there is none of that id. */
  cancelOpening(id: PathId, code: number, reason: string, now: number): boolean {
    const index = this.#openings.findIndex((opening) => opening.id === id);
    if (index < 0) return false;
    this.#abandonOpening(this.#openings.splice(index, 1)[0]!, code, reason, now);
    return true;
  }

  /** Whether a path id is used up: its path is closing or gone, or there will never be one. */
  isOver(id: PathId): boolean {
    if (this.#spent.has(id)) return true;
    const state = this.#parts.paths.get(id)?.state;
    return state === "closing" || state === "gone";
  }

  /** Whether another path could take this one's place. */
  hasOther(path: Path): boolean {
    for (const other of this.#parts.paths.all()) {
      if (other !== path && (other.state === "usable" || other.state === "suspended")) return true;
    }
    return false;
  }

  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (frame.kind === "path_abandon") this.#onAbandon(frame, packet);
    else if (frame.kind === "path_status") this.#onStatus(frame, packet);
  }

  hasFrames(target: PacketTarget): boolean {
    return this.#abandons.hasFrames(target) || this.#statuses.hasFrames(target);
  }

  writeFrames(packet: PacketWriter): void {
    this.#abandons.writeFrames(packet);
    this.#statuses.writeFrames(packet);
  }

  /** What is in flight on the path may be written again elsewhere. */
  offerAgain(path: PathId): void {
    this.#abandons.offerAgain(path);
    this.#statuses.offerAgain(path);
  }

  /** Never called: the synchronisers own their records. */
  onAcked(_record: FrameRecord): void {}
  /** Never called, likewise. */
  onLost(_record: FrameRecord): void {}

  nextTimeout(): number {
    if (this.#ended) return Infinity;
    let next = Math.min(this.#lonelyUntil, this.#retention.nextTimeout());
    for (const opening of this.#openings) next = Math.min(next, opening.since + OPENING_TIMEOUT);
    return next;
  }

  onTimeout(now: number): void {
    if (this.#ended) return;
    if (now >= this.#lonelyUntil) {
      // The path that was last stays as it is: CONNECTION_CLOSE needs it.
      this.#ended = true;
      this.#parts.onNoPath(now);
      return;
    }
    for (const { id, isAnswered } of this.#retention.takeDue(now)) this.#forget(id, isAnswered, now);
    for (let i = 0; i < this.#openings.length; i++) {
      const opening = this.#openings[i]!;
      if (now < opening.since + OPENING_TIMEOUT) continue;
      this.#openings.splice(i--, 1);
      const blocked = opening.id > this.#parts.limits.peer;
      const code = blocked ? TransportErrorCode.APPLICATION_ABANDON_PATH : TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH;
      const reason = blocked ? "The peer allows no more paths" : "The peer gave no connection id for it";
      this.#abandonOpening(opening, code, reason, now);
    }
  }

  /** Ends what waits for something that the peer's parameters rule out. */
  #dropImpossible(now: number): void {
    const { isNegotiated, isForbidden } = this.#parts;
    for (let i = 0; i < this.#openings.length; i++) {
      const opening = this.#openings[i]!;
      const why = isNegotiated() === false ? NOT_SPOKEN : isForbidden(opening.remote) ? FORBIDDEN : undefined;
      if (why === undefined) continue;
      this.#openings.splice(i--, 1);
      const reason = why[0]!.toUpperCase() + why.slice(1);
      this.#abandonOpening(opening, TransportErrorCode.APPLICATION_ABANDON_PATH, reason, now);
    }
  }

  /** Ids of the peer's came or went: a path without any is held until there are more (RFC 10069 §3.2.2). */
  #holdWithoutIds(): void {
    const { paths, pool } = this.#parts;
    if (pool.revision === this.#heldFor) return;
    this.#heldFor = pool.revision;
    for (const path of paths.all()) {
      if (path.state === "closing") continue;
      const hasId = pool.hasIdFor(path.id, path.route.number);
      path.route.amplification.hold(!hasId);
      if (!hasId) this.#askForIds(path.id);
    }
  }

  #askForIds(id: PathId): void {
    if (this.#parts.isReady() && !this.isOver(id)) this.#parts.limits.blockedByIds(id);
  }

  #begin(opening: Opening, now: number): void {
    const path = this.#make(opening.id, opening, now);
    this.#announce(path, "opened", "opened by this end", now);
    if (opening.status !== "available") this.setStatus(path.id, opening.status, now);
    this.#parts.validator.challenge(path.id, path.route.number, now);
  }

  #make(id: PathId, options: OpenPathOptions, now: number): Path {
    const { paths, makeRoute, role, onOpened } = this.#parts;
    const route = makeRoute(options.local, options.remote, role === "client");
    const path = new Path(id, route, options.properties, "validating");
    path.localStatus = this.#statuses.local(id);
    path.peerStatus = this.#statuses.remote(id);
    paths.add(path);
    onOpened(path, now);
    return path;
  }

  /** Whether the 4-tuple was validated on another path (RFC 10069 §3.1). */
  #isKnown(route: Route): boolean {
    for (const other of this.#parts.paths.routes()) {
      if (other !== route && other.validated && other.is(route.local, route.remote)) return true;
    }
    return false;
  }

  #usable(path: Path, reason: string, now: number): void {
    this.#setState(path, "usable", reason, now);
    this.#lonelyUntil = Infinity;
    // What a path needs beside one id comes with its validation (RFC 10069 §7.1).
    this.#parts.issuer.use(path.id);
    this.#parts.onUsable(path, now);
    this.#announce(path, "usable", reason, now);
  }

  #onAbandon(frame: PathAbandonFrame, { now }: ReceivedPacket): void {
    const { limits, paths, issuer } = this.#parts;
    const { path: id } = frame;
    limits.check(id);
    if (this.#spent.isGone(id)) return;
    const until = this.#retention.heard(id, now);
    if (until === undefined) return;
    const path = paths.get(id);
    if (path !== undefined) {
      this.close(path, frame.code, `Abandoned by the peer with code 0x${frame.code.toString(16)}`, now, true);
    } else {
      const opening = this.#openings.findIndex((o) => o.id === id);
      const reason = `Refused by the peer with code 0x${frame.code.toString(16)}`;
      if (opening >= 0) {
        this.#abandonOpening(this.#openings.splice(opening, 1)[0]!, frame.code, reason, now, true);
      } else if (!this.#spent.has(id)) {
        this.#burn(id, TransportErrorCode.NO_ERROR);
      }
    }
    issuer.abandon(id, until);
  }

  #onStatus(frame: PathStatusFrame, packet: ReceivedPacket): void {
    const { limits, paths } = this.#parts;
    const { path: id, status } = frame;
    limits.check(id);
    if (this.isOver(id) || !this.#statuses.hear(frame, packet.now)) return;
    const path = paths.get(id);
    if (path === undefined) return;
    const changed = (path.peerStatus ?? "available") !== status;
    path.peerStatus = status;
    // A translator may have forgotten us: one packet tells the server where we are now.
    if (status === "backup" && path.state === "usable") this.#speak(path);
    // Before "opened" there is nothing to tell of: a status may overtake the end of the handshake.
    if (changed && this.#parts.isReady()) this.#announce(path, "status", `the peer says ${status}`, packet.now);
  }

  #speak(path: Path): void {
    const { probes } = path.route;
    if (this.#parts.role === "client") probes[LEVEL_INDEX.application] = Math.max(1, probes[LEVEL_INDEX.application]!);
  }

  /** An id that never became a path is used up: the peer must hear of it (RFC 10069 §3.4). */
  #burn(id: PathId, code: number): void {
    const { pool, issuer } = this.#parts;
    this.#codes.set(id, code);
    this.#spent.burn(id);
    this.#statuses.silence(id);
    this.#abandons.want(id);
    pool.abandon(id);
    issuer.abandon(id, Infinity);
  }

  #abandonOpening(opening: Opening, code: number, reason: string, now: number, byPeer = false): void {
    const { limits, isReady } = this.#parts;
    limits.unblocked(opening.id);
    // An id above a limit, or before paths may be opened, was never spoken of: it is as fresh as before.
    const isSpokenOf = isReady() && opening.id <= limits.peer && opening.id <= limits.local;
    if (isSpokenOf) this.#burn(opening.id, byPeer ? 0 : code);
    else this.#statuses.forget(opening.id);
    const ghost = new Path(
      opening.id,
      this.#parts.makeRoute(opening.local, opening.remote, true),
      opening.properties,
      "closing",
    );
    this.#announce(ghost, "closed", reason, now, code, byPeer);
  }

  /** RFC 10069 §3.2.1: ids are used in order, which the limits and the peer's connection ids follow. */
  #smallestUnused(): PathId {
    const isTaken = (id: PathId): boolean =>
      this.#parts.paths.get(id) !== undefined || this.#openings.some((opening) => opening.id === id);
    return this.#spent.smallestFresh(isTaken);
  }

  /** The peer knows that the path is over, and has 3 PTO to answer. */
  #onTold(id: PathId, now: number): void {
    this.#codes.delete(id);
    if (!this.#spent.isGone(id)) this.#retention.told(id, now);
  }

  #forget(id: PathId, isAnswered: boolean, now: number): void {
    this.#statuses.forget(id);
    const { paths, limits, issuer, onGone } = this.#parts;
    const path = paths.get(id);
    if (!isAnswered) issuer.abandon(id, now);
    if (path !== undefined) {
      const reason = isAnswered ? "3 PTO after the peer abandoned it" : "the peer has not answered for 3 PTO";
      this.#setState(path, "gone", reason, now);
      for (const candidate of path.candidates) paths.removeRoute(candidate);
      paths.remove(path);
    }
    onGone(id);
    this.#spent.forget(id);
    limits.raise();
  }

  #setState(path: Path, state: PathState, reason: string, now: number): void {
    this.#traceState(path.id, path.state, state, reason, now);
    path.state = state;
  }

  #traceState(path: PathId, old: PathState | "", state: PathState, reason: string, now: number): void {
    this.#parts.observer?.on("multipath:path_state_updated", { path, old, new: state, reason }, now);
  }

  #announce(path: Path, change: PathChange, reason: string, now: number, code = 0, byPeer = false): void {
    if (change === "opened") {
      const { route, id, properties } = path;
      this.#parts.observer?.on("multipath:path_assigned", {
        path: id,
        route: route.number,
        label: properties.label,
        local: route.local,
        remote: route.remote,
      }, now);
    }
    this.#parts.events({ type: "path", change, reason, code, byPeer, path: pathStats(path) }, now);
  }
}
