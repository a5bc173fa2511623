import {
  HandshakeError,
  IdleTimeoutError,
  PathError,
  QuicError,
  TransportError,
  TransportErrorCode,
  VersionError,
} from "../base/errors.ts";
import type { Address } from "../base/address.ts";
import { DEFAULT_CONFIG, type TransportConfig } from "../connection/config.ts";
import type { ClientTls } from "../connection/options.ts";
import { facing, localInterfaces } from "../io/interfaces.ts";
import { canReach, isLoopback, withoutBrackets } from "../io/ip.ts";
import { resolveHost } from "../io/resolve.ts";
import { modeName } from "./accepted_modes.ts";
import { Conn } from "./conn.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { coreOf, type EndpointCore } from "./endpoint_core.ts";
import { environmentKeyLog } from "./key_log.ts";
import { certificates, checkPort, checkProtocols, checkText, transportConfig } from "./options.ts";
import { canonical, type PathPlan, planPaths } from "./path_options.ts";
import { type Attempt, ATTEMPT_DELAY, race } from "./race.ts";
import { systemRoots } from "./roots.ts";
import type { SocketLease } from "./sockets.ts";
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
  const isAuto = options.paths === "auto";
  const plans = options.paths === undefined || options.paths === "auto" ? [NO_PLAN] : planPaths(options.paths);
  const own = { observer: options.observer, keyLog: options.keyLog ?? environmentKeyLog() };
  const transport = clientTransport(options, plans);
  const tls = clientTls(options, hostname);
  const { targets, others } = isAuto ? await locateAll({ hostname, port }) : await locate(plans, { hostname, port });
  options.signal?.throwIfAborted();
  const endpoint = options.endpoint ?? implicitEndpoint(options);
  const held: SocketLease[] = [];
  try {
    const core = coreOf(endpoint);
    for (const { local } of others) if (local !== undefined) held.push(core.sockets.lease(local));
    const settings = { tls, transport, own, mode: modeName(options.mode) };
    const start = (target: Target): Attempt<Conn> => {
      const conn = connectTo(core, target, settings);
      return { result: conn.handshake.then(() => conn), cancel: () => conn.close() };
    };
    const delay = targets.every(({ remote }) => isLoopback(remote.hostname)) ? LOOPBACK_DELAY : ATTEMPT_DELAY;
    const conn = await race(targets, start, { delay, signal: options.signal });
    if (options.endpoint === undefined) conn.adoptEndpoint();
    conn.openPlanned(others);
    if (isAuto) conn.follow({ mode: options.mode, maxPaths: transport.maxPaths ?? DEFAULT_CONFIG.maxPaths });
    return conn;
  } catch (error) {
    if (options.endpoint === undefined) endpoint.close();
    throw error instanceof AggregateError ? mostTelling(error.errors) : error;
  } finally {
    for (const lease of held) lease.release();
  }
}

/** The first path of those who say nothing of paths. */
const NO_PLAN: PathPlan = { local: undefined, remote: undefined, description: {}, status: undefined };

function implicitEndpoint(options: ConnectQuicOptions<boolean>): QuicEndpointLike {
  const { crypto, socket } = options;
  return new QuicEndpoint({ crypto, socket, addresses: [] });
}

/** The transport's settings, with room for the paths that are asked for. */
function clientTransport(options: ConnectQuicOptions<boolean>, plans: readonly PathPlan[]): TransportConfig {
  const transport = transportConfig(options);
  const most = transport.maxPaths;
  if (most !== undefined && plans.length > Math.max(1, most)) {
    throw new RangeError(`"paths" has ${plans.length} entries: expected no more than "maxPaths", ${most}`);
  }
  return plans.length > DEFAULT_CONFIG.maxPaths && most === undefined
    ? { ...transport, maxPaths: plans.length }
    : transport;
}

/** One attempt to connect. */
interface Target {
  /** The first path. */
  readonly plan: PathPlan;
  readonly remote: Address;
  /** The server's IP addresses, as far as this path can reach them. */
  readonly addresses: readonly string[];
}

