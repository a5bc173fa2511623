import { sameAddress } from "../base/address.ts";
import type { Observer } from "../base/observer.ts";
import type { Address } from "../base/address.ts";
import type { CidPool } from "./cid_pool.ts";
import { MAX_CANDIDATES, type Path } from "./path.ts";
import type { PathSet } from "./path_set.ts";
import type { Route } from "./route.ts";
import type { Validator } from "./validator.ts";

/** What migration works with. */
export interface MigrationParts {
  readonly paths: PathSet;
  readonly pool: CidPool;
  readonly validator: Validator;
  readonly observer: Observer | undefined;
  /** A route for a 4-tuple of the path, heir of the present one when only the port differs. */
  readonly makeRoute: (path: Path, local: Address, remote: Address, heir: Route | undefined) => Route;
  /** The path goes on over another route. */
  readonly onMoved: (path: Path, from: Route, to: Route) => void;
  /** A route is known to carry what every path must. */
  readonly onValidated: (route: Route, now: number) => void;
  /** A route is over: what is in flight there counts as lost. */
  readonly onRouteGone: (path: Path, route: Route, now: number) => void;
  /** The path's last address failed: no way is left to the peer on it. */
  readonly onPathFailed: (path: Path, now: number) => void;
}

/**
 * The peer's address changes within a path (RFC 9000 §9.3, RFC 10069 §3.1.2).
 *
 * | what arrives from another 4-tuple         | what is done                                             |
 * |-------------------------------------------|----------------------------------------------------------|
 * | only probing frames, or an old number     | answered there; the path stays where it is               |
 * | anything else, the highest number so far  | the path moves; new and old address are challenged       |
 * | validation of the new address succeeds    | the old route is dropped                                 |
 * | validation of the new address fails       | back to the last validated address; none: the path fails |
 */
export class Migration {
  readonly #parts: MigrationParts;
  /** Routes that were left, and asked whether the peer is still there (RFC 9000 §9.3.3). */
  readonly #asked = new Set<number>();

  constructor(parts: MigrationParts) {
    this.#parts = parts;
  }

  /** The route of the path that a packet came in on; made when it is new. `sameId`: it came with the id in use. */
  routeOf(path: Path, local: Address, remote: Address, sameId: boolean, now: number): Route {
    const known = knownRoute(path, local, remote);
    if (known !== undefined) return known;
    const { paths, makeRoute, pool } = this.#parts;
    if (path.candidates.length >= MAX_CANDIDATES) this.#drop(path, path.candidates.shift()!, now);
    const portOnly = remote.hostname === path.route.remote.hostname && sameAddress(local, path.route.local);
    const route = makeRoute(path, local, remote, portOnly ? path.route : undefined);
    // The same id of ours came from there: the peer may not know that its address changed, so its id stays too (§9.5).
    if (sameId) pool.share(path.id, path.route.number, route.number);
    path.candidates.push(route);
    paths.addRoute(route);
    return route;
  }

  /** A packet with more than probing frames and the highest number so far came in on the route: the path moves there. */
  migrate(path: Path, route: Route, now: number): void {
    if (route === path.route) return;
    const { validator, onMoved } = this.#parts;
    const old = path.route;
    onMoved(path, old, route);
    const index = path.candidates.indexOf(route);
    if (index >= 0) path.candidates.splice(index, 1);
    if (path.previous === route) path.previous = undefined;
    path.route = route;
    if (old.validated) {
      if (path.previous !== undefined) this.#drop(path, path.previous, now);
      path.previous = old;
    } else {
      this.#drop(path, old, now);
    }
    this.#trace("migration_started", path, now);
    if (route.validated) {
      this.#settle(path, now);
      return;
    }
    validator.challenge(path.id, route.number, now);
    if (path.previous === undefined) return;
    validator.challenge(path.id, path.previous.number, now);
    this.#asked.add(path.previous.number);
  }

  /** A validation ended. */
  onOutcome(
    path: Path,
    route: Route,
    outcome: { readonly ok: boolean; readonly mtuVerified: boolean },
    now: number,
  ): void {
    if (outcome.ok) route.amplification.validate();
    const wasAsked = this.#asked.delete(route.number);
    if (route !== path.route) return;
    // A path that went back to an address that does not answer just now is in trouble like any other: it is not over.
    if (wasAsked && !outcome.ok) return;
    if (outcome.ok) {
      // Until 1200 bytes are known to get through, the way back stays open (RFC 9000 §8.2.1).
      if (!outcome.mtuVerified) return;
      this.#settle(path, now);
      this.#parts.onValidated(route, now);
    } else if (path.previous !== undefined) {
      const { previous } = path;
      path.previous = undefined;
      path.route = previous;
      this.#drop(path, route, now);
      this.#trace("migration_failed", path, now);
    } else {
      this.#parts.onPathFailed(path, now);
    }
  }

  #settle(path: Path, now: number): void {
    if (path.previous === undefined) return;
    const { previous } = path;
    path.previous = undefined;
    this.#drop(path, previous, now);
    this.#trace("migration_complete", path, now);
  }

  #drop(path: Path, route: Route, now: number): void {
    const { validator, pool, paths, onRouteGone } = this.#parts;
    validator.cancel(route.number);
    this.#asked.delete(route.number);
    onRouteGone(path, route, now);
    path.retire(route);
    pool.releaseRoute(path.id, route.number);
    paths.removeRoute(route);
  }

  #trace(state: "migration_started" | "migration_complete" | "migration_failed", path: Path, now: number): void {
    const { local, remote } = path.route;
    this.#parts.observer?.on("quic:migration_state_updated", { path: path.id, new: state, local, remote }, now);
  }
}

/** The path's route for a 4-tuple, if it has one. */
export function knownRoute(path: Path, local: Address, remote: Address): Route | undefined {
  if (path.route.is(local, remote)) return path.route;
  if (path.previous?.is(local, remote)) return path.previous;
  return path.candidates.find((route) => route.is(local, remote));
}
