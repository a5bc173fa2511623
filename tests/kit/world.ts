/**
 * A network in virtual time: hosts that run sans-IO nodes, links between them, translators, and things that happen. Same
 * seed, same run, to the byte.
 *
 * At each instant: datagrams arrive, then timers fire, then applications act, then all that hosts have to send is sent.
 * Nothing in a host takes time.
 *
 * @module
 */
import type { Address, Ecn } from "../../transport/base/address.ts";
import { Bottleneck } from "./bottleneck.ts";
import { Clock } from "./clock.ts";
import { Link } from "./link.ts";
import { type LinkOptions, resolveLink } from "./link_options.ts";
import { Nat } from "./nat.ts";
import type { Node } from "./node.ts";
import { Random } from "./random.ts";

/** A direction of a link: "up" is from the client's end to the server's. */
export type Direction = "up" | "down" | "both";

/** The two ends of a link, as hostnames. */
export interface LinkEnds {
  /** Default 10.0.0.1 for the first link, 10.0.1.1 for the second and so on. */
  readonly client?: string;
  /** Default 192.0.2.1: one server for all links. */
  readonly server?: string;
}

/** A link: the same both ways, apart from what `up` and `down` say. */
export interface WorldLinkOptions extends LinkOptions, LinkEnds {
  /** Default `"link0"`, `"link1"`, ... . */
  readonly label?: string;
  /** What differs from client to server. */
  readonly up?: LinkOptions;
  /** What differs from server to client. */
  readonly down?: LinkOptions;
  /** Links with the same name share one queue and rate per direction: those of the first such link. */
  readonly share?: string;
}

/** What a host is. */
export interface HostOptions {
  /** For messages to people. */
  readonly name: string;
  /** Hostnames at which it is reached. */
  readonly hostnames: readonly string[];
  /** What runs there. */
  readonly node: Node;
  /** Called at each instant in which the node received something or a timer fired, before it is asked to transmit. */
  readonly app?: (now: number) => void;
}

/** Which limit ended a run. */
export type RunEnd = "until" | "limit" | "idle";

/** When to stop. */
export interface RunOptions {
  /** Asked after each instant. */
  readonly until?: () => boolean;
  /** Virtual time at which to stop. Default: 600000 after now. */
  readonly limit?: number;
}

/** A link with its two directions and the addresses at its ends. */
export class WorldLink {
  /** Its name. */
  readonly label: string;
  /** From the client to the server. */
  readonly up: Link;
  /** From the server to the client. */
  readonly down: Link;
  /** The name of the bottleneck that it shares. */
  readonly share: string | undefined;
  /** Pairs of ends; the first is the link's own, others were attached. */
  readonly ends: { readonly client: Nat; readonly server: string }[] = [];
  readonly #world: WorldParts;

  /** Made by `World.addLink`. */
  constructor(label: string, up: Link, down: Link, share: string | undefined, world: WorldParts) {
    this.label = label;
    this.up = up;
    this.down = down;
    this.share = share;
    this.#world = world;
  }

  /** The client's hostname. */
  get client(): string {
    return this.ends[0]?.client.inner ?? "";
  }

  /** The server's hostname. */
  get server(): string {
    return this.ends[0]?.server ?? "";
  }

  /** Changes options from now on; a new rate or queue also holds for the links that share it. */
  set(options: LinkOptions, direction: Direction = "both"): void {
    for (const link of this.#world.links) {
      const isOther = link !== this;
      if (isOther && (this.share === undefined || link.share !== this.share)) continue;
      const changes = isOther ? queueOptions(options) : options;
      if (direction !== "down") link.up.set(changes);
      if (direction !== "up") link.down.set(changes);
    }
  }

  /** The client's translator forgets its mappings: other ports from now on, and another address too if asked. */
  rebind(options: { readonly address?: boolean } = {}): void {
    for (const { client } of this.ends) {
      client.rebind(options.address ? this.#world.freshHostname(client.inner) : undefined);
    }
  }

  /** Lets another pair of hosts use this link. */
  attach(ends: Required<LinkEnds>): void {
    this.ends.push({ client: new Nat(ends.client), server: ends.server });
  }
}

/** What links need of their world. */
interface WorldParts {
  readonly links: readonly WorldLink[];
  freshHostname(inner: string): string;
}

/** A host and what it has done. */
export class Host {
  /** For messages to people. */
  readonly name: string;
  /** Hostnames at which it is reached. */
  readonly hostnames: readonly string[];
  /** May be replaced between runs: a host that restarts. */
  node: Node;
  /** Called before the node is asked to transmit. */
  app: ((now: number) => void) | undefined;
  /** When the node wants to be called. */
  timeout: number = Infinity;
  /** Whether something happened to it in this instant. */
  isDirty: boolean = true;
  /** Datagrams sent, those for which there was no link included. */
  sent = 0;
  /** Datagrams that arrived. */
  received = 0;
  /** Datagrams for which there was no link. */
  unroutable = 0;

