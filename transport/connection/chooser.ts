import { type ConnectionView, type Decision, HOLD, type WorkKind } from "../../schedulers/scheduler.ts";
import type { FrameRecord, PacketWriter } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import type { Route } from "../paths/route.ts";
import type { DatagramWork } from "../streams/datagrams.ts";
import type { CopyScope } from "../streams/send_buffer.ts";
import type { StreamWork } from "../streams/send_work.ts";
import type { Offers } from "./offers.ts";
import type { SchedulerGuard } from "./scheduler_guard.ts";
import { type LiveConnectionView, refreshView, statusOf } from "./views.ts";

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
  /** Whether its path was chosen by the application: then only what is pinned there goes with it. */
  isPinned: boolean;
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
  readonly view: LiveConnectionView;
  readonly guard: SchedulerGuard;
  readonly offers: Offers;
  readonly gate: Gate;
}

/**
 * Which application data goes next, and where: at most one offer of each kind to the scheduler (of "reinject" one per path),
 * in this order. What the scheduler holds is passed over; what is pinned goes without asking it.
 *
 * | offer                                                 | when                                   |
 * |-------------------------------------------------------|----------------------------------------|
 * | retransmit                                            | always                                 |
 * | reinject what is in flight on a silent path           | always                                 |
 * | reinject all that is in flight                        | reinjection is "before-new"            |
 * | datagram and stream, the more urgent first            | always                                 |
 * | reinject all that is in flight                        | it is "when-idle", and nothing new waits |
 */
export class Chooser {
  readonly #parts: ChooserParts;
  readonly #choice: Choice;
  /** The usable paths, as listed by the view. */
  #paths: Path[] = [];
  #listed: ConnectionView["paths"] | undefined;
  #wasAsked = false;

  constructor(parts: ChooserParts, first: Path) {
    this.#parts = parts;
    this.#choice = { kind: "stream", path: first, streamId: -1, scope: "all", isPinned: false, copies: [] };
  }

  /** The next packet of application data; `undefined`: there is none, none may leave, or all is held. */
  choose(now: number): Choice | undefined {
    const { view, guard, offers } = this.#parts;
    refreshView(view, now);
    this.#relist();
    this.#wasAsked = false;
    const hasWork = offers.hasWork(now);
    const reinjection = guard.reinjection(view);
    let choice: Choice | undefined;
    if ((hasWork || reinjection !== "never") && this.#findRoom(now)) {
      choice = this.#retransmit() ?? this.#reinject("offered");
      if (choice === undefined && reinjection === "before-new") choice = this.#reinject("all");
      choice ??= this.#fresh(now);
      // Whether new data waits is asked without regard to room: what is merely held is not idle.
      if (choice === undefined && reinjection === "when-idle" && !hasWork) choice = this.#reinject("all");
    }
    if (!this.#wasAsked) guard.idle();
    if (choice === undefined) this.#noteIdle(hasWork, now);
    return choice;
  }

  /** Fills a packet on the chosen path. */
  write(choice: Choice, packet: PacketWriter): void {
    const { offers } = this.#parts;
    const { kind, streamId, isPinned } = choice;
    if (kind === "reinject") {
      offers.writeReinject(packet, choice.scope);
    } else if (kind === "stream") {
      offers.writeStream(kind, packet, streamId, isPinned);
    } else {
      if (kind === "datagram") offers.writeDatagrams(packet, isPinned, choice.copies.length > 0);
      else offers.writeStream(kind, packet, streamId, isPinned);
      this.#fillUp(packet, isPinned);
    }
  }

  /** Writes what a packet's record stands for into a packet on another path; `false`: it is not to be copied, or done. */
  writeCopy(record: FrameRecord, packet: PacketWriter): boolean {
    return this.#parts.offers.writeCopy(record, packet);
  }

  /** What is left of a packet with little in it goes to new data, if that would go on the same path. */
  #fillUp(packet: PacketWriter, onlyPinned: boolean): void {
    if (packet.room < LEAST_ROOM) return;
    const { offers } = this.#parts;
    const more = offers.nextFor(packet, onlyPinned);
    if (more === undefined) return;
    const { streamId } = more;
    if (offers.pinOf(streamId) === undefined && this.#ask(more).path !== packet.path) return;
    offers.writeStream("stream", packet, streamId, onlyPinned);
  }

  #relist(): void {
    const { view, paths } = this.#parts;
    const listed = view.paths;
    if (listed === this.#listed) return;
    this.#listed = listed;
    this.#paths = [];
    for (const { id } of listed) this.#paths.push(paths.get(id)!);
  }

  /** Whether any usable path has room. */
  #findRoom(now: number): boolean {
    const { gate, offers } = this.#parts;
    const { roomy } = offers;
    let count = 0;
    for (const path of this.#paths) if (gate.hasRoom(path.route, now)) roomy[count++] = path.id;
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
    return this.#stream("retransmit", this.#parts.offers.stream("retransmit", "any"));
  }

  #fresh(now: number): Choice | undefined {
    const { offers } = this.#parts;
    const datagram = offers.datagram("any", now);
    const stream = offers.stream("stream", "any");
    if (datagram === undefined) return this.#stream("stream", stream);
    if (stream === undefined || datagram.urgency <= stream.urgency) {
      // The object of the stream's offer may be another's by then.
      return this.#datagram(datagram, now) ?? this.#stream("stream", offers.stream("stream", "any"));
    }
    return this.#stream("stream", stream) ?? this.#datagram(datagram, now);
  }

