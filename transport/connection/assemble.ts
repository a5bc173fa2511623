import { KeyRing } from "../../crypto/key_ring.ts";
import { createTlsClient } from "../../crypto/tls/client.ts";
import { createTlsServer } from "../../crypto/tls/server.ts";
import type { TlsSession } from "../../crypto/tls/session.ts";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { cubic } from "../../recovery/congestion/cubic.ts";
import { newReno } from "../../recovery/congestion/new_reno.ts";
import { multipleSpaces } from "../../recovery/space_layout.ts";
import type { Address } from "../base/address.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { Flag } from "../base/flag.ts";
import type { PingFrame } from "../wire/frames/types.ts";
import { CidIssuer } from "../paths/cid_issuer.ts";
import { CidPool } from "../paths/cid_pool.ts";
import { knownRoute, Migration } from "../paths/migration.ts";
import { Path } from "../paths/path.ts";
import { PathLimits } from "../paths/path_limits.ts";
import { PathManager } from "../paths/path_manager.ts";
import { PathSet } from "../paths/path_set.ts";
import { Route } from "../paths/route.ts";
import { Validator } from "../paths/validator.ts";
import { CryptoStreams } from "../streams/crypto_streams.ts";
import { Datagrams } from "../streams/datagrams.ts";
import { StreamSet } from "../streams/stream_set.ts";
import { AckOwner } from "./ack_owner.ts";
import { ClientAnswers } from "./client_answers.ts";
import { Closer } from "./closer.ts";
import { resolveConfig, type ResolvedConfig } from "./config.ts";
import { type Context, guardObserver, type Timed } from "./context.ts";
import { EventQueue } from "./events.ts";
import { Fates } from "./fates.ts";
import { FrameRouter } from "./frame_router.ts";
import { Handshake } from "./handshake.ts";
import { Idle } from "./idle.ts";
import { KeyUpdates } from "./key_updates.ts";
import { Lifecycle } from "./lifecycle.ts";
import { LossTimers } from "./loss_timers.ts";
import { Opportunities } from "./opportunities.ts";
import type { ConnectionOptions } from "./options.ts";
import { type HandshakeIds, ourParameters, streamLimits } from "./parameters.ts";
import { PathTrouble } from "./path_trouble.ts";
import { Receiver } from "./receiver.ts";
import { Spaces } from "./spaces.ts";
import { Transmitter } from "./transmitter.ts";

/** Bytes of the destination id that a client makes up (RFC 9000 §7.2: at least 8). */
const FIRST_DESTINATION_LENGTH = 8;

/** A connection's parts, joined. */
export interface Parts {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly closer: Closer;
  readonly idle: Idle;
  readonly handshake: Handshake;
  readonly keys: KeyRing;
  readonly keyUpdates: KeyUpdates;
  readonly spaces: Spaces;
  readonly paths: PathSet;
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly validator: Validator;
  readonly migration: Migration;
  readonly streams: StreamSet;
  readonly datagrams: Datagrams;
  readonly acks: AckOwner;
  readonly timers: LossTimers;
  readonly opportunities: Opportunities;
  readonly receiver: Receiver;
  readonly transmitter: Transmitter;
  readonly ping: Flag<PingFrame>;
  readonly manager: PathManager;
  readonly trouble: PathTrouble;
  /** Hands on what a packet or a timeout brought about. */
  readonly settle: (now: number) => void;
  /** All with deadlines. */
  readonly timed: readonly Timed[];
}

