import type { KeyRing } from "../../crypto/key_ring.ts";
import type { Ecn, Transmit } from "../base/address.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import { LEAST_ROOM } from "../paths/amplification.ts";
import type { CidPool } from "../paths/cid_pool.ts";
import { MTU_BASE } from "../paths/mtu.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Validator } from "../paths/validator.ts";
import type { AckOwner } from "./ack_owner.ts";
import type { Choice, Chooser } from "./chooser.ts";
import type { Closer } from "./closer.ts";
import { MIN_DATAGRAM_SIZE } from "./config.ts";
import type { Context } from "./context.ts";
import { closePaths } from "./farewell.ts";
import type { Handshake } from "./handshake.ts";
import type { Idle } from "./idle.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Opportunities, Opportunity } from "./opportunities.ts";
import { PacketDraft, TAG_LENGTH } from "./packet_draft.ts";
import type { Space, Spaces } from "./spaces.ts";

/** Datagrams in one {@linkcode Transmit} at most. */
const MAX_TRAIN = 16;
/** A packet that could hold less than this, its header and tag included, is not begun: see `LEAST_ROOM`. */
const LEAST_USEFUL = LEAST_ROOM;
/** A train is cut where the next datagram may have another size. */
const TRAINABLE: ReadonlySet<Opportunity["kind"]> = new Set(["data", "control"]);
/** Copies that wait for a packet at most: those of a train for each of a few paths. */
const MAX_COPIES = 64;
const HANDSHAKE_LEVELS = ["initial", "handshake"] as const;

/** What the transmitter works with. */
export interface TransmitterParts {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly closer: Closer;
  readonly idle: Idle;
  readonly handshake: Handshake;
  readonly keys: KeyRing;
  readonly spaces: Spaces;
  readonly paths: PathSet;
  readonly pool: CidPool;
  readonly validator: Validator;
  readonly chooser: Chooser;
  readonly acks: AckOwner;
  readonly opportunities: Opportunities;
  /** All that write into packets by themselves, in order; ACKs go before them. */
  readonly owners: readonly FrameOwner[];
}

/** Builds datagrams: packets of several levels coalesced, padded, sealed; and remembers what was in them. */
export class Transmitter {
  readonly #parts: TransmitterParts;
  readonly #drafts = [new PacketDraft(), new PacketDraft(), new PacketDraft()];
  #filled: PacketDraft[] = [];
  /** An opportunity of another route that ended a train. */
  #held: Opportunity | undefined;
  /** Paths on which CONNECTION_CLOSE is still to be sent this time. */
  #farewells: Path[] | undefined;
  /** Whether a route was found to be mute since the last change. */
  #hasMute = false;
  /** Packets of which a copy is to go on a path. */
  readonly #copies: { readonly path: PathId; readonly records: readonly FrameRecord[] }[] = [];
  /** Random bits, and how many of them are not used yet. */
  readonly #flips = new Uint8Array(32);
  #flipsLeft = 0;
  packetsSent = 0;
  bytesSent = 0;

  constructor(parts: TransmitterParts) {
    this.#parts = parts;
  }

  /** Something changed: what was held back is asked anew. */
  forget(): void {
    this.#held = undefined;
    if (!this.#hasMute) return;
    this.#hasMute = false;
    for (const route of this.#parts.paths.routes()) route.isMute = false;
  }

  /** Fills `buffer` with the next datagrams. */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    const { lifecycle, closer } = this.#parts;
    if (lifecycle.state === "closing") return closer.isPending ? this.#close(buffer, now) : undefined;
    if (!lifecycle.isOpen) return undefined;
    return this.#handshake(buffer, now) ?? this.#application(buffer, now);
  }

  /** A datagram of handshake packets, with 1-RTT data behind them where there is room. */
  #handshake(buffer: Uint8Array, now: number): Transmit | undefined {
    const { keys, paths } = this.#parts;
    if (!keys.has("initial", "write") && !keys.has("handshake", "write")) return undefined;
    const path = paths.get(0);
    if (path === undefined) return undefined;
    const { route } = path;
    const limit = Math.min(buffer.length, MIN_DATAGRAM_SIZE, route.allowance);
    if (limit < LEAST_USEFUL) return undefined;
    this.#filled = [];
    let at = 0;
    for (const level of HANDSHAKE_LEVELS) at = this.#handshakePacket(level, path, buffer, at, limit, now);
    if (this.#filled.length === 0) return undefined;
    this.#appendApplication(path, buffer, at, limit, now);
    const expand = this.#filled.some((d) => d.level === "initial" && (d.ackEliciting || this.#isClient));
    if (expand) this.#expand(0, limit);
    return this.#send(route, buffer, 0, path, now);
  }

  get #isClient(): boolean {
    return this.#parts.context.role === "client";
  }

