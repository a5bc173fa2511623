/**
 * How many streams of each kind either end has opened and may open (RFC 9000 §4.6). The ids of a kind are used in order
 * and each opens all lower ones (§3.2), so a count says which streams ever were; one that was and is no longer in the
 * tables is closed. That is all the memory that closed streams take.
 *
 * @module
 */
import type { MaxStreamsFrame, StreamsBlockedFrame } from "../wire/frames/types.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { Latest } from "../base/latest.ts";
import { otherRole, type Role } from "../base/role.ts";
import { type Control, STREAM_LEVELS } from "./control.ts";
import { indexOf, initiatorOf, isUnidirectional, streamId, type StreamKind } from "./stream_id.ts";

/** The limits that an end announces in its transport parameters (RFC 9000 §18.2); `TransportParameters` has them. */
export interface StreamLimits {
  /** Bytes on all streams together. */
  readonly initialMaxData: number;
  /** Bytes on a bidirectional stream that the announcing end opens. */
  readonly initialMaxStreamDataBidiLocal: number;
  /** Bytes on a bidirectional stream that the other end opens. */
  readonly initialMaxStreamDataBidiRemote: number;
  /** Bytes on a unidirectional stream that the other end opens. */
  readonly initialMaxStreamDataUni: number;
  /** Bidirectional streams that the other end may open. */
  readonly initialMaxStreamsBidi: number;
  /** Unidirectional streams that the other end may open. */
  readonly initialMaxStreamsUni: number;
}

/** Streams of one kind that this end opens. */
class OwnStreams {
  opened = 0;
  /** How many the peer allows. */
  limit = 0;
  /** The application could not open one and has not been told of a higher limit. */
  isWaiting = false;
  /** The limit at which STREAMS_BLOCKED was last asked for. */
  blockedAt = -1;
  readonly blocked: Latest<StreamsBlockedFrame>;

  constructor(bidirectional: boolean) {
    this.blocked = new Latest<StreamsBlockedFrame>(
      () => this.isWaiting ? { kind: "streams_blocked", bidirectional, limit: this.limit } : undefined,
      { levels: STREAM_LEVELS },
    );
  }
}

/** Streams of one kind that the peer opens. */
class PeerStreams {
  opened = 0;
  closed = 0;
  announced: number;
  readonly #initial: number;
  readonly maxStreams: Latest<MaxStreamsFrame>;

  constructor(bidirectional: boolean, initial: number) {
    this.announced = initial;
    this.#initial = initial;
    this.maxStreams = new Latest<MaxStreamsFrame>(() => {
      this.announced = Math.max(this.announced, initial + this.closed);
      return { kind: "max_streams", bidirectional, limit: this.announced };
    }, { levels: STREAM_LEVELS });
  }

  /** Announces a higher limit once half of what was granted is used; `isUrgent`: as soon as there is any. */
  announce(isUrgent: boolean): void {
    if (this.#initial + this.closed <= this.announced || this.maxStreams.state === "wanted") return;
    if (isUrgent || (this.announced - this.opened) * 2 <= this.#initial) this.maxStreams.want();
  }
}

/** Counts the streams of a connection, and delivers MAX_STREAMS and STREAMS_BLOCKED. */
export class StreamCounts {
  readonly #role: Role;
  readonly #own: Readonly<Record<StreamKind, OwnStreams>>;
  readonly #peer: Readonly<Record<StreamKind, PeerStreams>>;
  /** Who deliver the control frames. */
  readonly controls: readonly Control[];

  /**
   * Nothing opened; the peer allows nothing yet.
   *
   * @param limits Ours.
   */
  constructor(role: Role, limits: StreamLimits) {
    this.#role = role;
    this.#own = { bidirectional: new OwnStreams(true), unidirectional: new OwnStreams(false) };
    this.#peer = {
      bidirectional: new PeerStreams(true, limits.initialMaxStreamsBidi),
      unidirectional: new PeerStreams(false, limits.initialMaxStreamsUni),
    };
    this.controls = [
      this.#peer.bidirectional.maxStreams,
      this.#peer.unidirectional.maxStreams,
      this.#own.bidirectional.blocked,
      this.#own.unidirectional.blocked,
    ];
  }

  /** Whether this end opens streams of this id. */
  isOwn(id: number): boolean {
    return initiatorOf(id) === this.#role;
  }

  /** Whether the stream is open or was. */
  wasOpened(id: number): boolean {
    const own = this.isOwn(id);
    const index = indexOf(id);
    if (isUnidirectional(id)) return index < (own ? this.#own : this.#peer).unidirectional.opened;
    return index < (own ? this.#own : this.#peer).bidirectional.opened;
  }

  /** Whether the peer's limit lets a stream of ours be used; without 0-RTT every open one may. */
  maySend(id: number): boolean {
    if (!this.isOwn(id)) return true;
    return indexOf(id) < (isUnidirectional(id) ? this.#own.unidirectional : this.#own.bidirectional).limit;
  }

  /** Whether streams of ours are open that the peer does not allow (0-RTT rejected). */
  holdsBack(kind: StreamKind): boolean {
    return this.#own[kind].opened > this.#own[kind].limit;
  }

  /** Opens the next stream of a kind: its id, or `undefined` while the peer's limit is reached. */
  open(kind: StreamKind): number | undefined {
    const own = this.#own[kind];
    if (own.opened < own.limit) return streamId(kind, this.#role, own.opened++);
    own.isWaiting = true;
    if (own.blockedAt !== own.limit) {
      own.blockedAt = own.limit;
      own.blocked.want();
    }
    return undefined;
  }

  /** Learns how many streams the peer allows; whether the application waited for that. */
  raise(kind: StreamKind, limit: number): boolean {
    const own = this.#own[kind];
    if (limit <= own.limit) return false;
    own.limit = limit;
    if (!own.isWaiting || own.opened >= limit) return false;
    own.isWaiting = false;
    return true;
  }

  /** The peer begins anew, with these limits (0-RTT rejected). */
  restart(limits: StreamLimits): void {
    this.#own.bidirectional.limit = limits.initialMaxStreamsBidi;
    this.#own.unidirectional.limit = limits.initialMaxStreamsUni;
  }

  /**
   * The peer uses a stream of its own. Streams that are new with that: their ids are from the returned one, in steps of
   * 4, up to `id`; `undefined` when it is not new.
   *
   * @throws {TransportError} STREAM_LIMIT_ERROR when it may not open that many.
   */
  accept(id: number, frameType: number): number | undefined {
    const kind = isUnidirectional(id) ? "unidirectional" : "bidirectional";
    const peer = this.#peer[kind];
    const index = indexOf(id);
    if (index < peer.opened) return undefined;
    if (index >= peer.announced) {
      const reason = `Stream ${id} is beyond the limit, expected at most ${peer.announced} ${kind} streams`;
      throw new TransportError(TransportErrorCode.STREAM_LIMIT_ERROR, reason, frameType);
    }
    const first = streamId(kind, otherRole(this.#role), peer.opened);
    peer.opened = index + 1;
    peer.announce(false);
    return first;
  }

  /** A stream has closed; if it was the peer's, it may open one more. */
  onClosed(id: number): void {
    if (this.isOwn(id)) return;
    const peer = isUnidirectional(id) ? this.#peer.unidirectional : this.#peer.bidirectional;
    peer.closed++;
    peer.announce(false);
  }

  /** The peer would open more streams. */
  onStreamsBlocked(frame: StreamsBlockedFrame): void {
    (frame.bidirectional ? this.#peer.bidirectional : this.#peer.unidirectional).announce(true);
  }
}