/** Makes all parts of a connection: the only place that does, and that knows in which order they write. */
export function assemble(options: ConnectionOptions): Parts {
  const { now, role } = options;
  const context = makeContext(options);
  const { config } = context;
  const ids = handshakeIds(options);
  const lifecycle = new Lifecycle(context);
  const keys = new KeyRing(context.provider);
  const spaces = new Spaces({
    layout: multipleSpaces(),
    maxAckDelay: config.maxAckDelay,
    maxAckRanges: config.maxAckRanges,
    random: unitFrom(context.random),
  });
  const paths = new PathSet();
  const routes = new RouteMaker(context, paths);
  const validated = role === "client" || options.addressValidated;
  const first = new Path(
    0,
    routes.make(options.local, options.remote, validated, undefined),
    { label: "", cost: 0, metered: false, ...options.path },
    "usable",
  );
  paths.add(first);

  // Parts that are made later and yet are called by earlier ones, never before all are made.
  const later: { timers?: LossTimers; limits?: PathLimits; trouble?: PathTrouble } = {};
  const fates = new Fates(context, lifecycle, spaces, paths, keys, (route, level, newestSentAt, at) => {
    later.timers!.onProgress(route, level, at);
    const path = level === "application" ? pathOf(paths, route) : undefined;
    if (path !== undefined) later.trouble!.onProgress(path, newestSentAt, at);
  });
  const hasHandshakeKeys = (): boolean => keys.has("handshake", "write");
  const timers = later.timers = new LossTimers(context, lifecycle, spaces, paths, fates, hasHandshakeKeys, now);
  const largestPto = (): number => timers.largestPto();
  const closer = new Closer(lifecycle, () => 3 * largestPto());
  const idle = new Idle(context, lifecycle, largestPto, now);
  const keyUpdates = new KeyUpdates(context, keys, largestPto);
  const crypto = new CryptoStreams();
  const streams = new StreamSet({
    role,
    limits: streamLimits(config),
    events: (event) => context.events.push(event),
    rtt: () => first.route.rtt.smoothed,
    connectionWindow: config.connectionWindow,
    streamWindow: config.streamWindow,
    sendBuffer: config.sendBuffer,
  });
  const datagrams = new Datagrams({
    receiveSize: config.maxDatagramFrameSize,
    fate: (id, acked) => context.events.push({ type: "datagram_fate", id, acked }),
  });
  const issuer = new CidIssuer({
    idLength: options.idLength,
    random: context.random,
    resetTokenFor: options.resetTokenFor,
    registry: options.registry,
    multipath: () => context.multipath,
    peerMaxPath: () => later.limits!.peer,
    keepFor: () => 3 * largestPto(),
  });
  const pool = new CidPool({
    activeLimit: config.activeConnectionIdLimit,
    maxPath: () => context.multipath ? later.limits!.local : 0,
    multipath: () => context.multipath,
  });
  const validator = new Validator({
    random: context.random,
    pto: (_path, route) => {
      const its = paths.route(route);
      return its === undefined ? largestPto() : timers.ptoOf(its);
    },
    maxPto: largestPto,
    routeOf: (packet) => {
      const path = paths.get(packet.path);
      if (path === undefined) return undefined;
      return (knownRoute(path, packet.local, packet.remote) ?? (role === "client" ? path.route : undefined))?.number;
    },
  });
  const giveUp = (path: Path, trigger: "path_abandoned" | "migration", at: number, route?: Route): void => {
    const space = spaces.get("application", path.id);
    if (space !== undefined) fates.giveUp(space, "application", trigger, at, route);
  };
  const limits = later.limits = new PathLimits({
    maxPaths: config.maxPaths,
    issuer,
    pool,
    onRaised: (at) => manager.progress(at),
  });
  const manager: PathManager = new PathManager({
    role,
    maxPaths: Math.max(1, config.maxPaths),
    paths,
    limits,
    issuer,
    pool,
    validator,
    observer: context.observer,
    isReady: () => context.multipath && lifecycle.isConfirmed,
    isNegotiated: () => {
      if (config.maxPaths === 0) return false;
      return context.peer === undefined ? undefined : context.peer.initialMaxPathId !== undefined;
    },
    makeRoute: (local, remote, known) => routes.make(local, remote, known, undefined),
    largestPto,
    events: (event) => context.events.push(event),
    onOpened: (path) => {
      spaces.add(path.id);
      if (config.mtuDiscovery) path.route.mtu.start(now);
    },
    onClosing: (path, at) => {
      giveUp(path, "path_abandoned", at);
      datagrams.forgetPath(path.id);
    },
    onGone: (path) => {
      spaces.remove(path.id);
      keys.forgetPath(path.id);
    },
    onNoPath: (at) => {
      closer.close(new TransportError(TransportErrorCode.NO_VIABLE_PATH, "No path is left to the peer"), at);
    },
  });
  const offerers = [streams, crypto, issuer, pool, limits, manager];
  const trouble = later.trouble = new PathTrouble({
    context,
    lifecycle,
    paths,
    spaces,
    manager,
    ptoOf: (route) => timers.ptoOf(route),
    offerAgain: (path) => {
      let any = false;
      for (const owner of offerers) any = owner.offerAgain(path) === true || any;
      return any;
    },
  });
  const handshake = new Handshake(
    {
      context,
      lifecycle,
      keys,
      spaces,
      paths,
      fates,
      timers,
      crypto,
      streams,
      datagrams,
      issuer,
      pool,
      limits,
      manager,
      keyLog: options.keyLog,
    },
    ids,
    role === "client" ? options.token : undefined,
  );
  const acks = new AckOwner(context, spaces, paths);
  const ping = new Flag<PingFrame>({ kind: "ping" }, { repeat: "once" });
  const migration = new Migration({
    paths,
    pool,
    validator,
    observer: context.observer,
    makeRoute: (_path, local, remote, heir) => routes.make(local, remote, false, heir),
    onRouteGone: (path, route, at) => giveUp(path, "migration", at, route),
    onPathFailed: (path, at) => {
      if (manager.hasOther(path)) {
        manager.close(path, TransportErrorCode.PATH_UNSTABLE_OR_POOR, "The peer's new address did not answer", at);
        return;
      }
      lifecycle.discard(new TransportError(TransportErrorCode.NO_VIABLE_PATH, "No path is left to the peer"), at);
    },
  });
  const control = [handshake, crypto, limits, manager, issuer, pool, streams, ping];
  const opportunities = new Opportunities(paths, { validator, streams, datagrams, acks, control }, first);
  const router = new FrameRouter(context, [
    fates,
    closer,
    handshake,
    crypto,
    validator,
    issuer,
    pool,
    streams,
    datagrams,
  ]);
  const answers = new ClientAnswers(context, lifecycle, handshake, ids.originalDestination);
  const settle = (at: number): void => {
    settleValidations(validator, paths, migration, manager, at);
    manager.progress(at);
  };
  const receiver = new Receiver({
    context,
    lifecycle,
    closer,
    idle,
    handshake,
    keys,
    keyUpdates,
    spaces,
    paths,
    issuer,
    pool,
    router,
    migration,
    answers,
    originalDestination: role === "server" ? options.initialDestination : ids.originalDestination,
    idLength: options.idLength,
    manager,
    settle,
  });
  const transmitter = new Transmitter({
    context,
    lifecycle,
    closer,
    idle,
    handshake,
    keys,
    spaces,
    paths,
    pool,
    validator,
    streams,
    datagrams,
    acks,
    opportunities,
    owners: [handshake, crypto, validator, limits, manager, issuer, pool, streams, ping],
  });
  issuer.start(ids.source);
  pool.start(role === "client" ? ids.originalDestination : options.clientSource);
  traceStart(context, options, ids, now);
  handshake.installInitial(role === "client" ? ids.originalDestination : options.initialDestination);
  if (role === "server") handshake.onPeerSource(options.clientSource);
  handshake.start(makeTls(options, context, ids), now);
  return {
    context,
    lifecycle,
    closer,
    idle,
    handshake,
    keys,
    keyUpdates,
    spaces,
    paths,
    issuer,
    pool,
    validator,
    migration,
    streams,
    datagrams,
    acks,
    timers,
    opportunities,
    receiver,
    transmitter,
    ping,
    manager,
    trouble,
    settle,
    timed: [lifecycle, idle, timers, validator, issuer, keyUpdates, routes, manager, trouble],
  };
}

