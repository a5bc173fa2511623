/**
 * The world of a scenario: links, hosts, connections, other traffic.
 *
 * @module
 */
import type { Address } from "../../../transport/base/address.ts";
import type { Observer } from "../../../transport/base/observer.ts";
import type { Connection } from "../../../transport/connection/connection.ts";
import type { App } from "../app.ts";
import { EndpointNode } from "../endpoint_node.ts";
import { RacingClient } from "../racing_client.ts";
import { Exchanges } from "../loads/exchanges.ts";
import type { LoadContext } from "../loads/load.ts";
import { startingWith, transferParts } from "../loads/transfers.ts";
import type { CrossTraffic, Scenario, ScenarioLink, Side } from "../scenario/types.ts";
import { World, type WorldLink } from "../world.ts";
import { worldProvider } from "../world_provider.ts";
import { megabits } from "./ledger.ts";
import { controllerOf, type RunScenarioOptions, transportOf } from "./options.ts";

const CLIENT_PORT = 50_000;
const SERVER_PORT = 443;

/** What happens at the two ends. */
export interface Cast {
  /** Makes what hears of a side's connection in the attempt to connect over a link. */
  observerOf(side: Side, link: number): Observer;
  /** An attempt won: path 0 is over this link. */
  onWon(link: number): void;
  /** Applications at the client. */
  readonly clientApps: readonly App[];
  /** Applications at the server. */
  readonly serverApps: readonly App[];
}

/** The world of a scenario, with the client about to connect. */
export class Stage {
  /** The world. */
  readonly world: World;
  /** Its links, as in the scenario. */
  readonly links: readonly WorldLink[];
  readonly #scenario: Scenario;
  readonly #options: RunScenarioOptions;
  readonly #server: EndpointNode;
  readonly #client: EndpointNode;
  readonly #race: RacingClient;

  /** Throws what connections, links and controllers throw for options that cannot be. */
  constructor(scenario: Scenario, options: RunScenarioOptions, makeCast: (stage: Stage) => Cast) {
    this.#scenario = scenario;
    this.#options = options;
    const world = this.world = new World({ seed: options.seed ?? scenario.seed });
    this.links = scenario.links.map(({ label, both, up, down, share }) =>
      world.addLink({ ...both, label, up, down, ...(share === undefined ? {} : { share }) })
    );
    const { onDatagram } = options;
    if (onDatagram !== undefined) {
      world.onSend = ({ label }, direction, data, now) => onDatagram({ link: label, direction, data, now });
    }
    const cast = makeCast(this);
    const provider = worldProvider(options.crypto, options.provider);
    this.#client = new EndpointNode({
      random: world.random.fork("client"),
      // What belongs to no connection; each has an observer of its own.
      observer: options.observers?.client,
      provider,
    });
    this.#server = new EndpointNode({
      random: world.random.fork("server"),
      observer: options.observers?.server,
      observerOf: ({ remote }) => cast.observerOf("server", this.#linkFrom(remote)),
      onAccepted: (connection, driver) => this.#race.onAccepted(connection, driver),
      provider,
      server: { transport: transportOf(scenario, "server", options) },
      apps: () => cast.serverApps,
    });
    this.#addHost("client", this.links.map((link) => link.client), this.#client);
    this.#addHost("server", [...new Set(this.links.map((link) => link.server))], this.#server);
    this.#race = this.#connect(cast);
  }

  /** The client's connection; while several are tried, the first. */
  get client(): Connection {
    return this.#race.connection;
  }

  /** The server's, once there is one. */
  get server(): Connection | undefined {
    return this.#race.server;
  }

  /** A side's connection, once it is known which one it is. */
  connection(side: Side): Connection | undefined {
    return this.#race.isDecided ? this[side] : undefined;
  }

  /** Why the connection ended, once it did. */
  get error(): Error | undefined {
    return this.connection("client")?.error ?? this.connection("server")?.error;
  }

  /** The ends of a link, as the client sees them. */
  addressesOf(link: number): { local: Address; remote: Address } {
    const { client, server } = this.links[link] as WorldLink;
    return { local: { hostname: client, port: CLIENT_PORT }, remote: { hostname: server, port: SERVER_PORT } };
  }

  /** Puts other traffic on a link; returns what tells its goodput up to a time. */
  addCross(cross: CrossTraffic, number: number): (end: number) => number {
    const ends = { client: `10.1.${number}.1`, server: `198.51.100.${number + 1}` };
    this.links[cross.link]?.attach(ends);
    let bytes = 0;
    const context: LoadContext = {
      at: (time, run) => this.world.at(time, run),
      // Only one direction has more than a few bytes.
      delivered: (direction, count) => void (bytes += direction === cross.direction ? count : 0),
      answered: () => {},
      pin: () => true,
      pathOver: () => undefined,
    };
    const exchanges = new Exchanges(context);
    const transport = {
      congestion: controllerOf(cross.congestion, this.#options),
      maxPaths: 0,
    };
    const provider = worldProvider(this.#options.crypto, this.#options.provider);
    const node = (side: "client" | "server"): EndpointNode =>
      new EndpointNode({
        random: this.world.random.fork(`cross ${number} ${side}`),
        provider,
        ...(side === "server" ? { server: { transport }, apps: () => [exchanges.server] } : {}),
      });
    const [client, server] = [node("client"), node("server")];
    this.#addHost(`cross ${number} client`, [ends.client], client);
    this.#addHost(`cross ${number} server`, [ends.server], server);
    this.world.at(cross.start, (now) => {
      const app = startingWith("confirmed", exchanges.client, (begin) => {
        for (const part of transferParts(cross.direction, Infinity, 1, -1)) exchanges.begin(part, begin);
      });
      const local = { hostname: ends.client, port: CLIENT_PORT };
      const remote = { hostname: ends.server, port: SERVER_PORT };
      const connection = client.connect({ local, remote, now, transport, apps: [app] });
      this.world.at(cross.stop, (then) => {
        exchanges.stop();
        connection.close(0, "", then);
      });
    });
    return (end) => megabits(bytes, Math.min(cross.stop, end) - cross.start);
  }

  #addHost(name: string, hostnames: readonly string[], node: EndpointNode): void {
    this.world.addHost({ name, hostnames, node, app: (now) => node.run(now) });
  }

  /** The client has the links of `openMs` 0 from the start; without RFC 10069 it has no use for more than the first. */
  #connect(cast: Cast): RacingClient {
    const { links, client } = this.#scenario;
    if (links.length === 0) throw new RangeError("Scenario has no links: expected at least one");
    const isAlone = client.numberSpaces === "off" || client.maxPaths === 0;
    const tried = links.map((_, i) => i).filter((i) => i === 0 || (!isAlone && links[i]?.openMs === 0));
    const transport = transportOf(this.#scenario, "client", this.#options);
    return new RacingClient({
      client: this.#client,
      server: this.#server,
      links: tried.length,
      now: 0,
      connect: (place, now) => {
        const link = tried[place] as number;
        const { label, cost, metered } = links[link] as ScenarioLink;
        const isFirst = place === 0;
        return {
          ...this.addressesOf(link),
          now,
          transport,
          path: { label, cost, metered, preference: link },
          apps: isFirst ? cast.clientApps : [],
          observer: cast.observerOf("client", link),
        };
      },
      onWon: (place) => cast.onWon(tried[place] as number),
    });
  }

  #linkFrom({ hostname }: Address): number {
    return this.links.findIndex(({ ends }) => ends.some(({ client }) => client.owns(hostname)));
  }
}
