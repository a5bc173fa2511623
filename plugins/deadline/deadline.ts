import {
  type ConnectionView,
  type Decision,
  fastest,
  HOLD,
  isHealthy,
  minRtt,
  needsBackup,
  type PathView,
  type SchedulerFactory,
  send,
  sendCopies,
  type Work,
} from "@multipath/quic/schedulers";

/** How {@linkcode deadline} is to be. */
export interface DeadlineOptions {
  /** How much before its deadline data should arrive: milliseconds. Default 5. */
  readonly margin?: number;
  /** A path that loses more than this share of its packets gets a copy beside it, when there is no time for repairs. Default 0.01. */
  readonly copyAbove?: number;
  /** Who decides about data without a deadline. Default min-RTT. */
  readonly otherwise?: SchedulerFactory;
}

/** Round trips in which a loss is noticed and put right: one and a quarter until then, and half of one. */
const REPAIR = 1.75;

/**
 * Sends what has a deadline on the cheapest path on which it arrives in time, the fastest of equals. When there is no such path
 * the fastest with room takes it. When the path is lossy, and the deadline too near to send again, a copy goes on the best
 * other path, if that is in time as well.
 *
 * Throws `RangeError` for options that are out of range.
 */
export function deadline(options: DeadlineOptions = {}): SchedulerFactory {
  const { margin = 5, copyAbove = 0.01, otherwise = minRtt } = options;
  if (!(margin >= 0)) throw new RangeError(`"margin" is ${margin}: expected milliseconds from 0`);
  if (!(copyAbove >= 0 && copyAbove <= 1)) throw new RangeError(`"copyAbove" is ${copyAbove}: expected 0 to 1`);
  return (host) => {
    const other = otherwise(host);
    return {
      name: "deadline",
      get reinjection() {
        return other.reinjection;
      },
      schedule(work, view) {
        return work.deadline === Infinity ? other.schedule(work, view) : inTime(work, view, margin, copyAbove);
      },
      onEvent: (event, view) => other.onEvent?.(event, view),
    };
  };
}

function inTime(work: Work, view: ConnectionView, margin: number, copyAbove: number): Decision {
  const { now } = view;
  const left = work.deadline - margin - now;
  const isSparing = !needsBackup(view);
  const mayTake = (path: PathView): boolean =>
    path.room > 0 && (!isSparing || (path.status === "available" && isHealthy(path, now)));
  const timely = view.paths.filter((path) => mayTake(path) && arrivalTime(path) <= left).sort(byPrice);
  const [first, second] = timely;
  if (first === undefined) {
    const best = fastest(view, mayTake);
    return best === undefined ? HOLD : send(best);
  }
  const isAtRisk = first.lossRate > copyAbove && REPAIR * first.srtt > left;
  return isAtRisk && second !== undefined ? sendCopies(first, [second.id]) : send(first);
}

/** How long a packet takes that leaves now, carefully: half a round trip and its deviation. */
function arrivalTime(path: PathView): number {
  return path.srtt / 2 + path.rttVar;
}

function byPrice(a: PathView, b: PathView): number {
  return a.cost - b.cost || Number(a.metered) - Number(b.metered) || a.srtt - b.srtt;
}
