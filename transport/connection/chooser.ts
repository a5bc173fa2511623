import { type ConnectionView, type Decision, HOLD, type WorkKind } from "../../schedulers/scheduler.ts";
import type { FrameRecord, PacketWriter } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import type { Route } from "../paths/route.ts";
import type { DatagramWork } from "../streams/datagrams.ts";
import type { CopyScope } from "../streams/send_buffer.ts";
import type { StreamWork } from "../streams/send_work.ts";
import { KIND_BIT, type Offers } from "./offers.ts";
import type { SchedulerSeat } from "./scheduler_seat.ts";
import type { SchedulerSeats } from "./scheduler_seats.ts";
import { statusOf } from "./views.ts";

/** Room in a packet that is not worth filling with something else. */
const LEAST_ROOM = 64;

/** What the next packet of application data is for. One object, overwritten by the next question. */
export interface Choice {
  kind: WorkKind;
  path: Path;
  /** -1 for datagrams. */
  streamId: number;
  /** With "reinject". */
  scope: CopyScope;
  /** Who chose its path; `undefined`: the application, and only what is pinned there goes with it. */
  seat: SchedulerSeat | undefined;
  /** Paths on which the packet's data goes once more. */
  readonly copies: PathId[];
}

/** Whether a packet may leave on a route; notes what holds it back. */
export class Gate {
  /** When the pacer lets more out; `Infinity`: it holds nothing back. */
  pacedUntil = Infinity;

  /** Begins a round of questions. */
  reset(): void {
    this.pacedUntil = Infinity;
  }

  /** Whether a full packet may leave. */
  hasRoom(route: Route, now: number): boolean {
    if (!route.hasWindow) {
      route.windowLimited = true;
      return false;
    }
    if (route.room(now) > 0) return true;
    if (route.hasAllowance) {
      this.pacedUntil = Math.min(this.pacedUntil, route.pacer.readyAt(route.mtu.current, now));
    }
    return false;
  }
}

/** What a {@linkcode Chooser} works with. */
export interface ChooserParts {
  readonly paths: PathSet;
  readonly seats: SchedulerSeats;
  readonly offers: Offers;
  readonly gate: Gate;
}

/**
 * Which application data goes next, and where: at most one offer of each kind to each scheduler (of "reinject" one per path),
 * in this order. What a scheduler holds is passed over, and holds up nothing that others decide about; what is pinned goes
 * without asking.
 *
 * | offer                                                 | when                                                |
 * |-------------------------------------------------------|-----------------------------------------------------|
 * | retransmit                                            | always                                              |
 * | reinject what is in flight on a silent path           | always                                              |
 * | reinject all that is in flight                        | reinjection is "before-new"                         |
 * | reinject all that is in flight                        | it is "when-idle", nothing new waits for that       |
 * |                                                       | scheduler, and nothing more urgent for others       |
 * | datagram and stream, the more urgent first            | always                                              |
 */
export class Chooser {
  readonly #parts: ChooserParts;
  readonly #choice: Choice;
  /** The usable paths, as listed by the view. */
  #paths: Path[] = [];
  /** Those that are not: spent ones, which take what is pinned to them all the same, and those that do not work. */
  #unlisted: Path[] = [];
  #listed: ConnectionView["paths"] | undefined;

  constructor(parts: ChooserParts, first: Path) {
    this.#parts = parts;
    this.#choice = { kind: "stream", path: first, streamId: -1, scope: "all", seat: undefined, copies: [] };
  }

  /** The next packet of application data; `undefined`: there is none, none may leave, or all is held. */
  choose(now: number): Choice | undefined {
    const { offers, seats } = this.#parts;
    const { all } = seats;
    let wants = false;
    for (let i = 0; i < all.length; i++) {
      const seat = all[i]!;
      seat.begin(now);
      wants ||= seat.reinjection !== "never";
    }
    this.#relist();
    const hasWork = offers.hasWork(now);
    let choice: Choice | undefined;
    if ((hasWork || wants) && this.#findRoom(now)) {
      choice = this.#retransmit() ?? this.#offered();
      if (wants) choice ??= this.#beforeNew() ?? this.#whenIdle(hasWork, now);
      choice ??= this.#fresh(now);
    }
    for (let i = 0; i < all.length; i++) all[i]!.end(now);
    if (choice === undefined) this.#noteIdle(hasWork, now);
    return choice;
  }

