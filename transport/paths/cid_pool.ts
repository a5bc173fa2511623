/**
 * The connection ids that the peer gave to this end, per path id (RFC 9000 §5.1.2, RFC 10069 §3.2), and the
 * RETIRE_CONNECTION_ID frames that give them back.
 *
 * | an id is | frame with it       | idFor()  | rotate(), releaseRoute() | Retire Prior To above it | path abandoned |
 * |----------|---------------------|----------|--------------------------|--------------------------|----------------|
 * | –        | unused, or retired  | –        | –                        | –                        | –              |
 * | unused   | –                   | in use   | –                        | retired                  | gone           |
 * | in use   | –                   | –        | retired                  | retired                  | gone           |
 * | retired  | –                   | –        | –                        | –                        | gone           |
 *
 * An id in use belongs to one route, because it must not be seen on two 4-tuples by our choice (RFC 9000 §9.5).
 *
 * @module
 */
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId } from "../base/role.ts";
import { RangeSet } from "../../recovery/ranges.ts";
import { newConnectionIdType } from "../wire/frames/ids.ts";
import type { Frame, FrameKind, NewConnectionIdFrame, RetireConnectionIdFrame } from "../wire/frames/types.ts";
import { VARINT_SATURATED } from "../wire/varint.ts";
import { sameId } from "./id_index.ts";

/**
 * Retirements of one path that may wait for the peer's acknowledgment, as a multiple of the limit of active ids; RFC 9000
 * §5.1.2 wants 2 at least. A peer that causes more is refused.
 */
export const RETIREMENTS_PER_ACTIVE_ID = 4;
/** Ranges of retired sequence numbers that are remembered per path; more needs a peer that leaves gaps. */
export const MAX_RETIRED_RANGES = 32;

const EMPTY = new Uint8Array();

/** What a {@linkcode CidPool} asks of its surroundings. */
export interface CidPoolOptions {
  /** Our `active_connection_id_limit`, which holds for each path: 2 or more. */
  readonly activeLimit: number;
  /** The largest path id that we announced to the peer: 0 when multipath is off. */
  readonly maxPath: () => PathId;
  /** Whether multipath is on: then the PATH_ frames are used for path 0 too. */
  readonly multipath: () => boolean;
}

interface Given {
  readonly sequence: number;
  id: Uint8Array;
  /** 16 bytes; `undefined` when the peer gave none. */
  resetToken: Uint8Array | undefined;
  /** The routes it is used on; none: unused. */
  readonly routes: number[];
}

interface Retirement {
  readonly path: PathId;
  readonly sequence: number;
}

interface PathIds {
  readonly path: PathId;
  /** Given and not retired, by sequence number. */
  given: Given[];
  retirePriorTo: number;
  /** The largest sequence number seen, -1: none. */
  largest: number;
  /** Sequence numbers that were given and retired. */
  readonly retired: RangeSet;
  /** Retirements that the peer has not acknowledged, by sequence number. */
  readonly retiring: Map<number, Retirement>;
  /** The id that was taken into use last. */
  last: Uint8Array | undefined;
}

/** Keeps the ids to send with, and gives them back. */
export class CidPool implements FrameOwner {
  /** Takes in what the peer gives. */
  readonly receives: readonly FrameKind[] = ["new_connection_id"];
  readonly #options: CidPoolOptions;
  readonly #paths = new Map<PathId, PathIds>();
  readonly #abandoned = new RangeSet();
  readonly #queue: QueueOf<Retirement, RetireConnectionIdFrame>;
  #isZeroLength = false;
  #revision = 0;
  #farewellPath: PathId = -1;
  #farewellId: Uint8Array | undefined;

  /** Has no id before {@linkcode start}. */
  constructor(options: CidPoolOptions) {
    this.#options = options;
    this.#queue = new QueueOf(
      ({ path, sequence }: Retirement) => ({
        kind: "retire_connection_id",
        path: path !== 0 || options.multipath() ? path : undefined,
        sequence,
      }),
      { onDelivered: ({ path, sequence }) => this.#paths.get(path)?.retiring.delete(sequence) },
    );
  }

