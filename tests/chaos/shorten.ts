/**
 * Shorter lists that fail too, by leaving out what is not needed (delta debugging, Zeller and Hildebrandt 2002).
 *
 * @module
 */

/** The list without whatever can be left out, as long as `fails` says so and `mayGoOn` lets it. */
export function shorten<T>(
  list: readonly T[],
  fails: (shorter: readonly T[]) => boolean,
  mayGoOn: () => boolean,
): readonly T[] {
  let shortest = list;
  let size = Math.max(1, list.length >> 1);
  while (shortest.length > 0 && mayGoOn()) {
    const before = shortest.length;
    for (let at = 0; at < shortest.length && mayGoOn();) {
      const shorter = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      if (fails(shorter)) shortest = shorter;
      else at += size;
    }
    if (size > 1) size >>= 1;
    else if (shortest.length === before) break;
  }
  return shortest;
}
