import { createTlsClient } from "../../crypto/tls/client.ts";
import { createTlsServer } from "../../crypto/tls/server.ts";
import type { TlsSession } from "../../crypto/tls/session.ts";
import type { KeyRing } from "../../crypto/key_ring.ts";
import { Flag } from "../base/flag.ts";
import type { Budgets } from "../paths/budgets.ts";
import type { CidIssuer } from "../paths/cid_issuer.ts";
import type { CidPool } from "../paths/cid_pool.ts";
import type { Hints } from "../paths/hints.ts";
import type { Migration } from "../paths/migration.ts";
import type { PathManager } from "../paths/path_manager.ts";
import type { PathSet } from "../paths/path_set.ts";
import type { Validator } from "../paths/validator.ts";
import type { Datagrams } from "../streams/datagrams.ts";
import type { ModeRequests } from "../streams/mode_requests.ts";
import type { StreamSet } from "../streams/stream_set.ts";
import type { PingFrame } from "../wire/frames/types.ts";
import { AckOwner } from "./ack_owner.ts";
import { type Carriers, type Core, makeCarriers, makeCore, makeRecovery, type Recovery } from "./assemble_core.ts";
import { makePathIds, makePathLives, type PathIds, type PathLives } from "./assemble_paths.ts";
import { Chooser, Gate } from "./chooser.ts";
import { ClientAnswers } from "./client_answers.ts";
import type { Closer } from "./closer.ts";
import type { Context, Timed } from "./context.ts";
import { FrameRouter } from "./frame_router.ts";
import { Handshake } from "./handshake.ts";
import type { Idle } from "./idle.ts";
import type { KeyUpdates } from "./key_updates.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LossTimers } from "./loss_timers.ts";
import { Offers } from "./offers.ts";
import { Opportunities } from "./opportunities.ts";
import type { ConnectionOptions } from "./options.ts";
import { type HandshakeIds, ourParameters } from "./parameters.ts";
import type { PathTrouble } from "./path_trouble.ts";
import { Receiver } from "./receiver.ts";
import type { SchedulerSeats } from "./scheduler_seats.ts";
import type { Spaces } from "./spaces.ts";
import type { Steering } from "./steering.ts";
import { Transmitter } from "./transmitter.ts";

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
  readonly modeRequests: ModeRequests;
  readonly acks: AckOwner;
  readonly timers: LossTimers;
  readonly opportunities: Opportunities;
  readonly receiver: Receiver;
  readonly transmitter: Transmitter;
  readonly ping: Flag<PingFrame>;
  readonly manager: PathManager;
  readonly trouble: PathTrouble;
  readonly hints: Hints;
  readonly offers: Offers;
  readonly seats: SchedulerSeats;
  readonly budgets: Budgets;
  readonly steering: Steering;
  /** Hands on what a packet or a timeout brought about. */
  readonly settle: (now: number) => void;
  /** All with deadlines. */
  readonly timed: readonly Timed[];
}

/** Makes all parts of a connection and starts it: the only place that joins them, and knows in which order they write. */
export function assemble(options: ConnectionOptions): Parts {
  const { role, now } = options;
  const core = makeCore(options);
  const { context, ids } = core;
  // Some parts are called by others that are made before them, never before all are made.
  const recovery = makeRecovery(core, () => lives.trouble, () => lives.seats, (path) => {
    pathIds.limits.check(path);
    return lives.manager.isOver(path);
  });
  const carriers = makeCarriers(core);
  const offers = new Offers(carriers.streams, carriers.datagrams, () => lives.seats);
  const pathIds = makePathIds(core, recovery, () => lives.manager);
  const lives: PathLives = makePathLives(core, recovery, carriers, offers, pathIds);
  const { crypto, streams, modeRequests } = carriers;
  const { issuer, pool, limits, validator } = pathIds;
  const { manager, hints, seats } = lives;
  const all = { ...core, ...recovery, ...carriers, ...pathIds, ...lives };

  const handshake = new Handshake(
    { ...all, keyLog: options.keyLog },
    ids,
    role === "client" ? options.token : undefined,
  );
  const acks = new AckOwner(context, core.spaces, core.paths, (path, at) => seats.ackPath(path, at));
  const ping = new Flag<PingFrame>({ kind: "ping" }, { repeat: "once" });
  const control = [handshake, crypto, limits, manager, issuer, pool, hints, modeRequests, streams, ping];
  const gate = new Gate();
  const chooser = new Chooser({ paths: core.paths, seats, offers, gate }, core.first);
  const opportunities = new Opportunities(core.paths, { validator, chooser, gate, acks, control }, core.first);
  const firstDestination = role === "server" ? options.initialDestination : ids.originalDestination;
  const receiver = new Receiver({
    ...all,
    handshake,
    router: routerOf(all, handshake),
    answers: new ClientAnswers(context, core.lifecycle, handshake, ids.originalDestination),
    originalDestination: firstDestination,
    idLength: options.idLength,
  });
  const owners = [handshake, crypto, validator, limits, manager, issuer, pool, hints, modeRequests, streams, ping];
  const transmitter = new Transmitter({ ...all, handshake, chooser, acks, opportunities, owners });
  issuer.start(ids.source);
  pool.start(role === "client" ? ids.originalDestination : options.clientSource);
  traceStart(context, options, ids, now);
  handshake.installInitial(firstDestination);
  if (role === "server") handshake.onPeerSource(options.clientSource);
  handshake.start(makeTls(options, context, ids), now);
  return { ...all, offers, handshake, acks, opportunities, receiver, transmitter, ping, timed: timedOf(all) };
}

/** Who gets which frame. */
function routerOf(all: Core & Recovery & Carriers & PathIds & PathLives, handshake: Handshake): FrameRouter {
  const { context, fates, closer, crypto, validator, issuer, pool, limits, manager, hints } = all;
  const ofPaths = [validator, issuer, pool, limits, manager, hints];
  return new FrameRouter(context, [
    fates,
    closer,
    handshake,
    crypto,
    ...ofPaths,
    all.modeRequests,
    all.streams,
    all.datagrams,
  ]);
}

/** Those of the parts that have deadlines, in the order in which they are told. */
function timedOf(all: Core & Recovery & PathIds & PathLives): Timed[] {
  const { lifecycle, idle, timers, validator, issuer, keyUpdates, routes, manager, trouble, hints, seats, steering } =
    all;
  return [lifecycle, idle, timers, validator, issuer, keyUpdates, routes, manager, trouble, hints, seats, steering];
}

function makeTls(options: ConnectionOptions, context: Context, ids: HandshakeIds): TlsSession {
  const { provider, random, config, role } = context;
  const keyLog = options.keyLog !== undefined;
  const server = role === "server" ? { statelessResetToken: options.resetTokenFor(ids.source) } : undefined;
  // RFC 10069 §2.1: who offers multipath has ids that are not empty, and sends to such.
  const isEmpty = options.idLength === 0 || (options.role === "server" && options.clientSource.length === 0);
  const offered = isEmpty ? { ...config, maxPaths: 0 } : config;
  const transportParameters = ourParameters(offered, role, ids, server, random);
  return options.role === "client"
    ? createTlsClient({ ...options.tls, provider, random, transportParameters, keyLog, grease: config.grease })
    : createTlsServer({ ...options.tls, provider, random, transportParameters, keyLog });
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
