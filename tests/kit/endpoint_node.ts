/**
 * A host with a real endpoint: real TLS, real packets, in virtual time.
 *
 * @module
 */
import { decodePem } from "../../crypto/tls/mod.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import type { Address, Datagram, Transmit } from "../../transport/base/address.ts";
import type { Observer } from "../../transport/base/observer.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { ClientTls } from "../../transport/connection/options.ts";
import type { EndpointConfig, ServerConfig } from "../../transport/endpoint/config.ts";
import { Endpoint } from "../../transport/endpoint/endpoint.ts";
import type { Incoming } from "../../transport/endpoint/incoming.ts";
import type { PathProperties } from "../../transport/paths/path.ts";
import { type App, AppDriver } from "./app.ts";
import { WORLD_CERTIFICATE, WORLD_KEY, WORLD_NAME, WORLD_TIME } from "./identity.ts";
import type { Node } from "./node.ts";
import type { Random } from "./random.ts";
import { worldProvider } from "./world_provider.ts";

/** What an {@linkcode EndpointNode} is made of. */
export interface EndpointNodeOptions {
  /** Where its keys and ids come from. */
  readonly random: Random;
  /** Hears of all connections. */
  readonly observer?: Observer | undefined;
  /** Default: the fastest there is, with suites in the order of all worlds. */
  readonly provider?: CryptoProvider | undefined;
  /** Serves with this; `undefined`: only connects. */
  readonly server?: Partial<ServerConfig> | undefined;
  /** The applications of a connection that was let in. */
  readonly apps?: ((connection: Connection) => readonly App[]) | undefined;
  /** Hears of the connection of a client that is let in, in place of `observer`; `undefined`: that one does. */
  readonly observerOf?: ((incoming: Incoming) => Observer | undefined) | undefined;
  /** A client was let in; its first packet is still to be taken in. */
  readonly onAccepted?: ((connection: Connection, driver: AppDriver) => void) | undefined;
  /** What to do with a client; default: let it in. */
  readonly onIncoming?: ((incoming: Incoming, endpoint: Endpoint, now: number) => void) | undefined;
  /** Whatever else the endpoint is to be told. */
  readonly endpoint?: Partial<EndpointConfig> | undefined;
}

/** How a client in a world connects. */
export interface WorldConnectOptions {
  /** The client's address. */
  readonly local: Address;
  /** The server's. */
  readonly remote: Address;
  /** The time now. */
  readonly now: number;
  /** Default: {@linkcode WORLD_ALPN}. */
  readonly alpn?: readonly string[] | undefined;
  /** What differs from the kit's own name, roots and time. */
  readonly tls?: Partial<ClientTls> | undefined;
  /** What differs from the defaults of the transport. */
  readonly transport?: TransportConfig | undefined;
  /** Applications of the connection. */
  readonly apps?: readonly App[] | undefined;
  /** A token from an earlier connection. */
  readonly token?: Uint8Array | undefined;
  /** What is said of path 0. */
  readonly path?: Partial<PathProperties> | undefined;
  /** Hears of this connection, in place of the node's observer. */
  readonly observer?: Observer | undefined;
}

/** Something at a host that acts at times of its own. */
export interface Alarm {
  /** When; Infinity: not by itself. */
  nextTimeout(): number;
  /** It is that time, or later. */
  onTimeout(now: number): void;
  /** A datagram cannot leave from there. */
  onSendError(local: Address, now: number): void;
}

/** The application protocol of worlds. */
export const WORLD_ALPN = "world";

/** An endpoint, its connections and their applications. */
export class EndpointNode implements Node {
  /** The endpoint itself. */
  readonly endpoint: Endpoint;
  /** All connections that were made or let in, in order. */
  readonly connections: Connection[] = [];
  /** Those that were not closed when they last had nothing to send: applications have had all events of the others. */
  readonly #live = new Set<Connection>();
  readonly #drivers = new Map<Connection, AppDriver>();
  readonly #apps: ((connection: Connection) => readonly App[]) | undefined;
  readonly #onIncoming: EndpointNodeOptions["onIncoming"];
  readonly #observerOf: EndpointNodeOptions["observerOf"];
  readonly #onAccepted: EndpointNodeOptions["onAccepted"];
  /** Read by the endpoint whenever it makes a connection. */
  readonly #config: EndpointConfig & { observer: EndpointConfig["observer"] };
  /** Acts at times of its own. */
  alarm: Alarm | undefined;

