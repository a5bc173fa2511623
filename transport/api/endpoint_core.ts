import type { CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import type { Address } from "../base/address.ts";
import { TransportErrorCode } from "../base/errors.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionEvent } from "../connection/events.ts";
import type { EndpointConfig, ServerConfig } from "../endpoint/config.ts";
import { Endpoint } from "../endpoint/endpoint.ts";
import type { Incoming } from "../endpoint/incoming.ts";
import { Driver } from "../io/driver.ts";
import { ipVersion } from "../io/ip.ts";
import type { SocketName } from "../io/socket.ts";
import { Sockets } from "./sockets.ts";
import type { NetAddr, ObserverOption, QuicCloseInfo, QuicEndpointLike } from "./types.ts";

/** A connection as its endpoint sees it. */
export interface ManagedConn {
  close(info?: QuicCloseInfo): void;
  abort(cause: Error, code?: number): void;
}

/** Where clients go that want to connect. */
export interface IncomingSink {
  push(incoming: Incoming): void;
  stop(): void;
}

/** What one connection of an endpoint may have of its own. */
export interface OwnHooks {
  readonly observer?: ObserverOption | undefined;
  readonly keyLog?: ((line: string) => void) | undefined;
}

/** What the endpoint below reads whenever it makes a connection: it changes with `listen`, and for each connection. */
class LiveConfig implements EndpointConfig {
  readonly provider: CryptoProvider;
  readonly random: RandomBytes = randomBytes;
  server: ServerConfig | undefined;
  observer: ObserverOption | undefined;
  keyLog: ((line: string) => void) | undefined;

  constructor(provider: CryptoProvider, observer: ObserverOption | undefined) {
    this.provider = provider;
    this.observer = observer;
  }
}

/** What an endpoint of the public API is made of; nothing here is public. */
export class EndpointCore {
  readonly endpoint: QuicEndpointLike;
  readonly provider: CryptoProvider;
  readonly core: Endpoint;
  readonly driver: Driver<Connection, Incoming, ConnectionEvent>;
  readonly sockets: Sockets;
  listener: IncomingSink | undefined;
  readonly #config: LiveConfig;
  readonly #conns = new Set<ManagedConn>();
  /** Sockets are bound as they are needed, one for each family. */
  readonly #bindsLater: boolean;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  #shut: Promise<void> | undefined;

  constructor(
    endpoint: QuicEndpointLike,
    options: {
      readonly provider: CryptoProvider;
      readonly observer?: ObserverOption | undefined;
      readonly socket?: SocketName | undefined;
      readonly bindsLater: boolean;
    },
  ) {
    this.endpoint = endpoint;
    this.provider = options.provider;
    this.#bindsLater = options.bindsLater;
    this.#config = new LiveConfig(options.provider, options.observer);
    this.core = new Endpoint(this.#config);
    this.driver = new Driver<Connection, Incoming, ConnectionEvent>(this.core, {
      onIncoming: (incoming) => this.#onIncoming(incoming),
      onDead: (error) => this.#onDead(error),
    });
    this.sockets = new Sockets(this.driver, options.socket);
    cores.set(endpoint, this);
  }

  /** Whether `shut` was called. */
  get isClosed(): boolean {
    return this.#shut !== undefined;
  }

  /** Resolves when nothing is pending any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get server(): ServerConfig | undefined {
    return this.#config.server;
  }

  set server(server: ServerConfig | undefined) {
    this.#config.server = server;
  }

  /** Where the sockets are bound. */
  get addrs(): NetAddr[] {
    return this.driver.locals.map(({ hostname, port }) => ({ transport: "udp", hostname, port }));
  }

  /** Binds a socket of the endpoint's own. Throws `SocketError`. */
  bind(hostname: string, port: number): void {
    this.sockets.bind(hostname, port);
  }

  /** The local address to reach a host from. Throws `Error` when no socket can. */
  localFor(hostname: string): Address {
    const found = this.sockets.localFor(hostname);
    if (!this.#bindsLater) {
      if (found !== undefined) return found;
      throw new Error(`Cannot reach ${hostname}: expected the endpoint to be bound to an address of its family`);
    }
    if (found !== undefined && ipVersion(found.hostname) === ipVersion(hostname)) return found;
    return this.sockets.bind(hostname.includes(":") ? "::" : "0.0.0.0", 0);
  }

  /** Makes a connection that has observers and key log of its own. */
  make(own: OwnHooks, server: ServerConfig | undefined, make: () => Connection): Connection {
    const config = this.#config;
    const usual = { observer: config.observer, keyLog: config.keyLog, server: config.server };
    config.observer = own.observer ?? usual.observer;
    config.keyLog = own.keyLog;
    config.server = server ?? usual.server;
    try {
      return make();
    } finally {
      Object.assign(config, usual);
    }
  }

  add(conn: ManagedConn): void {
    this.#conns.add(conn);
  }

  forget(conn: ManagedConn): void {
    this.#conns.delete(conn);
  }

  /** Closes everything; resolves when nothing is pending. */
  shut(info?: QuicCloseInfo): Promise<void> {
    if (this.#shut === undefined) {
      for (const conn of [...this.#conns]) conn.close(info);
      this.listener?.stop();
      this.#shut = this.driver.close();
      this.#shut.then(this.#closed.resolve);
    }
    return this.#shut;
  }

  #onIncoming(incoming: Incoming): void {
    if (this.listener !== undefined) this.listener.push(incoming);
    else this.core.refuse(incoming, this.driver.now());
  }

  #onDead(error: Error): void {
    const cause = new Error("All sockets of the endpoint are gone", { cause: error });
    for (const conn of [...this.#conns]) conn.abort(cause, TransportErrorCode.NO_VIABLE_PATH);
    this.shut();
  }
}

const cores = new WeakMap<object, EndpointCore>();

/** What is inside an endpoint of the public API; throws `TypeError` for anything else. */
export function coreOf(endpoint: QuicEndpointLike): EndpointCore {
  const core = cores.get(endpoint);
  if (core === undefined) throw new TypeError('"endpoint" is no QuicEndpoint of this implementation');
  return core;
}

/** The platform takes so many bytes at once. */
const MAX_RANDOM = 65_536;

function randomBytes(into: Uint8Array): void {
  for (let at = 0; at < into.length; at += MAX_RANDOM) {
    crypto.getRandomValues(into.subarray(at, at + MAX_RANDOM) as Uint8Array<ArrayBuffer>);
  }
}
