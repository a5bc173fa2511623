import type { Reinjection, SchedulerEvent, SchedulerFactory } from "../../schedulers/scheduler.ts";
import type { PathStatus } from "../../schedulers/scheduler.ts";
import type { PathId } from "../base/role.ts";
import { LEVEL_INDEX } from "../paths/route.ts";
import type { Context, Timed } from "./context.ts";
import { SchedulerGuard } from "./scheduler_guard.ts";
import { LimitedHost } from "./scheduler_host.ts";
import { LiveConnectionView, refreshView, type ViewSources } from "./views.ts";

/** How a connection's scheduler does, or one that some of its streams have for themselves. */
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
  /** Tells the peer what this end thinks of a path. */
  readonly setStatus: (path: PathId, status: PathStatus, now: number) => void;
  /** Whether other schedulers of the connection send too. */
  readonly isAlone: () => boolean;
}

/** Where a scheduler sits: what it sees, what it may ask for, and the guard between it and the core. */
export class SchedulerSeat implements Timed {
  readonly view: LiveConnectionView;
  readonly guard: SchedulerGuard;
  /** The kinds of work that it held in this round of questions, as bits that whoever asks gives a meaning. */
  held: number = 0;
  /** Whether it was asked in this round. */
  wasAsked: boolean = false;
  /** What it said of data in flight at the beginning of this round. */
  reinjection: Reinjection = "never";
  /** The last round in which it was asked. */
  usedAt: number;
  readonly #parts: SeatParts;
  /** Who is to take the seat with the next round. */
  #next: SchedulerFactory | undefined;
  #host: LimitedHost | undefined;
  #lastFault = "";
  #replaced: string | undefined;

  /** An empty seat, where min-RTT decides. */
  constructor(parts: SeatParts, now: number) {
    const { context } = parts;
    this.#parts = parts;
    this.usedAt = now;
    this.view = new LiveConnectionView(parts);
    this.guard = new SchedulerGuard({
      isAlone: parts.isAlone,
      onFault: (scheduler, fault, at) => {
        this.#lastFault = fault;
        context.events.push({ type: "scheduler_fault", scheduler, fault });
        context.observer?.on("multipath:scheduler_fault", { scheduler, fault }, at);
      },
      onReplaced: (scheduler, reason) => {
        this.#lastFault = reason;
        this.#replaced = scheduler;
        this.#host?.retire();
        context.events.push({ type: "scheduler_replaced", scheduler, reason });
      },
    });
  }

  /** Lets another scheduler decide from now on. */
  seat(factory: SchedulerFactory, now: number): void {
    refreshView(this.view, now);
    this.#next = undefined;
    this.#host?.retire();
    this.#host = this.#makeHost();
    this.#lastFault = "";
    this.#replaced = undefined;
    this.guard.use(factory, this.#host.facade, now);
  }

  /** Lets another scheduler decide from the next round on; it is made then. */
  seatLater(factory: SchedulerFactory): void {
    this.#next = factory;
  }

  /** Nobody listens to the scheduler any more. */
  retire(): void {
    this.#next = undefined;
    this.#host?.retire();
  }

  /** Begins a round of questions. */
  begin(now: number): void {
    if (this.#next !== undefined) this.seat(this.#next, now);
    else refreshView(this.view, now);
    this.held = 0;
    this.wasAsked = false;
    this.reinjection = this.guard.reinjection(this.view);
  }

  /** Ends a round of questions. */
  end(now: number): void {
    if (this.wasAsked) this.usedAt = now;
    else this.guard.idle();
  }

  /** Who decides, and how well. */
  stats(): SchedulerStats {
    const { name, faults } = this.guard;
    return { name, faults, lastFault: this.#lastFault, replaced: this.#replaced };
  }

  /** Tells the scheduler what happened. */
  tell(event: SchedulerEvent, now: number): void {
    refreshView(this.view, now);
    this.guard.event(event, this.view);
  }

  nextTimeout(): number {
    return Math.min(this.guard.nextTimeout(), this.#host?.nextTimeout() ?? Infinity);
  }

  onTimeout(now: number): void {
    this.guard.onTimeout(now);
    this.#host?.onTimeout(now);
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
      onWake: (now) => this.tell({ type: "wake" }, now),
      observer: context.observer,
    });
  }
}
