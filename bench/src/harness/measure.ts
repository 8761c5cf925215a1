import { max, median, min } from 'simple-statistics';
import type { Lane, Series } from './lane.ts';

/** Median and range of a series. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median and range of at least one value. */
export function summarise(values: readonly number[]): Summary {
  const series = [...values];
  return { median: median(series), min: min(series), max: max(series) };
}

/** The range that holds the median of what the values are a sample of, with 95 % confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The 95 % confidence interval of a median, by the ranks of the values: it assumes nothing about their distribution.
 * Fewer than six values have none.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  // Each value is above the median with a chance of one half, so that the number of those above it is binomial.
  const rank = Math.round(values.length / 2 - 0.98 * Math.sqrt(values.length));
  const series = [...values].sort((a, b) => a - b);
  const [low, high] = [series[rank - 1], series[values.length - rank]];
  return low === undefined || high === undefined ? undefined : { low, high };
}

/**
 * Runs all contenders of a row in turn, round by round.
 *
 * @param onRound called after the warm-up and after each round with the number of finished rounds.
 */
export async function measure(
  lanes: readonly Lane[],
  rounds: number,
  onRound: (done: number) => void,
): Promise<Series[]> {
  for (const lane of lanes) await lane.warmUp();
  onRound(0);
  for (let round = 0; round < rounds; round++) {
    for (const lane of turnOrder(lanes, round)) await lane.sample();
    onRound(round + 1);
  }
  return lanes.map((lane) => lane.series());
}

/**
 * Order of the contenders in a round: each order is also run backwards, and every two rounds it rotates by one,
 * so that no contender always runs first, nor always after the same one.
 */
export function turnOrder<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : Math.floor(round / 2) % items.length;
  const rotated = [...items.slice(start), ...items.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}