  /** Another number whenever an id came or went. */
  get revision(): number {
    return this.#revision;
  }

  /** Whether packets can go on a route: it has an id, or there is an unused one that it can take. */
  hasIdFor(path: PathId, route: number): boolean {
    return this.current(path, route) !== undefined || this.hasUnused(path);
  }

  /** Whether the peer uses empty ids: there is one path, and every route has the empty id. */
  get isZeroLength(): boolean {
    return this.#isZeroLength;
  }

  /**
   * The peer's first id, sequence number 0 of path 0: at a server the client's source id, at a client the random
   * destination id of its first packet.
   */
  start(id: Uint8Array): void {
    if (this.#paths.has(0)) throw new Error("Connection ids have been started, expected once");
    this.#add(this.#pathOf(0), 0, id.slice(), undefined);
    this.#isZeroLength = id.length === 0;
  }

  /** Client: the server has chosen its id, in a Retry or in its first packet. */
  replaceHandshakeId(id: Uint8Array): void {
    const first = this.#first();
    if (first === undefined) return;
    const ids = this.#pathOf(0);
    const isLast = ids.last === first.id;
    first.id = id.slice();
    if (isLast) ids.last = first.id;
    this.#isZeroLength = id.length === 0;
  }

  /** Client: the server's `stateless_reset_token`, which goes with sequence number 0. */
  setHandshakeToken(token: Uint8Array): void {
    const first = this.#first();
    if (first !== undefined) first.resetToken = token.slice();
  }

  /** Client: the id of the server's `preferred_address`, sequence number 1 of path 0. */
  addPreferred(id: Uint8Array, token: Uint8Array): void {
    const ids = this.#pathOf(0);
    if (ids.largest > 0) throw new Error("Connection ids have been received, expected the preferred one first");
    this.#add(ids, 1, id.slice(), token.slice());
  }

  /**
   * The id for packets on a route, which keeps it; a route without one takes an unused one. `undefined`: there is none,
   * and nothing can be sent on the route (PATH_CIDS_BLOCKED).
   */
  idFor(path: PathId, route: number): Uint8Array | undefined {
    const ids = this.#paths.get(path);
    if (ids === undefined) return undefined;
    if (this.#isZeroLength) return EMPTY;
    const bound = boundTo(ids, route) ?? firstUnused(ids);
    if (bound === undefined) return undefined;
    if (bound.routes.length === 0) {
      bound.routes.push(route);
      ids.last = bound.id;
    }
    return bound.id;
  }

  /** The id that a route has; `undefined`: none yet. */
  current(path: PathId, route: number): Uint8Array | undefined {
    const ids = this.#paths.get(path);
    if (ids === undefined) return undefined;
    return this.#isZeroLength ? EMPTY : boundTo(ids, route)?.id;
  }

  /**
   * The peer's address changed while it went on with the same id of ours (NAT rebinding): the new route shares the id of
   * the old one, which RFC 9000 §9.5 permits in this case alone. When the peer changed its id too, the route must take
   * one of its own ({@linkcode idFor}). `false` when the old route has none or the new one has its own.
   */
  share(path: PathId, from: number, to: number): boolean {
    const ids = this.#paths.get(path);
    if (ids === undefined) return false;
    if (this.#isZeroLength) return true;
    const bound = boundTo(ids, from);
    if (bound === undefined) return false;
    const own = boundTo(ids, to);
    if (own !== undefined) return own === bound;
    bound.routes.push(to);
    return true;
  }

  /** Gives the route an unused id and retires the one that it had; `false`, and nothing changes, when there is none. */
  rotate(path: PathId, route: number): boolean {
    const ids = this.#paths.get(path);
    if (ids === undefined || this.#isZeroLength) return false;
    const unused = firstUnused(ids);
    if (unused === undefined) return false;
    this.releaseRoute(path, route);
    unused.routes.push(route);
    ids.last = unused.id;
    return true;
  }

  /** The route is over: its id is retired, unless another route shares it. */
  releaseRoute(path: PathId, route: number): void {
    const ids = this.#paths.get(path);
    if (ids === undefined || this.#isZeroLength) return;
    const bound = boundTo(ids, route);
    if (bound === undefined) return;
    bound.routes.splice(bound.routes.indexOf(route), 1);
    if (bound.routes.length === 0) this.#retire(ids, bound);
  }

  /** Whether the path has an id that no route uses. */
  hasUnused(path: PathId): boolean {
    const ids = this.#paths.get(path);
    return ids !== undefined && !this.#isZeroLength && firstUnused(ids) !== undefined;
  }

  /** Ids of the path that are not retired. */
  count(path: PathId): number {
    return this.#paths.get(path)?.given.length ?? 0;
  }

  /** The sequence number that the peer's next id of the path should have, for PATH_CIDS_BLOCKED. */
  nextSequence(path: PathId): number {
    return (this.#paths.get(path)?.largest ?? -1) + 1;
  }

  /**
   * Whether these 16 bytes reset the connection: they are the token of an id that is in use, and not retired (RFC 9000
   * §10.3.1). The time it takes does not depend on how much of a token is right.
   */
  isResetToken(token: Uint8Array): boolean {
    let found = 0;
    for (const ids of this.#paths.values()) {
      for (const { resetToken, routes } of ids.given) {
        if (resetToken === undefined || routes.length === 0 || resetToken.length !== token.length) continue;
        let difference = 0;
        for (let i = 0; i < resetToken.length; i++) difference |= resetToken[i]! ^ token[i]!;
        if (difference === 0) found++;
      }
    }
    return found > 0;
  }

  /** The path is abandoned: all its ids are retired without a word (RFC 10069 §3.4), later ones are ignored. */
  abandon(path: PathId): void {
    if (this.#abandoned.has(path)) return;
    this.#abandoned.addOne(path);
    const ids = this.#paths.get(path);
    if (ids === undefined) return;
    for (const retirement of ids.retiring.values()) this.#queue.cancel(retirement);
    this.#paths.delete(path);
    this.#farewellPath = path;
    this.#farewellId = ids.last;
  }

  /**
   * The id used last on the path, also when it is the path abandoned last: CONNECTION_CLOSE goes with it when no other path
   * is left.
   */
  lastId(path: PathId): Uint8Array | undefined {
    if (path === this.#farewellPath) return this.#farewellId;
    return this.#paths.get(path)?.last;
  }

  /** Frames in flight on the path may be written again elsewhere (RFC 10069 §5.7). */
  offerAgain(path: PathId): void {
    this.#queue.offerAgain(path);
  }

  /**
   * The peer gives an id; throws TransportError, CONNECTION_ID_LIMIT_ERROR when there are too many, else
   * PROTOCOL_VIOLATION (RFC 9000 §19.15, RFC 10069 §4.4).
   */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    if (frame.kind === "new_connection_id") this.#onNew(frame);
  }

  /** Whether an id is to be given back. */
  hasFrames(target: PacketTarget): boolean {
    return this.#queue.hasFrames(target);
  }

  /** Gives ids back, as long as the frames fit. */
  writeFrames(packet: PacketWriter): void {
    this.#queue.writeFrames(packet);
  }

  /** Writes a retirement in flight once more. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    return this.#queue.writeAgain(record, packet);
  }

  /** The peer knows of the retirement. */
  onAcked(record: FrameRecord, now: number): void {
    this.#queue.onAcked(record, now);
  }

  /** The retirement is sent again, unless its path is abandoned. */
  onLost(record: FrameRecord, now: number): void {
    this.#queue.onLost(record, now);
  }

  #onNew(frame: NewConnectionIdFrame): void {
    const path = frame.path ?? 0;
    if (this.#isZeroLength) throw refusal(frame, "Ids are empty, expected no new ones");
    const max = this.#options.maxPath();
    if (path > max) throw refusal(frame, `Path id is ${path}, must not be above ${max}`);
    if (frame.sequence >= VARINT_SATURATED) throw refusal(frame, "Sequence number is too large, expected steps of 1");
    if (this.#abandoned.has(path)) return;
    const known = this.#checkRepeated(frame, path);
    const ids = this.#pathOf(path);
    if (frame.retirePriorTo > ids.retirePriorTo) {
      ids.retirePriorTo = frame.retirePriorTo;
      for (const given of [...ids.given]) if (given.sequence < frame.retirePriorTo) this.#retire(ids, given);
    }
    if (!known && !ids.retired.has(frame.sequence)) {
      const given = this.#add(ids, frame.sequence, frame.connectionId.slice(), frame.resetToken.slice());
      if (frame.sequence < ids.retirePriorTo) this.#retire(ids, given);
    }
    this.#checkLimits(frame, ids);
  }

  /** Whether the frame repeats one whose id is not retired; an id may have one path, sequence number and token only. */
  #checkRepeated(frame: NewConnectionIdFrame, path: PathId): boolean {
    let known = false;
    for (const ids of this.#paths.values()) {
      for (const given of ids.given) {
        const isSameId = sameId(given.id, frame.connectionId);
        const isSameNumber = ids.path === path && given.sequence === frame.sequence;
        if (isSameId !== isSameNumber) {
          throw refusal(frame, isSameId ? "Id was given before with another number" : "Number was given to another id");
        }
        if (!isSameId) continue;
        // The id of the handshake need not have come with a token.
        if (given.resetToken !== undefined && !sameId(given.resetToken, frame.resetToken)) {
          throw refusal(frame, "Id was given before with another reset token");
        }
        known = true;
      }
    }
    return known;
  }

  #checkLimits(frame: NewConnectionIdFrame, ids: PathIds): void {
    const { activeLimit } = this.#options;
    const code = TransportErrorCode.CONNECTION_ID_LIMIT_ERROR;
    if (ids.given.length > activeLimit) {
      const reason = `Path ${ids.path} has ${ids.given.length} active ids, must have at most ${activeLimit}`;
      throw new TransportError(code, reason, newConnectionIdType(frame));
    }
    if (ids.retiring.size > RETIREMENTS_PER_ACTIVE_ID * activeLimit) {
      const reason = `Path ${ids.path} has ${ids.retiring.size} unacknowledged retirements, expected fewer`;
      throw new TransportError(code, reason, newConnectionIdType(frame));
    }
  }

  #add(ids: PathIds, sequence: number, id: Uint8Array, resetToken: Uint8Array | undefined): Given {
    this.#revision++;
    const given: Given = { sequence, id, resetToken, routes: [] };
    let at = ids.given.length;
    while (at > 0 && ids.given[at - 1]!.sequence > sequence) at--;
    ids.given.splice(at, 0, given);
    if (sequence > ids.largest) ids.largest = sequence;
    return given;
  }

  #retire(ids: PathIds, given: Given): void {
    this.#revision++;
    ids.given.splice(ids.given.indexOf(given), 1);
    ids.retired.addOne(given.sequence);
    const retirement: Retirement = { path: ids.path, sequence: given.sequence };
    ids.retiring.set(given.sequence, retirement);
    this.#queue.want(retirement);
  }

  #first(): Given | undefined {
    const given = this.#paths.get(0)?.given[0];
    return given?.sequence === 0 ? given : undefined;
  }

  #pathOf(path: PathId): PathIds {
    let ids = this.#paths.get(path);
    if (ids === undefined) {
      const retired = new RangeSet(MAX_RETIRED_RANGES);
      ids = { path, given: [], retirePriorTo: 0, largest: -1, retired, retiring: new Map(), last: undefined };
      this.#paths.set(path, ids);
    }
    return ids;
  }
}

function boundTo(ids: PathIds, route: number): Given | undefined {
  for (const given of ids.given) if (given.routes.includes(route)) return given;
  return undefined;
}

function firstUnused(ids: PathIds): Given | undefined {
  for (const given of ids.given) if (given.routes.length === 0) return given;
  return undefined;
}

function refusal(frame: NewConnectionIdFrame, reason: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason, newConnectionIdType(frame));
}
