import type { PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathManager } from "../paths/path_manager.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Context, Timed } from "./context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Spaces } from "./spaces.ts";

/** What path trouble works with. */
export interface PathTroubleParts {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly paths: PathSet;
  readonly spaces: Spaces;
  readonly manager: PathManager;
  /** The PTO of a route without back-off. */
  readonly ptoOf: (route: Route) => number;
  /** What is in flight on the path is offered to others; returns whether there is any data. */
  readonly offerAgain: (path: PathId) => boolean;
}

/** The shortest time between two probes of a suspended path. */
export const SUSPENDED_PROBE_MIN = 100;
/** The longest, for as long as the path has not been quiet for {@linkcode SUSPENDED_PATIENCE}. */
export const SUSPENDED_PROBE_MAX = 1000;
/** How long a suspended path is probed at the faster pace. */
export const SUSPENDED_PATIENCE = 30_000;
/** The longest time between two probes after that. */
export const SUSPENDED_PROBE_LAZY = 5000;

interface Doubt {
  /** The oldest packet that was unanswered when its data was offered elsewhere. */
  offeredFor: number;
  suspendedAt: number;
  probeAt: number;
  probeEvery: number;
}

/**
 * Notices that a path is silent, whatever is still sent on it: silence is judged from the oldest unacknowledged packet,
 * since the PTO timer starts anew with every packet (RFC 9002 §6.2.1).
 *
 * | since the oldest unanswered packet was sent | what is done                                          |
 * |---------------------------------------------|-------------------------------------------------------|
 * | one PTO                                     | all in flight on the path is offered to other paths   |
 * | one RTT and one PTO, or a send error        | the path is suspended and probed with back-off        |
 *
 * A path is only given up for another: the last usable one never is. An answer to something sent since takes it back.
 */
export class PathTrouble implements Timed {
  readonly #parts: PathTroubleParts;
  readonly #doubts = new Map<PathId, Doubt>();

  constructor(parts: PathTroubleParts) {
    this.#parts = parts;
  }

  /** Something on the route was acknowledged that was sent at `sentAt` at the latest. */
  onProgress(path: Path, newestSentAt: number, now: number): void {
    const doubt = this.#doubts.get(path.id);
    if (doubt === undefined) return;
    if (path.state === "suspended" && newestSentAt < doubt.suspendedAt) return;
    this.#doubts.delete(path.id);
    this.#parts.manager.resume(path, "answered again", now);
  }

  /** A socket refused to send on the route. */
  onSendError(path: Path, reason: string, now: number): void {
    if (path.state === "usable" && this.#hasOtherUsable(path)) this.#suspend(path, reason, now);
  }

  nextTimeout(): number {
    if (!this.#parts.lifecycle.isConfirmed) return Infinity;
    let next = Infinity;
    for (const path of this.#parts.paths.all()) next = Math.min(next, this.#timeoutOf(path));
    return next;
  }

  onTimeout(now: number): void {
    for (const path of this.#parts.paths.all()) {
      if (this.#timeoutOf(path) > now) continue;
      if (path.state === "suspended") this.#probe(path, now);
      else this.#onSilence(path, now);
    }
  }

  #timeoutOf(path: Path): number {
    if (path.state === "suspended") return this.#doubts.get(path.id)?.probeAt ?? Infinity;
    if (path.state !== "usable" || !this.#hasOtherUsable(path)) return Infinity;
    const oldest = this.#oldest(path);
    if (oldest === undefined) return Infinity;
    const pto = this.#parts.ptoOf(path.route);
    const offered = this.#doubts.get(path.id)?.offeredFor === oldest.number;
    return oldest.sentAt + pto + (offered ? path.route.rtt.smoothed : 0);
  }

  #onSilence(path: Path, now: number): void {
    const oldest = this.#oldest(path);
    if (oldest === undefined) return;
    if (this.#doubts.get(path.id)?.offeredFor === oldest.number) {
      this.#suspend(path, "silent for a round trip and a PTO", now);
      return;
    }
    this.#doubts.set(path.id, {
      offeredFor: oldest.number,
      suspendedAt: Infinity,
      probeAt: Infinity,
      probeEvery: SUSPENDED_PROBE_MIN,
    });
    this.#offer(path, now);
    // Before the path is given up it gets the chance to answer; the PTO timer may be far away.
    path.route.probes[LEVEL_INDEX.application] = Math.max(1, path.route.probes[LEVEL_INDEX.application]!);
  }

  #suspend(path: Path, reason: string, now: number): void {
    const every = Math.max(SUSPENDED_PROBE_MIN, this.#parts.ptoOf(path.route));
    const offeredFor = this.#oldest(path)?.number ?? -1;
    this.#doubts.set(path.id, { offeredFor, suspendedAt: now, probeAt: now + every, probeEvery: every });
    path.route.probes[LEVEL_INDEX.application] = 0;
    this.#parts.manager.suspend(path, reason, now);
    this.#offer(path, now);
  }

  #probe(path: Path, now: number): void {
    const doubt = this.#doubts.get(path.id);
    if (doubt === undefined) return;
    path.route.probes[LEVEL_INDEX.application] = 1;
    const patient = now - doubt.suspendedAt < SUSPENDED_PATIENCE;
    doubt.probeEvery = Math.min(doubt.probeEvery * 2, patient ? SUSPENDED_PROBE_MAX : SUSPENDED_PROBE_LAZY);
    doubt.probeAt = now + doubt.probeEvery;
  }

  #offer(path: Path, now: number): void {
    const bytes = path.route.inFlight;
    this.#parts.offerAgain(path.id);
    this.#parts.context.observer?.on("multipath:data_offered_again", { path: path.id, bytes }, now);
  }

  #oldest(path: Path): { readonly number: number; readonly sentAt: number } | undefined {
    return this.#parts.spaces.get("application", path.id)?.sent.oldest(path.route.number);
  }

  #hasOtherUsable(path: Path): boolean {
    for (const other of this.#parts.paths.all()) if (other !== path && other.state === "usable") return true;
    return false;
  }
}
