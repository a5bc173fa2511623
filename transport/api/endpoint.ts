import { fastestProvider } from "../../crypto/choose.ts";
import { SocketError } from "../io/socket.ts";
import { EndpointCore } from "./endpoint_core.ts";
import { acceptConfig, Listener } from "./listener.ts";
import { checkCloseInfo, checkOptions, serverTls, transportConfig } from "./options.ts";
import type {
  NetAddr,
  QuicCloseInfo,
  QuicEndpointLike,
  QuicEndpointOptions,
  QuicListener,
  QuicListenOptions,
} from "./types.ts";

/** The address of an endpoint that has no socket yet. */
const UNBOUND: NetAddr = { transport: "udp", hostname: "::", port: 0 };

/**
 * One or several UDP sockets, for any number of connections, of both sides. An open endpoint keeps a program alive.
 *
 * Throws `SocketError` when a socket cannot be bound, `RangeError` for a bad port, and Deno's `NotCapable` without
 * permission.
 */
export class QuicEndpoint implements QuicEndpointLike {
  readonly #core: EndpointCore;
  #addrs: readonly NetAddr[] = [];

  /** Binds the sockets. */
  constructor(options: QuicEndpointOptions = {}) {
    const { crypto, observer, socket, addresses } = options;
    this.#core = new EndpointCore(this, {
      provider: crypto ?? fastestProvider(),
      observer,
      socket,
      bindsLater: addresses?.length === 0,
    });
    try {
      bindAll(this.#core, options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get addr(): NetAddr {
    return this.addrs[0] ?? UNBOUND;
  }

  get addrs(): readonly NetAddr[] {
    if (!this.#core.isClosed) this.#addrs = this.#core.addrs;
    return this.#addrs;
  }

  get closed(): Promise<void> {
    return this.#core.closed;
  }

  listen(options: QuicListenOptions): QuicListener {
    checkOptions(options);
    const core = this.#core;
    if (core.isClosed) throw new Error("Cannot listen: the endpoint is closed");
    if (core.listener !== undefined) throw new Error("Cannot listen: the endpoint listens already");
    const tls = serverTls(options, core.provider);
    const transport = { ...transportConfig(options), ...acceptConfig(options) };
    const listener = new Listener(core, options);
    core.server = { tls, transport, retry: options.retry };
    core.listener = listener;
    return listener;
  }

  close(info?: QuicCloseInfo): void {
    const checked = checkCloseInfo(info);
    this.#addrs = this.addrs;
    this.#core.shut(checked);
  }

  /** Closes it, and waits until nothing of it is pending. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }
}

function bindAll(core: EndpointCore, options: QuicEndpointOptions): void {
  const { hostname, port = 0, addresses } = options;
  if (addresses !== undefined) { for (const each of addresses) core.bind(each.hostname, each.port ?? 0); }
  else if (hostname !== undefined) core.bind(hostname, port);
  else bindAny(core, port);
}

/** All addresses of this machine; of IPv4 alone where there is no IPv6. */
function bindAny(core: EndpointCore, port: number): void {
  try {
    core.bind("::", port);
  } catch (error) {
    if (!(error instanceof SocketError) || error.code === "EADDRINUSE") throw error;
    core.bind("0.0.0.0", port);
  }
}
