/**
 * The world of a run: a client, a server, links that can be damaged, and an application at each end.
 *
 * @module
 */
import type { Connection } from "../../transport/connection/connection.ts";
import type { Endpoint } from "../../transport/endpoint/endpoint.ts";
import type { Incoming } from "../../transport/endpoint/incoming.ts";
import type { PathStats } from "../../transport/paths/path_events.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import type { Link, TappedDatagram, TapVerdict } from "../kit/link.ts";
import type { Trace } from "../kit/trace.ts";
import { World, type WorldLink } from "../kit/world.ts";
import { Messages } from "./messages.ts";
import { Party } from "./party.ts";
import type { Damage, EndName, Plan } from "./plan.ts";
import { Sleeper } from "./sleeper.ts";

const FIRST_PORT = 50_000;
const SERVER_PORT = 443;

/** The damage that one direction of a link still does. */
class Trouble {
  #damage: Damage = { kind: "drop" };
  #left = 0;

  constructor(link: Link) {
    link.tap = (datagram) => this.#meet(datagram);
  }

  /** Does something to the next `count` datagrams. */
  begin(damage: Damage, count: number): void {
    this.#damage = damage;
    this.#left = count;
  }

  #meet({ data }: TappedDatagram): TapVerdict {
    if (this.#left === 0) return "pass";
    this.#left--;
    const damage = this.#damage;
    if (damage.kind === "delay") return { delay: damage.by };
    if (damage.kind !== "corrupt") return damage.kind;
    const at = Math.min(data.length - 1, Math.floor(damage.at * data.length));
    if (at >= 0) data[at] = data[at]! ^ (1 << (at % 8));
    return "pass";
  }
}

/** Everything that a run consists of. */
export class Arena {
  readonly plan: Plan;
  readonly world: World;
  readonly links: readonly WorldLink[];
  readonly client: Party;
  readonly server: Party;
  /** Path ids that an end was asked to close. */
  readonly forsaken = new Set<number>();
  /** Who was told to close the connection, and with which code. */
  readonly closings = new Map<EndName, number>();
  readonly #troubles: readonly { readonly up: Trouble; readonly down: Trouble }[];

  /** Builds the world of a plan; the client begins to connect. */
  constructor(plan: Plan, observe: (end: EndName) => Trace | undefined = () => undefined) {
    this.plan = plan;
    this.world = new World({ seed: plan.seed });
    this.links = plan.links.map((options, i) =>
      this.world.addLink({
        ...options,
        ...(plan.shared ? { share: "all" } : {}),
        ...(plan.apart ? { server: `192.0.2.${i + 1}` } : {}),
      })
    );
    this.#troubles = this.links.map(({ up, down }) => ({ up: new Trouble(up), down: new Trouble(down) }));
    const [up, down] = [new Messages(), new Messages()];
    this.client = this.#settle("client", up, down, observe("client"));
    this.server = this.#settle("server", down, up, observe("server"));
    this.client.meet(this.client.node.connect({
      local: this.localOf(0, 0),
      remote: this.remoteOf(0),
      now: 0,
      transport: plan.client,
      apps: [this.client],
    }));
  }

  get now(): number {
    return this.world.now;
  }

  party(end: EndName): Party {
    return end === "client" ? this.client : this.server;
  }

  /** The client's address on a link. */
  localOf(link: number, port: number): { hostname: string; port: number } {
    return { hostname: this.links[link]!.client, port: FIRST_PORT + port };
  }

  remoteOf(link: number): { hostname: string; port: number } {
    return { hostname: this.links[link]!.server, port: SERVER_PORT };
  }

  /** The link that a path of the client's runs over. */
  linkOf(path: PathStats): number {
    return this.links.findIndex((link) => link.client === path.local.hostname);
  }

  /** Damages the next datagrams of a link. */
  damage(link: number, direction: "up" | "down", damage: Damage, count: number): void {
    this.#troubles[link]![direction].begin(damage, count);
  }

  /** Both connections, once both ends have confirmed the handshake. */
  get connections(): readonly [client: Connection, server: Connection] | undefined {
    const [client, server] = [this.client.connection, this.server.connection];
    if (client === undefined || server === undefined) return undefined;
    return client.isConfirmed && server.isConfirmed ? [client, server] : undefined;
  }

  /** Ids of the paths that both ends have and neither is to give up. */
  commonPaths(): number[] {
    const both = this.connections;
    if (both === undefined) return [];
    const [client, server] = both.map((connection) => new Set(livePaths(connection).map((path) => path.id)));
    return [...client!].filter((id) => server!.has(id) && !this.forsaken.has(id));
  }

  #settle(name: EndName, outgoing: Messages, incoming: Messages, observer: Trace | undefined): Party {
    const node: EndpointNode = new EndpointNode({
      random: this.world.random.fork(name),
      observer,
      ...(name === "client" ? {} : {
        server: { transport: this.plan.server, retry: this.plan.retry },
        apps: (connection: Connection) => {
          party.meet(connection);
          return [party];
        },
        // An Initial that comes when the connection it began is over looks like that of a new client.
        onIncoming: (incoming: Incoming, endpoint: Endpoint, now: number) => {
          if (party.connection?.state === "closed") endpoint.ignore(incoming);
          else node.accept(incoming, now);
        },
      }),
    });
    const sleeper = new Sleeper(node);
    const party = new Party({ name, node, sleeper, outgoing, incoming });
    const hostnames = name === "client" ? this.links.map((link) => link.client) : this.links.map((link) => link.server);
    this.world.addHost({
      name,
      hostnames: [...new Set(hostnames)],
      node: sleeper,
      app: (now) => sleeper.run(now),
    });
    return party;
  }
}

/** Paths on which data goes, or would if they answered. */
export function livePaths(connection: Connection): PathStats[] {
  return connection.stats().paths.filter(({ state }) => state === "usable" || state === "suspended");
}
