import { K_GRANULARITY } from "../../recovery/rtt.ts";
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

/** The shortest time between two probes of a suspended path; on long ones half a round trip. */
export const SUSPENDED_PROBE_MIN = 25;
/** How much longer each is than the one before: a path that is back is used after at most half the time that it was away. */
const PROBE_GROWTH = 1.5;
/** The longest, for as long as the path has not been quiet for {@linkcode SUSPENDED_PATIENCE}. */
export const SUSPENDED_PROBE_MAX = 1000;
/** How long a suspended path is probed at the faster pace. */
export const SUSPENDED_PATIENCE = 30_000;
/** The longest time between two probes after that. */
export const SUSPENDED_PROBE_LAZY = 5000;
/** A path that is suspended again so soon after it was taken back is probed at the slower pace that it had reached. */
export const RELAPSE = 2000;

/** Packets that ask a silent path, as a PTO would (RFC 9002 §6.2.4). */
const PROBES = 2;
const APPLICATION = LEVEL_INDEX.application;

interface Doubt {
  /** The oldest packet that was unanswered when its data was offered elsewhere; -1: it was not. */
  offeredFor: number;
  /** Since when there is trouble. */
  since: number;
  /** When it was suspended; `Infinity`: it is not. */
  suspendedAt: number;
  probedAt: number;
  /** When it is probed next; `Infinity`: by the PTO timer alone. */
  probeAt: number;
  probeEvery: number;
}

/**
 * Notices that a path is silent, whatever is still sent on it: silence is judged from the oldest unacknowledged packet,
 * since the PTO timer starts anew with every packet (RFC 9002 §6.2.1).
 *
 * | the oldest unanswered packet was sent | while another path is usable                              | on the last usable one     |
 * |---------------------------------------|-----------------------------------------------------------|----------------------------|
 * | a PTO ago                             | all in flight is offered to the others; the peer is told  | all others are probed now, |
 * |                                       | to avoid the path unless it still sends on it             | and this one is besides    |
 * | a PTO ago and a round trip, and some  | the path is suspended, and probed with back-off           | –                          |
 *
 * A send error suspends at once. A path is only given up for another: the last usable one never is, and when there is none,
 * the suspended one that was heard of last is taken back. Else a path is taken back when something is acknowledged that was
 * sent since; to find that out, it is probed as soon as anything arrives on it.
 */
export class PathTrouble implements Timed {
  readonly #parts: PathTroubleParts;
  readonly #doubts = new Map<PathId, Doubt>();
  /** Paths that were taken back: when, and how slowly they were probed then. */
  readonly #relapses = new Map<PathId, { readonly at: number; readonly probeEvery: number }>();

  constructor(parts: PathTroubleParts) {
    this.#parts = parts;
  }

  /** Something on the route was acknowledged that was sent at `sentAt` at the latest. */
  onProgress(path: Path, newestSentAt: number, now: number): void {
    const doubt = this.#doubts.get(path.id);
    if (doubt === undefined) return;
    if (path.state !== "suspended") this.#settle(path, now);
    else if (newestSentAt >= doubt.suspendedAt) this.#resume(path, "answered again", now);
  }

  /** A socket refused to send on the route. */
  onSendError(path: Path, reason: string, now: number): void {
    if (path.state !== "usable") return;
    if (this.#hasOther(path, "usable")) this.#suspend(path, reason, true, now);
    else this.#probeSuspended(now);
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
      if (path.state === "suspended") {
        if (this.#isLastResort(path)) this.#resume(path, "no other path is left", now);
        else this.#probe(path, now);
      } else if (this.#hasOther(path, "usable")) this.#onSilence(path, now);
      else this.#onStranded(path, now);
    }
  }

  #timeoutOf(path: Path): number {
    if (path.state === "suspended") return this.#isLastResort(path) ? -Infinity : this.#probeTimeOf(path);
    if (path.state !== "usable") return Infinity;
    const doubt = this.#doubts.get(path.id);
    const oldest = this.#oldest(path);
    if (oldest === undefined) return Infinity;
    const silentAt = Math.max(oldest.sentAt, path.usableAt) + this.#parts.ptoOf(path.route);
    if (this.#hasOther(path, "usable")) {
      return doubt?.offeredFor === oldest.number ? silentAt + answerTime(path.route) : silentAt;
    }
    if (!this.#hasOther(path, "suspended")) return Infinity;
    return doubt === undefined || doubt.probeAt === Infinity ? silentAt : Math.max(silentAt, doubt.probeAt);
  }

  /** When a suspended path is probed next: at once when something arrived on it, but once in a round trip at most. */
  #probeTimeOf(path: Path): number {
    const doubt = this.#doubts.get(path.id);
    if (doubt === undefined) return Infinity;
    if (path.lastReceivedAt <= doubt.probedAt) return doubt.probeAt;
    return Math.min(doubt.probeAt, Math.max(path.lastReceivedAt, doubt.probedAt + path.route.rtt.smoothed));
  }

  #onSilence(path: Path, now: number): void {
    const oldest = this.#oldest(path);
    if (oldest === undefined) return;
    if (this.#doubts.get(path.id)?.offeredFor === oldest.number) {
      this.#suspend(path, "silent for a round trip and a PTO", false, now);
      return;
    }
    this.#forgetGone();
    this.#doubts.set(path.id, doubtOf(oldest.number, now));
    this.#offer(path, now);
    this.#warn(path, false, now);
    path.isSilent = true;
    // Before the path is given up it gets the chance to answer; the PTO timer may be far away.
    path.route.probes[APPLICATION] = PROBES;
  }

