/**
 * When data would be there, as far as the figures of a path tell. Data counts when it arrives, so of a round trip the way back is
 * left out; queues are on the way there.
 *
 * @module
 */
import type { PathView } from "./scheduler.ts";

/** Round trips that are by so much longer than the shortest tell of a queue: the path carries all that it can. */
const QUEUED = 1.25;

/** In how many milliseconds `bytes` more would be there, behind what is in flight. */
export function arrivalOn(path: PathView, bytes: number): number {
  return Math.max(path.srtt, (path.inFlight + bytes) / rateOf(path)) - wayBack(path);
}

/** In how many milliseconds all that is in flight will be there, if the path is no faster than it has shown to be. */
export function drainOf(path: PathView): number {
  const { inFlight, deliveryRate, cwnd, srtt, mtu, lossRate } = path;
  const rate = deliveryRate > 0 ? Math.min(deliveryRate, cwnd / srtt) : mtu / srtt;
  return inFlight / (rate * (1 - lossRate)) - wayBack(path);
}

/** How long an acknowledgement takes. */
export function wayBack(path: PathView): number {
  return path.minRtt / 2;
}

/**
 * What the path gets through, less what it loses. Without a queue that is its window, since the highest rate ever measured may
 * tell no more than how little was to be sent.
 */
function rateOf({ cwnd, srtt, minRtt, deliveryRate, lossRate }: PathView): number {
  const most = cwnd / srtt;
  const hasQueue = minRtt > 0 && srtt > QUEUED * minRtt;
  return (hasQueue && deliveryRate > 0 ? Math.min(deliveryRate, most) : most) * (1 - lossRate);
}
