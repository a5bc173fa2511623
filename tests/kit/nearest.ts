/**
 * The known name that is nearest to what was typed: for "did you mean".
 *
 * @module
 */

/** The nearest of `names`, if it is near enough to be what was meant. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const steps = editSteps(typed.toLowerCase(), name.toLowerCase());
    // What shares no letter with it was not meant.
    if (steps < least && steps < Math.max(typed.length, name.length)) {
      least = steps;
      best = name;
    }
  }
  return best;
}

/** Letters to insert, delete, change or swap with their neighbour to get from one word to the other. */
export function editSteps(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1];
      let steps = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) steps = Math.min(steps, before[j - 2]! + 1);
      next.push(steps);
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}
