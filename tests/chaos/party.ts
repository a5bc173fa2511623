/**
 * The application at one end: it does what a plan says, reads what comes, and complains about everything that cannot be.
 *
 * @module
 */
import type { QuicError } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { ConnectionEvent } from "../../transport/connection/events.ts";
import type { PathEvent } from "../../transport/paths/path_events.ts";
import { isUnidirectional, type StreamKind } from "../../transport/streams/stream_id.ts";
import type { App } from "../kit/app.ts";
import type { EndpointNode } from "../kit/endpoint_node.ts";
import type { Messages } from "./messages.ts";
import type { EndName } from "./plan.ts";
import type { Sleeper } from "./sleeper.ts";
import { Receiving, Sending } from "./streams.ts";

/** What a party is made of. */
export interface PartyParts {
  readonly name: EndName;
  readonly node: EndpointNode;
  readonly sleeper: Sleeper;
  /** What it sends. */
  readonly outgoing: Messages;
  /** What it gets. */
  readonly incoming: Messages;
}

/** A stream that waits for the peer to allow it. */
interface Wish {
  readonly kind: StreamKind;
  readonly bytes: number;
  readonly finish: boolean;
}

/** Most streams that wait. */
const MAX_WISHES = 20;

/** One end's application. */
export class Party implements App {
  readonly name: EndName;
  readonly node: EndpointNode;
  readonly sleeper: Sleeper;
  readonly outgoing: Messages;
  readonly #incoming: Messages;
  readonly sends = new Map<number, Sending>();
  readonly receives = new Map<number, Receiving>();
  #wishes: Wish[] = [];
  #connection: Connection | undefined;
  #isReading = true;
  /** Every stream is ended as soon as it is there. */
  #isLeaving = false;
  #closed: QuicError | undefined;
  /** Paths that were opened, and whether they are over. */
  readonly #paths = new Map<number, boolean>();

  constructor(parts: PartyParts) {
    this.name = parts.name;
    this.node = parts.node;
    this.sleeper = parts.sleeper;
    this.outgoing = parts.outgoing;
    this.#incoming = parts.incoming;
  }

  /** The kit asks; a party is never done. */
  get isDone(): boolean {
    return false;
  }

  /** Its connection; `undefined`: there is none yet. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Whether the application can do anything: it is awake, and connected. */
  get isUp(): boolean {
    return !this.sleeper.isAsleep && this.#connection?.state === "connected";
  }

  /** Why the connection ended, once the application was told. */
  get closed(): QuicError | undefined {
    return this.#closed;
  }

  /** Streams that could not be opened yet. */
  get wishes(): number {
    return this.#wishes.length;
  }

