/**
 * The question that schedulers for unlike paths begin with: which path would be best, and which is the best that can take a
 * packet now.
 *
 * @module
 */
import type { ConnectionView, PathView, Work } from "./scheduler.ts";
import { NO_TIER, tierOf } from "./select.ts";

/** The lowest tier that any path is in for this work; {@linkcode NO_TIER}: there is no path for it. */
export function bestTier(work: Work, view: ConnectionView): number {
  const { paths, now } = view;
  let best = NO_TIER;
  for (let i = 0; i < paths.length; i++) best = Math.min(best, tierOf(paths[i]!, work, now));
  return best;
}

/** The path with the lowest round-trip time in a tier, the first of equals; with `mustHaveRoom` of those that have room. */
export function fastestInTier(
  tier: number,
  work: Work,
  view: ConnectionView,
  mustHaveRoom: boolean,
): PathView | undefined {
  const { paths, now } = view;
  let best: PathView | undefined;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    if (best !== undefined && path.srtt >= best.srtt) continue;
    if (mustHaveRoom && path.room === 0) continue;
    if (tier !== NO_TIER && tierOf(path, work, now) === tier) best = path;
  }
  return best;
}
