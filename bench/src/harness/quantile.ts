/** A metric for which a run reports a quantile of many measured times. */
export type QuantileMetric = 'p50' | 'p99';

/** Returns the time that this share of the times does not exceed. */
export function quantile(times: readonly number[], metric: QuantileMetric): number {
  const share = metric === 'p50' ? 0.5 : 0.99;
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!;
}
