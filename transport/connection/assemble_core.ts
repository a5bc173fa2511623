import { KeyRing } from "../../crypto/key_ring.ts";
import { multipleSpaces } from "../../recovery/space_layout.ts";
import type { PathId } from "../base/role.ts";
import { describePath, Path } from "../paths/path.ts";
import { PathSet } from "../paths/path_set.ts";
import type { Route } from "../paths/route.ts";
import { CryptoStreams } from "../streams/crypto_streams.ts";
import { Datagrams } from "../streams/datagrams.ts";
import { ModeRequests } from "../streams/mode_requests.ts";
import { StreamSet } from "../streams/stream_set.ts";
import { STREAM_MODES_VERSION } from "../wire/hints_codepoints.ts";
import { Closer } from "./closer.ts";
import { resolveConfig } from "./config.ts";
import { type Context, guardObserver } from "./context.ts";
import { EventQueue } from "./events.ts";
import { Fates, type LostTrigger } from "./fates.ts";
import { Idle } from "./idle.ts";
import { KeyUpdates } from "./key_updates.ts";
import { Lifecycle } from "./lifecycle.ts";
import { LossTimers } from "./loss_timers.ts";
import type { ConnectionOptions } from "./options.ts";
import { type HandshakeIds, streamLimits } from "./parameters.ts";
import type { PathTrouble } from "./path_trouble.ts";
import type { SchedulerEvents } from "./scheduler_seats.ts";
import { RouteMaker } from "./route_maker.ts";
import { Spaces } from "./spaces.ts";

/** Bytes of the destination id that a client makes up (RFC 9000 §7.2: at least 8). */
const FIRST_DESTINATION_LENGTH = 8;

/** What everything else stands on. */
export interface Core {
  readonly options: ConnectionOptions;
  readonly context: Context;
  readonly ids: HandshakeIds;
  readonly lifecycle: Lifecycle;
  readonly keys: KeyRing;
  readonly spaces: Spaces;
  readonly paths: PathSet;
  readonly routes: RouteMaker;
  /** Path 0. */
  readonly first: Path;
}

/** The parts that recover from loss, and end the connection. */
export interface Recovery {
  readonly fates: Fates;
  readonly timers: LossTimers;
  readonly closer: Closer;
  readonly idle: Idle;
  readonly keyUpdates: KeyUpdates;
  readonly largestPto: () => number;
  /** What is in flight on the path (on the route alone, if one is named) counts as lost. */
  readonly giveUp: (path: Path, trigger: LostTrigger, now: number, route?: Route) => void;
}

/** The parts that carry bytes. */
export interface Carriers {
  readonly crypto: CryptoStreams;
  readonly streams: StreamSet;
  readonly datagrams: Datagrams;
  readonly modeRequests: ModeRequests;
}

/** Keys, spaces, path 0. */
export function makeCore(options: ConnectionOptions): Core {
  const context = makeContext(options);
  const { config } = context;
  const spaces = new Spaces({
    layout: multipleSpaces(),
    maxAckDelay: config.maxAckDelay,
    maxAckRanges: config.maxAckRanges,
    random: unitFrom(context.random),
  });
  const paths = new PathSet();
  const routes = new RouteMaker(context, paths);
  const validated = options.role === "client" || options.addressValidated;
  const first = new Path(
    0,
    routes.make(options.local, options.remote, validated, undefined),
    describePath(options.path),
    "usable",
  );
  paths.add(first);
  const lifecycle = new Lifecycle(context);
  const keys = new KeyRing(context.provider);
  return { options, context, ids: handshakeIds(options), lifecycle, keys, spaces, paths, routes, first };
}

/** Loss detection and timers; `trouble` and `seat` are made later than they are, and asked for when something happened. */
export function makeRecovery(
  core: Core,
  trouble: () => PathTrouble,
  seat: () => SchedulerEvents,
  isOver: (path: PathId) => boolean,
): Recovery {
  const { context, lifecycle, keys, spaces, paths } = core;
  const { now } = core.options;
  const fates = new Fates(context, lifecycle, spaces, paths, keys, (route, level, newestSentAt, at) => {
    timers.onProgress(route, level, at);
    const path = level === "application" ? pathOf(paths, route) : undefined;
    if (path !== undefined) trouble().onProgress(path, newestSentAt, at);
  }, {
    onAcked: (route, bytes, at) => seat().onAcked(route, bytes, at),
    onLost: (route, bytes, at) => seat().onLost(route, bytes, at),
    isOver,
  });
  const hasHandshakeKeys = (): boolean => keys.has("handshake", "write");
  const onPto = (path: Path, at: number): void => seat().onPto(path, at);
  const timers: LossTimers = new LossTimers(context, lifecycle, spaces, paths, fates, hasHandshakeKeys, onPto, now);
  const largestPto = (): number => timers.largestPto();
  return {
    fates,
    timers,
    closer: new Closer(lifecycle, () => 3 * largestPto()),
    idle: new Idle(context, lifecycle, largestPto, now),
    keyUpdates: new KeyUpdates(context, keys, largestPto),
    largestPto,
    giveUp: (path, trigger, at, route) => {
      const space = spaces.get("application", path.id);
      if (space === undefined) return;
      const routes = route === undefined ? routesOf(path) : [route];
      for (const each of routes) fates.giveUp(space, "application", trigger, at, each, path.id);
    },
  };
}

/** Streams and datagrams. */
export function makeCarriers(core: Core): Carriers {
  const { context, first } = core;
  const { config } = context;
  const streams = new StreamSet({
    role: context.role,
    limits: streamLimits(config),
    events: (event) => context.events.push(event),
    rtt: () => slowestRoundTrip(core.paths, first),
    connectionWindow: config.connectionWindow,
    streamWindow: config.streamWindow,
    sendBuffer: config.sendBuffer,
  });
  return {
    crypto: new CryptoStreams(),
    streams,
    modeRequests: new ModeRequests({
      role: context.role,
      streams,
      isActive: () => context.hints >= STREAM_MODES_VERSION,
      acceptModes: config.acceptModes,
    }),
    datagrams: new Datagrams({
      receiveSize: config.maxDatagramFrameSize,
      fate: (id, acked) => context.events.push({ type: "datagram_fate", id, acked }),
    }),
  };
}

/**
 * What a window must span: data of the slowest path in use is waited for while that of the others arrives. Without a path
 * in use, what path 0 was like.
 */
function slowestRoundTrip(paths: PathSet, first: Path): number {
  let longest = -1;
  for (const path of paths.all()) {
    const { rtt } = path.route;
    if (path.state === "usable" && (rtt.hasSample || path === first)) longest = Math.max(longest, rtt.smoothed);
  }
  return longest < 0 ? first.route.rtt.smoothed : longest;
}

/** All routes over which packets of the path may be on their way. */
function routesOf({ route, previous, candidates }: Path): Route[] {
  return previous === undefined ? [route, ...candidates] : [route, previous, ...candidates];
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
    hints: 0,
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

/** Numbers from 0 up to 1 made of random bytes. */
function unitFrom(random: (into: Uint8Array) => void): () => number {
  const bytes = new Uint8Array(4);
  return () => {
    random(bytes);
    return (bytes[0]! * 0x1000000 + bytes[1]! * 0x10000 + bytes[2]! * 0x100 + bytes[3]!) / 0x1_0000_0000;
  };
}
