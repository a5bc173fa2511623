import {
  HandshakeError,
  IdleTimeoutError,
  PathError,
  QuicError,
  TransportError,
  VersionError,
} from "../base/errors.ts";
import { DEFAULT_CONFIG, type TransportConfig } from "../connection/config.ts";
import type { ClientTls } from "../connection/options.ts";
import { withoutBrackets } from "../io/ip.ts";
import { SocketError } from "../io/socket.ts";
import { modeName } from "./accepted_modes.ts";
import { Conn, type ConnBeginning } from "./conn.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { coreOf, type EndpointCore } from "./endpoint_core.ts";
import { environmentKeyLog } from "./key_log.ts";
import { locate, locateAll, NO_PLAN, othersOf, type Target, targetsOf } from "./locate.ts";
import { certificates, checkOptions, checkPort, checkProtocols, checkText, transportConfig } from "./options.ts";
import { type PathPlan, planPaths } from "./path_options.ts";
import { type Attempt, race } from "./race.ts";
import { systemRoots } from "./roots.ts";
import type { SocketLease } from "./sockets.ts";
import type { ConnectQuicOptions, QuicConn, QuicEndpointLike } from "./types.ts";

/**
 * Connects to a QUIC server; resolves when the handshake is complete. A name with several addresses is tried on one after
 * the other, 250 ms apart (RFC 8305), and when the first of several `paths` gives no answer within 250 ms, the others are tried
 * beside it, all at once: each attempt is a connection of its own, at most 16 are under way, and a failure moves on at once. The
 * first handshake to complete wins; the others are closed.
 *
 * Rejects with `HandshakeError` when TLS refused, `TransportError` when the server did, `IdleTimeoutError` when nobody
 * answered, `PathError` when the server cannot be reached, `ResolveError` when the name has no address, `SocketError` when
 * there is no socket to be had, and `TypeError` or `RangeError` for options that cannot be; of several attempts with the
 * error that tells most.
 */
export async function connectQuic<ZRTT extends boolean = false>(options: ConnectQuicOptions<ZRTT>): Promise<QuicConn> {
  checkOptions(options);
  const hostname = withoutBrackets(checkText("hostname", options.hostname));
  const port = checkPort(options.port);
  const isAuto = options.paths === "auto";
  const plans = options.paths === undefined || options.paths === "auto" ? [NO_PLAN] : planPaths(options.paths);
  const own = { observer: options.observer, keyLog: options.keyLog ?? environmentKeyLog() };
  const transport = clientTransport(options, plans);
  const tls = clientTls(options, hostname);
  const entries = isAuto ? await locateAll({ hostname, port }) : await locate(plans, { hostname, port });
  options.signal?.throwIfAborted();
  const endpoint = options.endpoint ?? implicitEndpoint(options);
  let held: SocketLease[] = [];
  try {
    const core = coreOf(endpoint);
    if (!isAuto) held = holdSockets(core, plans.slice(1));
    const settings = { tls, transport, own, mode: modeName(options.mode) };
    const targets = targetsOf(entries);
    const { conn, target } = await raceTo(core, targets, settings, options.signal);
    if (options.endpoint === undefined) conn.adoptEndpoint();
    if (isAuto) conn.follow({ mode: options.mode, maxPaths: transport.maxPaths ?? DEFAULT_CONFIG.maxPaths });
    else conn.keepPlanned(target.from, othersOf(entries, target));
    return conn;
  } catch (error) {
    if (options.endpoint === undefined) endpoint.close();
    throw error instanceof AggregateError ? mostTelling(error.errors) : error;
  } finally {
    for (const lease of held) lease.release();
  }
}

/**
 * Binds the sockets of paths to come, so that what is wrong with them shows before anything is sent. An address that this machine
 * does not have now may come later. Throws `SocketError`, `NotCapable`.
 */
function holdSockets(core: EndpointCore, plans: readonly PathPlan[]): SocketLease[] {
  const held: SocketLease[] = [];
  try {
    for (const { local } of plans) {
      try {
        if (local !== undefined) held.push(core.sockets.lease(local));
      } catch (error) {
        if (!(error instanceof SocketError && error.code === "EADDRNOTAVAIL")) throw error;
      }
    }
    return held;
  } catch (error) {
    for (const lease of held) lease.release();
    throw error;
  }
}

/** The attempt that won, and where it goes. */
interface Won {
  readonly conn: Conn;
  readonly target: Target;
}

function raceTo(
  core: EndpointCore,
  targets: readonly Target[],
  settings: ConnectSettings,
  signal: AbortSignal | undefined,
): Promise<Won> {
  const begun: Conn[] = [];
  let winner: Conn | undefined;
  // At once, before anything more is sent: no server has two connections that are complete.
  const onConnected = (conn: Conn): void => {
    winner ??= conn;
    for (const each of begun) if (each !== winner) each.close();
  };
  const start = (target: Target): Attempt<Won> => {
    // Of the same host, for paths that are opened later from an address of another family.
    const alike = targets.filter(({ from }) => from.remote === target.from.remote);
    const addresses = [...new Set(alike.map(({ to }) => to.hostname))];
    const conn = connectTo(core, target, { addresses, onConnected }, settings);
    begun.push(conn);
    return {
      result: conn.handshake.then(() => ({ conn, target })),
      cancel: () => conn.close(),
      answeredAt: () => conn.answeredAt,
    };
  };
  const times = targets.map(({ time }) => time);
  return race(targets, start, { times, signal, clock: () => core.driver.now() });
}

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

interface ConnectSettings {
  readonly tls: ClientTls;
  readonly transport: TransportConfig;
  readonly own: Parameters<EndpointCore["make"]>[0];
  /** What the server is asked to send in. */
  readonly mode: string | undefined;
}

function connectTo(
  core: EndpointCore,
  { from: plan, to: remote }: Target,
  more: Pick<ConnBeginning, "addresses" | "onConnected">,
  settings: ConnectSettings,
): Conn {
  if (core.isClosed) throw new Error("Cannot connect: the endpoint is closed");
  const { tls, transport, own, mode } = settings;
  const lease = plan.local === undefined ? undefined : core.sockets.lease(plan.local);
  try {
    const local = lease?.local ?? core.localFor(remote.hostname);
    const now = core.driver.now();
    const path = { ...plan.description, preference: plan.preference };
    const connection = core.make(own, undefined, () => core.core.connect({ local, remote, tls, transport, path, now }));
    if (mode !== undefined) connection.requestMode(mode);
    const conn = new Conn(core, connection, { local, remote, lease, ...more });
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
