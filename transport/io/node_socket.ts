import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { setImmediate } from "node:timers";
import { type Address, formatAddress } from "../base/address.ts";
import { mapped, unmapped } from "./ip.ts";
import { type SendReceipt, SocketError, type SocketEvents, type UdpSocket } from "./socket.ts";

type LookupCallback = (error: Error | null, address: string, family: number) => void;

/**
 * Hosts are IP literals here, and answering at once makes `bind` synchronous: the port is known when the constructor of
 * an endpoint returns.
 */
function lookupLiteral(hostname: string, options: unknown, callback?: LookupCallback): void {
  const answer = (callback ?? options) as LookupCallback;
  answer(null, hostname, hostname.includes(":") ? 6 : 4);
}

/** Binds a UDP socket through `node:dgram`, which needs no flag. Throws `SocketError`. */
export function openNodeSocket(hostname: string, port: number): UdpSocket {
  const socket = createSocket({ type: hostname.includes(":") ? "udp6" : "udp4", lookup: lookupLiteral });
  // A failed bind is reported by a later event, which must have a listener; that it failed shows at once.
  socket.on("error", () => {});
  try {
    socket.bind({ address: hostname, port });
    return new NodeSocket(socket);
  } catch (error) {
    closeQuietly(socket);
    if (error instanceof Error && error.name === "NotCapable") throw error;
    const where = formatAddress({ hostname, port });
    throw new SocketError(
      `Cannot bind UDP ${where}: the address is in use or not one of this machine`,
      undefined,
      error,
    );
  }
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It was never open.
  }
}

class NodeSocket implements UdpSocket {
  readonly name = "node";
  readonly local: Address;
  readonly #socket: Socket;
  readonly #dualStack: boolean;
  #closed: Promise<void> | undefined;
  #dead = false;
  #remote: Address = { hostname: "", port: 0 };
  #heard = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.local = { hostname: address, port };
    this.#dualStack = address === "::";
  }

  start(events: SocketEvents): void {
    this.#socket.on("message", (data: Uint8Array, from: RemoteInfo) => {
      if (this.#closed === undefined) events.onDatagram(plain(data), this.#remoteOf(from));
    });
    this.#socket.on("error", (error: Error) => this.#die(events, error));
    this.#socket.on("close", () => this.#die(events, new Error("The socket was closed")));
  }

  send(data: Uint8Array, remote: Address, receipt: SendReceipt): void {
    const hostname = this.#dualStack ? mapped(remote.hostname) : remote.hostname;
    try {
      this.#socket.send(data, 0, data.length, remote.port, hostname, (error: Error | null) => {
        if (error === null || error === undefined) receipt.taken();
        else receipt.failed(nameUnknown(error));
      });
    } catch (error) {
      // A closed socket and an impossible port are thrown; receipts come later, always.
      queueMicrotask(() => receipt.failed(error));
    }
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      // Deno's "close" event may come only when something else happens, so it is not what is waited for.
      this.#closed = new Promise((resolve) => setImmediate(resolve));
      if (!this.#dead) closeQuietly(this.#socket);
    }
    return this.#closed;
  }

  #die(events: SocketEvents, error: Error): void {
    if (this.#closed !== undefined || this.#dead) return;
    this.#dead = true;
    closeQuietly(this.#socket);
    events.onDead(error);
  }

  #remoteOf(from: RemoteInfo): Address {
    if (from.port === this.#remote.port && from.address === this.#heard) return this.#remote;
    this.#heard = from.address;
    return this.#remote = { hostname: this.#dualStack ? unmapped(from.address) : from.address, port: from.port };
  }
}

/** Deno's `node:dgram` has no name for ENETUNREACH and its like and calls them UNKNOWN. */
function nameUnknown(error: Error): Error {
  const coded = error as Error & { code?: string };
  if (coded.code === "UNKNOWN") coded.code = "ENETUNREACH";
  return error;
}

/** A `Buffer` as what it is underneath: its `slice` shares memory where that of other arrays copies. */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