  /** Fills a packet on the chosen path. */
  write(choice: Choice, packet: PacketWriter): void {
    const { offers, seats } = this.#parts;
    const { kind, streamId, seat } = choice;
    if (kind === "reinject") {
      offers.writeReinject(packet, choice.scope, seat ?? seats.main);
    } else if (kind === "stream") {
      offers.writeStream(kind, packet, streamId, seat);
    } else {
      // One who wants what is in flight again may want a copy of it later.
      const forCopies = choice.copies.length > 0 || (seat !== undefined && seat.reinjection !== "never");
      if (kind === "datagram") offers.writeDatagrams(packet, forCopies, seat);
      else offers.writeStream(kind, packet, streamId, seat);
      this.#fillUp(packet, choice);
    }
  }

  /** Writes what a packet's record stands for into a packet on another path; `false`: it is not to be copied, or done. */
  writeCopy(record: FrameRecord, packet: PacketWriter): boolean {
    return this.#parts.offers.writeCopy(record, packet);
  }

  /** What is left of a packet with little in it goes to new data, if that would go on the same path. */
  #fillUp(packet: PacketWriter, { seat, copies }: Choice): void {
    if (packet.room < LEAST_ROOM) return;
    const { offers, seats } = this.#parts;
    const more = offers.nextFor(packet, seat === undefined);
    if (more === undefined) return;
    const { streamId } = more;
    const its = offers.pinOf(streamId) === undefined ? seats.of(more.lane) : undefined;
    if (its !== undefined) {
      const decision = this.#ask(more, its);
      if (decision.path !== packet.path) return;
      // A packet is copied whole, and what is to be copied must not go with what is not.
      if (its !== seat && copies.length + decision.copies.length > 0) return;
    }
    offers.writeStream("stream", packet, streamId, its ?? seat);
  }

  #relist(): void {
    const { seats, paths } = this.#parts;
    const listed = seats.main.view.paths;
    if (listed === this.#listed) return;
    this.#listed = listed;
    this.#paths = [];
    for (const { id } of listed) this.#paths.push(paths.get(id)!);
    this.#unlisted = [...paths.all()].filter((path) => !this.#paths.includes(path));
  }

  /** Whether any usable path has room. */
  #findRoom(now: number): boolean {
    const { gate, offers } = this.#parts;
    const { roomy } = offers;
    let count = 0;
    for (const path of this.#paths) if (gate.hasRoom(path.route, now)) roomy[count++] = path.id;
    for (const path of this.#unlisted) {
      if (path.isSpent && path.state === "usable" && gate.hasRoom(path.route, now)) roomy[count++] = path.id;
    }
    // Setting a length takes longer than all else here, and mostly it is right already.
    if (roomy.length !== count) roomy.length = count;
    return count > 0;
  }

  /** Windows that are not used for lack of data, or because the scheduler holds it, must not grow for it. */
  #noteIdle(hasWork: boolean, now: number): void {
    for (const { route } of this.#paths) {
      if (!route.hasWindow || (hasWork && route.room(now) === 0)) continue;
      route.windowLimited = false;
      route.delivery.onAppLimited(route.inFlight);
    }
  }

  #retransmit(): Choice | undefined {
    const { offers } = this.#parts;
    let choice: Choice | undefined;
    for (let work = offers.stream("retransmit"); work !== undefined; work = offers.stream("retransmit")) {
      choice = this.#stream("retransmit", work);
      if (choice !== undefined) break;
    }
    return choice;
  }

  /** New data, the most urgent of what is not held. */
  #fresh(now: number): Choice | undefined {
    const { offers } = this.#parts;
    for (;;) {
      const datagram = offers.datagram(now);
      const stream = offers.stream("stream");
      let choice: Choice | undefined;
      if (datagram !== undefined && (stream === undefined || datagram.urgency <= stream.urgency)) {
        choice = this.#datagram(datagram);
      } else if (stream !== undefined) {
        choice = this.#stream("stream", stream);
      } else {
        return undefined;
      }
      if (choice !== undefined) return choice;
    }
  }

  #stream(kind: "retransmit" | "stream", work: StreamWork): Choice | undefined {
    const { offers, seats } = this.#parts;
    const { streamId } = work;
    const pin = offers.pinOf(streamId);
    return pin === undefined
      ? this.#decide(kind, work, streamId, seats.of(work.lane))
      : this.#set(kind, this.#parts.paths.get(pin)!, streamId, undefined);
  }

  #datagram(work: DatagramWork): Choice | undefined {
    const { pin, lane } = work;
    return pin === undefined
      ? this.#decide("datagram", work, -1, this.#parts.seats.of(lane))
      : this.#set("datagram", this.#parts.paths.get(pin)!, -1, undefined);
  }

  #decide(
    kind: WorkKind,
    work: StreamWork | DatagramWork,
    streamId: number,
    seat: SchedulerSeat,
  ): Choice | undefined {
    const decision = this.#ask(work, seat);
    if (decision !== HOLD) return this.#take(kind, decision, streamId, seat);
    seat.held |= KIND_BIT[kind];
    return undefined;
  }

  /** What is in flight on a silent path, whoever decides about it. */
  #offered(): Choice | undefined {
    if (!this.#parts.offers.hasOffered) return undefined;
    const { all } = this.#parts.seats;
    let choice: Choice | undefined;
    for (let i = 0; i < all.length && choice === undefined; i++) choice = this.#reinject("offered", all[i]!);
    return choice;
  }

  #beforeNew(): Choice | undefined {
    const { all } = this.#parts.seats;
    let choice: Choice | undefined;
    for (let i = 0; i < all.length && choice === undefined; i++) {
      if (all[i]!.reinjection === "before-new") choice = this.#reinject("all", all[i]!);
    }
    return choice;
  }

  /**
   * Copies of what is in flight, for those who have nothing new to send. Whether they have is asked without regard to room:
   * what is merely held is not idle. What others have to send is no reason to wait, if it is not more urgent.
   */
  #whenIdle(hasWork: boolean, now: number): Choice | undefined {
    const { offers, seats } = this.#parts;
    if (seats.isAlone && hasWork) return undefined;
    let choice: Choice | undefined;
    for (const seat of seats.all) {
      if (seat.reinjection !== "when-idle" || offers.hasWorkFor(seat, now)) continue;
      choice = this.#reinject("all", seat, hasWork ? this.#mostUrgent(now) : Infinity);
      if (choice !== undefined) break;
    }
    return choice;
  }

  /** The urgency of the new data that goes next. */
  #mostUrgent(now: number): number {
    const { offers } = this.#parts;
    return Math.min(offers.datagram(now)?.urgency ?? Infinity, offers.stream("stream")?.urgency ?? Infinity);
  }

  /**
   * Data that may go a second time. What a path could take depends on the path, so each is asked about in turn; a path named
   * that cannot take it has it already. For what is in flight on a silent path the best that can is taken then, since to a
   * scheduler that does not know better the silent path may look fine.
   */
  #reinject(scope: CopyScope, seat: SchedulerSeat, leastUrgent = Infinity): Choice | undefined {
    const { offers } = this.#parts;
    let instead: Path | undefined;
    for (const path of this.#paths) {
      if (!offers.roomy.includes(path.id)) continue;
      const work = offers.reinject(path.id, scope, seat);
      if (work === undefined || work.urgency > leastUrgent) continue;
      const { streamId } = work;
      const decision = this.#ask(work, seat);
      if (decision === HOLD) continue;
      if (decision.path === path.id || offers.reinject(decision.path, scope, seat) !== undefined) {
        return this.#take("reinject", decision, streamId, seat, scope);
      }
      if (scope === "offered" && (instead === undefined || isBetter(path, instead))) instead = path;
    }
    return instead === undefined ? undefined : this.#set("reinject", instead, -1, seat, scope);
  }

  #ask(work: StreamWork | DatagramWork, seat: SchedulerSeat): Decision {
    seat.wasAsked = true;
    return seat.guard.schedule(this.#parts.offers.offered(work), seat.view);
  }

  #take(
    kind: WorkKind,
    decision: Decision,
    streamId: number,
    seat: SchedulerSeat,
    scope: CopyScope = "all",
  ): Choice {
    const choice = this.#set(kind, this.#parts.paths.get(decision.path)!, streamId, seat, scope);
    // What is in flight elsewhere is a copy already.
    if (kind === "reinject") return choice;
    for (let i = 0; i < decision.copies.length; i++) choice.copies.push(decision.copies[i]!);
    return choice;
  }

  #set(
    kind: WorkKind,
    path: Path,
    streamId: number,
    seat: SchedulerSeat | undefined,
    scope: CopyScope = "all",
  ): Choice {
    const choice = this.#choice;
    choice.kind = kind;
    choice.path = path;
    choice.streamId = streamId;
    choice.scope = scope;
    choice.seat = seat;
    if (choice.copies.length > 0) choice.copies.length = 0;
    return choice;
  }
}

/** Whether the core itself would rather use this path: one that answers, no backup, the faster one. */
export function isBetter(path: Path, than: Path): boolean {
  const [a, b] = [rankOf(path), rankOf(than)];
  return a === b ? path.route.rtt.smoothed < than.route.rtt.smoothed : a < b;
}

function rankOf(path: Path): number {
  return (path.isSilent || path.route.pto.count > 0 ? 2 : 0) + (statusOf(path) === "backup" ? 1 : 0);
}