  #stream(kind: "retransmit" | "stream", first: StreamWork | undefined): Choice | undefined {
    const { offers } = this.#parts;
    let work = first;
    if (work === undefined) return undefined;
    if (offers.pinOf(work.streamId) === undefined) {
      const decision = this.#ask(work);
      if (decision !== HOLD) return this.#take(kind, decision, work.streamId);
      work = offers.stream(kind, "pinned");
      if (work === undefined) return undefined;
    }
    return this.#takePinned(kind, offers.pinOf(work.streamId), work.streamId);
  }

  #datagram(first: DatagramWork, now: number): Choice | undefined {
    let work: DatagramWork | undefined = first;
    if (work.pin === undefined) {
      const decision = this.#ask(work);
      if (decision !== HOLD) return this.#take("datagram", decision, -1);
      work = this.#parts.offers.datagram("pinned", now);
      if (work === undefined) return undefined;
    }
    return this.#takePinned("datagram", work.pin, -1);
  }

  /**
   * Data that may go a second time. What a path could take depends on the path, so each is asked about in turn; a path named
   * that cannot take it has it already. For what is in flight on a silent path the best that can is taken then, since to a
   * scheduler that does not know better the silent path may look fine.
   */
  #reinject(scope: CopyScope): Choice | undefined {
    const { offers } = this.#parts;
    if (scope === "offered" && !offers.hasOffered) return undefined;
    let instead: Path | undefined;
    for (const path of this.#paths) {
      if (!offers.roomy.includes(path.id)) continue;
      const work = offers.reinject(path.id, scope);
      if (work === undefined) continue;
      const { streamId } = work;
      const decision = this.#ask(work);
      if (decision === HOLD) continue;
      if (decision.path === path.id || offers.reinject(decision.path, scope) !== undefined) {
        return this.#take("reinject", decision, streamId, scope);
      }
      if (scope === "offered" && (instead === undefined || isBetter(path, instead))) instead = path;
    }
    if (instead === undefined) return undefined;
    return this.#set("reinject", instead, -1, scope);
  }

  #ask(work: StreamWork | DatagramWork): Decision {
    const { guard, offers, view } = this.#parts;
    this.#wasAsked = true;
    return guard.schedule(offers.offered(work), view);
  }

  #take(kind: WorkKind, decision: Decision, streamId: number, scope: CopyScope = "all"): Choice {
    const choice = this.#set(kind, this.#parts.paths.get(decision.path)!, streamId, scope);
    // What is in flight elsewhere is a copy already.
    if (kind === "reinject") return choice;
    for (let i = 0; i < decision.copies.length; i++) choice.copies.push(decision.copies[i]!);
    return choice;
  }

  #takePinned(kind: WorkKind, pin: PathId | undefined, streamId: number): Choice | undefined {
    const path = pin === undefined ? undefined : this.#parts.paths.get(pin);
    if (path === undefined) return undefined;
    const choice = this.#set(kind, path, streamId, "all");
    choice.isPinned = true;
    return choice;
  }

  #set(kind: WorkKind, path: Path, streamId: number, scope: CopyScope): Choice {
    const choice = this.#choice;
    choice.kind = kind;
    choice.path = path;
    choice.streamId = streamId;
    choice.scope = scope;
    choice.isPinned = false;
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
