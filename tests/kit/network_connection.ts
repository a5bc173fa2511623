/**
 * A connection in a world: a real client and a real server over its links, with what each of them heard and does.
 *
 * @module
 */
import type { CryptoProvider } from "../../crypto/provider.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { PathId, Role } from "../../transport/base/role.ts";
import type { App, AppDriver } from "./app.ts";
import { EndpointNode } from "./endpoint_node.ts";
import { RacingClient } from "./racing_client.ts";
import { Trace, type TraceOptions } from "./trace.ts";
import type { World, WorldLink } from "./world.ts";
import { type WorldCrypto, worldProvider } from "./world_provider.ts";

/** Ports of the two ends, on all of their addresses. */
const PORTS: Readonly<Record<Role, number>> = { client: 50_000, server: 443 };
/** Paths that both ends allow when there are fewer links. */
const LEAST_MAX_PATHS = 4;
/** Virtual milliseconds that a handshake and the validation of paths may take. */
const DEFAULT_READY_LIMIT = 20_000;

/** How `World.connect` sets up a client and a server. */
export interface NetworkConnectOptions {
  /** The links to use, the first for the handshake. Default: all that the world has. */
  readonly links?: readonly WorldLink[];
  /**
   * Those over which the client opens a path when the handshake is confirmed, and tries to connect when the first gives no
   * answer within 250 ms. Default: all but the first.
   */
  readonly open?: readonly WorldLink[];
  /** The client's transport. Default: its own defaults, with `maxPaths` for all links. */
  readonly client?: TransportConfig;
  /** The server's, likewise. */
  readonly server?: TransportConfig;
  /** What both ends do, as `Requests` has it. */
  readonly load?: { readonly client: App; readonly server: App };
  /** What the client does besides. */
  readonly clientApps?: readonly App[];
  /** What the server does besides. */
  readonly serverApps?: readonly App[];
  /** How packets are protected. Default `"real"`. */
  readonly crypto?: WorldCrypto;
  /** Where cryptography comes from. Default: the fastest there is; suites and their order are the same with each. */
  readonly provider?: CryptoProvider;
  /** What the traces keep. */
  readonly trace?: TraceOptions;
  /** Hears all secrets, as lines of an SSLKEYLOGFILE. */
  readonly keyLog?: (line: string) => void;
}

/** One end of a connection. */
export class NetworkEnd {
  /** Which one. */
  readonly role: Role;
  /** What it heard. */
  readonly trace: Trace;
  /** Its endpoint. */
  readonly node: EndpointNode;
  readonly #chosen: () => Connection | undefined;

  /** Made by `World.connect`. */
  constructor(role: Role, trace: Trace, node: EndpointNode, chosen: () => Connection | undefined) {
    this.role = role;
    this.trace = trace;
    this.node = node;
    this.#chosen = chosen;
  }

  /**
   * The connection itself; while several links are tried, the first attempt's. Throws an `Error` while the server has none: its
   * first packet is still under way.
   */
  get connection(): Connection {
    const connection = this.#connection;
    if (connection === undefined) {
      throw new Error(`The ${this.role} has no connection yet: expected the world to have run until its first packet`);
    }
    return connection;
  }

  /** Its applications; more can be added. Throws as `connection` does. */
  get apps(): AppDriver {
    return this.node.driver(this.connection);
  }

  /** How many paths are usable now; 0 while there is no connection. */
  get usablePaths(): number {
    const stats = this.#connection?.stats();
    return stats?.paths.filter((path) => path.state === "usable").length ?? 0;
  }

  get #connection(): Connection | undefined {
    return this.#chosen() ?? this.node.connections[0];
  }
}

/** A client and a server; paths over the links open by themselves once the handshake is confirmed. */
export class NetworkConnection {
  /** The end that began. */
  readonly client: NetworkEnd;
  /** The end that was asked. */
  readonly server: NetworkEnd;
  /** The links in use, that over which the client begins first. */
  readonly links: readonly WorldLink[];
  readonly #world: World;
  readonly #open: readonly WorldLink[];
  readonly #paths = new Map<WorldLink, PathId>();
  readonly #race: RacingClient;

  /** Made by `World.connect`, which says what is thrown. */
  constructor(world: World, options: NetworkConnectOptions) {
    this.#world = world;
    this.links = [...options.links ?? world.links];
    this.#open = options.open ?? this.links.slice(1);
    const first = this.#checkLinks();
    const { client, server, load, clientApps = [], serverApps = [] } = options;
    const transport = { maxPaths: Math.max(LEAST_MAX_PATHS, this.links.length) };
    const answers = [...(load === undefined ? [] : [load.server]), ...serverApps];
    this.client = this.#end("client", options);
    this.server = this.#end("server", options, { transport: { ...transport, ...server }, apps: answers });
    const ours = { ...transport, ...client };
    // Without RFC 10069 there is no use for more than one.
    const tried = ours.maxPaths === 0 ? [first] : [first, ...this.#open];
    this.#paths.set(first, 0);
    this.#race = new RacingClient({
      client: this.client.node,
      server: this.server.node,
      links: tried.length,
      now: world.now,
      connect: (place, now) => ({
        ...this.#addresses(tried[place] as WorldLink),
        now,
        transport: ours,
        path: { label: (tried[place] as WorldLink).label },
        apps: place === 0 ? [this.#opener(), ...(load === undefined ? [] : [load.client]), ...clientApps] : [],
      }),
      onWon: (place) => {
        this.#paths.delete(first);
        this.#paths.set(tried[place] as WorldLink, 0);
      },
    });
  }

