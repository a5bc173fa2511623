/**
 * An endpoint with its connections as one node of the simulated network: the part that sockets and a driver play outside.
 *
 * @module
 */
import type { Address, Datagram, Transmit } from "../../transport/base/address.ts";
import { type App, type AppConnection, AppDriver } from "./app.ts";
import type { Node } from "./node.ts";

/** What it needs of a `Connection`. */
export interface NodeConnection extends AppConnection {
  /** `"closed"` when nothing of it is left to do. */
  readonly state: string;
  /** As `Node.transmit`. */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined;
  /** As `Node.nextTimeout`. */
  nextTimeout(): number;
  /** As `Node.handleTimeout`. */
  handleTimeout(now: number): void;
  /** One of its datagrams did not leave. */
  onSendError(local: Address, remote: Address, error: "unreachable", now: number): void;
}

/** What it needs of an `Endpoint`; `I` is a connection attempt that waits to be accepted. */
export interface NodeEndpoint<C, I> {
  /** Takes a datagram in, and says whose it was. */
  receive(
    datagram: Datagram,
    now: number,
  ):
    | { readonly kind: "connection"; readonly connection: C }
    | { readonly kind: "incoming"; readonly incoming: I }
    | { readonly kind: "none" };
  /** Answers of the endpoint itself, to no connection. */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined;
  /** As `Node.nextTimeout`. */
  nextTimeout(): number;
  /** As `Node.handleTimeout`. */
  handleTimeout(now: number): void;
}

/** What becomes of a connection attempt: the connection that `Endpoint.accept` made, or nothing. */
export type OnIncoming<C, I> = (incoming: I, now: number) => C | undefined;

/** Drives an endpoint, its connections and their applications. Its `runApps` is the host's `app`. */
export class EndpointNode<C extends NodeConnection, I> implements Node {
  /** The endpoint that is driven. */
  readonly endpoint: NodeEndpoint<C, I>;
  /** Every connection that there has been, in order. */
  readonly connections: C[] = [];
  readonly #onIncoming: OnIncoming<C, I>;
  readonly #drivers = new Map<C, AppDriver>();
  /** Those that are not closed. */
  #live: C[] = [];
  #turn = 0;
  #lastSender: C | undefined;

  /** `onIncoming` is called for each new attempt; by default none is accepted. */
  constructor(endpoint: NodeEndpoint<C, I>, onIncoming: OnIncoming<C, I> = () => undefined) {
    this.endpoint = endpoint;
    this.#onIncoming = onIncoming;
  }

  /** Looks after a connection that the endpoint made, with these applications on it. */
  add(connection: C, ...apps: readonly App[]): AppDriver {
    if (!this.connections.includes(connection)) {
      this.connections.push(connection);
      this.#live.push(connection);
    }
    const driver = this.#drivers.get(connection) ?? new AppDriver(connection);
    for (const app of apps) driver.add(app);
    this.#drivers.set(connection, driver);
    return driver;
  }

  /** The applications of a connection, and its end. */
  driverOf(connection: C): AppDriver | undefined {
    return this.#drivers.get(connection);
  }

  /** Lets all applications act. */
  runApps(now: number): void {
    for (const connection of this.connections) this.#drivers.get(connection)?.run(now);
  }

  receive(datagram: Datagram, now: number): void {
    const arrival = this.endpoint.receive(datagram, now);
    if (arrival.kind !== "incoming") return;
    const connection = this.#onIncoming(arrival.incoming, now);
    if (connection !== undefined) this.add(connection);
  }

  /** The endpoint's own answers first, then the connections in turn, each until it has nothing more. */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    this.#lastSender = undefined;
    const answer = this.endpoint.transmit(now, buffer);
    if (answer !== undefined) return answer;
    for (let tried = 0; tried < this.#live.length; tried++) {
      const connection = this.#live[this.#turn % this.#live.length] as C;
      const train = connection.transmit(now, buffer);
      if (train !== undefined) {
        this.#lastSender = connection;
        return train;
      }
      this.#turn = (this.#turn + 1) % this.#live.length;
    }
    this.#live = this.#live.filter((c) => c.state !== "closed");
    return undefined;
  }

  nextTimeout(): number {
    let next = this.endpoint.nextTimeout();
    for (const connection of this.#live) next = Math.min(next, connection.nextTimeout());
    return next;
  }

  /** Calls the endpoint and those connections whose time has come. */
  handleTimeout(now: number): void {
    if (this.endpoint.nextTimeout() <= now) this.endpoint.handleTimeout(now);
    for (const connection of this.#live) if (connection.nextTimeout() <= now) connection.handleTimeout(now);
  }

  onSendError(local: Address, remote: Address, error: "unreachable", now: number): void {
    this.#lastSender?.onSendError(local, remote, error, now);
  }
}
