import type { ConnectionView, PathId, PathView, SchedulerEvent, SchedulerHost } from "./scheduler.ts";
import { answerTime } from "./select.ts";

/** A path that is in doubt is asked again after a round trip, but no sooner than this: milliseconds. */
const LEAST_GAP = 25;
/** At the very moment at which a path becomes suspect it is not yet: milliseconds. */
const HAIR = 0.001;

/**
 * Keeps watch over paths whose oldest packet is overdue (see {@linkcode answerTime}), for schedulers that cannot wait for a
 * probe timeout: wakes up when that comes to be, and asks the path for a sign of life, whose answer shows at once what is
 * lost and what is not.
 *
 * | a path       | becomes      | when                                             | then                          |
 * |--------------|--------------|--------------------------------------------------|-------------------------------|
 * | good         | in doubt     | its oldest packet is overdue                     | it is probed                  |
 * | in doubt     | good         | that packet is acknowledged, or counted as lost  |                               |
 * | in doubt     | failing      | as much time passed again without any answer     | it is probed every round trip |
 * | failing      | good         | anything is acknowledged                         |                               |
 */
export class Doubts {
  readonly #host: SchedulerHost;
  readonly #answerTime: (path: PathView) => number;
  /** Since when paths are in doubt. */
  readonly #since = new Map<PathId, number>();
  #armedAt = Infinity;
  #chores: () => number = () => Infinity;

  /**
   * A watch that wakes up through `host`, which nothing else of the scheduler may use for that. `time` says how
   * long a path may take to answer: who only asks it when in doubt gains by asking soon, who sends again by waiting.
   */
  constructor(host: SchedulerHost, time: (path: PathView) => number = answerTime) {
    this.#host = host;
    this.#answerTime = time;
  }

  /** What else the scheduler wants to be woken for; asked again after each wake. */
  alsoWakeAt(next: () => number): void {
    this.#chores = next;
  }

  /** Whether any path is in doubt. */
  get any(): boolean {
    return this.#since.size > 0;
  }

  /** Whether the path is in doubt, or failing. */
  has(path: PathId): boolean {
    return this.#since.has(path);
  }

  /** Whether the path has given no answer since it came into doubt, for as long as one takes. */
  isFailing(path: PathView, now: number): boolean {
    const since = this.#since.get(path.id);
    return since !== undefined && now >= since + this.#answerTime(path);
  }

  /** Before a packet goes out on a path: when will it be overdue? */
  onSend(path: PathView, view: ConnectionView): void {
    const { oldestUnackedAt } = path;
    const at = (oldestUnackedAt === Infinity ? view.now : oldestUnackedAt) + this.#answerTime(path) + HAIR;
    if (at < this.#armedAt) this.#arm(at, view);
  }

  /** To be called with each event of the scheduler, first. */
  onEvent(event: SchedulerEvent, view: ConnectionView): void {
    if (event.type === "wake") this.#armedAt = Infinity;
    else if (event.type === "ack" && this.#since.size === 0) return;
    this.#look(view);
  }

  /** Judges all paths, probes those that are newly or still in doubt, and sees to the next wake. */
  #look(view: ConnectionView): void {
    const { paths, now } = view;
    let next = this.#chores();
    for (const path of paths) {
      const overdueAt = path.oldestUnackedAt + this.#answerTime(path);
      if (now > overdueAt) {
        const since = this.#since.get(path.id);
        // An answer to the probe, though not to the packet: the doubt begins again.
        if (since === undefined || path.lastAckAt > since) this.#since.set(path.id, now);
        this.#host.probe(path.id);
        next = Math.min(next, now + Math.max(LEAST_GAP, this.#answerTime(path)));
      } else {
        this.#since.delete(path.id);
        next = Math.min(next, overdueAt + HAIR);
      }
    }
    if (this.#since.size > 0) this.#forget(paths);
    this.#arm(next, view);
  }

  #arm(at: number, { now }: ConnectionView): void {
    if (at === this.#armedAt) return;
    this.#armedAt = at;
    this.#host.wakeAt(Math.max(at, now));
  }

  #forget(paths: readonly PathView[]): void {
    for (const id of this.#since.keys()) if (!paths.some((path) => path.id === id)) this.#since.delete(id);
  }
}