  /** Whether all paths that are opened by themselves are usable at both ends. */
  get isReady(): boolean {
    const count = this.#open.length + 1;
    const { client, server } = this;
    return client.connection.isConfirmed && client.usablePaths >= count && server.usablePaths >= count;
  }

  /** The newest path over a link; `undefined` while there was none. */
  pathOver(link: WorldLink): PathId | undefined {
    return this.#paths.get(link);
  }

  /** Has the client open a path over a link; returns its id. Throws `PathError` when there can be none. */
  open(link: WorldLink): PathId {
    const properties = { label: link.label, cost: 0, metered: false };
    const path = { ...this.#addresses(link), properties, status: "available" } as const;
    const id = this.client.connection.openPath(path, this.#world.now);
    this.#paths.set(link, id);
    return id;
  }

  /**
   * Runs the world until all paths are usable at both ends, for so many virtual milliseconds at most. Throws an `Error` when
   * they do not get there.
   */
  ready(limit: number = DEFAULT_READY_LIMIT): this {
    const what = `all paths to be usable at both ends, which are ${this.#open.length + 1}`;
    this.#world.require(what, () => this.isReady, this.#world.now + limit);
    return this;
  }

  /** All that both ends heard, a line each, the client's first: the same for the same seed, byte for byte. */
  traceText(): string {
    return [this.client, this.server].map((end) => `${end.role}\n${end.trace.tail(Infinity)}\n`).join("");
  }

  /** The first link; throws when the options cannot be. */
  #checkLinks(): WorldLink {
    const [first] = this.links;
    if (first === undefined) throw new RangeError("Cannot connect without links: expected at least one");
    const isKnown = (link: WorldLink): boolean => this.#world.links.includes(link);
    const stranger = this.links.find((link) => !isKnown(link));
    if (stranger !== undefined) {
      throw new TypeError(`Cannot connect over ${stranger.label}: expected a link of this world`);
    }
    const other = this.#open.find((link) => link === first || !this.links.includes(link));
    if (other !== undefined) {
      throw new TypeError(`Cannot open ${other.label}: expected one of the connection's links other than the first`);
    }
    const taken = this.#world.hosts.find((host) =>
      this.links.some((link) => host.hostnames.includes(link.client) || host.hostnames.includes(link.server))
    );
    if (taken !== undefined) {
      throw new TypeError(
        `Cannot connect: host "${taken.name}" is at an end of these links, expected links without hosts`,
      );
    }
    return first;
  }

  #end(
    role: Role,
    { crypto, provider, keyLog, trace: traceOptions }: NetworkConnectOptions,
    serving?: { readonly transport: TransportConfig; readonly apps: readonly App[] },
  ): NetworkEnd {
    const { hosts, random } = this.#world;
    const count = hosts.filter((host) => host.node instanceof EndpointNode).length >> 1;
    const name = count === 0 ? role : `${role} ${count}`;
    const trace = new Trace(traceOptions);
    const node = new EndpointNode({
      random: random.fork(name),
      observer: trace,
      provider: worldProvider(crypto, provider),
      ...(keyLog === undefined ? {} : { endpoint: { keyLog } }),
      ...(serving === undefined ? {} : {
        server: { transport: serving.transport },
        apps: () => serving.apps,
        onAccepted: (connection, driver) => this.#race.onAccepted(connection, driver),
      }),
    });
    const hostnames = [...new Set(this.links.map((link) => link[role]))];
    this.#world.addHost({ name, hostnames, node, app: (now) => node.run(now) });
    const chosen = (): Connection | undefined => role === "client" ? this.#race.connection : this.#race.server;
    return new NetworkEnd(role, trace, node, chosen);
  }

  #addresses({ client, server }: WorldLink): Record<"local" | "remote", { hostname: string; port: number }> {
    return { local: { hostname: client, port: PORTS.client }, remote: { hostname: server, port: PORTS.server } };
  }

  /** Opens the paths when that is allowed; a connection without RFC 10069 stays on its first link. */
  #opener(): App {
    return {
      isDone: true,
      onEvent: (event) => {
        if (event.type !== "confirmed" || this.client.connection.isMultipath !== true) return;
        for (const link of [...this.links.slice(0, 1), ...this.#open]) if (!this.#paths.has(link)) this.open(link);
      },
    };
  }
}
