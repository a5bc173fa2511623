import type { KeyLevel, KeyRing } from "../../crypto/key_ring.ts";
import { type Datagram, sameAddress } from "../base/address.ts";
import { StatelessResetError, TransportError, TransportErrorCode } from "../base/errors.ts";
import type { PathId } from "../base/role.ts";
import type { Route } from "../paths/route.ts";
import type { ReceivedPacket } from "../base/frame_owner.ts";
import type { DropReason } from "../base/observer.ts";
import type { CidIssuer } from "../paths/cid_issuer.ts";
import type { CidPool } from "../paths/cid_pool.ts";
import { knownRoute, type Migration } from "../paths/migration.ts";
import type { Path } from "../paths/path.ts";
import type { PathManager } from "../paths/path_manager.ts";
import type { PathSet } from "../paths/path_set.ts";
import { hasFixedBit, type Header, parseHeader, reservedBits } from "../wire/header.ts";
import { expandNumber, type NumberLength } from "../wire/packet_number.ts";
import { WireError } from "../wire/reader.ts";
import { resetTokenOf } from "../wire/stateless_reset.ts";
import type { ClientAnswers } from "./client_answers.ts";
import type { Closer } from "./closer.ts";
import { MAX_BUFFERED_PACKETS, MIN_DATAGRAM_SIZE } from "./config.ts";
import type { Context } from "./context.ts";
import type { FrameRouter } from "./frame_router.ts";
import type { Handshake } from "./handshake.ts";
import type { Idle } from "./idle.ts";
import { faultOf, type KeyUpdates } from "./key_updates.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { sameBytes } from "./parameters.ts";
import type { Space, Spaces } from "./spaces.ts";

/** What the receiver works with. */
export interface ReceiverParts {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly closer: Closer;
  readonly idle: Idle;
  readonly handshake: Handshake;
  readonly keys: KeyRing;
  readonly keyUpdates: KeyUpdates;
  readonly spaces: Spaces;
  readonly paths: PathSet;
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly router: FrameRouter;
  readonly migration: Migration;
  readonly manager: PathManager;
  readonly answers: ClientAnswers;
  /** The destination id of the client's first Initial, under which a server is addressed at first. */
  readonly originalDestination: Uint8Array;
  readonly idLength: number;
  /** What a packet brought is in place: ends of validations, connection ids for paths. */
  readonly settle: (now: number) => void;
}

/** Takes datagrams apart: packets, keys, numbers, duplicates, frames. Every packet that is dropped says why. */
export class Receiver {
  readonly #parts: ReceiverParts;
  #buffered: Datagram[] = [];
  bytesReceived = 0;
  packetsReceived = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Takes in one datagram; its bytes are decrypted in place. */
  receive(datagram: Datagram, now: number): void {
    const { lifecycle, closer, paths } = this.#parts;
    this.bytesReceived += datagram.data.length;
    if (lifecycle.state === "closing") closer.onArrival();
    if (!lifecycle.isOpen) {
      this.#drop("connection_closed", datagram, now);
      return;
    }
    this.#credited = undefined;
    const path = paths.get(this.#pathOf(datagram.data));
    const route = path === undefined ? undefined : knownRoute(path, datagram.local, datagram.remote);
    if (route !== undefined) this.#credit(route, datagram);
    this.#guarded(datagram, now);
    this.#takeBuffered(now);
  }

  /** The path of a datagram's first packet: that of its destination id, 0 in the handshake. */
  #pathOf(data: Uint8Array): PathId {
    if (data.length === 0 || (data[0]! & 0x80) !== 0) return 0;
    const { issuer, idLength } = this.#parts;
    return issuer.pathOf(data.subarray(1, 1 + idLength)) ?? 0;
  }

  /** The route on which the datagram counts as received. */
  #credited: Route | undefined;

  /** A datagram came from there: once, whatever is in it. */
  #credit(route: Route, datagram: Datagram): void {
    if (this.#credited !== undefined) return;
    this.#credited = route;
    route.amplification.received(datagram.data.length);
    route.bytesReceived += datagram.data.length;
  }

