import { expect, it } from 'vitest';
import { formatProgress, type ProgressFacts } from './progress.ts';

const FACTS: ProgressFacts = {
  value: 410,
  total: 1000,
  counts: { delivered: 407, failed: 3 },
  elapsedMs: 11_700,
};

it('tells share, count, rate, estimate and trouble in one line', () => {
  expect(formatProgress(FACTS)).toBe('41 %, 410 of 1000, 35/s, 17 s left, 3 failed');
  expect(formatProgress({ ...FACTS, total: 315_815 })).toContain('2 h 30 min left');
  expect(formatProgress({ ...FACTS, total: 7410 })).toContain('3 min left');
  expect(formatProgress({ ...FACTS, value: 0, elapsedMs: 0, counts: {} })).toBe('0 %, 0 of 1000, 0.0/s');
});

it('has a bar where it fits, and leaves out what does not', () => {
  expect(formatProgress(FACTS, 80)).toMatch(
    /^█{12}░{18} {2}41 % {2}410 of 1000 {2}35\/s {2}17 s left {2}3 failed$/,
  );
  expect(formatProgress({ ...FACTS, value: 1000 }, 80)).toMatch(/^█+ {2}100 %/);
  for (let width = 10; width < 140; width += 1) {
    expect(formatProgress(FACTS, width).length).toBeLessThan(width);
  }
  expect(formatProgress({ ...FACTS, value: 0, total: 0 }, 40)).toContain('100 %');
});
