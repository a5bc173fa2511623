import { Doubts } from "./doubts.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Scheduler,
  type SchedulerHost,
  send,
  sendCopies,
  type Work,
} from "./scheduler.ts";
import { isHealthy } from "./select.ts";

/** A path that nothing was heard of for so long is asked for a sign of life, so that its round-trip time is known: ms. */
export const KEEP_WARM = 1000;
/** For so long after the last data of either end: a connection that is not used may fall silent. */
export const WARM_FOR = 5000;

/** A path that takes less than one of so many parts of another's time is worth a copy, though it just lost a packet. */
const MUCH_SOONER = 2;

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
 * - Where the other takes more than twice as long, the path that lost a packet gets a copy until it fails to answer, and goes on
 *   acknowledging what it brings: one loss is no reason to be that much slower.
 * - A packet waits for the fastest path when that is full, unless another gets it there sooner.
 */
export function interactive(host: SchedulerHost): Scheduler {
  const doubts = new Doubts(host);
  let usedAt = -Infinity;
  let warmAt = -Infinity;
  let straggles = false;
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

  /** Whether the path answers, and a packet is there much sooner on it than on the other one, if it is there. */
  function isMuchSooner(path: PathView, than: PathView, now: number): boolean {
    return MUCH_SOONER * path.srtt < than.srtt && path.status === than.status && isHealthy(path, now) &&
      !doubts.isFailing(path, now);
  }

  /** A path that was passed over as it lost something, or may have, though a packet would be there much sooner. */
  function passedOver(chosen: PathView, view: ConnectionView): PathView | undefined {
    const { paths, now } = view;
    let best: PathView | undefined;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i]!;
      if (path.room === 0 || (best !== undefined && path.srtt >= best.srtt)) continue;
      if (isMuchSooner(path, chosen, now)) best = path;
    }
    return best;
  }

  /** Whether what is in flight is there much sooner if it goes once more on the path. */
  function isRescue(work: Work, path: PathView, view: ConnectionView): boolean {
    const from = view.paths.find(({ id }) => id === work.lastPath);
    return from !== undefined && !doubts.has(path.id) && isMuchSooner(path, from, view.now) &&
      work.firstSentAt + from.srtt > view.now + MUCH_SOONER * path.srtt;
  }

  /** Whether something is in flight on a path that is much slower than another. */
  function isStraggling({ paths }: ConnectionView): boolean {
    let [least, most] = [Infinity, 0];
    for (let i = 0; i < paths.length; i++) {
      const { srtt, inFlight } = paths[i]!;
      least = Math.min(least, srtt);
      if (inFlight > 0) most = Math.max(most, srtt);
    }
    return MUCH_SOONER * least < most;
  }

  return {
    name: "interactive",
    get reinjection() {
      return doubts.any ? "before-new" : straggles ? "when-idle" : "never";
    },
    schedule(work: Work, view: ConnectionView): Decision {
      const path = pick(work, view);
      if (path === undefined) return HOLD;
      if (work.kind === "reinject" && !isInDoubt(work, view, doubts) && !isRescue(work, path, view)) return HOLD;
      const quicker = work.kind === "reinject" ? undefined : passedOver(path, view);
      if (path.room === 0 && quicker === undefined) return HOLD;
      usedAt = view.now;
      if (quicker !== undefined) doubts.onSend(quicker, view);
      if (path.room === 0) return send(quicker!);
      doubts.onSend(path, view);
      return quicker === undefined ? send(path) : sendCopies(path, [quicker.id]);
    },
    ackPath(receivedOn: number, view: ConnectionView): number {
      const own = view.paths.find((path) => path.id === receivedOn);
      let best = own;
      for (const path of view.paths) {
        if (best === undefined || rank(path, view.now) < rank(best, view.now)) best = path;
      }
      // To lose one packet is no reason for acknowledgements that are late by far.
      return own !== undefined && isMuchSooner(own, best!, view.now) ? receivedOn : best!.id;
    },
    onEvent(event, view) {
      keepWarm(view);
      doubts.onEvent(event, view);
      straggles = isStraggling(view);
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
