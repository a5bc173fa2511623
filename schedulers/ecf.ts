/**
 * Earliest completion first.
 *
 * | the fastest path   | waiting for it and sending there...          | then                                         |
 * |--------------------|----------------------------------------------|----------------------------------------------|
 * | has room           |                                              | send on it                                   |
 * | has nothing on it  |                                              | send on the other: nothing would end a wait  |
 * | is full            | ends later than sending on the other now     | send on the other; no longer waiting         |
 * | is full            | ends sooner, and the other would take longer | HOLD; waiting                                |
 * | is full            | ends sooner, but the other is done in time   | send on the other                            |
 *
 * What is in flight goes once more, when nothing new can be sent:
 *
 * | its path                        | and the best of the others                                    | then            |
 * |---------------------------------|---------------------------------------------------------------|-----------------|
 * | does not answer, or is not seen |                                                               | as if it waited |
 * | is available                    | is a backup                                                   | HOLD            |
 * | takes long for what it has      | brings all of that in half of the time                        | send on that    |
 * | otherwise                       |                                                               | HOLD            |
 *
 * @module
 */
import { arrivalOn, drainOf, measuredRateOf, wayBack } from "./ecf_arrivals.ts";
import { bestTier, fastestInTier } from "./fastest_two.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Reinjection,
  type Scheduler,
  send,
  type Work,
} from "./scheduler.ts";
import { isHealthy, isOwing } from "./select.ts";

/** By how much waiting may look worse before one who waits gives it up: keeps it from changing its mind at each packet. */
const HYSTERESIS = 0.25;
/** A copy must be there in this part of the time that is left for what it copies. */
const WORTH_A_COPY = 0.5;

/**
 * Earliest completion first (Lim, Nahum, Towsley and Gibbens, CoNEXT 2017): when the fastest path is full, what is left to
 * send goes on a slower one only if it arrives there before it would on the fast one, were it to wait. Long transfers use
 * all paths; the last bytes of each wait for the fast path and are not behind a slow one's round trip.
 *
 * It compares how long what waits would take: a round trip of the fast path and the time in which its window, less what it
 * loses, gets all through, against one round of the slower path, with the larger deviation of the two as a margin. From both
 * goes the way back, for what counts is when data arrives. All that waits is what was never sent and what was lost.
 *
 * What was sent on a path that turns out slow goes again on another one, once nothing new is left, if that is much sooner: so the
 * tail of a short transfer does not wait for where its head had to begin.
 */
export function ecf(): Scheduler {
  let isWaiting = false;
  let isStraggling = false;
  /** Bytes lost that waited at the last question about them, and when that was. */
  let lost = 0;
  let lostAt = -Infinity;
  function schedule(work: Work, view: ConnectionView): Decision {
    if (work.kind === "retransmit") {
      lost = work.bytes;
      lostAt = view.now;
    }
    const tier = bestTier(work, view);
    const slow = fastestInTier(tier, work, view, true);
    if (slow === undefined) return HOLD;
    if (work.kind === "reinject") {
      const from = answeringPathOf(work, view);
      if (from !== undefined) return isWorthACopy(work, from, slow, view.now) ? send(slow) : HOLD;
    }
    const fast = fastestInTier(tier, work, view, false)!;
    if (fast === slow || fast.inFlight === 0) return send(slow);
    const fresh = work.kind === "retransmit" ? view.backlog : Math.max(view.backlog, work.bytes);
    // Lost data is asked about first, so what was said of it a moment ago still waits ahead of new data.
    const bytes = fresh + (lostAt === view.now ? lost : 0);
    if (!isWaitingSooner(fast, slow, bytes, isWaiting)) {
      isWaiting = false;
      return send(slow);
    }
    if (isDoneInTime(fast, slow, bytes)) return send(slow);
    isWaiting = true;
    return HOLD;
  }
  return {
    name: "ecf",
    get reinjection(): Reinjection {
      return isStraggling ? "when-idle" : "never";
    },
    schedule,
    onEvent(_event, view): void {
      isStraggling = hasStraggler(view);
    },
  };
}

/** Whether all that waits has arrived sooner when it waits for the fast path than with one round on the slow one. */
function isWaitingSooner(fast: PathView, slow: PathView, bytes: number, isWaiting: boolean): boolean {
  const time = fast.srtt - wayBack(fast) + Math.max(bytes, fast.cwnd) / measuredRateOf(fast);
  const slack = isWaiting ? 1 + HYSTERESIS : 1;
  return time < (roundTripOf(slow) - wayBack(slow) + margin(fast, slow)) * slack;
}

/**
 * The round trip of a packet sent now: the smoothed one still tells of a queue that is gone when less is in flight, which the
 * path delivers in less time.
 */
function roundTripOf(path: PathView): number {
  if (path.deliveryRate <= 0 || path.minRtt <= 0) return path.srtt;
  return Math.min(path.srtt, Math.max(path.minRtt, path.inFlight / path.deliveryRate));
}

/** Whether the slow path would be done with it within two rounds of the fast one. */
function isDoneInTime(fast: PathView, slow: PathView, bytes: number): boolean {
  return slow.srtt * Math.max(bytes, slow.cwnd) / slow.cwnd < 2 * fast.srtt + margin(fast, slow);
}

function margin(fast: PathView, slow: PathView): number {
  return Math.max(fast.rttVar, slow.rttVar);
}

/** The path on which the data is in flight, if it answers, and owes no answer for longer than a probe timeout. */
function answeringPathOf(work: Work, { paths, now }: ConnectionView): PathView | undefined {
  return paths.find((path) =>
    path.id === work.lastPath && path.inFlight > 0 && isHealthy(path, now) && !isOwing(path, now)
  );
}

/** Whether what is in flight would be there much sooner if it went once more on the other path. */
function isWorthACopy(work: Work, from: PathView, to: PathView, now: number): boolean {
  // A backup is spared while another path works.
  if (to.status === "backup" && from.status === "available") return false;
  // The last of it counts, and copies begin with the first: so all of it must be there sooner.
  const left = Math.max(from.srtt - (now - work.firstSentAt) - wayBack(from), drainOf(from));
  return arrivalOn(to, from.inFlight) + to.rttVar < WORTH_A_COPY * left;
}

/** Whether something is in flight on a path that is slower than another one. */
function hasStraggler({ paths }: ConnectionView): boolean {
  if (paths.length < 2) return false;
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    least = Math.min(least, arrivalOn(path, path.mtu));
    if (path.inFlight > 0) most = Math.max(most, path.srtt, drainOf(path));
  }
  return least < most;
}
