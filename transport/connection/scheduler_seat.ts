import { type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import type { PathStatus, SchedulerEvent } from "../../schedulers/scheduler.ts";
import type { PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathEvent } from "../paths/path_events.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Context, Timed } from "./context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { SchedulerGuard } from "./scheduler_guard.ts";
import { LimitedHost } from "./scheduler_host.ts";
import { LiveConnectionView, refreshView, statusOf, type ViewSources } from "./views.ts";

/** What the parts of a connection tell the scheduler, through the guard. */
export interface SchedulerEvents {
  /** Packets of so many bytes were acknowledged on the route. */
  onAcked(route: Route, bytes: number, now: number): void;
  /** Packets of so many bytes were declared lost on the route. */
  onLost(route: Route, bytes: number, now: number): void;
  /** The path's probe timeout passed. */
  onPto(path: Path, now: number): void;
  /** Something happened to a path; its state is the new one already. */
  onPathEvent(event: PathEvent, now: number): void;
  /** A signal of the application, here or at the peer, has a new value. */
  onSignal(name: string, value: number, now: number): void;
}

/** How a connection's scheduler does. */
export interface SchedulerStats {
  /** The name of the one that decides now. */
  readonly name: string;
  /** Its faults; with `replaced` those of the one that was replaced. Counted anew when another mode is set. */
  readonly faults: number;
  /** What was wrong the last time; empty: nothing was. */
  readonly lastFault: string;
  /** The name of the one that was set, if min-RTT took its place for its faults; `undefined`: it decides itself. */
  readonly replaced: string | undefined;
}

/** What a {@linkcode SchedulerSeat} works with. */
export interface SeatParts extends ViewSources {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly mode: ModeChoice;
  /** Tells the peer what this end thinks of a path. */
  readonly setStatus: (path: PathId, status: PathStatus, now: number) => void;
  readonly now: number;
}

/** Where a connection's scheduler sits: what it sees, what it may ask for, and the guard between it and the core. */
export class SchedulerSeat implements SchedulerEvents, Timed {
  readonly view: LiveConnectionView;
  readonly guard: SchedulerGuard;
  readonly #parts: SeatParts;
  #host: LimitedHost | undefined;
  #lastFault = "";
  #replaced: string | undefined;

  constructor(parts: SeatParts) {
    const { context } = parts;
    this.#parts = parts;
    this.view = new LiveConnectionView(parts);
    this.guard = new SchedulerGuard({
      onFault: (scheduler, fault, now) => {
        this.#lastFault = fault;
        context.events.push({ type: "scheduler_fault", scheduler, fault });
        context.observer?.on("multipath:scheduler_fault", { scheduler, fault }, now);
      },
      onReplaced: (scheduler, reason) => {
        this.#lastFault = reason;
        this.#replaced = scheduler;
        this.#host?.retire();
        context.events.push({ type: "scheduler_replaced", scheduler, reason });
      },
    });
    this.setMode(parts.mode, parts.now);
  }

  /**
   * Lets another scheduler decide from now on. Throws `RangeError` for a name that is not known, `TypeError` for what is no
   * mode.
   */
  setMode(mode: ModeChoice, now: number): void {
    const factory = schedulerOf(mode);
    refreshView(this.view, now);
    this.#host?.retire();
    this.#host = this.#makeHost();
    this.#lastFault = "";
    this.#replaced = undefined;
    this.guard.use(factory, this.#host.facade, now);
  }

  /** Who decides, and how well. */
  stats(): SchedulerStats {
    const { name, faults } = this.guard;
    return { name, faults, lastFault: this.#lastFault, replaced: this.#replaced };
  }

  onAcked(route: Route, bytes: number, now: number): void {
    if (!this.guard.wantsEvents) return;
    const path = this.#pathOf(route);
    if (path !== undefined) this.#tell({ type: "ack", path: path.id, bytes }, now);
  }

  onLost(route: Route, bytes: number, now: number): void {
    if (!this.guard.wantsEvents) return;
    const path = this.#pathOf(route);
    if (path !== undefined) this.#tell({ type: "loss", path: path.id, bytes }, now);
  }

  onPto(path: Path, now: number): void {
    if (this.guard.wantsEvents) this.#tell({ type: "pto", path: path.id, count: path.route.pto.count }, now);
  }

  onPathEvent(event: PathEvent, now: number): void {
    if (!this.guard.wantsEvents) return;
    const { change, reason } = event;
    const { id: path, label } = event.path;
    switch (change) {
      case "status": {
        const its = this.#parts.paths.get(path);
        if (its !== undefined) this.#tell({ type: "status", path, status: statusOf(its) }, now);
        break;
      }
      case "opened":
      case "usable":
        this.#tell({ type: `path-${change}`, path, label }, now);
        break;
      case "suspended":
      case "closed":
        this.#tell({ type: `path-${change}`, path, label, reason }, now);
    }
  }

  onSignal(name: string, value: number, now: number): void {
    if (this.guard.wantsEvents) this.#tell({ type: "signal", name, value }, now);
  }

  /** The path that acknowledges what arrived on this one; `undefined`: the scheduler does not say. */
  ackPath(receivedOn: PathId, now: number): PathId | undefined {
    refreshView(this.view, now);
    const path = this.guard.ackPath(receivedOn, this.view);
    return path < 0 ? undefined : path;
  }

  nextTimeout(): number {
    if (!this.#parts.lifecycle.isOpen) return Infinity;
    return Math.min(this.guard.nextTimeout(), this.#host?.nextTimeout() ?? Infinity);
  }

  onTimeout(now: number): void {
    this.guard.onTimeout(now);
    this.#host?.onTimeout(now);
  }

  #tell(event: SchedulerEvent, now: number): void {
    refreshView(this.view, now);
    this.guard.event(event, this.view);
  }

  #pathOf(route: Route): Path | undefined {
    for (const path of this.#parts.paths.all()) if (path.route === route) return path;
    return undefined;
  }

  #makeHost(): LimitedHost {
    const { context, paths, setStatus } = this.#parts;
    return new LimitedHost({
      name: () => this.guard.name,
      now: () => this.view.now,
      srttOf: (id) => {
        const path = paths.get(id);
        return path?.state === "usable" ? path.route.rtt.smoothed : undefined;
      },
      random: context.random,
      probe: (id) => {
        const route = paths.get(id)?.route;
        const level = LEVEL_INDEX.application;
        // A probe of the core's own serves as well.
        if (route !== undefined) route.probes[level] = Math.max(1, route.probes[level]!);
      },
      setStatus,
      onWake: (now) => this.#tell({ type: "wake" }, now),
      observer: context.observer,
    });
  }
}