/** Hands the ends of validations on. */
function settleValidations(
  validator: Validator,
  paths: PathSet,
  migration: Migration,
  manager: PathManager,
  now: number,
): void {
  for (let outcome = validator.nextOutcome(); outcome !== undefined; outcome = validator.nextOutcome()) {
    const path = paths.get(outcome.path);
    const route = paths.route(outcome.route);
    if (path === undefined || route === undefined) continue;
    if (outcome.rttSample !== undefined) route.rtt.seed(outcome.rttSample);
    if (path.state === "validating") manager.onValidated(path, outcome.ok, now);
    else migration.onOutcome(path, route, outcome, now);
  }
}

/** Makes routes, and runs the timers of their MTU searches. */
class RouteMaker implements Timed {
  readonly #context: Context;
  readonly #paths: PathSet;
  readonly #congestion: ControllerFactory;

  constructor(context: Context, paths: PathSet) {
    this.#context = context;
    this.#paths = paths;
    this.#congestion = controllerOf(context.config);
  }

  make(local: Address, remote: Address, validated: boolean, heir: Route | undefined): Route {
    const { config, peer } = this.#context;
    const paths = this.#paths;
    const route: Route = new Route({
      number: paths.nextRouteNumber(),
      local,
      remote,
      validated,
      initialRtt: config.initialRtt,
      maxUdpPayload: Math.min(config.maxUdpPayload, peer?.maxUdpPayloadSize ?? Infinity),
      congestion: this.#congestion,
      siblings: () =>
        [...paths.routes()].filter((other) => other !== route).map((other) => ({
          controller: other.controller,
          rtt: other.rtt,
        })),
      heir,
    });
    return route;
  }

