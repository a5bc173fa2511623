import { fastestProvider } from "../../crypto/mod.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { ServerConfig } from "../../transport/endpoint/config.ts";
import type { PathProperties } from "../../transport/paths/path.ts";
import type { OpenPathOptions } from "../../transport/paths/path_manager.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import type { App } from "../kit/app.ts";
import { Trace } from "../kit/trace.ts";
import { World, type WorldLink, type WorldLinkOptions } from "../kit/world.ts";

/** How a {@linkcode Paths} world is set up. */
export interface PathsOptions {
  readonly seed?: number;
  /** Default: two links of 20 Mbit/s, 10 and 25 ms one way. */
  readonly links?: readonly WorldLinkOptions[];
  readonly client?: TransportConfig;
  readonly server?: TransportConfig;
  readonly serverConfig?: Partial<ServerConfig>;
  readonly clientApps?: readonly App[];
  readonly serverApps?: readonly App[];
  /** Links that are opened as paths once the handshake is confirmed; default: all but the first. */
  readonly open?: readonly number[];
  /** Default: the fastest there is. */
  readonly provider?: CryptoProvider;
  /** What is said of path 0. */
  readonly first?: Partial<PathProperties>;
}

/** A client with an address per link and a server with one, every link to be a path. */
export class Paths {
  readonly world: World;
  readonly links: readonly WorldLink[];
  readonly clientTrace: Trace = new Trace();
  readonly serverTrace: Trace = new Trace();
  readonly clientNode: EndpointNode;
  readonly serverNode: EndpointNode;
  readonly client: Connection;
  readonly provider: CryptoProvider;
  /** All secrets of all connections, as lines of SSLKEYLOGFILE. */
  readonly keyLog: string[] = [];
  readonly #open: readonly number[];

  constructor(options: PathsOptions = {}) {
    this.world = new World({ seed: options.seed ?? 1 });
    const links = options.links ?? [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 20 }];
    this.links = links.map((link) => this.world.addLink(link));
    this.#open = options.open ?? this.links.map((_, i) => i).slice(1);
    const provider = this.provider = options.provider ?? fastestProvider();
    const keyLog = (line: string): number => this.keyLog.push(line);
    this.clientNode = new EndpointNode({
      random: this.world.random.fork("client"),
      observer: this.clientTrace,
      provider,
      endpoint: { keyLog },
    });
    this.serverNode = new EndpointNode({
      random: this.world.random.fork("server"),
      observer: this.serverTrace,
      provider,
      endpoint: { keyLog },
      server: { transport: options.server, ...options.serverConfig },
      apps: () => options.serverApps ?? [],
    });
    this.world.addHost({
      name: "client",
      hostnames: this.links.map((link) => link.client),
      node: this.clientNode,
      app: (now) => this.clientNode.run(now),
    });
    this.world.addHost({
      name: "server",
      hostnames: [...new Set(this.links.map((link) => link.server))],
      node: this.serverNode,
      app: (now) => this.serverNode.run(now),
    });
    this.client = this.clientNode.connect({
      local: this.localOf(0),
      remote: this.remoteOf(0),
      now: 0,
      transport: options.client,
      apps: options.clientApps,
      path: options.first,
    });
  }

  /** The link of path 0. */
  get link(): WorldLink {
    return this.links[0]!;
  }

  localOf(link: number): { hostname: string; port: number } {
    return { hostname: this.links[link]!.client, port: 50_000 };
  }

  remoteOf(link: number): { hostname: string; port: number } {
    return { hostname: this.links[link]!.server, port: 443 };
  }

  get server(): Connection {
    const server = this.serverNode.connections[0];
    if (server === undefined) throw new Error("The server has no connection yet");
    return server;
  }

  /** Opens a path over a link; returns its id. */
  open(link: number, options: Partial<OpenPathOptions> = {}): number {
    return this.client.openPath({
      local: this.localOf(link),
      remote: this.remoteOf(link),
      properties: { label: this.links[link]!.label, cost: 0, metered: false },
      status: "available",
      ...options,
    }, this.world.now);
  }

  /** Runs until the handshake is confirmed at both ends and all paths to be opened are usable at both. */
  ready(limit = 20_000): this {
    this.world.require("the handshake to be confirmed", () => this.client.isConfirmed, this.world.now + limit);
    for (const link of this.#open) this.open(link);
    const count = this.#open.length + 1;
    const usable = (c: Connection): number => c.stats().paths.filter((p) => p.state === "usable").length;
    this.world.require(
      `${count} paths to be usable at both ends`,
      () => usable(this.client) === count && this.serverNode.connections.length > 0 && usable(this.server) === count,
      this.world.now + limit,
    );
    return this;
  }
}
