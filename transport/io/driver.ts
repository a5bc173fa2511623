import { type Address, sameAddress, type Transmit } from "../base/address.ts";
import { now as clockNow } from "./clock.ts";
import type { ConnectionHandler, DrivenConnection, DrivenEndpoint, EndpointHandler } from "./driven.ts";
import { canReach } from "./ip.ts";
import { MAX_PENDING, Outlet } from "./outlet.ts";
import { type SendOrigin, SendPool } from "./send_pool.ts";
import { sendErrorKind, type SendReceipt, type UdpSocket } from "./socket.ts";
import { Ticker } from "./ticker.ts";

/** Datagrams of one connection in a row before others, and the sockets' arrivals, have their turn. */
const BURST = 32;
/**
 * Datagrams of all connections in a row before arrivals have their turn. A receive buffer of the usual size holds some 90,
 * and all may go to the same peer, which may be in this very program.
 */
const MAX_TURN = 40;
/** Datagrams that are taken in before the connections may answer. */
const MAX_ARRIVALS = 64;
/** How long a deadline that did not move is put off: a connection that cannot let go of it must not spin. */
const STUCK_DELAY = 1;
/**
 * Milliseconds that a deadline may be missed by before arrivals are looked at first: whoever is late himself (the program was
 * busy) must not take peers for silent whose answers wait in the sockets.
 */
const LATE = 5;
/** Turns that closing spends on what is still to be sent, this many milliseconds apart: peers have to keep up. */
const MAX_LAST_TURNS = 1024;
const LAST_TURN_PAUSE = 1;
/** Reports of faults of our own per driver. */
const MAX_REPORTS = 8;

/** A connection that a driver looks after. */
export interface Attachment {
  /** The connection was told something, or has something to send. */
  wake(): void;
}

interface Entry<C, E> extends Attachment, SendOrigin {
  readonly connection: C;
  readonly handler: ConnectionHandler<E>;
  queued: boolean;
  /** It is closed, and the driver has forgotten it. */
  gone: boolean;
  /** Its `nextTimeout` when last asked. */
  deadline: number;
  /** When its `handleTimeout` was last called. */
  expiredAt: number;
}

/**
 * Moves bytes and time between sockets and one endpoint with its connections. Arrivals are taken in as long as the event
 * loop has some ready, then every connection concerned has one turn: its events are delivered, and what it wants to send
 * is sent, up to a burst; so it acknowledges once per batch, and receiving is never starved.
 */
export class Driver<C extends DrivenConnection<E>, I, E> {
  readonly #endpoint: DrivenEndpoint<C, I>;
  readonly #handler: EndpointHandler<I>;
  readonly #clock: () => number;
  readonly #outlets: Outlet[] = [];
  readonly #entries: Map<C, Entry<C, E>> = new Map();
  readonly #ticker: Ticker = new Ticker(() => this.#turn(), { pull: () => this.#ring() });
  readonly #pool: SendPool = new SendPool(() => this.#onReturn());
  /** Who wants a turn, in order. */
  #waiting: Entry<C, E>[] = [];
  #arrivals = 0;
  #arrivedAt = 0;
  /** No deadline is before this; some may be later than when it was noted. */
  #earliest = Infinity;
  #blocked = false;
  #inTurn = false;
  /** Deadlines were missed, and wait for what is in the sockets. */
  #isLate = false;
  /** Somebody was cut short in this turn. */
  #more = false;
  #closed: Promise<void> | undefined;
  /** Sockets that were taken out and are not closed yet. */
  readonly #leaving = new Set<Promise<void>>();
  #onDrained: (() => void) | undefined;
  #reports = 0;

  constructor(endpoint: DrivenEndpoint<C, I>, handler: EndpointHandler<I>, clock: () => number = clockNow) {
    this.#endpoint = endpoint;
    this.#handler = handler;
    this.#clock = clock;
  }

  /** Milliseconds, on the clock that the endpoint and its connections are told. */
  now(): number {
    return this.#clock();
  }

