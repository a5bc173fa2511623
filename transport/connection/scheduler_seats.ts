/**
 * All schedulers of a connection: its own, and one for each mode that streams or datagrams have for themselves. Those whose
 * mode is the connection's go by its scheduler.
 *
 * | a lane (a mode of streams' own) | becomes       | when                                                               |
 * |---------------------------------|---------------|--------------------------------------------------------------------|
 * | –                               | in use        | a stream or a datagram is the first with that mode                 |
 * | in use                          | unused        | the last of them is done, or goes by another mode                  |
 * | unused                          | in use        | there is another one; its scheduler knows what it knew             |
 * | unused                          | –             | {@linkcode KEEP_UNUSED} ms later, or when its place is needed      |
 *
 * @module
 */
import { type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import type { PathStatus, SchedulerEvent, SchedulerFactory } from "../../schedulers/scheduler.ts";
import type { PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathEvent } from "../paths/path_events.ts";
import type { Route } from "../paths/route.ts";
import { Lane } from "../streams/lane.ts";
import type { Context, Timed } from "./context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { SchedulerSeat, type SchedulerStats } from "./scheduler_seat.ts";
import { refreshView, statusOf, type ViewSources } from "./views.ts";

/** Modes that streams and datagrams of a connection can have for themselves at one time. */
export const MAX_LANES = 16;
/** A scheduler that no stream and no datagram has any more is kept so long, for the next one: milliseconds. */
export const KEEP_UNUSED = 5000;

/** What the parts of a connection tell the schedulers, through the guards. */
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

/** What {@linkcode SchedulerSeats} work with. */
export interface SeatsParts extends ViewSources {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly mode: ModeChoice;
  /** Tells the peer what this end thinks of a path. */
  readonly setStatus: (path: PathId, status: PathStatus, now: number) => void;
  readonly now: number;
}

/** The schedulers of a connection, and what they are told. */
export class SchedulerSeats implements SchedulerEvents, Timed {
  /** Of the connection's own. */
  readonly main: SchedulerSeat;
  readonly #parts: SeatsParts;
  #mainFactory: SchedulerFactory;
  readonly #lanes = new Map<SchedulerFactory, Lane>();
  /** Of those lanes whose mode is not the connection's. */
  readonly #own = new Map<Lane, SchedulerSeat>();
  #all: readonly SchedulerSeat[];

  /** Throws as `setMode`. */
  constructor(parts: SeatsParts) {
    this.#parts = parts;
    this.#mainFactory = schedulerOf(parts.mode);
    this.main = this.#makeSeat(new MainQueue(parts.streams, this.#own), parts.setStatus, parts.now);
    this.main.seat(this.#mainFactory, parts.now);
    this.#all = [this.main];
  }

  /** All that decide now, the connection's first. */
  get all(): readonly SchedulerSeat[] {
    return this.#all;
  }

  /** Whether the connection's scheduler decides about everything. */
  get isAlone(): boolean {
    return this.#own.size === 0;
  }

  /** Who decides for a lane. */
  of(lane: Lane | undefined): SchedulerSeat {
    return lane === undefined ? this.main : this.#own.get(lane) ?? this.main;
  }

  /**
   * Lets another scheduler decide for the connection from now on. Throws `RangeError` for a name that is not known,
   * `TypeError` for what is no mode.
   */
  setMode(mode: ModeChoice, now: number): void {
    const factory = schedulerOf(mode);
    const before = this.#mainFactory;
    this.main.seat(factory, now);
    this.#mainFactory = factory;
    if (factory === before) return;
    const joining = this.#lanes.get(factory);
    if (joining !== undefined) this.#removeSeat(joining);
    const leaving = this.#lanes.get(before);
    if (leaving !== undefined) this.#addSeat(leaving, before);
  }

  /**
   * The lane of those that have a mode of their own. Throws as `setMode`, and `RangeError` when as many other modes are in use
   * as there can be.
   */
  laneFor(mode: ModeChoice): Lane {
    const factory = schedulerOf(mode);
    let lane = this.#lanes.get(factory);
    if (lane !== undefined) return lane;
    this.#makeRoom();
    lane = new Lane();
    this.#lanes.set(factory, lane);
    if (factory !== this.#mainFactory) this.#addSeat(lane, factory);
    return lane;
  }

  /** Who decides for the connection, and how well. */
  stats(): SchedulerStats {
    return this.main.stats();
  }

  /** Likewise those that streams and datagrams have for themselves. */
  othersStats(): SchedulerStats[] {
    return this.#all.slice(1).map((seat) => seat.stats());
  }

  onAcked(route: Route, bytes: number, now: number): void {
    if (this.#isDeaf) return;
    const path = this.#pathOf(route);
    if (path !== undefined) this.#tell({ type: "ack", path: path.id, bytes }, now);
  }

  onLost(route: Route, bytes: number, now: number): void {
    if (this.#isDeaf) return;
    const path = this.#pathOf(route);
    if (path !== undefined) this.#tell({ type: "loss", path: path.id, bytes }, now);
  }

  onPto(path: Path, now: number): void {
    if (!this.#isDeaf) this.#tell({ type: "pto", path: path.id, count: path.route.pto.count }, now);
  }

  onPathEvent(event: PathEvent, now: number): void {
    if (this.#isDeaf) return;
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
    if (!this.#isDeaf) this.#tell({ type: "signal", name, value }, now);
  }

  /** The path that acknowledges what arrived on this one; `undefined`: the connection's scheduler does not say. */
  ackPath(receivedOn: PathId, now: number): PathId | undefined {
    const { view, guard } = this.main;
    refreshView(view, now);
    const path = guard.ackPath(receivedOn, view);
    return path < 0 ? undefined : path;
  }

  nextTimeout(): number {
    if (!this.#parts.lifecycle.isOpen) return Infinity;
    let next = this.main.nextTimeout();
    for (const [lane, seat] of this.#own) {
      next = Math.min(next, seat.nextTimeout(), lane.members === 0 ? seat.usedAt + KEEP_UNUSED : Infinity);
    }
    return next;
  }

  onTimeout(now: number): void {
    for (const [factory, lane] of this.#lanes) {
      if (lane.members > 0) continue;
      const seat = this.#own.get(lane);
      if (seat === undefined || now >= seat.usedAt + KEEP_UNUSED) this.#forget(factory, lane);
    }
    for (const seat of this.#all) seat.onTimeout(now);
  }

  /** Whether nobody wants to be told anything. */
  get #isDeaf(): boolean {
    for (const { guard } of this.#all) if (guard.wantsEvents) return false;
    return true;
  }

  #tell(event: SchedulerEvent, now: number): void {
    // One after the other: none of them can change who else is there.
    for (const seat of this.#all) if (seat.guard.wantsEvents) seat.tell(event, now);
  }

  #pathOf(route: Route): Path | undefined {
    for (const path of this.#parts.paths.all()) if (path.route === route) return path;
    return undefined;
  }

  #makeSeat(queue: Queue, setStatus: SeatsParts["setStatus"], now: number): SchedulerSeat {
    return new SchedulerSeat({ ...this.#parts, streams: queue, setStatus, isAlone: () => this.isAlone }, now);
  }

  #addSeat(lane: Lane, factory: SchedulerFactory): void {
    // Whether a path is a backup is for the connection to say, not for some of its streams.
    const seat = this.#makeSeat(new LaneQueue(this.#parts.streams, lane), () => {}, this.main.view.now);
    seat.seatLater(factory);
    this.#own.set(lane, seat);
    this.#all = [this.main, ...this.#own.values()];
  }

  #removeSeat(lane: Lane): void {
    this.#own.get(lane)?.retire();
    this.#own.delete(lane);
    this.#all = [this.main, ...this.#own.values()];
  }

  #forget(factory: SchedulerFactory, lane: Lane): void {
    this.#lanes.delete(factory);
    this.#removeSeat(lane);
  }

  /** Sees to it that there can be one more lane. */
  #makeRoom(): void {
    for (const [factory, lane] of this.#lanes) {
      if (this.#lanes.size < MAX_LANES) return;
      if (lane.members === 0) this.#forget(factory, lane);
    }
    if (this.#lanes.size < MAX_LANES) return;
    throw new RangeError(
      `Cannot use another mode for streams or datagrams: ${MAX_LANES} are in use, which is the most`,
    );
  }
}

/** What waits, as far as one scheduler decides about it. */
type Queue = ViewSources["streams"];

/** What waits for the connection's scheduler: all but what waits for others. */
class MainQueue implements Queue {
  readonly #streams: Queue;
  readonly #others: ReadonlyMap<Lane, unknown>;

  constructor(streams: Queue, others: ReadonlyMap<Lane, unknown>) {
    this.#streams = streams;
    this.#others = others;
  }

  get backlog(): number {
    let bytes = this.#streams.backlog;
    for (const lane of this.#others.keys()) bytes -= lane.backlog;
    return bytes;
  }

  get sendWindow(): number {
    return this.#streams.sendWindow;
  }
}

/** What waits in a lane. */
class LaneQueue implements Queue {
  readonly #streams: Queue;
  readonly #lane: Lane;

  constructor(streams: Queue, lane: Lane) {
    this.#streams = streams;
    this.#lane = lane;
  }

  get backlog(): number {
    return this.#lane.backlog;
  }

  get sendWindow(): number {
    return this.#streams.sendWindow;
  }
}
