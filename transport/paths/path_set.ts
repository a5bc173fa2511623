import type { PathId } from "../base/role.ts";
import type { Path } from "./path.ts";
import type { Route } from "./route.ts";

/** The paths and routes of a connection, by id and by number. */
export class PathSet {
  readonly #paths = new Map<PathId, Path>();
  readonly #routes = new Map<number, Route>();
  #nextRoute = 0;
  #revision = 0;

  /** Another number whenever a path was added or removed. */
  get revision(): number {
    return this.#revision;
  }

  /** A number for a new route. */
  nextRouteNumber(): number {
    return this.#nextRoute++;
  }

  add(path: Path): void {
    this.#paths.set(path.id, path);
    this.#revision++;
    this.addRoute(path.route);
  }

  addRoute(route: Route): void {
    this.#routes.set(route.number, route);
  }

  removeRoute(route: Route): void {
    this.#routes.delete(route.number);
  }

  remove(path: Path): void {
    this.#paths.delete(path.id);
    this.#revision++;
    this.removeRoute(path.route);
    if (path.previous !== undefined) this.removeRoute(path.previous);
  }

  get(id: PathId): Path | undefined {
    return this.#paths.get(id);
  }

  route(number: number): Route | undefined {
    return this.#routes.get(number);
  }

  /** The path that a route is of, be it in use, left or only probed. */
  pathOf(route: number): Path | undefined {
    const its = this.#routes.get(route);
    if (its === undefined) return undefined;
    for (const path of this.#paths.values()) {
      if (path.route === its || path.previous === its || path.candidates.includes(its)) return path;
    }
    return undefined;
  }

  /** All that are not gone, in order of opening. */
  all(): IterableIterator<Path> {
    return this.#paths.values();
  }

  routes(): IterableIterator<Route> {
    return this.#routes.values();
  }
}
