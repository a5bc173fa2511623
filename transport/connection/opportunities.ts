import type { FrameOwner, PacketTarget } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import { MTU_BASE } from "../paths/mtu.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Validator } from "../paths/validator.ts";
import type { AckOwner } from "./ack_owner.ts";
import { type Choice, type Chooser, type Gate, isBetter } from "./chooser.ts";

/** What the next 1-RTT packet is for. One object, overwritten by the next question. */
export interface Opportunity {
  kind: "validate" | "pto" | "data" | "control" | "ack" | "mtu";
  path: Path;
  route: Route;
  /** With "data". */
  choice: Choice | undefined;
  /** With "mtu": the size to try. */
  size: number;
}

const LEVEL: Level = "application";
/** What an MTU probe leaves of what an address that is not validated may be sent: challenges that are repeated. */
const KEPT_FOR_CHALLENGES = 3 * MTU_BASE;
/** Bytes by which challenges and answers may exceed the congestion window. */
const VALIDATION_EXCESS = 12_000;

/** The parts that have something to send. */
export interface Senders {
  readonly validator: Validator;
  readonly chooser: Chooser;
  readonly gate: Gate;
  readonly acks: AckOwner;
  /** Owners of control frames, in the order in which they write. */
  readonly control: readonly FrameOwner[];
}

/**
 * What to send next in 1-RTT packets, and on which path: address validation, probes, application data, control frames, due
 * ACKs, MTU probes, in this order (where there is always data, MTU probes before it). Only the choice for application data
 * is open to policy.
 */
export class Opportunities {
  readonly #paths: PathSet;
  readonly #senders: Senders;
  readonly #next: Opportunity;

  constructor(paths: PathSet, senders: Senders, first: Path) {
    this.#paths = paths;
    this.#senders = senders;
    this.#next = { kind: "ack", path: first, route: first.route, choice: undefined, size: 0 };
  }

  /** When the pacer lets more out; Infinity: it holds nothing back. */
  get pacedUntil(): number {
    return this.#senders.gate.pacedUntil;
  }

  /** The first of what applies; `undefined`: nothing to send now. */
  next(now: number): Opportunity | undefined {
    this.#senders.gate.reset();
    return this.#validation() ?? this.#probe() ?? this.#mtu("busy", now) ?? this.#data(now) ?? this.#control(now) ??
      this.#ack(now) ?? this.#mtu("any", now);
  }

  #set(kind: Opportunity["kind"], path: Path, route: Route): Opportunity {
    const next = this.#next;
    next.kind = kind;
    next.path = path;
    next.route = route;
    next.choice = undefined;
    return next;
  }

  #validation(): Opportunity | undefined {
    const due = this.#senders.validator.nextDue((_path, route) => mayValidate(this.#paths.route(route)));
    if (due === undefined) return undefined;
    const path = this.#paths.get(due.path);
    const route = this.#paths.route(due.route);
    return path === undefined || route === undefined ? undefined : this.#set("validate", path, route);
  }

  #probe(): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      const { route } = path;
      if (path.state === "closing" || path.state === "gone") continue;
      if (route.probes[LEVEL_INDEX.application]! > 0 && route.allowance > 0) {
        return this.#set("pto", path, route);
      }
    }
    return undefined;
  }

  #data(now: number): Opportunity | undefined {
    const choice = this.#senders.chooser.choose(now);
    if (choice === undefined) return undefined;
    const next = this.#set("data", choice.path, choice.path.route);
    next.choice = choice;
    return next;
  }

  /** Control frames alone go on the fastest path that they may go on. */
  #control(now: number): Opportunity | undefined {
    let best: Path | undefined;
    // What waits for company goes with the ACK.
    const mayWait = this.#senders.acks.dueAt() < Infinity;
    for (const path of this.#paths.all()) {
      if (path.state !== "usable" || (best !== undefined && !isBetter(path, best))) continue;
      if (this.#hasControl({ ...targetOf(path, now), mayWait }) && this.#senders.gate.hasRoom(path.route, now)) {
        best = path;
      }
    }
    return best === undefined ? undefined : this.#set("control", best, best.route);
  }

  #hasControl(target: PacketTarget): boolean {
    for (const owner of this.#senders.control) if (owner.hasFrames(target)) return true;
    return false;
  }

  #ack(now: number): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      if (path.state === "closing" || path.route.allowance === 0) continue;
      if (this.#senders.acks.hasFrames(targetOf(path, now))) return this.#set("ack", path, path.route);
    }
    return undefined;
  }

  /**
   * A route whose window is always full never has nothing else to send: there probes go before data. A path that is being
   * validated has nothing else to send either, so that its MTU is known when the first data goes; what its address may be sent
   * must still do for some more challenges.
   */
  #mtu(which: "busy" | "any", now: number): Opportunity | undefined {
    for (const path of this.#paths.all()) {
      const { route } = path;
      if (path.state !== "usable" && path.state !== "validating") continue;
      if (which === "busy" && !route.windowLimited) continue;
      const size = route.mtu.probeSize(now);
      if (size === undefined || route.inFlight + size > route.controller.cwnd) continue;
      if (route.allowance < (path.state === "validating" ? size + KEPT_FOR_CHALLENGES : size)) continue;
      if (which === "busy" && !this.#senders.gate.hasRoom(route, now)) continue;
      const next = this.#set("mtu", path, path.route);
      next.size = size;
      return next;
    }
    return undefined;
  }
}

/**
 * Whether challenges and answers may go. They do not wait for room in the window, but a peer that never acknowledges them
 * gets a bounded number (RFC 9000 §8.2.2 lets congestion control hold answers back).
 */
function mayValidate(route: Route | undefined): boolean {
  if (route === undefined || route.allowance === 0) return false;
  return route.inFlight < route.controller.cwnd + VALIDATION_EXCESS;
}

/** A target on the path's present route. */
export function targetOf(path: Path, now: number): PacketTarget & { path: PathId } {
  return { level: LEVEL, path: path.id, route: path.route.number, now };
}