  /** Makes the endpoint; throws as `Endpoint` does. */
  constructor(options: EndpointNodeOptions) {
    const provider = options.provider ?? worldProvider();
    const { random } = options;
    this.#apps = options.apps;
    this.#onIncoming = options.onIncoming;
    this.#observerOf = options.observerOf;
    this.#onAccepted = options.onAccepted;
    const server = options.server === undefined ? undefined : {
      tls: {
        certificates: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
        key: provider.signingKey(WORLD_KEY),
        alpnProtocols: [WORLD_ALPN],
      },
      ...options.server,
    };
    this.#config = {
      provider,
      random: (into) => random.fill(into),
      observer: options.observer,
      server,
      ...options.endpoint,
    };
    this.endpoint = new Endpoint(this.#config);
  }

  /** Begins a connection. */
  connect(options: WorldConnectOptions): Connection {
    const { local, remote, now, token, path, transport, observer } = options;
    const tls = {
      serverName: WORLD_NAME,
      alpnProtocols: options.alpn ?? [WORLD_ALPN],
      roots: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
      time: WORLD_TIME,
      ...options.tls,
    };
    const connection = this.#observed(
      observer,
      () => this.endpoint.connect({ local, remote, now, token, path, transport, tls }),
    );
    this.#adopt(connection, options.apps ?? []);
    return connection;
  }

  /** The applications of a connection. */
  driver(connection: Connection): AppDriver {
    const driver = this.#drivers.get(connection);
    if (driver === undefined) throw new TypeError("Connection is unknown: expected one of this node");
    return driver;
  }

  receive(datagram: Datagram, now: number): void {
    const arrival = this.endpoint.receive(datagram, now);
    if (arrival.kind !== "incoming") return;
    if (this.#onIncoming !== undefined) this.#onIncoming(arrival.incoming, this.endpoint, now);
    else this.accept(arrival.incoming, now);
  }

  /** Lets a client in. */
  accept(incoming: Incoming, now: number): Connection {
    const connection = this.#observed(this.#observerOf?.(incoming), () => this.endpoint.accept(incoming, now));
    this.#adopt(connection, this.#apps?.(connection) ?? []);
    this.#onAccepted?.(connection, this.driver(connection));
    return connection;
  }

  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    const own = this.endpoint.transmit(now, buffer);
    if (own !== undefined) return own;
    for (const connection of this.#live) {
      const transmit = connection.transmit(now, buffer);
      if (transmit !== undefined) return transmit;
      if (connection.state === "closed") this.#live.delete(connection);
    }
    return undefined;
  }

  nextTimeout(): number {
    return Math.min(this.endpoint.nextTimeout(), this.alarm?.nextTimeout() ?? Infinity);
  }

  handleTimeout(now: number): void {
    this.endpoint.handleTimeout(now);
    if (this.alarm !== undefined && this.alarm.nextTimeout() <= now) this.alarm.onTimeout(now);
  }

  onSendError(local: Address, remote: Address, error: "unreachable", now: number): void {
    for (const connection of this.#live) connection.onSendError(local, remote, error, now);
    this.alarm?.onSendError(local, now);
  }

  /** What a host's `app` calls: hands out events and lets applications act. */
  run(now: number): void {
    for (const connection of this.#live) this.#drivers.get(connection)?.run(now);
  }

  #observed(observer: Observer | undefined, make: () => Connection): Connection {
    const usual = this.#config.observer;
    this.#config.observer = observer ?? usual;
    try {
      return make();
    } finally {
      this.#config.observer = usual;
    }
  }

  #adopt(connection: Connection, apps: readonly App[]): void {
    this.connections.push(connection);
    this.#live.add(connection);
    this.#drivers.set(connection, new AppDriver(connection, ...apps));
  }
}
