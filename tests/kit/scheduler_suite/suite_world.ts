/**
 * Real connections between real endpoints, in virtual time, both ends of which have the scheduler that is tried.
 *
 * @module
 */
import type { ModeChoice, SchedulerFactory } from "../../../schedulers/mod.ts";
import type { ConnectionEvent } from "../../../transport/connection/events.ts";
import type { Connection } from "../../../transport/connection/connection.ts";
import type { App } from "../app.ts";
import { type RequestOptions, Requests } from "../apps.ts";
import { EndpointNode } from "../endpoint_node.ts";
import { World, type WorldLink, type WorldLinkOptions } from "../world.ts";
import type { Finding } from "./rule.ts";
import { Witness } from "./witness.ts";

/** A link, and what the application says of the path over it. */
export interface SuiteLink extends WorldLinkOptions {
  readonly status?: "available" | "backup";
}

/** What runs in a {@linkcode SuiteWorld}. */
export interface SuiteWorldOptions {
  readonly seed: number;
  readonly factory: SchedulerFactory;
  readonly links: readonly SuiteLink[];
  /** Default: 120 kB down and 60 kB up at once. */
  readonly requests?: readonly RequestOptions[];
  /** Datagrams that the server sends, 5 ms apart. Default 0. */
  readonly datagrams?: number;
  /** In how many milliseconds from the beginning of the load all has to be there. Default 10,000. */
  readonly within?: number;
}

const DEFAULT_LOAD: readonly RequestOptions[] = [{ request: 100, response: 120_000 }, {
  request: 60_000,
  response: 100,
}];
const DATAGRAM_GAP = 5;
const DATAGRAM_SIZE = 400;
/** In which all paths are opened: milliseconds. */
const SETUP_LIMIT = 20_000;
/** So that statuses are known at both ends before anything is sent: milliseconds. */
const SETTLING = 200;
const PORTS = { client: 50_000, server: 443 };

/** Counts numbered datagrams. */
class Counter implements App {
  readonly isDone = true;
  readonly times = new Map<number, number>();

  onEvent(event: ConnectionEvent): void {
    if (event.type !== "datagram") return;
    const number = new DataView(event.data.buffer, event.data.byteOffset).getUint32(0);
    this.times.set(number, (this.times.get(number) ?? 0) + 1);
  }
}

/** A client with a path over each link, and a server. */
export class SuiteWorld {
  readonly world: World;
  readonly links: readonly WorldLink[];
  readonly witness: Witness;
  readonly client: Connection;
  readonly #options: SuiteWorldOptions;
  readonly #serverNode: EndpointNode;
  readonly #load: Requests;
  readonly #datagrams = new Counter();
  #sent = 0;

  constructor(options: SuiteWorldOptions) {
    this.#options = options;
    this.world = new World({ seed: options.seed });
    this.links = options.links.map(({ status: _status, ...link }) => this.world.addLink(link));
    this.witness = new Witness(options.factory);
    // Begins when all paths are there: `start` adds it to the connections.
    this.#load = new Requests(options.requests ?? DEFAULT_LOAD, {
      at: (time, run) => this.world.at(time, run),
    });
    const transport = { mode: this.witness.mode, maxPaths: 8 };
    this.#serverNode = new EndpointNode({ random: this.world.random.fork("server"), server: { transport } });
    const clientNode = new EndpointNode({ random: this.world.random.fork("client") });
    this.#addHost("client", this.links.map(({ client }) => client), clientNode);
    this.#addHost("server", [this.links[0]!.server], this.#serverNode);
    const { label } = this.links[0]!;
    this.client = clientNode.connect({ ...this.#ends(0), now: 0, transport, path: { label } });
    this.#setUp();
    this.#start(clientNode);
  }

  get server(): Connection {
    return this.#serverNode.connections[0]!;
  }

  /** Whether all bytes are where they belong. */
  get isDone(): boolean {
    return this.#load.isDone && this.#sent >= (this.#options.datagrams ?? 0);
  }

  /** Milliseconds since the load began. */
  after(delay: number, run: (now: number) => void): void {
    this.world.after(delay, run);
  }

  /** Opens a path over a link once more; nothing happens when it cannot be. */
  open(link: number, label = this.links[link]!.label): void {
    const properties = { label, cost: 0, metered: false };
    const status = this.#options.links[link]!.status ?? "available";
    this.client.openPath({ ...this.#ends(link), properties, status }, this.world.now);
  }

  /** Lets another mode decide at both ends. */
  setMode(mode: ModeChoice): void {
    for (const end of [this.client, this.server]) end.setMode(mode, this.world.now);
  }

  /** Runs to the end of the load, and says what was wrong on the way; `mayFault`: the core may have had to help. */
  finish(): Finding | undefined {
    const { within = 10_000, seed } = this.#options;
    const began = this.world.now;
    const failed = this.#run(began + within);
    const { first, answers } = this.witness;
    if (first !== undefined) return { seed, ...first };
    const step = answers.length;
    const what = failed ?? this.#fault() ?? this.#twice();
    if (what !== undefined) return { seed, step, what };
    if (this.isDone) return undefined;
    const took = Math.round(this.world.now - began);
    return { seed, step, what: `had not delivered all after ${took} ms: expected every byte to be there` };
  }

  #run(limit: number): string | undefined {
    try {
      this.world.run({ until: () => this.isDone, limit });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** What the guard had to put right: each fault that is no mistake in an answer is a hold that was too long. */
  #fault(): string | undefined {
    for (const end of [this.client, this.server]) {
      const { faults, lastFault } = end.stats().scheduler;
      if (faults > 0) return `made the core answer in its place: ${lastFault}`;
    }
    return undefined;
  }

  #twice(): string | undefined {
    for (const [number, times] of this.#datagrams.times) {
      if (times > 1) return `had datagram ${number} delivered ${times} times: expected once`;
    }
    return undefined;
  }

  #addHost(name: string, hostnames: string[], node: EndpointNode): void {
    this.world.addHost({ name, hostnames, node, app: (now) => node.run(now) });
  }

  #ends(link: number): { local: { hostname: string; port: number }; remote: { hostname: string; port: number } } {
    const { client, server } = this.links[link]!;
    return { local: { hostname: client, port: PORTS.client }, remote: { hostname: server, port: PORTS.server } };
  }

  #setUp(): void {
    const { world, links } = this;
    world.require("the handshake to be confirmed", () => this.client.isConfirmed, world.now + SETUP_LIMIT);
    for (let link = 1; link < links.length; link++) this.open(link);
    const isUsable = (end: Connection): boolean =>
      end.stats().paths.filter(({ state }) => state === "usable").length === links.length;
    const areUsable = (): boolean => isUsable(this.client) && isUsable(this.server);
    world.require(`${links.length} paths to be usable`, areUsable, world.now + SETUP_LIMIT);
    world.runFor(SETTLING);
  }

  #start(clientNode: EndpointNode): void {
    this.#serverNode.driver(this.server).add(this.#load.server);
    const driver = clientNode.driver(this.client);
    driver.add(this.#datagrams);
    driver.add(this.#load.client);
    this.#load.client.onEvent({ type: "confirmed" }, this.client, this.world.now);
    this.#sendDatagram();
  }

  #sendDatagram(): void {
    if (this.#sent >= (this.#options.datagrams ?? 0)) return;
    const data = new Uint8Array(DATAGRAM_SIZE);
    new DataView(data.buffer).setUint32(0, this.#sent++);
    this.server.sendDatagram(data);
    this.world.after(DATAGRAM_GAP, () => this.#sendDatagram());
  }
}