  #guarded(datagram: Datagram, now: number): void {
    try {
      this.#packets(datagram, now);
    } catch (error) {
      this.#parts.closer.close(faultOf(error), now);
    }
  }

  /** Packets whose keys came with this datagram. */
  #takeBuffered(now: number): void {
    const { keys, lifecycle } = this.#parts;
    for (let i = 0; i < this.#buffered.length && lifecycle.isOpen; i++) {
      const datagram = this.#buffered[i]!;
      const level: KeyLevel = (datagram.data[0]! & 0x80) !== 0 ? "handshake" : "application";
      if (!keys.has(level, "read")) continue;
      this.#buffered.splice(i--, 1);
      this.#guarded(datagram, now);
    }
    if (lifecycle.isConfirmed && this.#buffered.length > 0) this.#buffered = [];
  }

  #packets(datagram: Datagram, now: number): void {
    const { data } = datagram;
    const { idLength, lifecycle } = this.#parts;
    let first: Uint8Array | undefined;
    for (let at = 0; at < data.length && lifecycle.isOpen;) {
      let header: Header;
      try {
        header = parseHeader(data, at, data.length, idLength);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        if (at === 0 && this.#isReset(datagram, now)) return;
        this.#drop("header_parse_error", datagram, now, undefined, error.message);
        return;
      }
      at = header.end;
      if (first === undefined) first = header.destinationId;
      else if (!sameBytes(first, header.destinationId)) {
        // RFC 9000 §12.2: what is coalesced is for one connection, so another id is somebody's mistake.
        this.#drop("unknown_connection_id", datagram, now, header, "differs from the first packet's");
        continue;
      }
      this.#packet(header, datagram, now);
    }
  }

  #packet(header: Header, datagram: Datagram, now: number): void {
    const { answers, context } = this.#parts;
    switch (header.type) {
      case "version_negotiation":
      case "retry":
        if (context.role === "server") this.#drop("unexpected_packet", datagram, now, header);
        else answers.receive(header, datagram, this.packetsReceived > 0, now);
        return;
      case "unknown_version":
        this.#drop("unsupported_version", datagram, now, header);
        return;
      case "zero_rtt":
        this.#drop("key_unavailable", datagram, now, header, "0-RTT is not offered");
        return;
      case "one_rtt":
        this.#shortPacket(header, datagram, now);
        return;
      default:
        this.#longPacket(header, header.type, datagram, now);
    }
  }

  #longPacket(header: Header, level: "initial" | "handshake", datagram: Datagram, now: number): void {
    const { context, paths, handshake, spaces, issuer } = this.#parts;
    const path = paths.get(0);
    if (path === undefined || spaces.get(level, 0) === undefined) {
      this.#drop("key_unavailable", datagram, now, header, "discarded");
      return;
    }
    const reason = this.#refusal(header, level, datagram, path);
    if (reason !== undefined) {
      this.#drop(reason, datagram, now, header);
      return;
    }
    const space = spaces.get(level, 0)!;
    const end = this.#open(header, level, space, 0, datagram, now);
    if (end < 0) return;
    handshake.onPeerSource(header.sourceId);
    // The peer's address may change before any of its 1-RTT packets arrives.
    if (issuer.pathOf(header.destinationId) === 0) noteId(path.route, header.destinationId);
    if (level === "handshake" && context.role === "server") path.route.amplification.validate();
    this.#process(header, level, space, path, end, datagram, now);
    if (level === "handshake") handshake.onHandshakeReceived(now);
  }

  /** Why a long-header packet is not for us, if it is not. */
  #refusal(header: Header, level: "initial" | "handshake", datagram: Datagram, path: Path): DropReason | undefined {
    const { context, handshake, issuer, originalDestination } = this.#parts;
    const { role } = context;
    const id = header.destinationId;
    if (level === "initial") {
      if (role === "server" && datagram.data.length < MIN_DATAGRAM_SIZE) return "initial_too_small";
      if (role === "client" && header.token.length > 0) return "unexpected_packet";
    }
    const known = issuer.pathOf(id) === 0 || (role === "server" && sameBytes(id, originalDestination));
    if (!known) return "unknown_connection_id";
    const peer = handshake.peerSource;
    // RFC 9000 §7.2: once the peer has chosen its id, packets with another are discarded.
    if (peer !== undefined && !sameBytes(peer, header.sourceId)) return "unknown_connection_id";
    if (!sameAddress(datagram.remote, path.route.remote)) {
      return role === "client" ? "unknown_server_address" : "unexpected_packet";
    }
    return this.#lacksFixedBit(header) ? "fixed_bit" : undefined;
  }

  /** RFC 9287 §3: who offers grease_quic_bit takes packets of any type without the bit. */
  #lacksFixedBit(header: Header): boolean {
    return !hasFixedBit(header) && !this.#parts.context.config.grease;
  }

  #shortPacket(header: Header, datagram: Datagram, now: number): void {
    const { context, issuer, paths, spaces, manager } = this.#parts;
    const id = issuer.pathOf(header.destinationId);
    const known = id === undefined ? undefined : paths.get(id);
    if (id === undefined || (known === undefined && !manager.mayAdmit(id))) {
      if (this.#isReset(datagram, now)) return;
      this.#drop(id === undefined ? "unknown_connection_id" : "path_abandoned", datagram, now, header);
      return;
    }
    if (this.#lacksFixedBit(header)) {
      this.#drop("fixed_bit", datagram, now, header);
      return;
    }
    if (context.role === "client" && !this.#isServerAddress(datagram)) {
      this.#drop("unknown_server_address", datagram, now, header);
      return;
    }
    spaces.add(id);
    const space = spaces.get("application", id)!;
    // The path's own: where paths share a space, another's may be higher.
    const largest = spaces.acksOf("application", id)!.largest;
    const end = this.#open(header, "application", space, spaces.layout.noncePathOf(id), datagram, now);
    if (end < 0) {
      // Nothing is kept for a path that only somebody without keys has spoken of.
      if (known === undefined) spaces.remove(id);
      return;
    }
    const path = known ?? manager.admit(id, datagram.local, datagram.remote, now);
    if (known === undefined) this.#credit(path.route, datagram);
    this.#onPath(path, header, space, largest, end, datagram, now);
  }

  /** A 1-RTT packet was opened: its frames, and whether the path moves with it. */
  #onPath(
    path: Path,
    header: Header,
    space: Space,
    largest: number,
    end: number,
    datagram: Datagram,
    now: number,
  ): void {
    const { context, migration, lifecycle, manager } = this.#parts;
    let route = path.route;
    const mayMove = lifecycle.isConfirmed && context.role === "server" && path.state !== "closing";
    if (mayMove && !route.is(datagram.local, datagram.remote)) {
      const sameId = isIdInUse(path.route, header.destinationId);
      route = migration.routeOf(path, datagram.local, datagram.remote, sameId, now);
      this.#credit(route, datagram);
    }
    const number = this.#number;
    const probing = this.#process(header, "application", space, path, end, datagram, now);
    if (number <= largest || !lifecycle.isOpen) return;
    if (!probing && route !== path.route && mayMove && manager.mayMove(path, route)) {
      migration.migrate(path, route, now);
      manager.migrated(path, now);
    }
    noteId(route, header.destinationId);
  }

  /** A client takes packets only from where it sends to (RFC 9000 §9). */
  #isServerAddress(datagram: Datagram): boolean {
    for (const route of this.#parts.paths.routes()) if (sameAddress(route.remote, datagram.remote)) return true;
    return false;
  }

  /** The number of the packet last opened. */
  #number = -1;
  #numberLength: NumberLength = 1;

  /** Removes protection; returns where the plaintext ends, or -1 with the reason traced. */
  #open(
    header: Header,
    level: "initial" | "handshake" | "application",
    space: Space,
    noncePath: number,
    datagram: Datagram,
    now: number,
  ): number {
    const { keys, keyUpdates } = this.#parts;
    const { data } = datagram;
    if (!keys.has(level, "read")) {
      this.#buffer(header, level, datagram, now);
      return -1;
    }
    const length = keys.unprotect(level, data, header.headerStart, header.numberAt, header.end);
    if (length < 0) {
      if (!this.#isReset(datagram, now)) this.#drop("invalid_length", datagram, now, header);
      return -1;
    }
    this.#numberLength = length as NumberLength;
    const number = this.#number = expandNumber(keys.truncatedNumber, this.#numberLength, space.received.largest);
    const payloadStart = header.numberAt + length;
    const end = keys.open(level, data, header.headerStart, payloadStart, header.end, noncePath, number, keys.keyPhase);
    if (end < 0) {
      if (!this.#isReset(datagram, now)) this.#drop("decryption_failure", datagram, now, header);
      return -1;
    }
    if (keys.outcome === "key_update") keyUpdates.onPeerUpdate(now);
    if (space.received.has(number)) {
      this.#drop("duplicate", datagram, now, header);
      return -1;
    }
    if (reservedBits(keys.firstByte) !== 0) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, "Reserved header bits are set, expected zeros");
    }
    return end;
  }

  /** Routes the frames; returns whether they only probe. */
  #process(
    header: Header,
    level: "initial" | "handshake" | "application",
    space: Space,
    path: Path,
    end: number,
    datagram: Datagram,
    now: number,
  ): boolean {
    const { context, router, idle, handshake, spaces } = this.#parts;
    const { local, remote, ecn, data } = datagram;
    const number = this.#number;
    const packet: ReceivedPacket = {
      level,
      path: path.id,
      number,
      local,
      remote,
      ecn,
      datagramSize: data.length,
      destinationId: header.destinationId,
      now,
    };
    this.packetsReceived += 1;
    path.lastReceivedAt = now;
    idle.onReceived(now);
    const summary = router.route(data, header.numberAt + this.#numberLength, end, packet);
    const { probing } = summary;
    path.streamBytesReceived += summary.streamBytes;
    if (summary.data) path.lastDataAt = now;
    context.observer?.on("quic:packet_received", {
      header: { type: header.type as "initial", number, path: path.id },
      size: header.end - header.headerStart,
      frames: summary.frames,
      local,
      remote,
      ecn,
    }, now);
    const acks = spaces.acksOf(level, path.id);
    if (acks !== undefined && summary.ackEliciting) {
      acks.ackAtOnce = (this.#credited ?? path.route).flightEnd.isReached(data.length, now);
    }
    space.onReceived(number, summary.ackEliciting, ecn, now, acks);
    if (summary.crypto) handshake.advance(now);
    this.#parts.settle(now);
    return probing;
  }

  /** Keeps a packet until its keys are there. */
  #buffer(header: Header, level: KeyLevel, datagram: Datagram, now: number): void {
    const { lifecycle, context } = this.#parts;
    if (lifecycle.isConfirmed || level === "initial" || this.#buffered.length >= MAX_BUFFERED_PACKETS) {
      this.#drop("key_unavailable", datagram, now, header);
      return;
    }
    const data = datagram.data.slice(header.headerStart, header.end);
    this.#buffered.push({ ...datagram, data });
    context.observer?.on("quic:packet_buffered", { type: header.type as "handshake", size: data.length }, now);
  }

  /** Whether the datagram ends in the token of a stateless reset for this connection. */
  isReset(datagram: Datagram): boolean {
    const token = resetTokenOf(datagram.data);
    return token !== undefined && this.#parts.pool.isResetToken(token);
  }

  /** Whether the datagram is a stateless reset (RFC 9000 §10.3.1); then the connection is over. */
  #isReset(datagram: Datagram, now: number): boolean {
    const { lifecycle, keyUpdates } = this.#parts;
    if (!this.isReset(datagram)) return false;
    lifecycle.drain(new StatelessResetError(), keyUpdates.closingPeriod, now);
    return true;
  }

  #drop(reason: DropReason, datagram: Datagram, now: number, header?: Header, detail?: string): void {
    const { observer } = this.#parts.context;
    if (observer === undefined) return;
    const type = header === undefined || header.type === "unknown_version" ? undefined : header.type;
    const size = header === undefined ? datagram.data.length : header.end - header.headerStart;
    observer.on("quic:packet_dropped", { reason, size, type, detail, remote: datagram.remote }, now);
  }
}

/** Whether the peer goes on with the id that it used over the route: then it may not know that its address changed. */
function isIdInUse({ lastDestinationId }: Route, id: Uint8Array): boolean {
  return lastDestinationId !== undefined && sameBytes(lastDestinationId, id);
}

function noteId(route: Route, id: Uint8Array): void {
  if (!isIdInUse(route, id)) route.lastDestinationId = id.slice();
}
