import { expect } from 'vitest';

// Far apart, because memory that no longer fits a cache costs a large input a constant factor; and below 128 KiB, from
// which on a string costs V8 an allocation of its own kind.
const SMALL = 7_500;
const FACTOR = 16;

/** Processor time of so many runs, in milliseconds; the clock of some machines steps by several. */
function processorTime(run: (n: number) => void, n: number, runs: number): number {
  const start = process.threadCpuUsage();
  for (let i = 0; i < runs; i++) run(n);
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}

/** As many runs of the large input as take long enough to be measured, at most 64, and the time of one. */
function measurableRuns(run: (n: number) => void): { runs: number; runMs: number } {
  for (let runs = 1; ; runs *= 2) {
    const ms = processorTime(run, SMALL * FACTOR, runs);
    if (ms >= 40 || runs === 64) return { runs, runMs: ms / runs };
  }
}

/** The same number of octets in small and in large inputs: 1 when time grows with the octets, 2 when with their square. */
function growthExponent(run: (n: number) => void, runs: number): number {
  const small = Math.max(processorTime(run, SMALL, runs * FACTOR), 1);
  const large = processorTime(run, SMALL * FACTOR, runs);
  return 1 + Math.log(Math.max(large, 1) / small) / Math.log(FACTOR);
}

/** Expects that `run` takes time proportional to `n`, the size of the input that it makes and reads. */
export function expectLinear(run: (n: number) => void): void {
  const { runs, runMs } = measurableRuns(run);
  // The square of 120,000 steps takes hundreds of times longer.
  if (runMs < 1) return;
  let exponent = Number.POSITIVE_INFINITY;
  // A busy machine may spoil a measurement; a quadratic reader fails all of them.
  for (let attempt = 0; attempt < 24 && exponent > 1.5; attempt++) {
    exponent = Math.min(exponent, growthExponent(run, runs));
  }
  // Doubling the input less than triples the time: an exponent under log2(3) = 1.58.
  expect(exponent).toBeLessThan(1.58);
}

/** Runs an action whose typed error is as good an end as a result. */
export function ignoringErrors(action: () => unknown): void {
  try {
    action();
  } catch {
    // refused
  }
}
