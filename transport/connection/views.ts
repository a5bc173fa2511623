/**
 * What schedulers see: the connection's live figures behind getters. Plugins get these objects, so nothing of the core can
 * be reached or changed through them: the fields are private, instances, prototypes and the list of paths are frozen, and
 * what the core sets it sets through functions of this module.
 *
 * @module
 */
import type { ConnectionView, PathView } from "../../schedulers/scheduler.ts";
import { isHealthy } from "../../schedulers/select.ts";
import type { PathId } from "../base/role.ts";
import type { Path, PathStatus } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import type { Spaces } from "./spaces.ts";

/** The time of the last question, shared by the views of a connection. */
interface Moment {
  now: number;
}

/** A path as schedulers see it. */
export class LivePathView implements PathView {
  readonly #path: Path;
  readonly #spaces: Spaces;
  readonly #moment: Moment;

  /** A view of the path at the moment that `moment` tells. */
  constructor(path: Path, spaces: Spaces, moment: Moment) {
    this.#path = path;
    this.#spaces = spaces;
    this.#moment = moment;
    Object.freeze(this);
  }

  get id(): PathId {
    return this.#path.id;
  }

  get label(): string {
    return this.#path.properties.label;
  }

  get cost(): number {
    return this.#path.properties.cost;
  }

  get metered(): boolean {
    return this.#path.properties.metered;
  }

  get preference(): number {
    return this.#path.properties.preference ?? Infinity;
  }

  get status(): PathStatus {
    return statusOf(this.#path);
  }

  get srtt(): number {
    return this.#path.route.rtt.smoothed;
  }

  get rttVar(): number {
    return this.#path.route.rtt.variation;
  }

  get minRtt(): number {
    return this.#path.route.rtt.min;
  }

  get latestRtt(): number {
    return this.#path.route.rtt.latest;
  }

  get cwnd(): number {
    return this.#path.route.controller.cwnd;
  }

  get inFlight(): number {
    return this.#path.inFlight;
  }

  get room(): number {
    return this.#path.route.room(this.#moment.now);
  }

  get readyAt(): number {
    const { route } = this.#path;
    return route.hasWindow && route.hasAllowance ? route.pacer.readyAt(route.mtu.current, this.#moment.now) : Infinity;
  }

  get deliveryRate(): number {
    return this.#path.route.delivery.rate;
  }

  get lossRate(): number {
    return this.#path.route.lossRate;
  }

  get oldestUnackedAt(): number {
    const { id, route, previous } = this.#path;
    // What went to the address that a moving path came from may never arrive: it is waited for all the same.
    const sent = this.#spaces.get("application", id)?.sent;
    const oldest = sent?.oldest(route.number)?.sentAt ?? Infinity;
    return previous === undefined ? oldest : Math.min(oldest, sent?.oldest(previous.number)?.sentAt ?? Infinity);
  }

  get lastAckAt(): number {
    return this.#path.route.lastAckAt;
  }

  get ackGap(): number {
    return this.#path.route.ackGap;
  }

  get ackDelay(): number {
    return this.#path.route.ackDelays.usual;
  }

  get ptoCount(): number {
    return this.#path.route.pto.count;
  }

  get mtu(): number {
    return this.#path.route.mtu.current;
  }

  get bytesSent(): number {
    return this.#path.bytesSent;
  }

  get bytesReceived(): number {
    return this.#path.bytesReceived;
  }

  get lastDataAt(): number {
    return this.#path.lastDataAt;
  }
}

/** The way in, set by the class that it reaches into. */
let refresh: (view: LiveConnectionView, now: number) => void;

/** A path that there is, with its view. */
interface Known {
  readonly path: Path;
  readonly view: LivePathView;
  /** Whether the view is in the list. */
  isListed: boolean;
}

/** What a {@linkcode LiveConnectionView} shows. */
export interface ViewSources {
  readonly paths: PathSet;
  readonly spaces: Spaces;
  /** Where data waits. */
  readonly streams: { readonly backlog: number; readonly sendWindow: number };
  /** Where the newest values of signals are. */
  readonly hints: { signal(name: string): number | undefined };
}

/**
 * A connection as schedulers see it. Paths whose budget is spent are not shown while another one is usable and answers: so no
 * scheduler, whatever it thinks of backups, uses them before. Nor are those on which the peer must prove its address before
 * more may be sent: so none waits for them, with nothing in flight there that could end the wait.
 */
export class LiveConnectionView implements ConnectionView {
  readonly #sources: ViewSources;
  readonly #moment: Moment = { now: 0 };
  #known: Known[] = [];
  #revision = -1;
  #paths: readonly PathView[] = Object.freeze([]);

  /** Shows nothing before `refreshView`. */
  constructor(sources: ViewSources) {
    this.#sources = sources;
    Object.freeze(this);
  }

  get now(): number {
    return this.#moment.now;
  }

  get paths(): readonly PathView[] {
    return this.#paths;
  }

  get backlog(): number {
    return this.#sources.streams.backlog;
  }

  get sendWindow(): number {
    return this.#sources.streams.sendWindow;
  }

  signal(name: string): number | undefined {
    return this.#sources.hints.signal(name);
  }

  #refresh(now: number): void {
    this.#moment.now = now;
    const { revision } = this.#sources.paths;
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.#relist();
      return;
    }
    const known = this.#known;
    const sparing = this.#isSparing();
    for (let i = 0; i < known.length; i++) {
      const { path, isListed } = known[i]!;
      if ((path.state === "usable" && !(sparing && isLastChoice(path))) === isListed) continue;
      this.#relist();
      return;
    }
  }

  /** Makes the list of paths anew; a path's view stays the same as long as there is the path. */
  #relist(): void {
    const { paths, spaces } = this.#sources;
    const before = this.#known;
    this.#known = [];
    for (const path of paths.all()) {
      const view = before.find((entry) => entry.path === path)?.view ?? new LivePathView(path, spaces, this.#moment);
      this.#known.push({ path, view, isListed: false });
    }
    const sparing = this.#isSparing();
    const listed: PathView[] = [];
    for (const each of this.#known) {
      each.isListed = each.path.state === "usable" && !(sparing && isLastChoice(each.path));
      if (each.isListed) listed.push(each.view);
    }
    this.#paths = Object.freeze(listed);
  }

  /** Whether paths of last choice can be spared: there are some, and another works. */
  #isSparing(): boolean {
    const known = this.#known;
    let hasLast = false;
    for (let i = 0; i < known.length; i++) hasLast ||= isLastChoice(known[i]!.path);
    if (!hasLast) return false;
    for (const { path, view } of known) {
      if (path.state === "usable" && !isLastChoice(path) && isHealthy(view, this.#moment.now)) return true;
    }
    return false;
  }

  static {
    refresh = (view, now) => view.#refresh(now);
  }
}

Object.freeze(LivePathView.prototype);
Object.freeze(LiveConnectionView.prototype);

/** Moves the view to a time, and its list of paths to those that are usable now. Allocates only when the list changes. */
export function refreshView(view: LiveConnectionView, now: number): void {
  refresh(view, now);
}

function isLastChoice({ isSpent, route }: Path): boolean {
  return isSpent || !route.hasAllowance;
}

/** What both ends make of a path: a backup as soon as one of them says so. */
export function statusOf(path: Path): PathStatus {
  return path.localStatus === "backup" || path.peerStatus === "backup" ? "backup" : "available";
}
