/** A metric of which a run tells one figure of many times. */
export type QuantileMetric = 'p50' | 'p99';

/** What this share of the times takes at most. */
export function quantile(times: readonly number[], metric: QuantileMetric): number {
  const share = metric === 'p50' ? 0.5 : 0.99;
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!;
}