  /** The last usable path is silent: whichever path answers first carries on. */
  #onStranded(path: Path, now: number): void {
    let doubt = this.#doubts.get(path.id);
    if (doubt === undefined) this.#doubts.set(path.id, doubt = doubtOf(-1, now));
    if (doubt.probeAt === Infinity) this.#probeSuspended(now);
    else path.route.probes[APPLICATION] = PROBES;
    path.isSilent = false;
    this.#backOff(path, doubt, now);
  }

  #suspend(path: Path, reason: string, isCertain: boolean, now: number): void {
    const doubt = this.#doubts.get(path.id) ?? doubtOf(-1, now);
    const relapse = this.#relapses.get(path.id);
    const isRelapse = relapse !== undefined && now - relapse.at < RELAPSE;
    doubt.offeredFor = this.#oldest(path)?.number ?? -1;
    doubt.suspendedAt = now;
    doubt.probedAt = now;
    doubt.probeEvery = isRelapse ? relapse.probeEvery : 0;
    this.#doubts.set(path.id, doubt);
    this.#backOff(path, doubt, now);
    path.isSilent = true;
    path.route.probes[APPLICATION] = 0;
    this.#parts.manager.suspend(path, reason, now);
    this.#offer(path, now);
    this.#warn(path, isCertain, now);
  }

  #resume(path: Path, reason: string, now: number): void {
    const probeEvery = this.#doubts.get(path.id)?.probeEvery ?? 0;
    this.#relapses.set(path.id, { at: now, probeEvery });
    this.#settle(path, now);
    this.#parts.manager.resume(path, reason, now);
  }

  #settle(path: Path, now: number): void {
    this.#doubts.delete(path.id);
    path.isSilent = false;
    this.#parts.manager.avoid(path, "trouble", false, now);
  }

  /**
   * Tells the peer to send elsewhere (RFC 10069 §3.3): it may have nothing in flight on the path, and so not know. What
   * arrives shows that this direction works; a socket that refuses shows that it does not for long.
   */
  #warn(path: Path, isCertain: boolean, now: number): void {
    const isHeard = now - path.lastReceivedAt < this.#parts.ptoOf(path.route);
    if (isCertain || !isHeard) this.#parts.manager.avoid(path, "trouble", true, now);
  }

  #probe(path: Path, now: number): void {
    const doubt = this.#doubts.get(path.id);
    if (doubt === undefined) return;
    path.route.probes[APPLICATION] = 1;
    // What arrives shows that the peer's direction works, whatever becomes of ours.
    if (path.lastReceivedAt > doubt.suspendedAt && path.lastReceivedAt > doubt.probedAt) {
      this.#parts.manager.avoid(path, "trouble", false, now);
    }
    doubt.probedAt = now;
    if (doubt.probeEvery >= SUSPENDED_PROBE_MAX) {
      // The peer was heard when the path was suspended, and so not told; by now it may be another trouble.
      this.#warn(path, false, now);
      this.#parts.manager.remind(path, now);
    }
    this.#backOff(path, doubt, now);
  }

  /** All suspended paths are probed now, and soon again; not faster than timers run, or a socket that refuses would spin. */
  #probeSuspended(now: number): void {
    for (const path of this.#parts.paths.all()) {
      const doubt = this.#doubts.get(path.id);
      if (path.state !== "suspended" || doubt === undefined) continue;
      doubt.probeEvery = 0;
      doubt.probeAt = Math.max(now, doubt.probedAt + Math.max(path.route.rtt.smoothed, K_GRANULARITY));
    }
  }

  #backOff(path: Path, doubt: Doubt, now: number): void {
    const isPatient = now - doubt.since < SUSPENDED_PATIENCE;
    const least = Math.max(SUSPENDED_PROBE_MIN, path.route.rtt.smoothed / 2);
    const every = doubt.probeEvery === 0 ? least : PROBE_GROWTH * doubt.probeEvery;
    doubt.probeEvery = Math.min(every, isPatient ? SUSPENDED_PROBE_MAX : SUSPENDED_PROBE_LAZY);
    doubt.probeAt = now + doubt.probeEvery;
  }

  #offer(path: Path, now: number): void {
    const bytes = path.inFlight;
    this.#parts.offerAgain(path.id);
    this.#parts.context.observer?.on("multipath:data_offered_again", { path: path.id, bytes }, now);
  }

  #oldest(path: Path): { readonly number: number; readonly sentAt: number } | undefined {
    return this.#parts.spaces.get("application", path.id)?.sent.oldest(path.route.number);
  }

  #forgetGone(): void {
    for (const map of [this.#doubts, this.#relapses]) {
      for (const id of map.keys()) if (this.#parts.paths.get(id) === undefined) map.delete(id);
    }
  }

  #hasOther(path: Path, state: "usable" | "suspended"): boolean {
    for (const other of this.#parts.paths.all()) if (other !== path && other.state === state) return true;
    return false;
  }

  /** Whether no path is usable, and of those that are suspended this one was heard of last. */
  #isLastResort(path: Path): boolean {
    for (const other of this.#parts.paths.all()) {
      if (other.state === "usable") return false;
      if (other.state === "suspended" && other.lastReceivedAt > path.lastReceivedAt) return false;
    }
    return true;
  }
}

/** How long the answer to the packets takes that asked a silent path, as a rule. */
function answerTime({ rtt }: Route): number {
  return rtt.smoothed + Math.max(2 * rtt.variation, K_GRANULARITY);
}

function doubtOf(offeredFor: number, now: number): Doubt {
  return { offeredFor, since: now, suspendedAt: Infinity, probedAt: now, probeAt: Infinity, probeEvery: 0 };
}