  /** Gets its connection. Throws an `Error` for a second one. */
  meet(connection: Connection): void {
    if (this.#connection !== undefined) throw new Error(`The ${this.name} has a second connection`);
    this.#connection = connection;
  }

  onEvent(event: ConnectionEvent, _connection: unknown, now: number): void {
    if (this.#closed !== undefined) throw new Error(`"${event.type}" comes after "closed" at the ${this.name}`);
    try {
      this.#hear(event, this.#connection!, now);
    } catch (error) {
      // Events wait while the connection ends: what is done because of them is refused with the connection's error.
      if (error !== this.#connection?.error) throw error;
    }
  }

  #hear(event: ConnectionEvent, connection: Connection, now: number): void {
    switch (event.type) {
      case "stream_opened":
        return this.#adopt(event.id, connection);
      case "stream_readable":
        return this.#isReading ? this.#receiving(event.id).pull(connection) : undefined;
      case "stream_writable":
        return this.#sending(event.id).push(connection);
      case "stream_stopped":
        return this.#sending(event.id).onStopped(event.code);
      case "stream_reset":
        return this.#receiving(event.id).onReset(event.code);
      case "stream_finished":
        return this.#sending(event.id).onFinished();
      case "streams_available":
        return this.#grant(connection);
      case "datagram":
        return this.#incoming.onArrival(event.data);
      case "datagram_fate":
        return this.outgoing.onFate(event.id, event.acked);
      case "path":
        return this.#onPath(event);
      case "mode_requested":
        return connection.setMode(event.name, now);
      case "stream_mode_requested":
        return this.#takeMode(event.id, event.name, connection);
      case "scheduler_fault":
        throw new Error(`Scheduler ${event.scheduler} made a fault at the ${this.name}: ${event.fault}`);
      case "scheduler_replaced":
        throw new Error(`Scheduler ${event.scheduler} was replaced at the ${this.name}: ${event.reason}`);
      case "closed":
        this.#closed = event.error;
    }
  }

  /** Opens a stream, now or when the peer allows it. */
  open(wish: Wish): void {
    if (this.#wishes.length < MAX_WISHES) this.#wishes.push(wish);
    this.#grant(this.#connection!);
  }

  /** Reads from now on, or does not. */
  setReading(on: boolean): void {
    this.#isReading = on;
    if (!on || this.#connection === undefined) return;
    for (const receiving of this.receives.values()) receiving.pull(this.#connection);
  }

  /** Ends all streams, those too that come later, and lets them go on any path. */
  leave(): void {
    this.#isLeaving = true;
    const connection = this.#connection;
    if (connection === undefined) return;
    this.setReading(true);
    for (const sending of this.sends.values()) this.#end(sending, connection);
    this.#grant(connection);
  }

  /** Streams that could be written to. */
  openSends(): Sending[] {
    return [...this.sends.values()].filter((sending) => sending.isOpen);
  }

  /** Streams that could be given up. */
  unsettledSends(): Sending[] {
    return [...this.sends.values()].filter((sending) => !sending.isSettled);
  }

  /** Streams that could be stopped. */
  unsettledReceives(): Receiving[] {
    return [...this.receives.values()].filter((receiving) => !receiving.isSettled);
  }

  #adopt(id: number, connection: Connection): void {
    if (this.receives.has(id)) throw new Error(`Stream ${id} is opened twice at the ${this.name}`);
    this.receives.set(id, new Receiving(id, this.name));
    if (isUnidirectional(id)) return;
    const sending = new Sending(id, this.name);
    this.sends.set(id, sending);
    if (this.#isLeaving) this.#end(sending, connection);
  }

  #grant(connection: Connection): void {
    const waiting = this.#wishes;
    this.#wishes = [];
    for (const wish of waiting) {
      const id = connection.openStream(wish.kind);
      if (id === undefined) {
        this.#wishes.push(wish);
        continue;
      }
      if (this.sends.has(id)) throw new Error(`Stream ${id} is opened twice by the ${this.name}`);
      const sending = new Sending(id, this.name);
      this.sends.set(id, sending);
      if (wish.kind === "bidirectional") this.receives.set(id, new Receiving(id, this.name));
      sending.write(wish.bytes, connection);
      if (wish.finish || this.#isLeaving) sending.finish(connection);
    }
  }

  #end(sending: Sending, connection: Connection): void {
    if (sending.isSettled) return;
    try {
      connection.pin(sending.id, undefined);
    } catch (error) {
      // All has arrived; its event comes next.
      if (!(error instanceof RangeError && sending.isFinished)) throw error;
    }
    if (sending.isOpen) sending.finish(connection);
  }

  #onPath({ change, path: { id } }: PathEvent): void {
    const isOver = this.#paths.get(id);
    if (isOver === true) throw new Error(`Path ${id} is "${change}" at the ${this.name}: it was closed before`);
    if (change === "opened") {
      if (isOver === false) throw new Error(`Path ${id} is opened twice at the ${this.name}`);
      this.#paths.set(id, false);
    } else if (change === "closed") {
      // One that was never opened leaves its id unused.
      if (isOver === false) this.#paths.set(id, true);
    } else if (isOver === undefined) {
      throw new Error(`Path ${id} is "${change}" at the ${this.name}: it was never opened`);
    }
  }

  /** The client would like a stream to be sent in a mode. */
  #takeMode(id: number, mode: string | undefined, connection: Connection): void {
    try {
      connection.setStreamMode(this.#sending(id).id, mode);
    } catch (error) {
      if (!isTooManyModes(error)) throw error;
    }
  }

  #sending(id: number): Sending {
    const sending = this.sends.get(id);
    if (sending === undefined) throw new Error(`Stream ${id} is news at the ${this.name}: it has no sending part`);
    return sending;
  }

  #receiving(id: number): Receiving {
    const receiving = this.receives.get(id);
    if (receiving === undefined) throw new Error(`Stream ${id} is news at the ${this.name}: it has no receiving part`);
    return receiving;
  }
}

/** Whether so many modes are in use for streams and datagrams that there is no room for another. */
export function isTooManyModes(error: unknown): error is RangeError {
  return error instanceof RangeError && error.message.startsWith("Cannot use another mode");
}
