/**
 * What schedulers ask of views again and again: which path is fastest, which is in doubt, whether a backup is needed.
 *
 * @module
 */
import type { ConnectionView, PathView, Work } from "./scheduler.ts";

/** No path is late by less than this: milliseconds, what timers are trusted to. */
const GRANULARITY = 1;
/** Gaps between acknowledgements count as no more than this: beyond it they tell of sparse traffic, not of the path. */
const MOST_GAP = 25;

/** What peers may hold acknowledgements back, unless they say otherwise and do so: milliseconds (RFC 9000 §18.2). */
const MAX_ACK_DELAY = 25;

/** The path with the lowest smoothed round-trip time among those that `accept` lets through; the first of equals. */
export function fastest(view: ConnectionView, accept?: (path: PathView) => boolean): PathView | undefined {
  let best: PathView | undefined;
  for (const path of view.paths) {
    if (best !== undefined && path.srtt >= best.srtt) continue;
    if (accept === undefined || accept(path)) best = path;
  }
  return best;
}

/**
 * Whether the path answers: no probe timeout since the last acknowledgement, and that, or its oldest packet, is not older
 * than one. Sending on and on puts the timer off, and so hides the silence from it, but not from this.
 */
export function isHealthy(path: PathView, now: number): boolean {
  if (path.ptoCount > 0) return false;
  // Most paths that are in use were heard of within a round trip: what costs less is asked first.
  const { srtt, lastAckAt } = path;
  if (now - lastAckAt <= srtt) return true;
  return now - Math.max(path.oldestUnackedAt, lastAckAt) <= timeoutOf(path);
}

/** By how many milliseconds the path's oldest packet is past its round trip; negative: not yet, or nothing is in flight. */
export function overdue(path: PathView, now: number): number {
  return now - path.oldestUnackedAt - path.srtt;
}

/**
 * How long an answer on the path may take before the path is suspect: a round trip, and twice its deviation or twice the usual
 * gap between acknowledgements, the latter at most 25 ms and half a round trip.
 */
export function answerTime(path: PathView): number {
  const { srtt } = path;
  return srtt + Math.max(2 * path.rttVar, Math.min(2 * path.ackGap, MOST_GAP, srtt / 2), GRANULARITY);
}

/**
 * How long an answer on the path may take if the peer holds it back as it is seen to do (`ackDelay`): a round trip, that delay,
 * and twice the deviation, of which half a round trip counts at most; never less than {@linkcode answerTime}.
 */
export function heldAnswerTime(path: PathView): number {
  const { srtt, ackDelay } = path;
  const atOnce = answerTime(path);
  if (ackDelay === 0) return atOnce;
  return Math.max(atOnce, srtt + ackDelay + Math.max(Math.min(2 * path.rttVar, srtt / 2), GRANULARITY));
}

/**
 * From when on the path is suspect if its oldest packet stays unacknowledged: {@linkcode answerTime} after that was sent.
 * `Infinity`: nothing is in flight. Long before a probe timeout, and not put off by sending more.
 */
export function suspectAt(path: PathView): number {
  return path.oldestUnackedAt + answerTime(path);
}

/** Whether the path is suspect: see {@linkcode suspectAt}. */
export function isSuspect(path: PathView, now: number): boolean {
  return now > suspectAt(path);
}

/**
 * Whether the path's oldest packet has waited for a probe timeout: what is in flight there is offered to other paths then, though
 * later packets may have been acknowledged since.
 */
export function isOwing(path: PathView, now: number): boolean {
  return now - path.oldestUnackedAt >= timeoutOf(path) - GRANULARITY;
}

/** Whether no path that is no backup is healthy: then a backup may be used. */
export function needsBackup(view: ConnectionView): boolean {
  for (const path of view.paths) if (path.status === "available" && isHealthy(path, view.now)) return false;
  return true;
}

/** What {@linkcode tierOf} says of paths that are out of the question. */
export const NO_TIER = 4;

/**
 * How far down the list a path stands for some work, 0 to 3: healthy, healthy backup, in trouble, backup in trouble; data
 * that is in flight on a path does not go there again ({@linkcode NO_TIER}). A tier is used only when those before it are
 * empty: a full path is waited for, never a reason to take one of a lower tier.
 */
export function tierOf(path: PathView, work: Work, now: number): number {
  if (work.kind === "reinject" && path.id === work.lastPath) return NO_TIER;
  return (isHealthy(path, now) ? 0 : 2) + (path.status === "backup" ? 1 : 0);
}

/** The path's probe timeout as far as a view can tell: milliseconds (RFC 9002 §6.2.1). */
function timeoutOf(path: PathView): number {
  return path.srtt + Math.max(4 * path.rttVar, GRANULARITY) + Math.max(MAX_ACK_DELAY, path.ackDelay);
}