  /** Made by `World.addHost`. */
  constructor(options: HostOptions) {
    this.name = options.name;
    this.hostnames = options.hostnames;
    this.node = options.node;
    this.app = options.app;
  }
}

/** Rounds without any progress in time after which a run is declared stuck; zero-delay links need many. */
const MAX_ROUNDS_PER_INSTANT = 100_000;
/** Rounds in which nothing but timers happened. */
const MAX_TIMER_ROUNDS = 1000;
/** Transmits of one host in one go. */
const MAX_TRANSMITS = 100_000;
const DEFAULT_LIMIT = 600_000;

/** Hosts, links and time. */
export class World {
  /** The source of all that is random in this world; fork it. */
  readonly random: Random;
  /** All links, in the order in which they were added. */
  readonly links: WorldLink[] = [];
  /** All hosts, likewise. */
  readonly hosts: Host[] = [];
  readonly #clock: Clock;
  readonly #byHostname = new Map<string, Host>();
  readonly #shared = new Map<string, { up: Bottleneck; down: Bottleneck }>();
  readonly #buffer = new Uint8Array(65_536);
  #freshHostnames = 0;
  /** Sees each datagram at the moment it is handed to a link. */
  onSend: ((link: WorldLink, direction: "up" | "down", data: Uint8Array, now: number) => void) | undefined;

  /** `seed`: 0 to 2^53-1, default 1. `start`: the time at which it begins, default 0. */
  constructor(options: { readonly seed?: number; readonly start?: number } = {}) {
    this.random = new Random(options.seed ?? 1);
    this.#clock = new Clock(options.start ?? 0);
  }

  /** The time now. */
  get now(): number {
    return this.#clock.now;
  }

  /** Adds a link. Throws as `Link` does when an option is wrong. */
  addLink(options: WorldLinkOptions = {}): WorldLink {
    const { label = `link${this.links.length}`, client, server, up, down, share, ...both } = options;
    const queues = this.#queues(share);
    const make = (direction: "up" | "down", own: LinkOptions | undefined): Link => {
      const first = share === undefined ? undefined : this.links.find((l) => l.share === share)?.[direction].options;
      // One after the other: what a direction says of its queue or rate replaces all that was said for both.
      const merged = resolveLink(
        first === undefined ? {} : queueOptions(first),
        resolveLink(own ?? {}, resolveLink(both)),
      );
      return new Link(merged, this.random.fork(`link ${this.links.length} ${direction}`), queues?.[direction]);
    };
    const link = new WorldLink(label, make("up", up), make("down", down), share, {
      links: this.links,
      freshHostname: (inner) => this.#freshHostname(inner),
    });
    link.up.opposite = link.down;
    link.down.opposite = link.up;
    link.attach({ client: client ?? `10.0.${this.links.length}.1`, server: server ?? "192.0.2.1" });
    this.links.push(link);
    return link;
  }

  /** Adds a host. Throws `TypeError` when another has one of its hostnames. */
  addHost(options: HostOptions): Host {
    const host = new Host(options);
    for (const hostname of host.hostnames) {
      if (this.#byHostname.has(hostname)) throw new TypeError(`Cannot add host: ${hostname} belongs to another`);
      this.#byHostname.set(hostname, host);
    }
    this.hosts.push(host);
    return host;
  }

  /** Has the application do something at a time; its host need not be named, all are looked after. */
  at(time: number, run: (now: number) => void): void {
    if (typeof run !== "function") throw new TypeError(`Action is ${typeof run}: expected a function`);
    this.#clock.schedule(time, "application", run);
  }

  /** The same, so many milliseconds from now. */
  after(delay: number, run: (now: number) => void): void {
    this.at(this.now + delay, run);
  }

  /**
   * Lets time pass until something holds, nothing is left to happen, or the limit is reached. Throws `RangeError` for a limit
   * that is no time.
   */
  run(options: RunOptions = {}): RunEnd {
    const { until, limit = this.now + DEFAULT_LIMIT } = options;
    if (!(limit >= 0)) throw new RangeError(`"limit" is ${String(limit)}: expected virtual milliseconds from 0`);
    // Whoever called may have used the nodes since the last run.
    this.#wakeAll();
    this.#flush();
    let [instant, rounds, timerRounds] = [-Infinity, 0, 0];
    while (!until?.()) {
      const next = this.#nextAt();
      if (next === Infinity) return "idle";
      if (next > limit) {
        this.#clock.advance(Math.min(limit, this.#clock.nextAt));
        return "limit";
      }
      this.#clock.advance(Math.max(next, this.now));
      const onlyTimers = this.#runInstant();
      [rounds, timerRounds] = this.now > instant ? [0, 0] : [rounds + 1, onlyTimers ? timerRounds + 1 : 0];
      instant = this.now;
      if (rounds > MAX_ROUNDS_PER_INSTANT || timerRounds > MAX_TIMER_ROUNDS) throw this.#stuck();
    }
    return "until";
  }

  /** Lets so many milliseconds pass. */
  runFor(duration: number): void {
    const end = this.now + duration;
    let reached = false;
    this.at(end, () => reached = true);
    this.run({ until: () => reached, limit: end });
  }

  /** Runs until something holds; throws an `Error` that says what was waited for when it does not come to hold. */
  require(what: string, until: () => boolean, limit: number = this.now + 60_000): void {
    const end = this.run({ until, limit });
    if (end !== "until") throw new Error(`Run ended (${end}) at ${this.now} ms: expected ${what}`);
  }

  #nextAt(): number {
    let next = this.#clock.nextAt;
    for (const host of this.hosts) next = Math.min(next, host.timeout);
    return next;
  }

