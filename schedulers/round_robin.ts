import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Scheduler,
  send,
  type Work,
} from "./scheduler.ts";
import { NO_TIER, tierOf } from "./select.ts";

/**
 * The paths in turn, packet by packet, skipping those without room; backups, and paths that do not answer, only while there is
 * no other. For tests and comparisons: it makes every transfer as slow to finish as its slowest path.
 */
export function roundRobin(): Scheduler {
  let last = -1;
  function schedule(work: Work, view: ConnectionView): Decision {
    const next = nextAfter(last, work, view);
    if (next === undefined) return HOLD;
    last = next.id;
    return send(next);
  }
  return { name: "round-robin", schedule };
}

/** The path with the next higher id and room in the best tier, else the one with the lowest. */
function nextAfter(last: number, work: Work, view: ConnectionView): PathView | undefined {
  const { paths, now } = view;
  let tier = NO_TIER;
  let lowest: PathView | undefined;
  let next: PathView | undefined;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    const its = tierOf(path, work, now);
    if (its > tier || its === NO_TIER) continue;
    if (its < tier) {
      tier = its;
      lowest = next = undefined;
    }
    if (path.room === 0) continue;
    if (lowest === undefined || path.id < lowest.id) lowest = path;
    if (path.id > last && (next === undefined || path.id < next.id)) next = path;
  }
  return next ?? lowest;
}
