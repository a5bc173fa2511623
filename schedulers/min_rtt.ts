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
 * The lowest round-trip time first: data goes on the fastest path that has room, which fills the fast path and lets only
 * the rest go on slower ones. A path that does not answer is taken only if none does, and a backup only if no available path
 * answers: while one that does is merely full, data waits for it.
 */
export function minRtt(): Scheduler {
  return { name: "min-rtt", schedule };
}

function schedule(work: Work, view: ConnectionView): Decision {
  const { paths, now } = view;
  let best: PathView | undefined;
  let bestSrtt = 0;
  let tier = NO_TIER;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    const its = tierOf(path, work, now);
    if (its > tier || its === NO_TIER) continue;
    if (its < tier) {
      tier = its;
      best = undefined;
    }
    if (path.room === 0) continue;
    const { srtt } = path;
    if (best !== undefined && srtt >= bestSrtt) continue;
    best = path;
    bestSrtt = srtt;
  }
  return best === undefined ? HOLD : send(best);
}
