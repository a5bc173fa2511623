import { priceOf } from "./cost_aware.ts";
import { bestTier } from "./fastest_two.ts";
import { keyOf } from "./per_path.ts";
import { HOLD, type PathId, type PathView, type SchedulerFactory, send } from "./scheduler.ts";
import { NO_TIER, tierOf } from "./select.ts";

/**
 * Strict priority, then the lowest round-trip time: a path is used as long as it has room, and the next only for what is left
 * ("PriorityAndLowestRTTFirst" of draft-bonaventure-iccrg-schedulers; "priority-based" of ATSSS, 3GPP TS 23.501 §5.32.8). Backups
 * and paths that do not answer come after all others, whatever their priority.
 *
 * `order` lists labels or ids, the first one first; those that are not listed come last. Or it is a function, asked with every
 * question, whose lower numbers come first. Without it cheap paths come first: those that are neither metered nor cost
 * anything.
 *
 * @example Wi-Fi, then whatever else there is
 * ```ts
 * import { priority } from "@multipath/quic/schedulers";
 *
 * const mode = priority(["wifi"]);
 * ```
 */
export function priority(
  order: readonly (string | PathId)[] | ((path: PathView) => number) = priceOf,
): SchedulerFactory {
  const rankOf = typeof order === "function" ? order : listed(order);
  return () => ({
    name: "priority",
    schedule(work, view) {
      const tier = bestTier(work, view);
      let best: PathView | undefined;
      let least = Infinity;
      for (const path of view.paths) {
        if (path.room === 0 || tier === NO_TIER || tierOf(path, work, view.now) !== tier) continue;
        const rank = rankOf(path);
        if (best !== undefined && (rank > least || (rank === least && path.srtt >= best.srtt))) continue;
        best = path;
        least = rank;
      }
      return best === undefined ? HOLD : send(best);
    },
  });
}

function listed(order: readonly (string | PathId)[]): (path: PathView) => number {
  // Without a prototype, so that any word can be a label.
  const places: Record<string, number> = Object.create(null);
  for (const [place, name] of order.entries()) places[name] ??= place;
  return (path) => {
    const key = keyOf(places, path);
    return key === undefined ? order.length : places[key]!;
  };
}