/** What to try for the first path, preferred first, and the other paths, with IP addresses where hosts were named. */
interface Located {
  readonly targets: readonly Target[];
  readonly others: readonly PathPlan[];
}

/** Finds the IP addresses of the server for every path. Throws `ResolveError`, and `PathError` for a path that cannot be. */
async function locate(plans: readonly PathPlan[], server: Address): Promise<Located> {
  const first = plans[0]!;
  const known = new Map<string, string[]>();
  let targets: Target[] = [];
  const others: PathPlan[] = [];
  for (const plan of plans) {
    const { hostname, port } = plan.remote ?? first.remote ?? server;
    const all = known.get(hostname) ?? await resolveHost(hostname);
    known.set(hostname, all);
    const { local } = plan;
    const addresses = all.filter((address) => local === undefined || canReach(local.hostname, address));
    if (addresses.length === 0) {
      throw cannotReach(hostname, `from ${local?.hostname}: expected an address of its family`);
    }
    if (plan === first) targets = addresses.map((each) => ({ plan, remote: { hostname: each, port }, addresses }));
    else others.push(plan.remote === undefined ? plan : { ...plan, remote: { hostname: addresses[0]!, port } });
  }
  return { targets, others };
}

/** Every way from an address of this machine to one of the server. Throws `ResolveError`, `PathError`, and `NotCapable`. */
async function locateAll({ hostname, port }: Address): Promise<Located> {
  const interfaces = localInterfaces();
  const addresses = await resolveHost(hostname);
  const targets = addresses.flatMap((each) =>
    facing(interfaces, each).map(({ address, name }): Target => ({
      plan: { ...NO_PLAN, local: { hostname: canonical(address), port: 0 }, description: { label: name } },
      remote: { hostname: each, port },
      addresses,
    }))
  );
  if (targets.length === 0) throw cannotReach(hostname, "as no address of this machine is of its kind");
  return { targets, others: [] };
}

function cannotReach(hostname: string, why: string): PathError {
  return new PathError(`Cannot reach ${hostname} ${why}`, TransportErrorCode.NO_VIABLE_PATH);
}

interface ConnectSettings {
  readonly tls: ClientTls;
  readonly transport: TransportConfig;
  readonly own: Parameters<EndpointCore["make"]>[0];
  /** What the server is asked to send in. */
  readonly mode: string | undefined;
}

function connectTo(core: EndpointCore, { plan, remote, addresses }: Target, settings: ConnectSettings): Conn {
  if (core.isClosed) throw new Error("Cannot connect: the endpoint is closed");
  const { tls, transport, own, mode } = settings;
  const lease = plan.local === undefined ? undefined : core.sockets.lease(plan.local);
  try {
    const local = lease?.local ?? core.localFor(remote.hostname);
    const now = core.driver.now();
    const path = plan.description;
    const connection = core.make(own, undefined, () => core.core.connect({ local, remote, tls, transport, path, now }));
    if (mode !== undefined) connection.requestMode(mode);
    const conn = new Conn(core, connection, { local, remote, lease, addresses });
    conn.setFirst(plan);
    return conn;
  } catch (error) {
    lease?.release();
    throw error;
  }
}

function clientTls(options: ConnectQuicOptions<boolean>, hostname: string): ClientTls {
  const { verifyCertificate: verify } = options;
  const serverName = withoutBrackets(checkText("serverName", options.serverName ?? hostname));
  const alpnProtocols = checkProtocols(options.alpnProtocols);
  const ours = certificates("caCerts", options.caCerts ?? []);
  const base = { serverName, alpnProtocols, time: Date.now() };
  if (verify !== undefined) return { ...base, roots: ours, verify };
  // Whoever brings authorities of their own need not wait for the system's, nor be allowed to read them.
  return ours.length === 0 ? { ...base, roots: systemRoots() } : { ...base, roots: ours, moreRoots: systemRoots };
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
