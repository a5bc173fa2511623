import type { LatencyResult } from "../scenario/types.ts";

/** The percentile by nearest rank: the smallest value that at least `percent` of all do not exceed; 0 when there are none. */
export function percentile(sorted: readonly number[], percent: number): number {
  if (sorted.length === 0) return 0;
  // A share like 99.9 % of 1000 must not become 1000 by rounding.
  const rank = Math.ceil(Number((percent * sorted.length / 100).toFixed(9)));
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] as number;
}

/** Delays, summed up. */
export function summarise(values: readonly number[], late: number): LatencyResult {
  const sorted = [...values].sort((a, b) => a - b);
  const sum = sorted.reduce((total, value) => total + value, 0);
  return {
    count: sorted.length,
    mean: sorted.length === 0 ? 0 : sum / sorted.length,
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    p999: percentile(sorted, 99.9),
    max: percentile(sorted, 100),
    late,
  };
}
