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
  const { inFlight, deliveryRate, srtt, mtu, lossRate } = path;
  const rate = deliveryRate > 0 ? measuredRateOf(path) : (mtu / srtt) * (1 - lossRate);
  return inFlight / rate - wayBack(path);
}

/** How long an acknowledgement takes. */
export function wayBack(path: PathView): number {
  return path.minRtt / 2;
}

/** What the path gets through: its window each round trip, but no more than was ever measured, less what it loses. */
export function measuredRateOf({ cwnd, srtt, deliveryRate, lossRate }: PathView): number {
  const most = cwnd / srtt;
  return (deliveryRate > 0 ? Math.min(deliveryRate, most) : most) * (1 - lossRate);
}

/** Likewise, but without a queue its window: the highest rate ever measured may tell no more than how little was to be sent. */
function rateOf(path: PathView): number {
  const { cwnd, srtt, minRtt, lossRate } = path;
  if (minRtt > 0 && srtt > QUEUED * minRtt) return measuredRateOf(path);
  return (cwnd / srtt) * (1 - lossRate);
}
