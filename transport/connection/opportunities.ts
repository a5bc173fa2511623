import type { FrameOwner, PacketTarget } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Validator } from "../paths/validator.ts";
import type { Datagrams } from "../streams/datagrams.ts";
import type { StreamSet } from "../streams/stream_set.ts";
import type { AckOwner } from "./ack_owner.ts";

/** A kind of application data that can be sent (the scheduler's `Work.kind`). */
export type WorkKind = "retransmit" | "stream" | "datagram";

/** What the next 1-RTT packet is for. One object, overwritten by the next question. */
export interface Opportunity {
  kind: "validate" | "pto" | "data" | "control" | "ack" | "mtu";
  path: Path;
  route: Route;
  /** With "data". */
  work: WorkKind | undefined;
  /** With stream data. */
  streamId: number;
  /** With "mtu": the size to try. */
  size: number;
}

const WORK_KINDS: readonly WorkKind[] = ["retransmit", "datagram", "stream"];
const LEVEL: Level = "application";

/** The parts that have something to send. */
export interface Senders {
  readonly validator: Validator;
  readonly streams: StreamSet;
  readonly datagrams: Datagrams;
  readonly acks: AckOwner;
  /** Owners of control frames, in the order in which they write. */
  readonly control: readonly FrameOwner[];
}

/**
 * What to send next in 1-RTT packets, and on which path: address validation, probes, application data, control frames, due
 * ACKs, MTU probes, in this order. Only the choice for application data is open to policy.
 */
export class Opportunities {
  readonly #paths: PathSet;
  readonly #senders: Senders;
  readonly #next: Opportunity;
  /** When the pacer lets more out; Infinity: it holds nothing back. */
  pacedUntil = Infinity;

  constructor(paths: PathSet, senders: Senders, first: Path) {
    this.#paths = paths;
    this.#senders = senders;
    this.#next = { kind: "ack", path: first, route: first.route, work: undefined, streamId: -1, size: 0 };
  }

  /** The first of what applies; `undefined`: nothing to send now. */
  next(now: number): Opportunity | undefined {
    this.pacedUntil = Infinity;
    return this.#validation() ?? this.#probe() ?? this.#data(now) ?? this.#control(now) ?? this.#ack(now) ??
      this.#mtu(now);
  }

  #set(kind: Opportunity["kind"], path: Path, route: Route): Opportunity {
    const next = this.#next;
    next.kind = kind;
    next.path = path;
    next.route = route;
    next.work = undefined;
    next.streamId = -1;
    return next;
  }

  #validation(): Opportunity | undefined {
    const due = this.#senders.validator.nextDue((_path, route) =>
      (this.#paths.route(route)?.amplification.room ?? 0) > 0
    );
    if (due === undefined) return undefined;
    const path = this.#paths.get(due.path);
    const route = this.#paths.route(due.route);
    return path === undefined || route === undefined ? undefined : this.#set("validate", path, route);
  }

  #probe(): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      const { route } = path;
      if (path.state === "closing" || path.state === "gone") continue;
      if (route.probes[LEVEL_INDEX.application]! > 0 && route.amplification.room > 0) {
        return this.#set("pto", path, route);
      }
    }
    return undefined;
  }

  #data(now: number): Opportunity | undefined {
    for (const kind of WORK_KINDS) {
      const streamId = this.#workOf(kind, now);
      if (streamId === undefined) continue;
      const path = this.#choose(now);
      if (path === undefined) return undefined;
      const next = this.#set("data", path, path.route);
      next.work = kind;
      next.streamId = streamId;
      return next;
    }
    for (const path of this.#paths.all()) {
      const { route } = path;
      if (!route.hasWindow) continue;
      route.windowLimited = false;
      route.delivery.onAppLimited(route.inFlight);
    }
    return undefined;
  }

  /** The stream to send from, -1 for datagrams; `undefined`: there is no work of the kind. */
  #workOf(kind: WorkKind, now: number): number | undefined {
    const { streams, datagrams } = this.#senders;
    return kind === "datagram" ? datagrams.nextWork(now)?.streamId : streams.nextWork(kind)?.streamId;
  }

  /** The path for application data: the usable one with room and the lowest round-trip time. */
  #choose(now: number): Path | undefined {
    let best: Path | undefined;
    for (const path of this.#paths.all()) {
      if (path.state !== "usable" || !this.#hasRoom(path.route, now)) continue;
      if (best === undefined || path.route.rtt.smoothed < best.route.rtt.smoothed) best = path;
    }
    return best;
  }

  /** Whether a full packet may leave; notes what holds it back. */
  #hasRoom(route: Route, now: number): boolean {
    if (!route.hasWindow) {
      route.windowLimited = true;
      return false;
    }
    if (route.room(now) > 0) return true;
    if (route.amplification.room > 0) {
      this.pacedUntil = Math.min(this.pacedUntil, route.pacer.readyAt(route.mtu.current, now));
    }
    return false;
  }

  #control(now: number): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      if (path.state !== "usable") continue;
      if (this.#hasControl(targetOf(path, now)) && this.#hasRoom(path.route, now)) {
        return this.#set("control", path, path.route);
      }
    }
    return undefined;
  }

  #hasControl(target: PacketTarget): boolean {
    for (const owner of this.#senders.control) if (owner.hasFrames(target)) return true;
    return false;
  }

  #ack(now: number): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      if (path.route.amplification.room === 0) continue;
      if (this.#senders.acks.hasFrames(targetOf(path, now))) return this.#set("ack", path, path.route);
    }
    return undefined;
  }

  #mtu(now: number): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      if (path.state !== "usable") continue;
      const size = path.route.mtu.probeSize(now);
      if (size === undefined || path.route.inFlight + size > path.route.controller.cwnd) continue;
      const next = this.#set("mtu", path, path.route);
      next.size = size;
      return next;
    }
    return undefined;
  }
}

/** A target on the path's present route. */
export function targetOf(path: Path, now: number): PacketTarget & { path: PathId } {
  return { level: LEVEL, path: path.id, route: path.route.number, now };
}
