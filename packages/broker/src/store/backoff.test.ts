import { createSeededRandom } from '@mb/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectLinear } from '../../../../vitest.growth.ts';
import { defaultSchedule, parseServerDelay, retryDelayMs } from './backoff.ts';

const minute = 60_000;
const hour = 60 * minute;
const middle = () => 0.5;

describe('the retry schedule', () => {
  it('Q-04 Q-51 begins at 5 minutes and doubles to 4 hours', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempt) =>
      retryDelayMs(defaultSchedule, attempt, middle),
    );
    expect(delays).toEqual([5, 10, 20, 40, 80, 160, 240, 240, 240].map((minutes) => minutes * minute));
  });

  it('Q-04 varies by up to ten per cent in both directions', () => {
    const { random } = createSeededRandom('jitter');
    const delays = Array.from({ length: 2000 }, () => retryDelayMs(defaultSchedule, 1, random));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(4.5 * minute);
    expect(Math.max(...delays)).toBeLessThanOrEqual(5.5 * minute);
    expect(Math.min(...delays)).toBeLessThan(4.55 * minute);
    expect(Math.max(...delays)).toBeGreaterThan(5.45 * minute);
  });

  it('Q-31 waits for the delay that a host named, within bounds, and never less', () => {
    const named = (attempt: number, ms: number, random: number) =>
      retryDelayMs(defaultSchedule, attempt, () => random, ms);
    expect(named(1, 300_000, 0)).toBe(300_000);
    expect(named(1, 300_000, 0.99)).toBeLessThanOrEqual(330_000);
    expect(named(1, 1000, 0)).toBe(minute);
    expect(named(6, 1000, 0)).toBe((160 * minute) / 8);
    expect(named(1, 30 * 24 * hour, 0)).toBe(4 * hour);
  });

  it('stays finite and above zero whatever the attempt', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.option(fc.nat()),
        (attempt, random, server) => {
          const delay = retryDelayMs(defaultSchedule, attempt, () => random, server ?? undefined);
          expect(delay).toBeGreaterThanOrEqual(minute);
          expect(delay).toBeLessThanOrEqual(4.4 * hour);
        },
      ),
    );
    expect(retryDelayMs({ ...defaultSchedule, factor: 10 }, 100_000, middle)).toBe(4 * hour);
  });
});

describe('a delay named in a reply', () => {
  it.each([
    ['4.2.0 Greylisted, please try again in 300 seconds', 300_000],
    ['4.7.1 <a@example.net>: Recipient address rejected: Greylisted for 5 minutes', 5 * minute],
    ['Greylisting in action, please come back in 00:04:59', 299_000],
    ['Try again after 60s', 60_000],
    ['4.3.2 Please retry in 2 hours.', 2 * hour],
    ['too many messages, wait 10 min', 10 * minute],
    ['Message delayed 45 secs', 45_000],
    ['RETRY IN 1 HOUR', hour],
    ['please resend your message after about 15 minutes', 15 * minute],
  ])('Q-31 is found in "%s"', (text, expected) => {
    expect(parseServerDelay(text)).toBe(expected);
  });

  it.each([
    '4.2.2 Mailbox full',
    '4.7.0 Try again later (12345)',
    '421 Service shutting down, 30 connections open',
    'Too many connections: 20 in 60 seconds',
    'again at 12:30',
    'retry policy 5.7.1 minutes',
    '',
  ])('is not found in "%s"', (text) => {
    expect(parseServerDelay(text)).toBeUndefined();
  });

  it('takes no longer than linear time, whatever the text', () => {
    for (const text of ['again ', 'wait1 ', 'retry in ']) {
      expectLinear((n) => parseServerDelay(text.repeat(n / text.length)));
    }
  });
});
