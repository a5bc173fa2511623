import type { Address, Datagram, Transmit } from "../base/address.ts";
import { ApplicationError, PathError, type QuicError, TransportError, TransportErrorCode } from "../base/errors.ts";
import type { PathId, Role } from "../base/role.ts";
import type { PathProperties, PathStatus } from "../paths/path.ts";
import type { OpenPathOptions } from "../paths/path_manager.ts";
import { type PathStats, pathStats } from "../paths/path_events.ts";
import type { StreamKind } from "../streams/stream_id.ts";
import { type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import { MAX_CID_LENGTH } from "../wire/header.ts";
import { QUIC_V1 } from "../wire/version.ts";
import { assemble, type Parts } from "./assemble.ts";
import { type ConnectionStats, connectionStats } from "./connection_stats.ts";
import type { ConnectionEvent } from "./events.ts";
import { faultOf } from "./key_updates.ts";
import type { ConnectionState } from "./lifecycle.ts";
import type { ConnectionOptions } from "./options.ts";
import { TAG_LENGTH } from "./packet_draft.ts";

/** Bytes of the longest packet number. */
const MAX_NUMBER_LENGTH = 4;

/** What a socket says when a datagram cannot be sent. */
export type SendErrorKind = "unreachable" | "too-large" | "gone" | "other";

/** How a datagram is to be sent. */
export interface DatagramOptions {
  /** The application's name for it, which comes back with its fate. */
  readonly id?: number;
  /** When it is of no use any more: milliseconds. */
  readonly expiresAt?: number;
  /** The only path on which it may go. */
  readonly path?: PathId;
  /** 0 (first) to 7, as of streams; default 3. Does not change the order among datagrams. */
  readonly urgency?: number;
  /** In place of the connection's mode, if it is not bound to a path. */
  readonly mode?: ModeChoice;
}

/**
 * One connection, without any I/O. There are four kinds of methods: `receive`, `handleTimeout` and `onSendError` take in what
 * happens; `write`, `close` and the like are the application's; `transmit`, `nextTimeout` and `nextEvent` tell what is to be
 * done, and are to be asked, in this order, after any of the others; the rest only tells.
 */
export class Connection {
  readonly #parts: Parts;
  readonly #version: number = QUIC_V1;
  #datagramRoom = 0;

  /** Made by `Endpoint`, or alone for tests. */
  constructor(options: ConnectionOptions) {
    this.#parts = assemble(options);
  }

  /** A datagram arrived for this connection. Its bytes are decrypted in place and not kept. */
  receive(datagram: Datagram, now: number): void {
    this.#parts.transmitter.forget();
    this.#parts.receiver.receive(datagram, now);
  }

  /**
   * The next datagrams to send, in `buffer[0, length)`; `undefined` when there are none now. The buffer needs room for at
   * least one datagram of the largest size (`maxUdpPayload`).
   */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    const { keyUpdates, transmitter, closer, budgets } = this.#parts;
    try {
      this.#followMtu(now);
      keyUpdates.beforeSending(now);
      const sent = transmitter.transmit(now, buffer);
      budgets.check(now);
      return sent;
    } catch (error) {
      closer.close(faultOf(error), now);
      return transmitter.transmit(now, buffer);
    }
  }

  /** When `handleTimeout` or `transmit` must be called next, whatever happens; Infinity: never. */
  nextTimeout(): number {
    const { timed, acks, lifecycle, opportunities } = this.#parts;
    if (lifecycle.state === "closed") return Infinity;
    let next = Infinity;
    for (const part of timed) next = Math.min(next, part.nextTimeout());
    return lifecycle.isOpen ? Math.min(next, acks.dueAt(), opportunities.pacedUntil) : next;
  }

  /** Time has passed. Does nothing when no deadline has come. */
  handleTimeout(now: number): void {
    const { closer, timed, idle, ping, settle, lifecycle, transmitter, issuer } = this.#parts;
    transmitter.forget();
    try {
      for (const part of timed) if (part.nextTimeout() <= now) part.onTimeout(now);
      if (idle.pingDue) ping.want();
      settle(now);
    } catch (error) {
      closer.close(faultOf(error), now);
    }
    if (lifecycle.state === "closed") issuer.close();
  }

  /** The oldest event that was not taken yet. */
  nextEvent(): ConnectionEvent | undefined {
    const { context, datagrams, hints, modeRequests } = this.#parts;
    const event = context.events.next() ?? hints.nextEvent() ?? modeRequests.nextEvent();
    if (event !== undefined) return event;
    const data = datagrams.receive();
    return data !== undefined ? { type: "datagram", data } : context.events.takeClosed();
  }

  /**
   * Opens a stream; `undefined` while the peer's limit forbids it ("streams_available" comes later). Throws the
   * connection's error when it is over.
   */
  openStream(kind: StreamKind): number | undefined {
    this.#mustBeOpen();
    return this.#parts.streams.open(kind);
  }

  /**
   * Queues data on a stream and returns how many bytes were taken; fewer than given when the buffer is full
   * ("stream_writable" comes later). The array is kept: do not change what was taken; with `copy` it stays yours. Throws
   * `StreamError` after a reset.
   */
  write(id: number, data: Uint8Array, copy = false): number {
    this.#mustBeOpen();
    return this.#parts.streams.write(id, data, copy);
  }

  /** Ends the stream after what was written (FIN). */
  finish(id: number): void {
    this.#mustBeOpen();
    this.#parts.streams.finish(id);
  }

  /** Ends the stream at once with an application error code; what was not delivered may be lost. */
  reset(id: number, code: number): void {
    this.#mustBeOpen();
    this.#parts.streams.reset(id, code);
  }

  /** Asks the peer to stop sending on a stream. */
  stopSending(id: number, code: number): void {
    this.#mustBeOpen();
    this.#parts.streams.stopSending(id, code);
  }

  /**
   * Data that arrived in order, at most `limit` bytes; `undefined`: nothing now; `null`: the stream ended. Throws
   * `StreamError` when the peer reset it.
   */
  read(id: number, limit?: number): Uint8Array | undefined | null {
    return this.#parts.streams.read(id, limit);
  }

  /** Priority of a stream among those with data: urgency 0 (first) to 7, 3 by default; incremental ones take turns (RFC 9218). */
  setPriority(id: number, urgency: number, incremental?: boolean): void {
    this.#parts.streams.setPriority(id, urgency, incremental);
  }

  /**
   * Queues a DATAGRAM; `false` when it is too large (see `maxDatagramSize`) or the queue is full. The array is kept. Throws
   * `PathError` when it is to go on a path that there is not, and as `setStreamMode` for its mode.
   */
  sendDatagram(data: Uint8Array, options: DatagramOptions = {}): boolean {
    this.#mustBeOpen();
    const { path, mode, ...rest } = options;
    if (path !== undefined) this.#mustHavePath(path);
    const lane = mode === undefined ? undefined : this.#parts.seats.laneFor(mode);
    return this.#parts.datagrams.send(data, { ...rest, pin: path, lane });
  }

  /**
   * Lets a stream's data go on one path only, whatever the scheduler says; `undefined`: on any again. While the path is
   * suspended the stream waits; when it is over the pin falls away. Throws `PathError` when there is no such path,
   * `RangeError` when there is no such stream to send on.
   */
  pin(stream: number, path: PathId | undefined): void {
    if (path !== undefined) this.#mustHavePath(path);
    if (this.#parts.streams.stats(stream)?.sending === undefined) {
      throw new RangeError(`Cannot pin stream ${stream}: expected an open stream to send on`);
    }
    this.#parts.offers.pinStream(stream, path);
    this.#parts.transmitter.forget();
  }

  /**
   * Lets another mode decide from now on which path data goes on. Throws `RangeError` for a name that is not known,
   * `TypeError` for what is no mode.
   */
  setMode(mode: ModeChoice, now: number): void {
    this.#parts.seats.setMode(mode, now);
    this.#parts.steering.setMode(mode, now);
    this.#parts.transmitter.forget();
  }

  /**
   * Lets another mode than the connection's decide about what is sent on a stream, from now on; `undefined`: the connection's
   * again. Each mode in use has a scheduler of its own; those whose mode is the connection's share its scheduler. Nothing
   * happens when all was sent and acknowledged. Throws `RangeError` for a name that is not known, when sixteen others are
   * in use, and for no stream to send on, `TypeError` for what is no mode.
   */
  setStreamMode(stream: number, mode: ModeChoice | undefined): void {
    const { streams, seats, transmitter } = this.#parts;
    const isOver = streams.stats(stream)?.sending === undefined;
    if (mode !== undefined) schedulerOf(mode);
    streams.setLane(stream, mode === undefined || isOver ? undefined : seats.laneFor(mode));
    transmitter.forget();
  }

  /**
   * Client: asks the server to send on a stream in a mode, whatever that of the connection; `undefined`: in that again. It
   * reaches servers with the hints extension; they may refuse, and do not say so. Throws `TypeError` at a server, and for a
   * name that is not 1 to 32 bytes of UTF-8, `RangeError` for no stream to receive on.
   */
  requestStreamMode(stream: number, name: string | undefined): void {
    this.#mustBeOpen();
    this.#parts.modeRequests.request(stream, name);
  }

  /** The name of the scheduler that decides. */
  get schedulerName(): string {
    return this.#parts.seats.main.guard.name;
  }

  /** The largest DATAGRAM that fits in a packet now; 0: the peer takes none. */
  get maxDatagramSize(): number {
    return this.#parts.datagrams.maxSize;
  }

  /** Changes the keys of 1-RTT packets as soon as the rules allow it (RFC 9001 §6). */
  updateKeys(): void {
    this.#parts.keyUpdates.request();
  }

  /** Sends something that the peer must acknowledge. */
  ping(): void {
    this.#parts.ping.want();
  }

  /** Gives the peer new connection ids and asks it to move to them (RFC 9000 §5.1.2); `false` while it still does. */
  renewConnectionIds(path: PathId = 0): boolean {
    return this.#parts.issuer.renew(path);
  }

  /** Sends with another of the peer's connection ids from now on; `false` when there is no unused one. */
  rotateConnectionId(path: PathId = 0): boolean {
    const its = this.#parts.paths.get(path);
    return its !== undefined && this.#parts.manager.rotate(its);
  }

  /**
   * Client: opens another path and returns its id; "path" events tell what becomes of it. Throws `PathError` when the
   * connection cannot have one.
   */
  openPath(options: OpenPathOptions, now: number): PathId {
    this.#mustBeOpen();
    const { manager, steering } = this.#parts;
    const id = manager.open(options, now);
    steering.look(now);
    return id;
  }

  /** Abandons a path (RFC 10069 §3.4). Throws `PathError` when there is no other, or no path of that id. */
  closePath(id: PathId, code: number, reason: string, now: number): void {
    const { manager, paths, transmitter } = this.#parts;
    transmitter.forget();
    if (manager.cancelOpening(id, code, reason, now)) return;
    const path = paths.get(id);
    if (path === undefined || path.state === "closing" || path.state === "gone") {
      throw new PathError(`Cannot close path ${id}: it is not open`);
    }
    if (!manager.hasOther(path)) throw new PathError(`Cannot close path ${id}: it is the last; close the connection`);
    manager.close(path, code, reason, now);
  }

  /** Tells the peer whether a path is to be used like any other, or only when no other works (RFC 10069 §3.3). */
  setPathStatus(id: PathId, status: PathStatus, now: number): void {
    this.#parts.manager.setStatus(id, status, now);
  }

  /**
   * Gives a path a budget of UDP payload, sent and received; 0 and more, `Infinity`: none. At 80 and at 100 % a "path" event
   * tells, once each; from then on the path is used only while no other works, by the peer too, which is told that it is a
   * backup; what is pinned to it still goes there. Paths with the same label share what is used, those without by local
   * address; also one after the other. The path may be one that is yet to be open. Throws `RangeError` for anything else.
   */
  setPathBudget(id: PathId, bytes: number, now: number): void {
    if (!this.#parts.manager.isOver(id)) this.#parts.budgets.set(id, bytes, now);
  }

  /**
   * Says something else of a path: its label, what it costs, whether it is metered. The server learns it when both ends have
   * the hints extension. Throws `PathError` when there is no such path, `RangeError` when the cost is not a number from 0.
   */
  describePath(id: PathId, changes: Partial<PathProperties>): void {
    const path = this.#parts.paths.get(id);
    if (path === undefined || path.state === "closing") {
      throw new PathError(`Cannot describe path ${id}: it is not open`);
    }
    this.#parts.hints.describe(path, changes);
  }

  /**
   * Sets a signal: a number under a name that schedulers know, "bufferMs" for one. They see it here at once; a client's
   * reach the server's too when both ends have the hints extension, the newest value of each at most every 25 ms. Throws
   * `TypeError` for a name that is not 1 to 32 bytes of UTF-8, `RangeError` for a value that is not finite, and for a
   * seventeenth name.
   */
  signal(name: string, value: number, now: number): void {
    this.#mustBeOpen();
    this.#parts.hints.setSignal(name, value, now);
  }

  /** The newest value of a signal, whichever end it came from; `undefined`: there was none. */
  signalOf(name: string): number | undefined {
    return this.#parts.hints.signal(name);
  }

  /**
   * Client: asks the server to send in a mode ("handover" for one). It reaches servers with the hints extension; they may
   * refuse, and do not say so. Throws `TypeError` at a server, and for a name that is not 1 to 32 bytes of UTF-8.
   */
  requestMode(name: string): void {
    this.#mustBeOpen();
    this.#parts.hints.requestMode(name);
  }

  /** The mode that the server is to send in: at a client the one it asked for, at a server the last one it accepted. */
  get requestedMode(): string | undefined {
    return this.#parts.hints.requestedMode;
  }

  /** Whether both ends have the hints extension; `undefined` before the handshake tells. */
  get hasHints(): boolean | undefined {
    const { context, lifecycle } = this.#parts;
    return lifecycle.state === "handshaking" ? undefined : context.hints > 0;
  }

  /** Whether RFC 10069 is on; `undefined` before the handshake tells. */
  get isMultipath(): boolean | undefined {
    const { context, lifecycle } = this.#parts;
    return lifecycle.state === "handshaking" ? undefined : context.multipath;
  }

  /**
   * Closes the connection: with an application's code, or (`application` false) with a transport error code. Throws
   * `RangeError` for a code that is not an integer from 0 to 2^53-1.
   */
  close(code: number, reason: string, now: number, application = true): void {
    if (!Number.isSafeInteger(code) || code < 0) {
      throw new RangeError(`Error code is ${code}: expected an integer from 0 to 2^53-1`);
    }
    const error = application ? new ApplicationError(code, reason, false) : new TransportError(code, reason);
    this.#parts.closer.close(error, now);
  }

  /** Gives back all connection ids: nothing will arrive for this connection any more. */
  dispose(): void {
    this.#parts.issuer.close();
  }

  /** Whether a datagram is a stateless reset for this connection (RFC 9000 §10.3.1). */
  isResetBy(datagram: Datagram): boolean {
    return this.#parts.receiver.isReset(datagram);
  }

  /** A datagram (of `size` bytes, 0: nobody knows) could not be sent. Never fatal by itself: loss recovery does the rest. */
  onSendError(local: Address, remote: Address, kind: SendErrorKind, now: number, size = 0): void {
    const { paths, trouble, transmitter } = this.#parts;
    // What was to go next may have been meant for a path that is suspended now.
    transmitter.forget();
    for (const path of paths.all()) {
      const { route } = path;
      if (!route.is(local, remote)) continue;
      if (kind !== "too-large") trouble.onSendError(path, `the socket refuses to send: ${kind}`, now);
      else if (size > 0) route.mtu.onTooLarge(size, now);
      else route.mtu.onRefused(now);
    }
  }

  /** Where it is in its life. */
  get state(): ConnectionState {
    return this.#parts.lifecycle.state;
  }

  /** Whether the handshake is confirmed (RFC 9001 §4.1.2). */
  get isConfirmed(): boolean {
    return this.#parts.lifecycle.isConfirmed;
  }

  /** Which end this is. */
  get role(): Role {
    return this.#parts.context.role;
  }

  /** Why the connection ended, once it did. */
  get error(): QuicError | undefined {
    return this.#parts.lifecycle.error;
  }

  /** The application protocol, once it is chosen. */
  get alpn(): string | undefined {
    return this.#parts.handshake.tls?.alpn;
  }

  /** The host name that the client asked for. */
  get serverName(): string | undefined {
    return this.#parts.handshake.tls?.serverName;
  }

  /** Client: the server's certificates (DER, leaf first). */
  get peerCertificates(): readonly Uint8Array[] {
    return this.#parts.handshake.tls?.peerCertificates ?? [];
  }

  /** Client: the newest token that the server gave for a later connection. */
  get token(): Uint8Array | undefined {
    return this.#parts.handshake.tokens.at(-1);
  }

  /** Keying material of the TLS session (RFC 8446 §7.5); throws `Error` before the handshake is complete. */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    const { tls } = this.#parts.handshake;
    if (tls === undefined) throw new Error("Cannot export keying material: expected the handshake to be complete");
    return tls.export(label, context, length);
  }

  /** When a packet of the peer's that could be opened last arrived, on whichever path; -Infinity: none did. */
  get lastReceivedAt(): number {
    let last = -Infinity;
    for (const path of this.#parts.paths.all()) last = Math.max(last, path.lastReceivedAt);
    return last;
  }

  /** How one path does; `undefined`: it is not open yet, or gone. */
  path(id: PathId): PathStats | undefined {
    const path = this.#parts.paths.get(id);
    return path === undefined ? undefined : pathStats(path);
  }

  /** How the connection does. */
  stats(): ConnectionStats {
    return connectionStats(this.#parts, this.#version);
  }

  #mustHavePath(id: PathId): void {
    const path = this.#parts.paths.get(id);
    if (path === undefined || path.state === "closing" || path.state === "gone") {
      throw new PathError(`Cannot send on path ${id}: it is not open`);
    }
  }

  #mustBeOpen(): void {
    const { lifecycle } = this.#parts;
    if (!lifecycle.isOpen) {
      throw lifecycle.error ?? new TransportError(TransportErrorCode.NO_ERROR, "The connection is closed");
    }
  }

  /** What an empty packet has room for follows the MTU of the path. */
  #followMtu(now: number): void {
    const { paths, pool, datagrams, context } = this.#parts;
    let room = Infinity;
    for (const path of paths.all()) {
      const { route } = path;
      const mtu = route.mtu.current;
      const old = route.notedMtu;
      if (route.noteMtu()) context.observer?.on("quic:mtu_updated", { path: path.id, old, new: mtu, done: false }, now);
      if (path.state !== "usable") continue;
      const idLength = pool.lastId(path.id)?.length ?? MAX_CID_LENGTH;
      room = Math.min(room, mtu - TAG_LENGTH - 1 - idLength - MAX_NUMBER_LENGTH);
    }
    if (room === this.#datagramRoom || room === Infinity) return;
    this.#datagramRoom = room;
    datagrams.setPacketRoom(room);
  }
}