  nextTimeout(): number {
    let next = Infinity;
    for (const route of this.#paths.routes()) next = Math.min(next, route.mtu.nextTimeout());
    return next;
  }

  onTimeout(now: number): void {
    for (const route of this.#paths.routes()) {
      if (route.mtu.nextTimeout() <= now) route.mtu.onTimeout(now);
    }
  }
}

function pathOf(paths: PathSet, route: Route): Path | undefined {
  for (const path of paths.all()) if (path.route === route || path.previous === route) return path;
  return undefined;
}

function makeContext(options: ConnectionOptions): Context {
  return {
    role: options.role,
    config: resolveConfig(options.config),
    provider: options.provider,
    random: options.random,
    events: new EventQueue(),
    observer: guardObserver(options.observer),
    peer: undefined,
    multipath: false,
  };
}

function handshakeIds(options: ConnectionOptions): HandshakeIds {
  const source = new Uint8Array(options.idLength);
  options.random(source);
  if (options.role === "client") {
    const originalDestination = new Uint8Array(FIRST_DESTINATION_LENGTH);
    options.random(originalDestination);
    return { source, originalDestination, retrySource: undefined };
  }
  const original = options.originalDestination;
  return {
    source,
    originalDestination: original ?? options.initialDestination,
    retrySource: original === undefined ? undefined : options.initialDestination,
  };
}

function makeTls(options: ConnectionOptions, context: Context, ids: HandshakeIds): TlsSession {
  const { provider, random, config, role } = context;
  const keyLog = options.keyLog !== undefined;
  const server = role === "server" ? { statelessResetToken: options.resetTokenFor(ids.source) } : undefined;
  const transportParameters = ourParameters(config, role, ids, server, random);
  return options.role === "client"
    ? createTlsClient({ ...options.tls, provider, random, transportParameters, keyLog, grease: config.grease })
    : createTlsServer({ ...options.tls, provider, random, transportParameters, keyLog });
}

function controllerOf(config: ResolvedConfig): ControllerFactory {
  if (typeof config.congestion === "function") return config.congestion;
  return config.congestion === "cubic" ? cubic() : newReno();
}

/** Numbers from 0 up to 1 made of random bytes. */
function unitFrom(random: (into: Uint8Array) => void): () => number {
  const bytes = new Uint8Array(4);
  return () => {
    random(bytes);
    return (bytes[0]! * 0x1000000 + bytes[1]! * 0x10000 + bytes[2]! * 0x100 + bytes[3]!) / 0x1_0000_0000;
  };
}

function traceStart(context: Context, options: ConnectionOptions, ids: HandshakeIds, now: number): void {
  context.observer?.on("quic:connection_started", {
    role: context.role,
    local: options.local,
    remote: options.remote,
    sourceId: ids.source,
    destinationId: ids.originalDestination,
  }, now);
}
