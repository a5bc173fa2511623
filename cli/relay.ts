/**
 * A UDP relay that is a link: what a client sends to it goes on to the server, and back, at the rate, with the delay and
 * through the queue that it was given. For machines where the kernel's own shaping is not to be had.
 *
 * @module
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { type LinkCounts, type LinkShape, RelayLink } from "./relay_link.ts";
import type { HostPort } from "./where.ts";

/** What a relay is. */
export interface RelayOptions {
  /** Where clients send to; port 0: any. IP literals. */
  readonly listen: HostPort;
  /** Where it goes. */
  readonly server: HostPort;
  /** Client to server. */
  readonly up: LinkShape;
  /** Server to client. */
  readonly down: LinkShape;
}

/** What went through, in both directions. */
export interface RelayCounts {
  readonly up: LinkCounts;
  readonly down: LinkCounts;
}

/** Clients (by address) that are remembered; the one that was quiet for longest goes first. */
export const MAX_CLIENTS = 256;
/** Timers are late by a millisecond or two; what is due so soon after one is delivered with it. */
const EARLY = 0.5;

interface Client {
  readonly address: HostPort;
  /** What the server sees as this client. */
  outside: Socket;
}

interface Parcel {
  readonly data: Uint8Array;
  readonly client: Client;
}

/** Starts a relay. Rejects when the address cannot be bound. */
export async function openRelay(options: RelayOptions): Promise<Relay> {
  const inside = await bind(options.listen);
  return new Relay(inside, options);
}

/** A running relay. */
export class Relay {
  /** Where clients send to. */
  readonly address: HostPort;
  readonly #inside: Socket;
  readonly #server: HostPort;
  readonly #up: RelayLink<Parcel>;
  readonly #down: RelayLink<Parcel>;
  readonly #clients = new Map<string, Promise<Client | undefined>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #closed = false;

  /** Takes over a bound socket. */
  constructor(inside: Socket, options: RelayOptions) {
    const { address, port } = inside.address();
    this.address = { hostname: address, port };
    this.#inside = inside;
    this.#server = options.server;
    this.#up = new RelayLink(options.up, ({ data, client }) => this.#send(client.outside, data, this.#server));
    this.#down = new RelayLink(options.down, ({ data, client }) => this.#send(this.#inside, data, client.address));
    inside.on("message", (data: Uint8Array, from: RemoteInfo) => this.#onClient(data, from));
    inside.on("error", () => {});
  }

  get counts(): RelayCounts {
    return { up: this.#up.counts, down: this.#down.counts };
  }

  /** `true`: all that is handed over from now on vanishes without a sound. */
  setDead(dead: boolean, direction: "up" | "down" | "both" = "both"): void {
    if (direction !== "down") this.#up.dead = dead;
    if (direction !== "up") this.#down.dead = dead;
  }

  /** Changes the link from the next datagram on. */
  reshape(shape: Partial<LinkShape>, direction: "up" | "down" | "both" = "both"): void {
    if (direction !== "down") this.#up.reshape({ ...this.#up.shape, ...shape });
    if (direction !== "up") this.#down.reshape({ ...this.#down.shape, ...shape });
  }

  /** As a NAT that forgets: each client comes to the server from a new port, and its old one is gone. */
  async rebind(): Promise<void> {
    for (const known of [...this.#clients.values()]) {
      const client = await known;
      if (client === undefined || this.#closed) continue;
      const old = client.outside;
      client.outside = await this.#openOutside(client);
      old.close();
    }
  }

  /** Stops at once; what is under way is lost. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#inside.close();
    for (const known of this.#clients.values()) (await known)?.outside.close();
  }

  #onClient(data: Uint8Array, from: RemoteInfo): void {
    // Counted from here, not from when the socket for a new client is there.
    const now = performance.now();
    const copy = data.slice();
    const ready = this.#ready.get(keyOf(from));
    if (ready !== undefined) this.#offer(this.#up, { data: copy, client: ready }, now);
    else void this.#clientOf(from).then((client) => client && this.#offer(this.#up, { data: copy, client }, now));
  }

  /** Clients whose socket is there: found without waiting. */
  readonly #ready = new Map<string, Client>();

  #clientOf(from: RemoteInfo): Promise<Client | undefined> {
    const key = keyOf(from);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = this.#open(key, { hostname: from.address, port: from.port });
      this.#clients.set(key, client);
      this.#forgetSome();
    }
    return client;
  }

  async #open(key: string, address: HostPort): Promise<Client | undefined> {
    const client = { address } as Client;
    try {
      client.outside = await this.#openOutside(client);
    } catch {
      this.#clients.delete(key);
      return undefined;
    }
    if (this.#closed) return client;
    this.#ready.set(key, client);
    return client;
  }

  async #openOutside(client: Client): Promise<Socket> {
    const any = this.#server.hostname.includes(":") ? "::" : "0.0.0.0";
    const socket = await bind({ hostname: any, port: 0 });
    socket.on("message", (data: Uint8Array, from: RemoteInfo) => {
      if (from.port !== this.#server.port) return;
      this.#offer(this.#down, { data: data.slice(), client }, performance.now());
    });
    socket.on("error", () => {});
    return socket;
  }

  #forgetSome(): void {
    for (const [key, client] of this.#clients) {
      if (this.#clients.size <= MAX_CLIENTS) return;
      this.#clients.delete(key);
      this.#ready.delete(key);
      void client.then((gone) => gone?.outside.close());
    }
  }

  #offer(link: RelayLink<Parcel>, parcel: Parcel, now: number): void {
    if (this.#closed) return;
    link.offer(parcel, parcel.data.length, now);
    this.#turn();
  }

  #turn(): void {
    const until = performance.now() + EARLY;
    this.#up.drain(until);
    this.#down.drain(until);
    const due = Math.min(this.#up.nextDue, this.#down.nextDue);
    if (due === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    if (due === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#turn();
    }, Math.max(0, Math.floor(due - performance.now())));
  }

  #send(socket: Socket, data: Uint8Array, to: HostPort): void {
    try {
      socket.send(data, to.port, to.hostname, () => {});
    } catch {
      // Closed meanwhile: the network loses datagrams.
    }
  }
}

function keyOf(from: RemoteInfo): string {
  return `${from.address} ${from.port}`;
}

async function bind({ hostname, port }: HostPort): Promise<Socket> {
  const socket = createSocket(hostname.includes(":") ? "udp6" : "udp4");
  socket.bind({ address: hostname, port });
  await once(socket, "listening");
  return socket;
}
