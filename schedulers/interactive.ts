import { Doubts } from "./doubts.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type Scheduler,
  type SchedulerHost,
  send,
  sendCopies,
  type Work,
} from "./scheduler.ts";
import { heldAnswerTime } from "./select.ts";
import { isStraggling, Soonest } from "./soonest.ts";

/** A path that nothing was heard of for so long is asked for a sign of life, so that its round-trip time is known: ms. */
export const KEEP_WARM = 1000;
/** For so long after the last data of either end: a connection that is not used may fall silent. */
export const WARM_FOR = 5000;

/**
 * Least latency, for a voice assistant or a remote hand: each packet goes on the path on which it will arrive first, judged
 * anew each time (after Apple's interactive mode for MPTCP, with the transport's own signs in place of fixed limits).
 *
 * - All paths are kept warm while the connection is in use: one that was not heard of for a second is probed.
 * - A path whose oldest packet is overdue is left at once, long before a probe timeout, and what is in flight on it is offered
 *   again elsewhere. Its probe tells whether one packet was lost or the path. A peer that is seen to hold acknowledgements
 *   back is given that time, as else all would go twice.
 * - What was lost does not go again on the path that lost it, if there is another that answers.
 * - Where the other takes more than twice as long, the path that lost a packet gets a copy until it fails to answer, and goes on
 *   acknowledging what it brings: one loss is no reason to be that much slower.
 * - A packet waits for the fastest path when that is full, unless another gets it there sooner.
 */
export function interactive(host: SchedulerHost): Scheduler {
  const doubts = new Doubts(host, heldAnswerTime);
  const soonest = new Soonest(doubts);
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

  return {
    name: "interactive",
    get reinjection() {
      return doubts.any ? "before-new" : straggles ? "when-idle" : "never";
    },
    schedule(work: Work, view: ConnectionView): Decision {
      const path = soonest.pick(work, view);
      if (path === undefined) return HOLD;
      if (work.kind === "reinject" && !isInDoubt(work, view, doubts) && !soonest.isRescue(work, path, view)) {
        return HOLD;
      }
      const quicker = work.kind === "reinject" ? undefined : soonest.passedOver(path, view);
      if (path.room === 0 && quicker === undefined) return HOLD;
      usedAt = view.now;
      if (quicker !== undefined) doubts.onSend(quicker, view);
      if (path.room === 0) return send(quicker!);
      doubts.onSend(path, view);
      return quicker === undefined ? send(path) : sendCopies(path, [quicker.id]);
    },
    ackPath: (receivedOn, view) => soonest.forAcksOf(receivedOn, view),
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
