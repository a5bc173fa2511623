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

  // Recovery calls back into the timers, which are made after it.
  const later: { timers?: LossTimers } = {};
  const fates = new Fates(context, lifecycle, spaces, paths, keys, (route, level, at) => {
    later.timers!.onProgress(route, level, at);
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
    peerMaxPath: () => context.multipath ? context.peer?.initialMaxPathId ?? 0 : 0,
    keepFor: () => 3 * largestPto(),
  });
  const pool = new CidPool({
    activeLimit: config.activeConnectionIdLimit,
    maxPath: () => context.multipath ? config.maxPaths - 1 : 0,
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
    onRouteGone: (path, route, at) => {
      const space = spaces.get("application", path.id);
      if (space !== undefined) fates.giveUp(space, "application", "migration", at, route);
    },
    onPathFailed: (_path, at) => {
      lifecycle.discard(new TransportError(TransportErrorCode.NO_VIABLE_PATH, "No path is left to the peer"), at);
    },
  });
  const control = [handshake, crypto, issuer, pool, streams, ping];
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
    afterPacket: (path, at) => settleValidations(validator, paths, migration, path, at),
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
    owners: [handshake, crypto, validator, issuer, pool, streams, ping],
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
    timed: [lifecycle, idle, timers, validator, issuer, keyUpdates, routes],
  };
}

/** Hands the ends of validations on. */
export function settleValidations(
  validator: Validator,
  paths: PathSet,
  migration: Migration,
  _path: Path | undefined,
  now: number,
): void {
  for (let outcome = validator.nextOutcome(); outcome !== undefined; outcome = validator.nextOutcome()) {
    const path = paths.get(outcome.path);
    const route = paths.route(outcome.route);
    if (path !== undefined && route !== undefined) migration.onOutcome(path, route, outcome, now);
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