  #handshakePacket(
    level: "initial" | "handshake",
    path: Path,
    buffer: Uint8Array,
    at: number,
    limit: number,
    now: number,
  ): number {
    const { keys, acks, owners } = this.#parts;
    if (!keys.has(level, "write") || limit - at < LEAST_USEFUL) return at;
    const { route } = path;
    const draft = this.#begin(level, path, route, buffer, at, limit, now);
    if (draft === undefined) return at;
    acks.writeFrames(draft);
    // RFC 9000 §14.1: a server's Initial that asks for an ACK goes in a datagram of 1200 bytes, or waits.
    const mayAsk = level !== "initial" || this.#isClient || limit >= MIN_DATAGRAM_SIZE;
    const probing = mayAsk && route.probes[LEVEL_INDEX[level]]! > 0;
    if (probing) this.#probe(draft, route);
    else if (mayAsk && route.hasWindow) draft.fill(owners);
    if (draft.isEmpty) return at;
    draft.finish();
    this.#filled.push(draft);
    return draft.end;
  }

  /** The client's first request may travel with its Finished. */
  #appendApplication(path: Path, buffer: Uint8Array, at: number, limit: number, now: number): void {
    const { keys, opportunities, lifecycle } = this.#parts;
    if (lifecycle.state !== "connected" || !keys.has("application", "write") || limit - at < LEAST_USEFUL) return;
    const next = opportunities.next(now);
    if (next === undefined || next.route !== path.route || !TRAINABLE.has(next.kind)) return;
    const draft = this.#begin("application", path, path.route, buffer, at, limit, now);
    if (draft === undefined) return;
    this.#parts.acks.writeFrames(draft);
    draft.fill(this.#parts.owners);
    this.#writeWork(next.choice, draft);
    if (draft.isEmpty) return;
    draft.finish();
    this.#filled.push(draft);
  }

  /** A train of 1-RTT datagrams for one route. */
  #application(buffer: Uint8Array, now: number): Transmit | undefined {
    const { keys, opportunities, lifecycle } = this.#parts;
    if (lifecycle.state !== "connected" || !keys.has("application", "write")) return undefined;
    const copy = this.#copy(buffer, now);
    if (copy !== undefined) return copy;
    for (;;) {
      const next = this.#takeHeld(now) ?? opportunities.next(now);
      if (next === undefined) return undefined;
      const { route } = next;
      const wasMute = route.isMute;
      const train = this.#train(next, buffer, now);
      // That there is no id to send with shows when a packet is begun; then it is the turn of another route.
      if (train !== undefined || wasMute || !route.isMute) return train;
    }
  }

  #train(first: Opportunity, buffer: Uint8Array, now: number): Transmit | undefined {
    const { opportunities } = this.#parts;
    let next: Opportunity | undefined = first;
    const { route, path } = next;
    let length = 0;
    let segment = 0;
    let sent: Transmit | undefined;
    for (let count = 0; count < MAX_TRAIN; count++) {
      const trainable = TRAINABLE.has(next.kind);
      const limit = segment === 0 ? this.#limitOf(next, buffer) : segment;
      if (route.allowance < limit) break;
      if (length + limit > buffer.length) {
        this.#held = next;
        break;
      }
      const one = this.#applicationDatagram(next, buffer, length, length + limit, now);
      if (one === undefined) break;
      if (segment === 0) segment = one.length;
      length += one.length;
      sent = one;
      if (!trainable || one.length < segment) break;
      next = opportunities.next(now);
      if (next === undefined) break;
      if (next.route !== route || next.path !== path || !TRAINABLE.has(next.kind)) {
        this.#held = next;
        break;
      }
    }
    if (sent === undefined) return undefined;
    return { local: sent.local, remote: sent.remote, length, segment, ecn: sent.ecn };
  }

  #limitOf(next: Opportunity, buffer: Uint8Array): number {
    const { route } = next;
    const size = next.kind === "mtu" ? next.size : next.kind === "pto" ? MTU_BASE : route.mtu.current;
    return Math.min(size, buffer.length, route.allowance);
  }

  #applicationDatagram(
    next: Opportunity,
    buffer: Uint8Array,
    start: number,
    limit: number,
    now: number,
  ): Transmit | undefined {
    const { acks, owners, validator } = this.#parts;
    const { path, route } = next;
    if (limit - start < LEAST_USEFUL) return undefined;
    const draft = this.#begin("application", path, route, buffer, start, limit, now);
    if (draft === undefined) return undefined;
    const expand = validator.needsExpansion(draft);
    switch (next.kind) {
      case "ack":
        acks.writeFrames(draft);
        // Beyond what the window lets go, an ACK must not ask for one.
        if (path.state === "usable" && route.room(now) > 0) draft.fill(owners);
        break;
      case "validate":
        // An ACK of many ranges would take all that an address may be sent before it is validated.
        validator.writeFrames(draft);
        if (route === path.route) acks.writeFrames(draft);
        break;
      case "pto":
        acks.writeFrames(draft);
        this.#probe(draft, route);
        break;
      case "mtu":
        draft.write({ kind: "ping" });
        draft.padTo(start + next.size);
        draft.probe = true;
        route.mtu.onSent(next.size);
        break;
      default:
        acks.writeFrames(draft);
        draft.fill(owners);
        this.#writeWork(next.choice, draft);
    }
    if (draft.isEmpty) return undefined;
    draft.finish();
    this.#filled = [draft];
    if (expand) this.#expand(start, Math.min(buffer.length, start + Math.min(MTU_BASE, route.allowance)));
    return this.#send(route, buffer, start, path, now);
  }

  /** The opportunity that was held back, unless what was sent since took its room. */
  #takeHeld(now: number): Opportunity | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held !== undefined && TRAINABLE.has(held.kind) && held.route.room(now) === 0 ? undefined : held;
  }

  #writeWork(choice: Choice | undefined, draft: PacketDraft): void {
    if (choice === undefined) return;
    this.#parts.chooser.write(choice, draft);
    if (draft.records.length === 0) return;
    for (const path of choice.copies) {
      if (this.#copies.length < MAX_COPIES) this.#copies.push({ path, records: draft.records });
    }
  }

  /** A datagram with what a packet on another path carried, as far as it is still needed and there is room. */
  #copy(buffer: Uint8Array, now: number): Transmit | undefined {
    const { paths, chooser, acks } = this.#parts;
    for (let copy = this.#copies.shift(); copy !== undefined; copy = this.#copies.shift()) {
      const path = paths.get(copy.path);
      if (path?.state !== "usable" || path.route.room(now) === 0) continue;
      const { route } = path;
      const limit = Math.min(route.mtu.current, buffer.length, route.allowance);
      const draft = this.#begin("application", path, route, buffer, 0, limit, now);
      if (draft === undefined) continue;
      for (const record of copy.records) chooser.writeCopy(record, draft);
      if (draft.isEmpty) continue;
      acks.writeFrames(draft);
      draft.finish();
      this.#filled = [draft];
      return this.#send(route, buffer, 0, path, now);
    }
    return undefined;
  }

  /** Begins a packet; `undefined` when there is no connection id to send with. */
  #begin(
    level: Level,
    path: Path,
    route: Route,
    buffer: Uint8Array,
    start: number,
    limit: number,
    now: number,
  ): PacketDraft | undefined {
    const { context, spaces, pool, handshake, lifecycle } = this.#parts;
    const space = spaces.get(level, path.id);
    const destinationId = path.state === "closing" ? pool.lastId(path.id) : pool.idFor(path.id, route.number);
    if (destinationId === undefined) this.#hasMute = route.isMute = true;
    if (space === undefined || destinationId === undefined) return undefined;
    if (space.isExhausted) {
      // RFC 9000 §12.3: without another packet, not even one that says so.
      lifecycle.discard(new TransportError(TransportErrorCode.INTERNAL_ERROR, "All packet numbers are used up"), now);
      return undefined;
    }
    const draft = this.#drafts[LEVEL_INDEX[level]]!;
    const number = space.nextNumber();
    draft.begin({
      level,
      path: path.id,
      route: route.number,
      now,
      buffer,
      start,
      limit,
      destinationId,
      sourceId: handshake.sourceId,
      token: handshake.token,
      number,
      largestAcked: this.#numberBase(level, space, number),
      fixedBit: !handshake.greaseFixedBit || this.#flip(),
      traced: context.observer !== undefined,
    });
    return draft;
  }

  /** The number from which that of a packet must be told apart. */
  #numberBase(level: Level, { largestAcked }: Space, number: number): number {
    return level === "application" ? this.#parts.spaces.layout.numberBase(number, largestAcked) : largestAcked;
  }

  /** An unpredictable bit (RFC 9287 §3.1). */
  #flip(): boolean {
    if (this.#flipsLeft === 0) {
      this.#parts.context.random(this.#flips);
      this.#flipsLeft = 8 * this.#flips.length;
    }
    const at = --this.#flipsLeft;
    return ((this.#flips[at >> 3]! >> (at & 7)) & 1) === 1;
  }

  /** The oldest unacknowledged frames once more, or a PING (RFC 9002 §6.2.4). */
  #probe(draft: PacketDraft, route: Route): void {
    const { spaces, owners } = this.#parts;
    const index = LEVEL_INDEX[draft.level];
    let skip = route.probes[index]! === 1 ? 1 : 0;
    route.probes[index]! -= 1;
    const sent = spaces.get(draft.level, draft.path)?.sent;
    // A suspended path is asked whether it is back; its data is on its way elsewhere.
    const path = this.#parts.paths.get(draft.path);
    if (path?.state === "suspended") {
      draft.write({ kind: "ping" });
      return;
    }
    if (path?.isSilent !== true) draft.fill(owners);
    for (const packet of sent?.unacked(route.number) ?? []) {
      if (!packet.ackEliciting || skip-- > 0) continue;
      let wrote = false;
      for (const record of packet.records) wrote = (record.owner.writeAgain?.(record, draft) ?? false) || wrote;
      if (wrote) break;
    }
    // A PING too where the peer would take the packet for a probe of the path: behind a translator that has forgotten us, it
    // must see that we have moved (RFC 9000 §9.1 counts NEW_CONNECTION_ID among the probing frames).
    if (!draft.ackEliciting || draft.onlyProbing) draft.write({ kind: "ping" });
  }

  /** The last packet takes the padding that makes the datagram reach `end`. */
  #expand(start: number, limit: number): void {
    const last = this.#filled.at(-1)!;
    last.padTo(Math.min(limit, start + MIN_DATAGRAM_SIZE));
    last.finish();
  }

  /** Seals and remembers the packets of one datagram. */
  #send(route: Route, buffer: Uint8Array, start: number, path: Path, now: number): Transmit {
    const { context, validator } = this.#parts;
    const end = this.#filled.at(-1)!.end;
    const ecn = this.#ecnFor(route, path, now);
    for (const draft of this.#filled) this.#file(draft, route, path, buffer, ecn, now);
    const length = end - start;
    route.amplification.sent(length);
    route.bytesSent += length;
    this.bytesSent += length;
    validator.onDatagramSent(route.number, length);
    if (context.observer !== undefined) this.#trace(route, ecn, now);
    const sentHandshake = this.#filled.some((d) => d.level === "handshake");
    if (sentHandshake) this.#parts.handshake.onHandshakeSent(now);
    return { local: route.local, remote: route.remote, length, segment: length, ecn };
  }

  #file(draft: PacketDraft, route: Route, path: Path, buffer: Uint8Array, ecn: Ecn, now: number): void {
    const { keys, spaces, acks, idle } = this.#parts;
    const sent = draft.toSent(ecn === "ect0");
    const noncePath = draft.level === "application" ? spaces.layout.noncePathOf(path.id) : 0;
    keys.seal(
      draft.level,
      buffer,
      draft.start,
      draft.numberAt,
      draft.numberLength,
      draft.payloadEnd,
      noncePath,
      draft.number,
    );
    spaces.get(draft.level, path.id)!.sent.add(sent);
    this.packetsSent += 1;
    acks.onPacket(draft.ackEliciting);
    if (ecn === "ect0") route.ecn.onSent(route.pto.period(route.rtt, 0), now);
    if (!sent.inFlight) return;
    route.delivery.onSent(sent, route.inFlight, now);
    route.controller.onSent(sent.size, route.inFlight, now);
    route.inFlight += sent.size;
    route.pacer.onSent(sent.size, now);
    if (sent.ackEliciting) idle.onElicitingSent(now);
  }

  #ecnFor(route: Route, path: Path, now: number): Ecn {
    const { config, observer } = this.#parts.context;
    // What a shared space's counts grow by belongs to no path, so they could accuse the wrong one.
    if (!config.ecn || this.#parts.spaces.layout.isShared) return "not-ect";
    const was = route.ecn.state;
    const marks = route.ecn.marks(now);
    const { state } = route.ecn;
    if (state !== was) observer?.on("quic:ecn_state_updated", { path: path.id, new: state }, now);
    return marks ? "ect0" : "not-ect";
  }

  #trace(route: Route, ecn: Ecn, now: number): void {
    for (const draft of this.#filled) {
      const type = draft.level === "application" ? "one_rtt" : draft.level === "early" ? "zero_rtt" : draft.level;
      this.#parts.context.observer?.on("quic:packet_sent", {
        header: { type, number: draft.number, path: draft.path },
        size: draft.end - draft.start,
        frames: draft.frames,
        local: route.local,
        remote: route.remote,
        ecn,
        probe: draft.probe,
      }, now);
    }
  }

  /** CONNECTION_CLOSE on one path after the other: any of them may be dead without anyone knowing. */
  #close(buffer: Uint8Array, now: number): Transmit | undefined {
    const { paths, pool, closer } = this.#parts;
    this.#farewells ??= closePaths(paths, pool, LEAST_USEFUL + TAG_LENGTH);
    for (let path = this.#farewells.shift(); path !== undefined; path = this.#farewells.shift()) {
      const sent = this.#closeOn(path, buffer, now);
      if (sent !== undefined) return sent;
    }
    this.#farewells = undefined;
    closer.onSent();
    return undefined;
  }

  /** CONNECTION_CLOSE at every level that the peer may be able to read (RFC 9000 §10.2.3). */
  #closeOn(path: Path, buffer: Uint8Array, now: number): Transmit | undefined {
    const { closer, keys } = this.#parts;
    const { route } = path;
    const limit = Math.min(buffer.length, MIN_DATAGRAM_SIZE, route.allowance);
    this.#filled = [];
    let at = 0;
    for (const level of ["initial", "handshake", "application"] as const) {
      if (!keys.has(level, "write") || limit - at < LEAST_USEFUL + TAG_LENGTH) continue;
      const draft = this.#begin(level, path, route, buffer, at, limit, now);
      if (draft === undefined) continue;
      closer.writeFrames(draft);
      if (draft.isEmpty) continue;
      draft.finish();
      this.#filled.push(draft);
      at = draft.end;
    }
    if (this.#filled.length === 0) return undefined;
    if (this.#filled.some((d) => d.level === "initial")) this.#expand(0, limit);
    return this.#send(route, buffer, 0, path, now);
  }
}
