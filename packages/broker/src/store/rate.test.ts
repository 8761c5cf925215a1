import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Rate, returnToRates, takeFromRates } from './rate.ts';

it('Q-38 grants no more than the count in any window of a rate, whatever the demand', () => {
  const rate = fc.record({
    count: fc.integer({ min: 1, max: 50 }),
    perMs: fc.constantFrom(1000, 60_000, 3_600_000),
  });
  const step = fc.record({ wait: fc.nat(5000), wanted: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(
      rate,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(step, { maxLength: 80 }),
      (base, share, steps) => {
        const limit: Rate = { ...base, burst: Math.max(1, Math.floor(base.count * share)) };
        let arrivals: readonly number[] = [];
        let now = 1_700_000_000_000;
        const taken: { at: number; count: number }[] = [];
        for (const { wait, wanted } of steps) {
          now += wait;
          const grant = takeFromRates([limit], arrivals, now, wanted);
          arrivals = grant.arrivals;
          expect(grant.granted).toBeLessThanOrEqual(wanted);
          if (grant.granted > 0) taken.push({ at: now, count: grant.granted });
          else expect(grant.readyAt).toBeGreaterThan(now);
        }
        for (const { at } of taken) {
          const inWindow = taken.filter((each) => each.at >= at && each.at < at + limit.perMs);
          // A whole recipient may straddle the edge when the clock shows whole milliseconds only.
          expect(inWindow.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(limit.count + 1);
        }
      },
    ),
  );
});

it('Q-38 grants exactly the count in the long run, and is ready at the time that it named', () => {
  const rates: Rate[] = [{ count: 7, perMs: 1000 }];
  let arrivals: readonly number[] = [];
  let now = 1_700_000_000_000;
  const end = now + 100_000;
  let granted = 0;
  while (now < end) {
    const grant = takeFromRates(rates, arrivals, now, 10);
    arrivals = grant.arrivals;
    granted += grant.granted;
    if (grant.granted === 0) {
      now = grant.readyAt;
      expect(takeFromRates(rates, arrivals, now, 1).granted).toBe(1);
    }
  }
  expect(granted).toBeGreaterThanOrEqual(690);
  expect(granted).toBeLessThanOrEqual(701);
});

it('applies the strictest of several rates, and gives back what was not used', () => {
  const rates: Rate[] = [
    { count: 100, perMs: 1000, burst: 100 },
    { count: 30, perMs: 60_000, burst: 30 },
  ];
  const first = takeFromRates(rates, [], 1000, 50);
  expect(first.granted).toBe(30);
  expect(takeFromRates(rates, first.arrivals, 1000, 1).granted).toBe(0);
  const returned = returnToRates(rates, first.arrivals, 10);
  expect(takeFromRates(rates, returned, 1000, 50).granted).toBe(10);
});

it('grants everything when there is no rate', () => {
  expect(takeFromRates([], [], 5, 20)).toEqual({ granted: 20, arrivals: [], readyAt: 5 });
});
