import { Doubts } from "./doubts.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Scheduler,
  type SchedulerHost,
  send,
  type Work,
} from "./scheduler.ts";
import { isHealthy } from "./select.ts";

/** A path that nothing was heard of for so long is asked for a sign of life, so that its round-trip time is known: ms. */
export const KEEP_WARM = 1000;
/** For so long after the last data of either end: a connection that is not used may fall silent. */
export const WARM_FOR = 5000;

/** The rank of a path that lost the data before: behind others that answer, before a backup. */
const OTHERS_FIRST = 0.5;

/**
 * Least latency, for a voice assistant or a remote hand: each packet goes on the path on which it will arrive first, judged
 * anew each time (after Apple's interactive mode for MPTCP, with the transport's own signs in place of fixed limits).
 *
 * - All paths are kept warm while the connection is in use: one that was not heard of for a second is probed.
 * - A path whose oldest packet is overdue is left at once, long before a probe timeout, and what is in flight on it is offered
 *   again elsewhere. Its probe tells whether one packet was lost or the path.
 * - What was lost does not go again on the path that lost it, if there is another that answers.
 * - A packet waits for the fastest path when that is full, unless another gets it there sooner.
 */
export function interactive(host: SchedulerHost): Scheduler {
  const doubts = new Doubts(host);
  let usedAt = -Infinity;
  let warmAt = -Infinity;
  doubts.alsoWakeAt(() => warmAt < usedAt + WARM_FOR ? warmAt + KEEP_WARM : Infinity);

  function keepWarm(view: ConnectionView): void {
    const { now, paths } = view;
    if (now < warmAt + KEEP_WARM) return;
    warmAt = now;
    for (const path of paths) usedAt = Math.max(usedAt, path.lastDataAt);
    if (now >= usedAt + WARM_FOR) return;
    for (const path of paths) if (now - path.lastAckAt >= KEEP_WARM) host.probe(path.id);
  }

  /** 0: answers; 1: a backup that does; 2 and 3: in doubt; 4 and 5: does not answer. */
  function rank(path: PathView, now: number): number {
    const trouble = doubts.has(path.id) ? 2 : isHealthy(path, now) ? 0 : 4;
    return trouble + (path.status === "backup" ? 1 : 0);
  }

  function pick(work: Work, view: ConnectionView): PathView | undefined {
    const { paths, now } = view;
    let [best, bestRank, bestTime]: [PathView | undefined, number, number] = [undefined, Infinity, Infinity];
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i]!;
      if (path.id === work.lastPath && work.kind === "reinject") continue;
      // What a path lost goes elsewhere, if that answers.
      const its = rank(path, now) + (path.id === work.lastPath ? OTHERS_FIRST : 0);
      if (its > bestRank) continue;
      const time = arrivalOn(path, view);
      if (its === bestRank && time >= bestTime) continue;
      [best, bestRank, bestTime] = [path, its, time];
    }
    return best;
  }

  return {
    name: "interactive",
    get reinjection() {
      return doubts.any ? "before-new" : "never";
    },
    schedule(work: Work, view: ConnectionView): Decision {
      if (work.kind === "reinject" && !isInDoubt(work, view, doubts)) return HOLD;
      const path = pick(work, view);
      if (path === undefined || path.room === 0) return HOLD;
      usedAt = view.now;
      doubts.onSend(path, view);
      return send(path);
    },
    ackPath(receivedOn: number, view: ConnectionView): number {
      let best = view.paths.find((path) => path.id === receivedOn);
      for (const path of view.paths) {
        if (best === undefined || rank(path, view.now) < rank(best, view.now)) best = path;
      }
      return best!.id;
    },
    onEvent(event, view) {
      keepWarm(view);
      doubts.onEvent(event, view);
      if (event.type === "path-usable") host.probe(event.path);
    },
  };
}

/** Whether what is in flight may never arrive. */
export function isInDoubt(work: Work, view: ConnectionView, doubts: Doubts): boolean {
  return doubts.has(work.lastPath) || !view.paths.some((path) => path.id === work.lastPath);
}

/** In how many milliseconds an acknowledgement would be here for what is sent on the path next. */
function arrivalOn(path: PathView, view: ConnectionView): number {
  const { srtt } = path;
  if (path.room > 0) return srtt;
  // What waits before it goes out as the window opens, or as the pacer lets it.
  const paced = path.readyAt - view.now;
  return paced < Infinity ? srtt + Math.max(0, paced) : srtt * (1 + Math.max(view.backlog, path.mtu) / path.cwnd);
}
