import type { CidPool } from "../paths/cid_pool.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";

/**
 * The paths for CONNECTION_CLOSE, the one that was heard from last first: all that are open and can carry so many bytes, since
 * any of them may be dead without anyone knowing. Without any, the best of the others: it goes with the last id of one that is
 * closing.
 */
export function closePaths(paths: PathSet, pool: CidPool, room: number): Path[] {
  const able = [...paths.all()].filter((path) =>
    path.route.allowance >= room &&
    (path.state === "closing" ? pool.lastId(path.id) !== undefined : pool.hasIdFor(path.id, path.route.number))
  );
  able.sort((a, b) => b.lastReceivedAt - a.lastReceivedAt);
  const open = able.filter((path) => path.state === "usable" || path.state === "suspended");
  if (open.length > 0) return open;
  const rest = able.find((path) => path.state !== "closing") ?? able[0];
  return rest === undefined ? [] : [rest];
}
