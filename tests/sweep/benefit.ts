/**
 * The experimental aggregation benefit, and how it is distributed.
 *
 * @module
 */
import { percentile } from "../kit/sim/percentiles.ts";

/**
 * `(G - max(Gi)) / (sum(Gi) - max(Gi))` of the goodput `together` and those of each path `alone`, in any one unit: 0 is as
 * good as the best path, 1 as good as all of them added up. Throws `RangeError` for goodputs that are not above 0, and fewer
 * than two paths.
 */
export function aggregationBenefit(together: number, alone: readonly number[]): number {
  if (alone.length < 2) throw new RangeError(`Paths are ${alone.length}: expected at least 2`);
  for (const goodput of [together, ...alone]) {
    if (!(goodput > 0 && goodput < Infinity)) throw new RangeError(`Goodput is ${goodput}: expected more than 0`);
  }
  const best = Math.max(...alone);
  const sum = alone.reduce((total, goodput) => total + goodput, 0);
  return (together - best) / (sum - best);
}

/** What there is to say of a list of values. */
export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
  readonly max: number;
  /** Share of values above 0, from 0 to 1. */
  readonly aboveZero: number;
}

/** Sums up values; quartiles are by nearest rank. All is 0 when there are none. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    count: sorted.length,
    min: sorted[0] ?? 0,
    lowerQuartile: percentile(sorted, 25),
    median: percentile(sorted, 50),
    upperQuartile: percentile(sorted, 75),
    max: sorted.at(-1) ?? 0,
    aboveZero: sorted.length === 0 ? 0 : sorted.filter((value) => value > 0).length / sorted.length,
  };
}
