import { sameAddress } from "../base/address.ts";
import { Rtt } from "../../recovery/rtt.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { Budgets } from "../paths/budgets.ts";
import { CidIssuer } from "../paths/cid_issuer.ts";
import { CidPool } from "../paths/cid_pool.ts";
import { Hints } from "../paths/hints.ts";
import { knownRoute, Migration } from "../paths/migration.ts";
import type { Path } from "../paths/path.ts";
import { type PathEvent, pathStats } from "../paths/path_events.ts";
import { PathLimits } from "../paths/path_limits.ts";
import { PathManager } from "../paths/path_manager.ts";
import { Validator } from "../paths/validator.ts";
import { PREFERENCES_VERSION } from "../wire/hints_codepoints.ts";
import type { Carriers, Core, Recovery } from "./assemble_core.ts";
import type { Offers } from "./offers.ts";
import { NewTokens } from "./new_tokens.ts";
import { PathTrouble } from "./path_trouble.ts";
import { SchedulerSeats, type SeatsParts } from "./scheduler_seats.ts";
import { Steering } from "./steering.ts";

/** Connection ids, path ids, and the validation of addresses. */
export interface PathIds {
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly limits: PathLimits;
  readonly validator: Validator;
  readonly newTokens: NewTokens;
}

/** The lives of paths. */
export interface PathLives {
  readonly manager: PathManager;
  readonly trouble: PathTrouble;
  readonly migration: Migration;
  readonly hints: Hints;
  readonly seats: SchedulerSeats;
  readonly budgets: Budgets;
  readonly steering: Steering;
  /** Hands on what a packet or a timeout brought about. */
  readonly settle: (now: number) => void;
}

/** Everything that is about identifiers; `manager` is made later than they are. */
export function makePathIds(core: Core, recovery: Recovery, manager: () => PathManager): PathIds {
  const { context, paths, options } = core;
  const { config, role } = context;
  const { largestPto, timers } = recovery;
  const issuer = new CidIssuer({
    idLength: options.idLength,
    random: context.random,
    resetTokenFor: options.resetTokenFor,
    registry: options.registry,
    multipath: () => context.multipath,
    peerMaxPath: () => limits.peer,
    keepFor: () => 3 * largestPto(),
  });
  const pool = new CidPool({
    activeLimit: config.activeConnectionIdLimit,
    maxPath: () => context.multipath ? limits.local : 0,
    multipath: () => context.multipath,
  });
  const limits: PathLimits = new PathLimits({
    maxPaths: config.maxPaths,
    issuer,
    pool,
    onRaised: (now) => manager().progress(now),
  });
  const initialPto = new Rtt(context.config.initialRtt).pto(0);
  const validator = new Validator({
    random: context.random,
    pto: (_path, route) => {
      const its = paths.route(route);
      return its === undefined ? largestPto() : timers.ptoOf(its);
    },
    // What is measured so far may be another way's: no validation fails sooner than one without a sample would (RFC 9000
    // §8.2.4), or a way that became longer would never be validated.
    maxPto: () => Math.max(largestPto(), initialPto),
    hasId: (path, route) => pool.hasIdFor(path, route),
    heardAt: (id) => {
      const path = paths.get(id);
      // At an address that is not validated yet anybody may send the peer's packets on.
      const isPeer = path?.state === "validating" || path?.route.validated === true;
      return isPeer ? path.lastReceivedAt : -Infinity;
    },
    routeOf: (packet) => {
      const path = paths.get(packet.path);
      // Nothing is sent on a path that is being closed, answers neither (RFC 10069 §3.4).
      if (path === undefined || path.state === "closing") return undefined;
      return (knownRoute(path, packet.local, packet.remote) ?? (role === "client" ? path.route : undefined))?.number;
    },
  });
  const newTokens = new NewTokens(options.role === "server" ? options.newToken : undefined);
  return { issuer, pool, limits, validator, newTokens };
}

/** Opening, silence, migration, and who chooses among paths. */
export function makePathLives(
  core: Core,
  recovery: Recovery,
  carriers: Carriers,
  offers: Offers,
  ids: PathIds,
): PathLives {
  const { context, lifecycle, paths } = core;
  const hints = new Hints({
    role: context.role,
    paths,
    limits: ids.limits,
    isActive: () => context.hints > 0,
    hasPreferences: () => context.hints >= PREFERENCES_VERSION,
    acceptModes: context.config.acceptModes,
    isOver: (path) => manager.isOver(path),
    onSignal: (name, value, now) => {
      seats.onSignal(name, value, now);
      steering.look(now);
    },
  });
  const onEvent = (event: PathEvent, now: number): void => {
    context.events.push(event);
    if (event.change === "opened") budgets.onOpened(paths.get(event.path.id)!, now);
    if (event.change === "closed") {
      offers.forgetPath(event.path.id);
      budgets.cancel(event.path.id);
    }
    seats.onPathEvent(event, now);
  };
  const budgets = new Budgets({
    pathOf: (id) => paths.get(id),
    mayTell: () => lifecycle.isConfirmed,
    onStep: (path, change, reason, now) =>
      onEvent({ type: "path", change, reason, code: 0, byPeer: false, path: pathStats(path) }, now),
    onSpent: (path, isSpent, now) => manager.avoid(path, "spent", isSpent, now),
  });
  const manager: PathManager = makeManager(core, recovery, carriers, ids, { hints, budgets }, onEvent);
  const seats = makeSeats(core, carriers, hints, (path, status, now) => manager.setStatus(path, status, now));
  const trouble = makeTrouble(core, recovery, carriers, ids, { manager, hints });
  const migration = makeMigration(core, recovery, ids, manager);
  const avoid = (path: Path, isAvoided: boolean, now: number): void => manager.avoid(path, "thrift", isAvoided, now);
  const steering = new Steering({ ...core, ...carriers, hints, avoid }, context.config.mode);
  const settle = (now: number): void => {
    settleValidations(core, ids, migration, manager, now);
    manager.progress(now);
    budgets.check(now);
    steering.look(now);
  };
  return { manager, trouble, migration, hints, seats, budgets, steering, settle };
}

