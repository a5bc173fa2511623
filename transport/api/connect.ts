import {
  HandshakeError,
  IdleTimeoutError,
  PathError,
  QuicError,
  TransportError,
  VersionError,
} from "../base/errors.ts";
import type { Address } from "../base/address.ts";
import { DEFAULT_CONFIG, type TransportConfig } from "../connection/config.ts";
import type { ClientTls } from "../connection/options.ts";
import { canReach, ipVersion, isLoopback, withoutBrackets } from "../io/ip.ts";
import { resolveHost } from "../io/resolve.ts";
import { modeName } from "./accepted_modes.ts";
import { Conn } from "./conn.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { coreOf, type EndpointCore } from "./endpoint_core.ts";
import { environmentKeyLog } from "./key_log.ts";
import { certificates, checkPort, checkProtocols, checkText, transportConfig } from "./options.ts";
import { type PathPlan, planPaths } from "./path_options.ts";
import { chooseAddress } from "./paths.ts";
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
  const plans = options.paths === undefined ? undefined : planPaths(options.paths);
  const own = { observer: options.observer, keyLog: options.keyLog ?? environmentKeyLog() };
  const transport = clientTransport(options, plans);
  const tls = await clientTls(options, hostname);
  const [first, ...others] = await locate(plans ?? [NO_PLAN], { hostname, port });
  options.signal?.throwIfAborted();
  const endpoint = options.endpoint ?? implicitEndpoint(options);
  try {
    const core = coreOf(endpoint);
    const settings = { tls, transport, own, mode: modeName(options.mode), plan: first!.plan };
    const held = others.map(({ plan }) => plan.local === undefined ? undefined : core.sockets.lease(plan.local));
    const start = (remote: Address): Attempt<Conn> => {
      const conn = connectTo(core, remote, first!.remotes, settings);
      return { result: conn.handshake.then(() => conn), cancel: () => conn.close() };
    };
    try {
      const { remotes } = first!;
      const delay = remotes.every((remote) => isLoopback(remote.hostname)) ? LOOPBACK_DELAY : ATTEMPT_DELAY;
      const conn = await race(remotes, start, { delay, signal: options.signal });
      if (options.endpoint === undefined) conn.adoptEndpoint();
      conn.openPlanned(others.map(({ plan }) => plan));
      return conn;
    } finally {
      for (const lease of held) lease?.release();
    }
  } catch (error) {
    if (options.endpoint === undefined) endpoint.close();
    throw error instanceof AggregateError ? mostTelling(error.errors) : error;
  }
}

/** The first path of those who say nothing of paths. */
const NO_PLAN: PathPlan = { local: undefined, remote: undefined, description: {}, status: undefined };

function implicitEndpoint(options: ConnectQuicOptions<boolean>): QuicEndpointLike {
  const { crypto, socket } = options;
  return new QuicEndpoint({ crypto, socket, addresses: [] });
}

/** The transport's settings, with room for the paths that are asked for. */
function clientTransport(options: ConnectQuicOptions<boolean>, plans: readonly PathPlan[] = []): TransportConfig {
  const transport = transportConfig(options);
  const most = transport.maxPaths;
  if (most !== undefined && most > 0 && plans.length > most) {
    throw new RangeError(`"paths" has ${plans.length} entries: expected no more than "maxPaths", ${most}`);
  }
  return plans.length > DEFAULT_CONFIG.maxPaths && most === undefined
    ? { ...transport, maxPaths: plans.length }
    : transport;
}

interface Located {
  /** With an IP address where a remote host was named. */
  readonly plan: PathPlan;
  /** Where the path can go, preferred first. */
  readonly remotes: readonly Address[];
}

/** Finds the IP addresses of the server for every path. Throws `ResolveError`, and `PathError` for a path that cannot be. */
async function locate(plans: readonly PathPlan[], server: Address): Promise<Located[]> {
  const known = new Map<string, string[]>();
  const located: Located[] = [];
  for (const plan of plans) {
    const { hostname, port } = plan.remote ?? plans[0]!.remote ?? server;
    const addresses = known.get(hostname) ?? await resolveHost(hostname);
    known.set(hostname, addresses);
    const { local } = plan;
    const usable = addresses.filter((address) => local === undefined || canReach(local.hostname, address));
    if (usable.length === 0) {
      throw new PathError(`Cannot reach ${hostname} from ${local?.hostname}: expected an address of the same family`);
    }
    const remote = plan.remote === undefined || ipVersion(hostname) !== 0
      ? plan.remote
      : { hostname: chooseAddress(usable, undefined), port };
    located.push({ plan: { ...plan, remote }, remotes: usable.map((address) => ({ hostname: address, port })) });
  }
  return located;
}

interface ConnectSettings {
  readonly tls: ClientTls;
  readonly transport: TransportConfig;
  readonly own: Parameters<EndpointCore["make"]>[0];
  /** What the server is asked to send in. */
  readonly mode: string | undefined;
  /** The first path. */
  readonly plan: PathPlan;
}

function connectTo(core: EndpointCore, remote: Address, remotes: readonly Address[], settings: ConnectSettings): Conn {
  if (core.isClosed) throw new Error("Cannot connect: the endpoint is closed");
  const { tls, transport, own, mode, plan } = settings;
  const lease = plan.local === undefined ? undefined : core.sockets.lease(plan.local);
  try {
    const local = lease?.local ?? core.localFor(remote.hostname);
    const now = core.driver.now();
    const path = plan.description;
    const connection = core.make(own, undefined, () => core.core.connect({ local, remote, tls, transport, path, now }));
    if (mode !== undefined) connection.requestMode(mode);
    const addresses = remotes.map(({ hostname }) => hostname);
    const conn = new Conn(core, connection, { local, remote, lease, addresses });
    conn.setFirst(plan);
    return conn;
  } catch (error) {
    lease?.release();
    throw error;
  }
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
