import {
  HandshakeError,
  IdleTimeoutError,
  PathError,
  QuicError,
  TransportError,
  VersionError,
} from "../base/errors.ts";
import type { ClientTls } from "../connection/options.ts";
import { isLoopback, withoutBrackets } from "../io/ip.ts";
import { resolveHost } from "../io/resolve.ts";
import { Conn } from "./conn.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { coreOf, type EndpointCore } from "./endpoint_core.ts";
import { environmentKeyLog } from "./key_log.ts";
import { certificates, checkPort, checkProtocols, checkText, transportConfig } from "./options.ts";
import { type Attempt, ATTEMPT_DELAY, race } from "./race.ts";
import { systemRoots } from "./roots.ts";
import type { ConnectQuicOptions, QuicConn, QuicEndpointLike } from "./types.ts";

/** Between two attempts when all addresses are this machine's own: what answers, answers at once. */
const LOOPBACK_DELAY = 20;

/**
 * Connects to a QUIC server; resolves when the handshake is complete. A name with several addresses is tried on one after
 * the other, 250 ms apart; the first handshake to complete wins, and a failure moves on at once (RFC 8305).
 *
 * Rejects with `HandshakeError` when TLS refused, `TransportError` when the server did, `IdleTimeoutError` when nobody
 * answered, `PathError` when the server cannot be reached, `ResolveError` when the name has no address, `SocketError` when
 * there is no socket to be had, and `TypeError` or `RangeError` for options that cannot be; of several attempts with the
 * error that tells most.
 */
export async function connectQuic<ZRTT extends boolean = false>(options: ConnectQuicOptions<ZRTT>): Promise<QuicConn> {
  const hostname = withoutBrackets(checkText("hostname", options.hostname));
  const port = checkPort(options.port);
  const own = { observer: options.observer, keyLog: options.keyLog ?? environmentKeyLog() };
  const transport = transportConfig(options);
  const tls = await clientTls(options, hostname);
  const addresses = await resolveHost(hostname);
  options.signal?.throwIfAborted();
  const endpoint = options.endpoint ?? implicitEndpoint(options);
  try {
    const core = coreOf(endpoint);
    const start = (address: string): Attempt<Conn> => {
      const conn = connectTo(core, { hostname: address, port }, { tls, transport, own });
      return { result: conn.handshake.then(() => conn), cancel: () => conn.close() };
    };
    const delay = addresses.every(isLoopback) ? LOOPBACK_DELAY : ATTEMPT_DELAY;
    const conn = await race(addresses, start, { delay, signal: options.signal });
    if (options.endpoint === undefined) conn.adoptEndpoint();
    return conn;
  } catch (error) {
    if (options.endpoint === undefined) endpoint.close();
    throw error instanceof AggregateError ? mostTelling(error.errors) : error;
  }
}

function implicitEndpoint(options: ConnectQuicOptions<boolean>): QuicEndpointLike {
  const { crypto, socket } = options;
  return new QuicEndpoint({ crypto, socket, addresses: [] });
}

interface ConnectSettings {
  readonly tls: ClientTls;
  readonly transport: ReturnType<typeof transportConfig>;
  readonly own: Parameters<EndpointCore["make"]>[0];
}

function connectTo(core: EndpointCore, remote: { hostname: string; port: number }, settings: ConnectSettings): Conn {
  if (core.isClosed) throw new Error("Cannot connect: the endpoint is closed");
  const { tls, transport, own } = settings;
  const local = core.localFor(remote.hostname);
  const now = core.driver.now();
  const connection = core.make(own, undefined, () => core.core.connect({ local, remote, tls, transport, now }));
  return new Conn(core, connection, remote);
}

async function clientTls(options: ConnectQuicOptions<boolean>, hostname: string): Promise<ClientTls> {
  const { verifyCertificate: verify } = options;
  const serverName = withoutBrackets(checkText("serverName", options.serverName ?? hostname));
  const alpnProtocols = checkProtocols(options.alpnProtocols);
  const ours = certificates("caCerts", options.caCerts ?? []);
  const roots = verify === undefined ? [...ours, ...await systemRoots()] : ours;
  return { serverName, alpnProtocols, roots, time: Date.now(), ...(verify === undefined ? {} : { verify }) };
}

/** What to tell of failures on several addresses: that a server refused rather than that one did not answer. */
function mostTelling(errors: readonly unknown[]): unknown {
  let found = errors[0];
  for (const error of errors) if (weight(error) > weight(found)) found = error;
  return found;
}

function weight(error: unknown): number {
  if (error instanceof HandshakeError) return 6;
  if (error instanceof VersionError) return 5;
  if (error instanceof TransportError) return 4;
  if (error instanceof IdleTimeoutError) return 2;
  if (error instanceof PathError) return 1;
  return error instanceof QuicError ? 3 : 0;
}
