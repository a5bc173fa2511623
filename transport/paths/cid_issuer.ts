/**
 * The connection ids that this end gives to the peer, per path id (RFC 9000 §5.1.1, RFC 10069 §3.2).
 *
 * | an id is | issued   | the peer retires it | its time is over | its path is abandoned | that time is over |
 * |----------|----------|---------------------|------------------|-----------------------|-------------------|
 * | –        | live     | –                   | –                | –                     | –                 |
 * | live     | –        | kept                | –                | kept                  | –                 |
 * | kept     | –        | –                   | gone             | kept                  | gone              |
 *
 * Live and kept ids are recognised in packets that arrive; an id that is kept is for packets that come late.
 *
 * @module
 */
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId } from "../base/role.ts";
import { RangeSet } from "../../recovery/ranges.ts";
import { retireConnectionIdType } from "../wire/frames/ids.ts";
import type { Frame, FrameKind, NewConnectionIdFrame, RetireConnectionIdFrame } from "../wire/frames/types.ts";
import { IdIndex, sameId } from "./id_index.ts";

/** Ids that the peer may have of one path in use, unless its own limit is lower. */
export const IDS_PER_PATH = 4;
/** Ids given for a path id that is not in use yet (RFC 10069 §3.2.1). */
export const IDS_PER_UNUSED_PATH = 1;
/** Retired ids that are still recognised, over all paths; when there are more, the oldest is forgotten. */
export const MAX_KEPT_IDS = 32;
/** Attempts to draw an id that nobody has; matters only when ids are very short. */
const MAX_DRAWS = 32;

/** Where the endpoint finds connections by the ids of packets. */
export interface CidRegistry {
  /** The id leads to the connection from now on. */
  add(id: Uint8Array, path: PathId): void;
  /** It no longer does. */
  remove(id: Uint8Array): void;
  /** Whether any connection of the endpoint has the id. */
  has?(id: Uint8Array): boolean;
}

/** What a {@linkcode CidIssuer} asks of its surroundings. */
export interface CidIssuerOptions {
  /** Bytes of each id: 0 to 20; 0 issues none. */
  readonly idLength: number;
  /** Fills the array with unpredictable bytes. */
  readonly random: (into: Uint8Array) => void;
  /** The stateless reset token of an id: 16 bytes that only this endpoint can compute (RFC 9000 §10.3.2). */
  readonly resetTokenFor: (id: Uint8Array) => Uint8Array;
  /** Is told of every id that comes and goes. */
  readonly registry: CidRegistry;
  /** Whether multipath is on: then the PATH_ frames are used for path 0 too. */
  readonly multipath: () => boolean;
  /** The largest path id that ids may be given for: the peer's limit (RFC 10069 §3.2.1), 0 when multipath is off. */
  readonly peerMaxPath: () => PathId;
  /** Milliseconds for which a retired id is still recognised; about three PTOs. */
  readonly keepFor: () => number;
  /** Ids of one path, at most; default {@linkcode IDS_PER_PATH}. */
  readonly idsPerPath?: number;
}

/** An id and the token that resets the connection (for the `preferred_address` transport parameter). */
export interface IssuedPreferred {
  /** As many bytes as the issuer makes. */
  readonly id: Uint8Array;
  /** 16 bytes. */
  readonly resetToken: Uint8Array;
}

interface Issued {
  readonly path: PathId;
  readonly sequence: number;
  readonly id: Uint8Array;
  readonly resetToken: Uint8Array;
  keptUntil: number;
}

interface PathIds {
  readonly path: PathId;
  used: boolean;
  /** The sequence number of the next id. */
  next: number;
  retirePriorTo: number;
  /** Issued and not retired by the peer. */
  live: Issued[];
  delivered: boolean;
  /** When an abandoned path's ids go; -1 while it is not abandoned. */
  goneAt: number;
}

