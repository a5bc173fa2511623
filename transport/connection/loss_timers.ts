import type { Level } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { Context, Timed } from "./context.ts";
import type { Fates } from "./fates.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Spaces } from "./spaces.ts";

/** Probes sent when a probe timeout fires (RFC 9002 §6.2.4 allows two). */
const PROBES_PER_TIMEOUT = 2;
const LEVELS = ["initial", "handshake", "application"] as const;
type TimedLevel = typeof LEVELS[number];

/**
 * The loss detection timer of every route (RFC 9002 §6.1.2, §6.2): the time threshold where packets are in doubt, else the
 * probe timeout. A timeout only notes that probes are owed; the transmitter sends them.
 */
export class LossTimers implements Timed {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #spaces: Spaces;
  readonly #paths: PathSet;
  readonly #fates: Fates;
  readonly #hasHandshakeKeys: () => boolean;
  readonly #onPto: (path: Path, now: number) => void;
  /** Client: since when there has been nothing in flight that could bring an answer. */
  #quietSince: number;
  /** Client: whether the server is known to have validated our address (RFC 9002 §6.2.2.1). */
  #peerValidated: boolean;
  /** The level whose packets armed the timer of the route asked about last. */
  #level: TimedLevel = "initial";

  constructor(
    context: Context,
    lifecycle: Lifecycle,
    spaces: Spaces,
    paths: PathSet,
    fates: Fates,
    hasHandshakeKeys: () => boolean,
    onPto: (path: Path, now: number) => void,
    now: number,
  ) {
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#spaces = spaces;
    this.#paths = paths;
    this.#fates = fates;
    this.#hasHandshakeKeys = hasHandshakeKeys;
    this.#onPto = onPto;
    this.#quietSince = now;
    this.#peerValidated = context.role === "server";
  }

  /** The peer made progress: an acknowledgement of something new on the route. */
  onProgress(route: Route, level: Level, now: number): void {
    if (level === "handshake" || level === "application") this.#peerValidated = true;
    // A client's back-off stays until the server has surely validated its address, or probes could end too early.
    if (this.#peerValidated) route.pto.onProgress();
    this.#quietSince = now;
  }

  /** Keys were discarded: what they protected no longer counts, and back-off starts anew (RFC 9002 §6.2.2). */
  onKeysDiscarded(now: number): void {
    for (const route of this.#paths.routes()) route.pto.onProgress();
    this.#quietSince = now;
  }

  /** The longest PTO of all routes, without back-off. */
  largestPto(): number {
    let largest = 0;
    for (const route of this.#paths.routes()) {
      largest = Math.max(largest, route.rtt.pto(this.#maxAckDelay("application")));
    }
    return largest;
  }

  /** The PTO of a route without back-off. */
  ptoOf(route: Route): number {
    return route.rtt.pto(this.#maxAckDelay("application"));
  }

  nextTimeout(): number {
    if (!this.#lifecycle.isOpen) return Infinity;
    let next = Infinity;
    for (const path of this.#paths.all()) {
      next = Math.min(next, this.#timeoutOf(path, path.route));
      if (path.previous !== undefined) next = Math.min(next, this.#timeoutOf(path, path.previous));
    }
    return next;
  }

  onTimeout(now: number): void {
    for (const path of this.#paths.all()) {
      this.#onRouteTimeout(path, path.route, now);
      if (path.previous !== undefined) this.#onRouteTimeout(path, path.previous, now);
    }
  }

  #onRouteTimeout(path: Path, route: Route, now: number): void {
    let detected = false;
    for (const level of LEVELS) {
      if (route.lossAt[LEVEL_INDEX[level]]! > now) continue;
      this.#fates.onLossTimeout(level, path.id, route, now);
      detected = true;
    }
    if (detected || this.#ptoOf(path, route) > now) return;
    const level = this.#level;
    route.pto.onFired();
    this.#quietSince = now;
    route.probes[LEVEL_INDEX[level]] = PROBES_PER_TIMEOUT;
    // A server that has completed the handshake reads only 1-RTT packets, and answers at a new address of ours only them.
    if (this.#awaitsConfirmation) route.probes[LEVEL_INDEX.application] = 1;
    this.#context.observer?.on(
      "quic:loss_timer_updated",
      { action: "expired", kind: "pto", path: path.id, level },
      now,
    );
    if (route === path.route) this.#onPto(path, now);
  }

  #timeoutOf(path: Path, route: Route): number {
    const loss = Math.min(route.lossAt[0]!, route.lossAt[1]!, route.lossAt[2]!);
    return loss < Infinity ? loss : this.#ptoOf(path, route);
  }

  /** When the route's probe timeout fires; `#level` is then the level to probe at. */
  #ptoOf(path: Path, route: Route): number {
    // Nothing is sent on a closing path; one that is suspended or being validated is probed at a pace of its own, and must
    // not be given control frames, which it may never deliver.
    if (path.state !== "usable") return Infinity;
    // A server that may not send until it hears from the client has no use for a timer (RFC 9002 §6.2.2.1).
    if (route.allowance === 0) return Infinity;
    const { pto, rtt } = route;
    pto.disarm();
    for (const level of LEVELS) {
      if (level !== "application" && path.id !== 0) continue;
      if (level === "application" && !this.#lifecycle.isConfirmed) continue;
      if (route.probes[LEVEL_INDEX[level]]! > 0) continue;
      const sent = this.#spaces.get(level, path.id)?.sent;
      if (sent === undefined || sent.elicitingInFlight(route.number) === 0) continue;
      if (pto.consider(sent.lastElicitingAt(route.number), rtt, this.#maxAckDelay(level))) this.#level = level;
    }
    if (pto.at === Infinity && this.#mustKeepAsking(path)) {
      const level = this.#hasHandshakeKeys() ? "handshake" : "initial";
      if (pto.consider(this.#quietSince, rtt, 0)) this.#level = level;
    }
    return pto.at;
  }

  /**
   * A client with nothing in flight keeps probing until the server may send freely (RFC 9002 §6.2.2.1), and, as no timer of
   * 1-RTT packets runs before, until it knows that the handshake is confirmed: that may be told to an address that is gone.
   */
  #mustKeepAsking(path: Path): boolean {
    if (this.#context.role === "server" || path.id !== 0 || this.#lifecycle.isConfirmed) return false;
    return !this.#peerValidated || this.#awaitsConfirmation;
  }

  get #awaitsConfirmation(): boolean {
    return this.#context.role === "client" && this.#lifecycle.state === "connected" && !this.#lifecycle.isConfirmed;
  }

  #maxAckDelay(level: TimedLevel): number {
    return level === "application" ? this.#context.peer?.maxAckDelay ?? 25 : 0;
  }
}