  /** Where the sockets are bound. */
  get locals(): readonly Address[] {
    return this.#outlets.map(({ socket }) => socket.local);
  }

  /** The connections that are not closed. */
  get connections(): IterableIterator<C> {
    return this.#entries.keys();
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Takes over a socket that was not started. */
  addSocket(socket: UdpSocket): void {
    if (this.#closed !== undefined) throw new Error("Cannot add a socket: the driver is closed");
    this.#outlets.push(new Outlet(socket));
    socket.start({
      onDatagram: (data, remote) => this.#onDatagram(socket.local, data, remote),
      onDead: (error) => this.#onDead(socket, error),
    });
  }

  /** Closes the socket with that local address; the others, and the connections, go on. */
  removeSocket(local: Address): void {
    if (this.#closed !== undefined) return;
    const index = this.#outlets.findIndex(({ socket }) => sameAddress(socket.local, local));
    if (index >= 0) this.#drop(this.#outlets.splice(index, 1)[0]!.socket);
  }

  /**
   * The local address from which `hostname` can be reached: one of its family rather than one for both; of those `among`
   * the sockets that are said.
   */
  localFor(hostname: string, among: readonly Address[] = this.locals): Address | undefined {
    let found: Address | undefined;
    for (const local of among) {
      if (!canReach(local.hostname, hostname)) continue;
      if (local.hostname !== "::" || hostname.includes(":")) return local;
      found ??= local;
    }
    return found;
  }

  /** Looks after a connection from now on until it is closed. */
  attach(connection: C, handler: ConnectionHandler<E>): Attachment {
    const entry: Entry<C, E> = {
      connection,
      handler,
      queued: false,
      gone: false,
      deadline: Infinity,
      expiredAt: -Infinity,
      wake: () => this.#wake(entry),
      onSendFailed: (local, remote, error, size) => this.#onSendFailed(entry, local, remote, error, size),
    };
    this.#entries.set(connection, entry);
    this.#wake(entry);
    return entry;
  }

  /** The endpoint itself has something to send. */
  wake(): void {
    this.#ticker.soon();
  }

  /**
   * Sends what the connections still have to say, lets the sockets take it, and closes them. The connections are not
   * closed: that is the caller's to do before.
   */
  close(): Promise<void> {
    this.#closed ??= this.#shut();
    return this.#closed;
  }

  async #shut(): Promise<void> {
    // A handler may close the driver in the middle of a turn: turns do not nest.
    await undefined;
    for (const entry of this.#entries.values()) this.#enqueue(entry);
    // Who is woken meanwhile has nothing to say: readers read what had arrived.
    for (let turn = 0; turn < MAX_LAST_TURNS && (turn === 0 || this.#more || this.#blocked); turn += 1) {
      if (turn > 0) await new Promise((resolve) => setTimeout(resolve, LAST_TURN_PAUSE));
      this.#turn();
      await this.#drained();
    }
    this.#ticker.stop();
    this.#entries.clear();
    this.#waiting = [];
    await Promise.all([...this.#leaving, ...this.#outlets.map(({ socket }) => socket.close())]);
  }

  #drop(socket: UdpSocket): void {
    const leaving = socket.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  /** Resolves when the sockets have taken all. */
  #drained(): Promise<void> {
    if (this.#pool.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained = resolve);
  }

  #wake(entry: Entry<C, E>): void {
    this.#enqueue(entry);
    // A turn looks at its end who waits.
    if (!this.#inTurn) this.#ticker.soon();
  }

  #enqueue(entry: Entry<C, E>): void {
    if (entry.queued || entry.gone) return;
    entry.queued = true;
    this.#waiting.push(entry);
  }

  #onDatagram(local: Address, data: Uint8Array, remote: Address): void {
    if (this.#closed !== undefined) return;
    this.#ticker.onBell();
    if (data.length === BELL.length) return;
    if (this.#arrivals === 0) this.#arrivedAt = this.#clock();
    this.#arrivals += 1;
    try {
      const arrival = this.#endpoint.receive({ data, local, remote, ecn: "not-ect" }, this.#arrivedAt);
      if (arrival.kind === "connection") {
        const entry = this.#entries.get(arrival.connection);
        if (entry !== undefined) this.#enqueue(entry);
      } else if (arrival.kind === "incoming") {
        this.#handler.onIncoming(arrival.incoming);
      }
    } catch (error) {
      this.#report("A datagram was dropped", error);
    }
    if (this.#arrivals >= MAX_ARRIVALS) this.#turn();
    else this.#ticker.soon();
  }

  /** One turn for everyone who waits. */
  #turn(): void {
    const now = this.#clock();
    this.#inTurn = true;
    this.#more = false;
    this.#arrivals = 0;
    for (const outlet of this.#outlets) outlet.onTurn();
    // One socket that is full holds everything up. Of several, the others go on, and the full one loses packets.
    const only = this.#outlets.length === 1 ? this.#outlets[0] : undefined;
    this.#blocked = only !== undefined && only.pending >= MAX_PENDING;
    const wasLate = this.#isLate;
    this.#isLate = !wasLate && now - this.#earliest > LATE;
    if (now >= this.#earliest && !this.#isLate) this.#expire(now);
    this.#transmitStateless(now);
    const turn = this.#waiting;
    this.#waiting = [];
    for (const entry of turn) this.#deliver(entry);
    let left = MAX_TURN;
    let served = 0;
    for (const entry of turn) {
      if (left <= 0 || this.#blocked) break;
      served += 1;
      entry.queued = false;
      left -= this.#transmit(entry, Math.min(BURST, left), now);
      this.#settle(entry, now);
    }
    if (served < turn.length) {
      // Those who had nothing are first next time.
      this.#waiting = turn.slice(served).concat(this.#waiting);
      this.#more = true;
    }
    this.#inTurn = false;
    if (this.#isLate) {
      this.#ticker.afterArrivals();
    } else if (this.#waiting.length > 0 && !this.#blocked) {
      if (this.#more) this.#ticker.afterArrivals();
      else this.#ticker.soon();
    }
    if (!this.#isLate) this.#ticker.at(this.#earliest, now);
  }

  #expire(now: number): void {
    this.#earliest = Infinity;
    for (const entry of this.#entries.values()) {
      if (entry.deadline <= now) {
        entry.expiredAt = now;
        this.#guard(() => entry.connection.handleTimeout(now));
        this.#enqueue(entry);
      } else if (entry.deadline < this.#earliest) {
        this.#earliest = entry.deadline;
      }
    }
  }

  #deliver(entry: Entry<C, E>): void {
    this.#guard(() => {
      for (let event = entry.connection.nextEvent(); event !== undefined; event = entry.connection.nextEvent()) {
        entry.handler.onEvent(event);
      }
    });
  }

  /** Sends `most` datagrams, or a train more, of what the connection has; returns how many. It waits for another turn if there is more. */
  #transmit(entry: Entry<C, E>, most: number, now: number): number {
    let sent = 0;
    while (sent < most) {
      const room = this.#pool.take();
      if (room === undefined) {
        this.#blocked = true;
        break;
      }
      let transmit: Transmit | undefined;
      try {
        transmit = entry.connection.transmit(now, room);
      } catch (error) {
        this.#report("A connection could not send", error);
      }
      if (transmit === undefined) return sent;
      sent += this.#send(transmit, room, entry);
    }
    this.#enqueue(entry);
    this.#more = true;
    return sent;
  }

  #transmitStateless(now: number): void {
    for (let sent = 0; sent < BURST; sent += 1) {
      const room = this.#pool.take();
      const transmit = room === undefined ? undefined : this.#endpoint.transmit(now, room);
      if (room === undefined || transmit === undefined) break;
      this.#send(transmit, room, STATELESS);
    }
  }

  /** Gives the datagrams of a batch to their socket; returns how many. */
  #send(transmit: Transmit, room: Uint8Array, origin: SendOrigin): number {
    const { local, remote, length, segment } = transmit;
    const outlet = this.#outletAt(local);
    let count = 0;
    for (let from = 0; from < length; from += segment) {
      count += 1;
      if (outlet === undefined || outlet.pending >= MAX_PENDING) continue;
      const to = Math.min(from + segment, length);
      outlet.send(room.subarray(from, to), remote, this.#pool.receipt(origin, outlet, remote, to - from));
    }
    if (outlet === undefined) origin.onSendFailed(local, remote, new NoSocketError(local), segment);
    else this.#pool.keep(length);
    return count;
  }

  /** What a turn leaves behind: events, the next deadline, the end. */
  #settle(entry: Entry<C, E>, now: number): void {
    const { connection } = entry;
    this.#deliver(entry);
    if (entry.handler.onTurn !== undefined) this.#guard(() => entry.handler.onTurn?.());
    if (connection.state === "closed") {
      entry.gone = true;
      this.#entries.delete(connection);
      this.#endpoint.forget(connection);
      this.#guard(() => entry.handler.onGone?.());
      return;
    }
    const deadline = connection.nextTimeout();
    entry.deadline = deadline <= now && entry.expiredAt === now ? now + STUCK_DELAY : deadline;
    if (entry.deadline < this.#earliest) this.#earliest = entry.deadline;
  }

  #outletAt(local: Address): Outlet | undefined {
    for (const outlet of this.#outlets) {
      if (sameAddress(outlet.socket.local, local)) return outlet;
    }
    return undefined;
  }

  #onSendFailed(entry: Entry<C, E>, local: Address, remote: Address, error: unknown, size: number): void {
    if (this.#closed !== undefined) return;
    const kind = error instanceof NoSocketError ? "gone" : sendErrorKind(error);
    this.#guard(() => {
      entry.connection.onSendError(local, remote, kind, this.#clock(), size);
      entry.handler.onSendFailed?.(kind, error, local, remote);
    });
    this.#wake(entry);
  }

  #onReturn(): void {
    if (this.#pool.inFlight === 0) this.#onDrained?.();
    if (this.#blocked) this.#ticker.soon();
  }

  /** Sends a datagram that is no packet from the first socket to itself. */
  #ring(): boolean {
    const socket = this.#outlets[0]?.socket;
    if (socket === undefined) return false;
    const { hostname, port } = socket.local;
    const own = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    socket.send(BELL, { hostname: own, port }, UNHEARD);
    return true;
  }

  #onDead(socket: UdpSocket, error: Error): void {
    if (this.#closed !== undefined) return;
    const index = this.#outlets.findIndex((outlet) => outlet.socket === socket);
    if (index < 0) return;
    this.#outlets.splice(index, 1);
    this.#drop(socket);
    for (const entry of [...this.#entries.values()]) {
      this.#guard(() => entry.handler.onSocketDead?.(socket.local, error));
      this.#wake(entry);
    }
    if (this.#outlets.length === 0) this.#handler.onDead(error);
  }

  /** A fault of ours in one connection must not stop the others. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#report("Work was dropped", error);
    }
  }

  #report(what: string, error: unknown): void {
    this.#reports += 1;
    if (this.#reports <= MAX_REPORTS) console.error(`${what} by a fault of this program:`, error);
  }
}

/** One byte: no packet of QUIC is so short. */
const BELL = new Uint8Array(1);
/** If it does not come back, a timer does its work. */
const UNHEARD: SendReceipt = { taken(): void {}, failed(): void {} };

/** Answers without a connection: nobody cares whether they left. */
const STATELESS: SendOrigin = { onSendFailed(): void {} };

class NoSocketError extends Error {
  constructor(local: Address) {
    super(`No socket is bound to ${local.hostname}`);
  }
}