/** Gives the peer connection ids and takes them back. */
export class CidIssuer implements FrameOwner {
  /** Takes in what the peer gives back. */
  readonly receives: readonly FrameKind[] = ["retire_connection_id"];
  readonly #options: CidIssuerOptions;
  readonly #paths = new Map<PathId, PathIds>();
  readonly #gone = new RangeSet();
  readonly #index = new IdIndex<Issued>();
  /** In the order in which they were retired. */
  #kept: Issued[] = [];
  readonly #queue: QueueOf<Issued, NewConnectionIdFrame>;
  #peerLimit = 0;
  #wakeAt = Infinity;

  /** Nothing is issued before {@linkcode start} and {@linkcode setPeerLimit}. */
  constructor(options: CidIssuerOptions) {
    this.#options = options;
    this.#queue = new QueueOf((issued: Issued) => this.#frameOf(issued), {
      onDelivered: (issued) => {
        const ids = this.#paths.get(issued.path);
        if (ids !== undefined) ids.delivered = true;
      },
    });
  }

  /** Takes the source id of the handshake as sequence number 0 of path 0, and registers it unless it is empty. */
  start(handshakeId: Uint8Array): void {
    const ids = this.#pathOf(0);
    if (ids.next > 0) throw new Error("Connection ids have been started, expected once");
    ids.used = true;
    ids.delivered = true;
    if (handshakeId.length === 0) ids.next++;
    else this.#keepTrack(ids, handshakeId.slice());
  }

  /** The id for the `preferred_address` parameter: sequence number 1 of path 0, so it must be asked for before others. */
  issuePreferred(): IssuedPreferred {
    const ids = this.#paths.get(0);
    if (ids?.next !== 1) throw new Error("The preferred address needs sequence number 1, expected right after start");
    const issued = this.#issue(ids);
    if (issued === undefined) throw new Error("No connection id can be issued: expected ids that are not empty");
    return { id: issued.id, resetToken: issued.resetToken };
  }

  /** The peer's `active_connection_id_limit`, which holds for each path; nothing is issued before. */
  setPeerLimit(limit: number): void {
    this.#peerLimit = limit;
    for (const ids of this.#paths.values()) this.#fill(ids);
  }

  /**
   * Gives the peer an id of a path id that is not in use, so that it can be opened. In ascending order, there are no
   * holes (RFC 10069 §3.2.1). Throws RangeError above the peer's limit of path ids.
   */
  provide(path: PathId): void {
    if (this.#gone.has(path)) return;
    const max = this.#options.peerMaxPath();
    if (path > max) throw new RangeError(`Path id is ${path}, must not be above the peer's limit ${max}`);
    this.#fill(this.#pathOf(path));
  }

  /** The path is in use: keeps as many ids there as both limits allow. Throws RangeError as {@linkcode provide}. */
  use(path: PathId): void {
    if (this.#gone.has(path)) return;
    this.provide(path);
    const ids = this.#pathOf(path);
    ids.used = true;
    this.#fill(ids);
  }

  /**
   * Asks the peer to move to new ids on the path (RFC 9000 §5.1.2). `false` when it has not yet answered the last time,
   * or when there is nothing to move to.
   */
  renew(path: PathId): boolean {
    const ids = this.#paths.get(path);
    if (ids === undefined || ids.goneAt >= 0 || this.#peerLimit === 0) return false;
    if (ids.live.length === 0 || ids.live.some((issued) => issued.sequence < ids.retirePriorTo)) return false;
    const before = ids.retirePriorTo;
    ids.retirePriorTo = ids.next;
    this.#fill(ids);
    if (ids.next > ids.retirePriorTo) return true;
    ids.retirePriorTo = before;
    return false;
  }

  /**
   * The path is abandoned: nothing more is issued, but its ids are recognised until `keepUntil`. May be called again with
   * another time: three PTOs after the peer's PATH_ABANDON came (RFC 10069 §3.4), `Infinity` until then.
   */
  abandon(path: PathId, keepUntil: number): void {
    if (this.#gone.has(path)) return;
    const ids = this.#pathOf(path);
    for (const issued of ids.live) this.#queue.cancel(issued);
    ids.goneAt = Math.max(0, keepUntil);
    this.#rearm();
  }

  /** Whether the path is abandoned, and perhaps forgotten: nothing that is said of its ids matters any more. */
  isAbandoned(path: PathId): boolean {
    return this.#gone.has(path) || (this.#paths.get(path)?.goneAt ?? -1) >= 0;
  }

  /** The path of an id of ours, live or kept; where ids are empty all is path 0's. Makes no garbage. */
  pathOf(id: Uint8Array): PathId | undefined {
    if (this.#options.idLength === 0) return 0;
    return this.#index.get(id)?.path;
  }

  /** The sequence number that the next id of the path gets; PATH_CIDS_BLOCKED may not name a larger one. */
  nextSequence(path: PathId): number {
    return this.#paths.get(path)?.next ?? 0;
  }

  /** Whether the peer is known to have got an id of the path. */
  isDelivered(path: PathId): boolean {
    return this.#paths.get(path)?.delivered ?? false;
  }

  /** Frames in flight on the path may be written again elsewhere (RFC 10069 §5.7). */
  offerAgain(path: PathId): void {
    this.#queue.offerAgain(path);
  }

  /** The connection is over: takes all its ids out of the endpoint's table. */
  close(): void {
    this.#queue.clear();
    for (const issued of [...this.#index.values()]) this.#drop(issued);
    this.#paths.clear();
    this.#kept = [];
    this.#wakeAt = Infinity;
    this.#peerLimit = 0;
  }

  /** The peer retires an id; throws TransportError (PROTOCOL_VIOLATION) when it cannot (RFC 9000 §19.16). */
  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (frame.kind === "retire_connection_id") this.#onRetire(frame, packet);
  }

  /** Whether an id waits to be sent. */
  hasFrames(target: PacketTarget): boolean {
    return this.#queue.hasFrames(target);
  }

  /** Writes the ids that wait, as long as they fit. */
  writeFrames(packet: PacketWriter): void {
    this.#queue.writeFrames(packet);
  }

  /** Writes an id in flight once more, unless the peer has it or gave it back. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    return this.#queue.writeAgain(record, packet);
  }

  /** The peer has the id. */
  onAcked(record: FrameRecord, now: number): void {
    this.#queue.onAcked(record, now);
  }

  /** The id is sent again, unless it is retired or its path abandoned. */
  onLost(record: FrameRecord, now: number): void {
    this.#queue.onLost(record, now);
  }

  /** When an id's or a path's time is over; `Infinity`: nothing waits. */
  nextTimeout(): number {
    return this.#wakeAt;
  }

  /** Forgets what has been kept long enough. */
  onTimeout(now: number): void {
    if (now < this.#wakeAt) return;
    for (const issued of this.#kept) if (issued.keptUntil <= now) this.#drop(issued);
    this.#kept = this.#kept.filter((issued) => issued.keptUntil > now);
    for (const ids of this.#paths.values()) if (ids.goneAt >= 0 && ids.goneAt <= now) this.#remove(ids);
    this.#rearm();
  }

  #onRetire(frame: RetireConnectionIdFrame, packet: ReceivedPacket): void {
    const path = frame.path ?? 0;
    if (this.#gone.has(path)) return;
    const ids = this.#paths.get(path);
    if (ids !== undefined && ids.goneAt >= 0) return;
    if (this.#options.idLength === 0) throw violation(frame, "Connection ids are empty, expected none to be retired");
    const next = ids?.next ?? 0;
    if (frame.sequence >= next) {
      throw violation(frame, `Id ${frame.sequence} of path ${path} is retired, but only ${next} were issued`);
    }
    const issued = ids?.live.find((live) => live.sequence === frame.sequence);
    if (ids === undefined || issued === undefined) return;
    if (sameId(issued.id, packet.destinationId)) throw violation(frame, "A packet retires the id it came with");
    ids.live = ids.live.filter((live) => live !== issued);
    this.#queue.cancel(issued);
    this.#keep(issued, packet.now);
    this.#fill(ids);
  }

  #keep(issued: Issued, now: number): void {
    issued.keptUntil = now + this.#options.keepFor();
    this.#kept.push(issued);
    if (this.#kept.length > MAX_KEPT_IDS) this.#drop(this.#kept.shift()!);
    this.#rearm();
  }

  /** Issues ids until the peer has as many as it should. */
  #fill(ids: PathIds): void {
    if (ids.goneAt >= 0) return;
    const target = Math.min(
      this.#peerLimit,
      ids.used ? this.#options.idsPerPath ?? IDS_PER_PATH : IDS_PER_UNUSED_PATH,
    );
    // Ids that the peer has been asked to retire do not count against its limit (RFC 9000 §5.1.1).
    let active = 0;
    for (const issued of ids.live) if (issued.sequence >= ids.retirePriorTo) active++;
    for (; active < target; active++) {
      const issued = this.#issue(ids);
      if (issued === undefined) return;
      this.#queue.want(issued);
    }
  }

  #issue(ids: PathIds): Issued | undefined {
    const id = this.#draw();
    return id === undefined ? undefined : this.#keepTrack(ids, id);
  }

  #keepTrack(ids: PathIds, id: Uint8Array): Issued {
    const { path } = ids;
    const resetToken = this.#options.resetTokenFor(id);
    const issued: Issued = { path, sequence: ids.next++, id, resetToken, keptUntil: Infinity };
    ids.live.push(issued);
    this.#index.add(id, issued);
    this.#options.registry.add(id, path);
    return issued;
  }

  /** An id that no path of the connection has, nor, where that can be told, another connection. */
  #draw(): Uint8Array | undefined {
    const { idLength, random, registry } = this.#options;
    if (idLength === 0) return undefined;
    for (let i = 0; i < MAX_DRAWS; i++) {
      const id = new Uint8Array(idLength);
      random(id);
      if (this.#index.get(id) === undefined && registry.has?.(id) !== true) return id;
    }
    return undefined;
  }

  #frameOf(issued: Issued): NewConnectionIdFrame | undefined {
    const { path, sequence, id, resetToken } = issued;
    const ids = this.#paths.get(path);
    if (ids === undefined) return undefined;
    return {
      kind: "new_connection_id",
      path: path !== 0 || this.#options.multipath() ? path : undefined,
      sequence,
      retirePriorTo: Math.min(ids.retirePriorTo, sequence),
      connectionId: id,
      resetToken,
    };
  }

  #pathOf(path: PathId): PathIds {
    let ids = this.#paths.get(path);
    if (ids === undefined) {
      ids = { path, used: false, next: 0, retirePriorTo: 0, live: [], delivered: false, goneAt: -1 };
      this.#paths.set(path, ids);
    }
    return ids;
  }

  #remove(ids: PathIds): void {
    for (const issued of ids.live) this.#drop(issued);
    for (const issued of this.#kept) if (issued.path === ids.path) this.#drop(issued);
    this.#kept = this.#kept.filter((issued) => issued.path !== ids.path);
    this.#paths.delete(ids.path);
    this.#gone.addOne(ids.path);
  }

  #drop(issued: Issued): void {
    if (this.#index.remove(issued.id)) this.#options.registry.remove(issued.id);
  }

  #rearm(): void {
    this.#wakeAt = Infinity;
    for (const issued of this.#kept) this.#wakeAt = Math.min(this.#wakeAt, issued.keptUntil);
    for (const ids of this.#paths.values()) if (ids.goneAt >= 0) this.#wakeAt = Math.min(this.#wakeAt, ids.goneAt);
  }
}

function violation(frame: RetireConnectionIdFrame, reason: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, retireConnectionIdType(frame));
}