  /** One round of what is due now; returns whether timers were all there was. */
  #runInstant(): boolean {
    const { now } = this;
    let onlyTimers = true;
    while (this.#clock.runNext("network")) onlyTimers = false;
    for (const host of this.hosts) {
      if (host.timeout > now) continue;
      host.isDirty = true;
      host.node.handleTimeout(now);
    }
    let acted = false;
    while (this.#clock.runNext("application")) acted = true;
    if (acted) this.#wakeAll();
    this.#flush();
    return onlyTimers && !acted;
  }

  #wakeAll(): void {
    for (const host of this.hosts) host.isDirty = true;
  }

  #flush(): void {
    for (const host of this.hosts) if (host.isDirty) host.app?.(this.now);
    for (const host of this.hosts) {
      if (!host.isDirty) continue;
      host.isDirty = false;
      this.#transmit(host);
      host.timeout = host.node.nextTimeout();
      if (Number.isNaN(host.timeout)) throw new Error(`nextTimeout() of ${host.name} is NaN: expected a time`);
    }
  }

  #transmit(host: Host): void {
    for (let count = 0; count < MAX_TRANSMITS; count++) {
      const train = host.node.transmit(this.now, this.#buffer);
      if (train === undefined) return;
      const segment = Math.max(1, train.segment);
      for (let at = 0; at < train.length; at += segment) {
        const data = this.#buffer.subarray(at, Math.min(at + segment, train.length));
        this.#send(host, data, train.local, train.remote, train.ecn);
      }
    }
    throw new Error(`${host.name} transmits without end at ${this.now} ms`);
  }

  #send(host: Host, data: Uint8Array, local: Address, remote: Address, ecn: Ecn): void {
    host.sent++;
    for (const link of this.links) {
      for (const { client, server } of link.ends) {
        if (client.inner === local.hostname && server === remote.hostname) {
          return this.#carry(host, link, "up", data, ecn, local, remote, client);
        }
        if (server === local.hostname && client.owns(remote.hostname)) {
          return this.#carry(host, link, "down", data, ecn, local, remote, client);
        }
      }
    }
    host.unroutable++;
    host.node.onSendError?.(local, remote, "unreachable", this.now);
  }

  #carry(
    host: Host,
    link: WorldLink,
    direction: "up" | "down",
    data: Uint8Array,
    ecn: Ecn,
    local: Address,
    remote: Address,
    nat: Nat,
  ): void {
    this.onSend?.(link, direction, data, this.now);
    const source = direction === "up" ? nat.translate(local) : local;
    const fate = link[direction].offer(data, ecn, this.now);
    if (fate.dropped === "unreachable") host.node.onSendError?.(local, remote, "unreachable", this.now);
    if (fate.dropped !== undefined) return;
    for (const arrival of fate.arrivals) {
      this.#clock.schedule(arrival.at, "network", (now) => {
        // The translator stands at the client: what comes down meets the mappings of the moment it gets there.
        const target = direction === "up" ? remote : nat.translateBack(remote);
        const receiver = target && this.#byHostname.get(target.hostname);
        if (receiver === undefined) return;
        receiver.received++;
        receiver.isDirty = true;
        receiver.node.receive({ data: arrival.data, local: target as Address, remote: source, ecn: arrival.ecn }, now);
      });
    }
  }

  #queues(share: string | undefined): { up: Bottleneck; down: Bottleneck } | undefined {
    if (share === undefined) return undefined;
    const queues = this.#shared.get(share) ?? { up: new Bottleneck(), down: new Bottleneck() };
    this.#shared.set(share, queues);
    return queues;
  }

  /** An address that nobody had before, of the same family. */
  #freshHostname(inner: string): string {
    const n = ++this.#freshHostnames;
    return inner.includes(":") ? `2001:db8:ffff::${n.toString(16)}` : `198.18.${n >> 8}.${n & 255}`;
  }

  #stuck(): Error {
    const due = this.hosts.filter((h) => h.timeout <= this.now).map((h) => h.name).join(", ") || "none";
    return new Error(`Time does not get past ${this.now} ms; hosts with a timer that is due: ${due}`);
  }
}

/** Those of the options that belong to a shared queue. */
function queueOptions(options: LinkOptions): LinkOptions {
  const { rateMbps, trace, queueMs, queueBytes, queuePackets } = options;
  const own = { rateMbps, trace, queueMs, queueBytes, queuePackets };
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}
