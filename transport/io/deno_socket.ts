import { type Address, formatAddress } from "../base/address.ts";
import { mapped, unmapped } from "./ip.ts";
import { type SendReceipt, SocketError, type SocketEvents, type UdpSocket } from "./socket.ts";

/** Largest UDP payload there is; one buffer of this size serves all that a socket receives. */
const MAX_PAYLOAD = 65_535;
/** Failures to receive in a row after which a socket counts as dead. */
const MAX_FAILURES = 16;

interface NetAddress {
  readonly hostname: string;
  readonly port: number;
}

/** The part of `Deno.DatagramConn` that is used here. */
interface DatagramConn {
  readonly addr: unknown;
  receive(into: Uint8Array): Promise<[Uint8Array, unknown]>;
  send(data: Uint8Array, to: { transport: "udp"; hostname: string; port: number }): Promise<number>;
  close(): void;
}

type ListenDatagram = (options: { transport: "udp"; hostname: string; port: number }) => DatagramConn;

/** `Deno.listenDatagram`, which only programs that run with `--unstable-net` have. */
function listenDatagram(): ListenDatagram | undefined {
  const deno = (globalThis as { Deno?: { listenDatagram?: ListenDatagram } }).Deno;
  return deno?.listenDatagram;
}

/** Whether {@linkcode openDenoSocket} can work here. */
export function hasDenoSocket(): boolean {
  return listenDatagram() !== undefined;
}

/** Binds a UDP socket through `Deno.listenDatagram`; throws `SocketError`, or Deno's `NotCapable` without permission. */
export function openDenoSocket(hostname: string, port: number): UdpSocket {
  const listen = listenDatagram();
  if (listen === undefined) {
    throw new SocketError("Deno.listenDatagram is not there: run with --unstable-net", undefined);
  }
  try {
    return new DenoSocket(listen({ transport: "udp", hostname, port }));
  } catch (error) {
    if (error instanceof Error && error.name === "NotCapable") throw error;
    const code = (error as { code?: string }).code;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SocketError(`Cannot bind UDP ${formatAddress({ hostname, port })}: ${reason}`, code, error);
  }
}

class DenoSocket implements UdpSocket {
  readonly name = "deno";
  readonly local: Address;
  readonly #conn: DatagramConn;
  /** Bound to `::`: IPv4 peers appear, and must be addressed, in IPv4-mapped form. */
  readonly #dualStack: boolean;
  #loop: Promise<void> = Promise.resolve();
  #closed = false;
  /** The last peer heard: most datagrams come from the same one, and equal addresses are the same object then. */
  #remote: Address = { hostname: "", port: 0 };
  #heard: NetAddress = this.#remote;

  constructor(conn: DatagramConn) {
    this.#conn = conn;
    const { hostname, port } = conn.addr as NetAddress;
    this.local = { hostname, port };
    this.#dualStack = hostname === "::";
  }

  start(events: SocketEvents): void {
    this.#loop = this.#receive(events);
  }

  send(data: Uint8Array, remote: Address, receipt: SendReceipt): void {
    const hostname = this.#dualStack ? mapped(remote.hostname) : remote.hostname;
    this.#conn.send(data, { transport: "udp", hostname, port: remote.port }).then(receipt.taken, receipt.failed);
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      try {
        this.#conn.close();
      } catch {
        // It died before; there is nothing left to close.
      }
    }
    await this.#loop;
  }

  async #receive(events: SocketEvents): Promise<void> {
    const buffer = new Uint8Array(MAX_PAYLOAD);
    let failures = 0;
    while (!this.#closed) {
      let arrival: [Uint8Array, unknown];
      try {
        arrival = await this.#conn.receive(buffer);
      } catch (error) {
        if (this.#closed) return;
        failures += 1;
        // Some systems report here what ICMP said of an earlier send: the socket still works.
        if ((error as Error).name !== "BadResource" && failures < MAX_FAILURES) continue;
        events.onDead(error as Error);
        return;
      }
      failures = 0;
      if (!this.#closed) events.onDatagram(arrival[0], this.#remoteOf(arrival[1] as NetAddress));
    }
  }

  #remoteOf(from: NetAddress): Address {
    if (from.port === this.#heard.port && from.hostname === this.#heard.hostname) return this.#remote;
    this.#heard = from;
    const hostname = this.#dualStack ? unmapped(from.hostname) : from.hostname;
    return this.#remote = { hostname, port: from.port };
  }
}
