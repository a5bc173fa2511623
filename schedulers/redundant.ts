import { Doubts } from "./doubts.ts";
import { bestTier } from "./fastest_two.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathId,
  type PathView,
  type Scheduler,
  type SchedulerHost,
  send,
  sendCopies,
  type Work,
} from "./scheduler.ts";
import { isHealthy, NO_TIER, tierOf } from "./select.ts";

/**
 * Every packet on every path that works; what arrives first counts (after ReMP TCP, ICC 2016). The delay is the least of all
 * paths', a loss shows only where all lose the same data, and the price is every byte as often as there are paths.
 *
 * The fastest path that has room leads, with copies on the others as far as they have some, so a slow path never holds up a
 * fast one; those that had none get theirs when nothing new waits, or at once when the path that leads is in doubt. There is
 * one copy for each path, and none of what is acknowledged. Backups get no copies while others work.
 */
export function redundant(host: SchedulerHost): Scheduler {
  const doubts = new Doubts(host);
  const copies: PathId[] = [];

  return {
    name: "redundant",
    get reinjection() {
      return doubts.any ? "before-new" : "when-idle";
    },
    schedule(work: Work, view: ConnectionView): Decision {
      const { paths } = view;
      const tier = bestTier(work, view);
      if (tier === NO_TIER || (work.kind === "reinject" && isWorse(tier, work, view))) return HOLD;
      copies.length = 0;
      let lead: PathView | undefined;
      for (let i = 0; i < paths.length; i++) {
        const path = paths[i]!;
        if (path.room === 0 || tierOf(path, work, view.now) !== tier) continue;
        // A copy is for the paths that do not have it.
        if (work.kind === "reinject" && path.id === work.lastPath) continue;
        doubts.onSend(path, view);
        if (lead === undefined || path.srtt < lead.srtt) {
          if (lead !== undefined) copies.push(lead.id);
          lead = path;
        } else {
          copies.push(path.id);
        }
      }
      if (lead === undefined) return HOLD;
      return copies.length === 0 || work.kind === "reinject" ? send(lead) : sendCopies(lead, copies);
    },
    onEvent: (event, view) => doubts.onEvent(event, view),
  };
}

/** Whether the path that has the data is of a better tier than all others: then a copy would go on a backup for nothing. */
function isWorse(tier: number, work: Work, view: ConnectionView): boolean {
  const holder = view.paths.find((path) => path.id === work.lastPath);
  return holder !== undefined && (isHealthy(holder, view.now) ? 0 : 2) + (holder.status === "backup" ? 1 : 0) < tier;
}
