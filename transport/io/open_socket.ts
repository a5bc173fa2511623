import { hasDenoSocket, openDenoSocket } from "./deno_socket.ts";
import { withoutBrackets } from "./ip.ts";
import { openNodeSocket } from "./node_socket.ts";
import type { SocketName, UdpSocket } from "./socket.ts";

/** Which address to bind, and through what. */
export interface OpenSocketOptions {
  /** An IP address of this machine, `0.0.0.0`, or `::` for both families. */
  readonly hostname: string;
  /** 0: the system chooses. Default 0. */
  readonly port?: number;
  /** Default: `"deno"` where `Deno.listenDatagram` is there, else `"node"`. */
  readonly name?: SocketName;
}

/** Binds a UDP socket at once. Throws `SocketError`, `TypeError` for a bad port, Deno's `NotCapable` without permission. */
export function openSocket(options: OpenSocketOptions): UdpSocket {
  const port = options.port ?? 0;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`"port" is ${port}: expected an integer from 0 to 65535`);
  }
  const hostname = withoutBrackets(options.hostname);
  const name = options.name ?? (hasDenoSocket() ? "deno" : "node");
  return name === "deno" ? openDenoSocket(hostname, port) : openNodeSocket(hostname, port);
}
