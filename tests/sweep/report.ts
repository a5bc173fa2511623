/**
 * What a sweep found.
 *
 * @module
 */
import { formatTable } from "../../cli/format.ts";
import { aggregationBenefit, distributionOf } from "./benefit.ts";
import type { Case, Outcome } from "./runs.ts";

/** Benefits of the cases that have something in common. */
export interface Group {
  readonly name: string;
  readonly benefits: readonly number[];
}

/** What a sweep found. */
export interface Findings {
  /** All cases, and those that start on the path that is better alone, or worse. */
  readonly groups: readonly Group[];
  /** Runs that did not complete, with why; their cases have no benefit. */
  readonly failed: readonly Outcome[];
  /** Cases that have none. */
  readonly without: number;
}

/** Puts together what the cases' runs gave; all of them must be there. */
export function findingsOf(cases: readonly Case[], outcomes: ReadonlyMap<string, Outcome>): Findings {
  const [all, better, worse]: [number[], number[], number[]] = [[], [], []];
  const failed = new Map<string, Outcome>();
  const outcomeOf = (key: string): Outcome => {
    const outcome = outcomes.get(key);
    if (outcome === undefined) throw new RangeError(`Run ${key} is missing`);
    if (outcome.ms === null) failed.set(key, outcome);
    return outcome;
  };
  for (const { together, alone } of cases) {
    const times = [together, ...alone].map(({ key }) => outcomeOf(key).ms);
    if (times.includes(null)) continue;
    // All runs move the same bytes: goodput goes with one over the time.
    const [goodput, first, second] = times.map((ms) => 1 / (ms as number)) as [number, number, number];
    const benefit = aggregationBenefit(goodput, [first, second]);
    all.push(benefit);
    (first >= second ? better : worse).push(benefit);
  }
  const groups = [
    { name: "all", benefits: all },
    { name: "better path first", benefits: better },
    { name: "worse path first", benefits: worse },
  ];
  return { groups, failed: [...failed.values()], without: cases.length - all.length };
}

/** The distribution of the benefit in each group, as a table. */
export function tableOf(groups: readonly Group[]): string {
  const head = ["cases", "count", "min", "quartile", "median", "quartile", "max", "above 0"];
  const rows = groups.map(({ name, benefits }) => {
    if (benefits.length === 0) return [name, "0", ...Array<string>(6).fill("-")];
    const { count, min, lowerQuartile, median, upperQuartile, max, aboveZero } = distributionOf(benefits);
    const values = [min, lowerQuartile, median, upperQuartile, max].map(formatBenefit);
    return [name, `${count}`, ...values, `${(aboveZero * 100).toFixed(1)} %`];
  });
  return formatTable([head, ...rows]);
}

function formatBenefit(benefit: number): string {
  return benefit.toFixed(3).replace(/^-(0\.0+)$/, "$1");
}