function makeSeats(
  { context, lifecycle, paths, spaces, options }: Core,
  { streams }: Carriers,
  hints: Hints,
  setStatus: SeatsParts["setStatus"],
): SchedulerSeats {
  const { mode } = context.config;
  return new SchedulerSeats({ context, lifecycle, paths, spaces, streams, hints, mode, setStatus, now: options.now });
}

function makeTrouble(
  core: Core,
  recovery: Recovery,
  { streams, modeRequests, crypto }: Carriers,
  { issuer, pool, limits }: PathIds,
  { manager, hints }: { readonly manager: PathManager; readonly hints: Hints },
): PathTrouble {
  const { context, lifecycle, paths, spaces } = core;
  const offerers = [streams, modeRequests, crypto, issuer, pool, limits, manager, hints];
  return new PathTrouble({
    context,
    lifecycle,
    paths,
    spaces,
    manager,
    ptoOf: (route) => recovery.timers.ptoOf(route),
    offerAgain: (path) => {
      let any = false;
      for (const owner of offerers) any = owner.offerAgain(path) === true || any;
      return any;
    },
  });
}

function makeManager(
  core: Core,
  recovery: Recovery,
  carriers: Carriers,
  ids: PathIds,
  { hints, budgets }: { readonly hints: Hints; readonly budgets: Budgets },
  events: (event: PathEvent, now: number) => void,
): PathManager {
  const { context, lifecycle, keys, spaces, paths, routes } = core;
  const { config, role } = context;
  const { closer, largestPto, giveUp } = recovery;
  return new PathManager({
    role,
    maxPaths: Math.max(1, config.maxPaths),
    paths,
    ...ids,
    observer: context.observer,
    isReady: () => context.multipath && lifecycle.isConfirmed,
    isNegotiated: () => {
      if (config.maxPaths === 0) return false;
      return context.peer === undefined ? undefined : context.peer.initialMaxPathId !== undefined;
    },
    // RFC 10069 §2.2: that parameter speaks of the address of the handshake alone.
    isForbidden: (remote) => context.peer?.disableActiveMigration === true && sameAddress(remote, core.options.remote),
    makeRoute: (local, remote, known) => routes.make(local, remote, known, undefined),
    largestPto,
    events,
    onOpened: (path, now) => {
      spaces.add(path.id);
      hints.onOpened(path);
      // Along with the validation (RFC 9000 §8.2), so that the first window is made of full packets.
      if (config.mtuDiscovery) path.route.mtu.start(now);
    },
    onUsable: (path, now) => {
      path.usableAt = now;
    },
    onClosing: (path, now) => {
      giveUp(path, "path_abandoned", now);
      carriers.datagrams.forgetPath(path.id);
      hints.onClosing(path.id);
    },
    onGone: (id) => {
      budgets.onGone(id);
      spaces.remove(id);
      // Numbers that paths share go on.
      if (!spaces.layout.isShared) keys.forgetPath(id);
    },
    onNoPath: (now) => closer.close(noPathLeft(), now),
  });
}

function makeMigration(core: Core, recovery: Recovery, ids: PathIds, manager: PathManager): Migration {
  const { context, lifecycle, paths, routes, spaces } = core;
  return new Migration({
    paths,
    pool: ids.pool,
    validator: ids.validator,
    observer: context.observer,
    makeRoute: (_path, local, remote, heir) => routes.make(local, remote, false, heir),
    onMoved: (path, from, to) => {
      // The peer's counts go on where they are; only what they grow by belongs to the new route (RFC 9000 §13.4.2).
      const space = spaces.indexOf("application", path.id);
      if (from.ecn !== to.ecn) to.ecn.baseline(space, from.ecn.countsOf(space));
    },
    onValidated: (route, now) => {
      if (context.config.mtuDiscovery) route.mtu.start(now);
    },
    onRouteGone: (path, route, now) => recovery.giveUp(path, "migration", now, route),
    onPathFailed: (path: Path, now) => {
      if (manager.hasOther(path)) {
        manager.close(path, TransportErrorCode.PATH_UNSTABLE_OR_POOR, "The peer's new address did not answer", now);
      } else {
        lifecycle.discard(noPathLeft(), now);
      }
    },
  });
}

function noPathLeft(): TransportError {
  return new TransportError(TransportErrorCode.NO_VIABLE_PATH, "No path is left to the peer");
}

/** Hands the ends of validations on. */
function settleValidations(
  core: Core,
  { validator, newTokens }: PathIds,
  migration: Migration,
  manager: PathManager,
  now: number,
): void {
  for (let outcome = validator.nextOutcome(); outcome !== undefined; outcome = validator.nextOutcome()) {
    const path = core.paths.get(outcome.path);
    const route = core.paths.route(outcome.route);
    if (path === undefined || route === undefined) continue;
    if (outcome.rttSample !== undefined) route.rtt.seed(outcome.rttSample);
    if (outcome.ok) newTokens.onValidated(route.remote, now);
    if (path.state === "validating") manager.onValidated(path, outcome.ok, now);
    else migration.onOutcome(path, route, outcome, now);
  }
  validator.startWaiting(now);
}
