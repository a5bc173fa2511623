import { fastestProvider } from "../../crypto/mod.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { ClientTls } from "../../transport/connection/options.ts";
import type { EndpointConfig, ServerConfig } from "../../transport/endpoint/config.ts";
import type { App } from "../kit/app.ts";
import { EndpointNode, type EndpointNodeOptions } from "../kit/endpoint_node.ts";
import { Trace } from "../kit/trace.ts";
import { type Host, World, type WorldLink, type WorldLinkOptions } from "../kit/world.ts";

/** How a {@linkcode Pair} is set up. */
export interface PairOptions {
  readonly seed?: number;
  readonly link?: WorldLinkOptions;
  readonly client?: TransportConfig;
  readonly server?: TransportConfig;
  readonly serverConfig?: Partial<ServerConfig>;
  readonly tls?: Partial<ClientTls>;
  readonly alpn?: readonly string[];
  readonly clientApps?: readonly App[];
  readonly serverApps?: readonly App[];
  readonly provider?: CryptoProvider;
  readonly onIncoming?: EndpointNodeOptions["onIncoming"];
  readonly token?: Uint8Array;
  /** What else the client's endpoint is told. */
  readonly clientEndpoint?: Partial<EndpointConfig>;
  /** What else the server's endpoint is told. */
  readonly serverEndpoint?: Partial<EndpointConfig>;
}

/** Addresses of a pair. */
export const CLIENT_ADDRESS = { hostname: "10.0.0.1", port: 50_000 } as const;
export const SERVER_ADDRESS = { hostname: "192.0.2.1", port: 443 } as const;

/** A client and a server joined by one link, each with a trace. */
export class Pair {
  readonly world: World;
  readonly link: WorldLink;
  readonly clientTrace: Trace = new Trace();
  readonly serverTrace: Trace = new Trace();
  readonly clientNode: EndpointNode;
  readonly serverNode: EndpointNode;
  readonly clientHost: Host;
  readonly serverHost: Host;
  readonly client: Connection;
  readonly provider: CryptoProvider;
  /** All secrets of all connections, as lines of SSLKEYLOGFILE. */
  readonly keyLog: string[] = [];

  constructor(options: PairOptions = {}) {
    this.world = new World({ seed: options.seed ?? 1 });
    this.link = this.world.addLink({ delayMs: 15, rateMbps: 20, ...options.link });
    const provider = this.provider = options.provider ?? fastestProvider();
    const keyLog = (line: string): number => this.keyLog.push(line);
    this.clientNode = new EndpointNode({
      random: this.world.random.fork("client"),
      observer: this.clientTrace,
      provider,
      endpoint: { keyLog, ...options.clientEndpoint },
    });
    this.serverNode = new EndpointNode({
      random: this.world.random.fork("server"),
      observer: this.serverTrace,
      provider,
      server: { transport: options.server, ...options.serverConfig },
      apps: () => options.serverApps ?? [],
      onIncoming: options.onIncoming,
      endpoint: { keyLog, ...options.serverEndpoint },
    });
    this.clientHost = this.world.addHost({
      name: "client",
      hostnames: [CLIENT_ADDRESS.hostname],
      node: this.clientNode,
      app: (now) => this.clientNode.run(now),
    });
    this.serverHost = this.world.addHost({
      name: "server",
      hostnames: [SERVER_ADDRESS.hostname],
      node: this.serverNode,
      app: (now) => this.serverNode.run(now),
    });
    this.client = this.clientNode.connect({
      local: CLIENT_ADDRESS,
      remote: SERVER_ADDRESS,
      now: this.world.now,
      transport: options.client,
      tls: options.tls,
      alpn: options.alpn,
      apps: options.clientApps,
      token: options.token,
    });
  }

  /** The server's first connection; throws when there is none yet. */
  get server(): Connection {
    const server = this.serverNode.connections[0];
    if (server === undefined) throw new Error("The server has no connection yet");
    return server;
  }

  /** Runs until both ends have confirmed the handshake. */
  confirm(limit = 20_000): this {
    this.world.require(
      "both ends to confirm the handshake",
      () => this.client.isConfirmed && (this.serverNode.connections[0]?.isConfirmed ?? false),
      this.world.now + limit,
    );
    return this;
  }
}
