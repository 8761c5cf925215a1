/**
 * Rates by the generic cell rate algorithm (ITU-T I.371). The state of a rate is one number, its "theoretical arrival
 * time", so that workers on several machines can share it in a row.
 */
import { integer, type OptionTable, required } from '../option-table.ts';

/** At most `count` recipients in any `perMs` milliseconds. */
export interface Rate {
  /** At least 1. */
  readonly count: number;
  /** For example 1,000, 60,000 or 3,600,000. */
  readonly perMs: number;
  /** How many may go at once, 1 to `count`; the others are spread evenly. Default 1. */
  readonly burst?: number | undefined;
}

/** What `Rate` accepts. */
export const rateOptions = {
  count: required(integer(1, 1_000_000)),
  perMs: required(integer(1, 86_400_000, { unit: 'ms' })),
  burst: integer(1, 1_000_000),
} satisfies OptionTable<Rate>;

/** What rates allow now. */
export interface RateGrant {
  /** How many of those wanted may go now. */
  readonly granted: number;
  /** The arrival time of each rate after the granted recipients. */
  readonly arrivals: readonly number[];
  /** When one more may go, if none may now; epoch milliseconds. */
  readonly readyAt: number;
}

/** Tolerance for rounding: a double holds today's epoch milliseconds to a quarter of a microsecond. */
const roundingMs = 1e-3;

/** Milliseconds between two recipients. A burst makes them longer, so that no window exceeds `count`. */
function rateIntervalMs(rate: Rate): number {
  return rate.perMs / (rate.count - (rate.burst ?? 1) + 1);
}

/**
 * Takes up to `wanted` from all rates together.
 *
 * @param arrivals  The arrival times that the previous call returned, one for each rate; shorter or empty at first.
 * @param now       Epoch milliseconds.
 */
export function takeFromRates(
  rates: readonly Rate[],
  arrivals: readonly number[],
  now: number,
  wanted: number,
): RateGrant {
  let granted = wanted;
  let readyAt = now;
  const current = rates.map((_, i) => Math.max(arrivals[i] ?? 0, now));
  for (const [i, rate] of rates.entries()) {
    const interval = rateIntervalMs(rate);
    const burst = rate.burst ?? 1;
    const room = Math.floor((now - current[i]! + burst * interval + roundingMs) / interval);
    if (room < 1) readyAt = Math.max(readyAt, Math.ceil(current[i]! - (burst - 1) * interval - roundingMs));
    granted = Math.max(0, Math.min(granted, room));
  }
  return { granted, arrivals: addToArrivals(rates, current, granted), readyAt };
}

/** Gives back `count` that were taken and not used. */
export function returnToRates(
  rates: readonly Rate[],
  arrivals: readonly number[],
  count: number,
): readonly number[] {
  return addToArrivals(rates, arrivals, -count);
}

function addToArrivals(rates: readonly Rate[], arrivals: readonly number[], count: number): number[] {
  return rates.map((rate, i) => (arrivals[i] ?? 0) + count * rateIntervalMs(rate));
}
