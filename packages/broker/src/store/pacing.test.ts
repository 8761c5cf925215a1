import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowedConnections,
  applyFeedback,
  freshPacing,
  defaultSiteLimits as limits,
  type Pacing,
  type SiteFeedback,
  wakePacing,
} from './pacing.ts';

const succeeded: SiteFeedback = { kind: 'succeeded' };
const unreachable: SiteFeedback = { kind: 'unreachable' };

function after(
  feedback: readonly SiteFeedback[],
  start: Pacing = freshPacing(limits),
  now = 0,
  connections = 20,
): Pacing {
  return feedback.reduce((pacing, each) => applyFeedback(pacing, each, limits, connections, now), start);
}

const times = (count: number, feedback: SiteFeedback) => Array<SiteFeedback>(count).fill(feedback);

describe('pacing', () => {
  it('Q-07 Q-58 starts at 5 and rises by 1/N for each success, to 20', () => {
    expect(allowedConnections(freshPacing(limits), limits)).toBe(5);
    expect(allowedConnections(after(times(4, succeeded)), limits)).toBe(5);
    expect(allowedConnections(after(times(5, succeeded)), limits)).toBe(6);
    expect(allowedConnections(after(times(11, succeeded)), limits)).toBe(7);
    expect(allowedConnections(after(times(100_000, succeeded)), limits)).toBe(20);
  });

  it('Q-07 counts the messages that one connection carried', () => {
    expect(after([{ kind: 'succeeded', count: 5 }]).concurrency).toBe(6);
  });

  it('Q-07 does not rise far beyond the connections that are used', () => {
    const pacing = after(times(1000, succeeded), freshPacing(limits), 0, 1);
    expect(allowedConnections(pacing, limits)).toBe(6);
  });

  it('Q-35 falls by one at the start of a run of failures only', () => {
    const falls = [1, 2, 3, 4].map((count) => allowedConnections(after(times(count, unreachable)), limits));
    expect(falls).toEqual([4, 4, 4, 4]);
  });

  it('Q-36 pauses a site after a cohort of failures, and probes it with one connection after 300 s', () => {
    const dead = after(times(5, unreachable));
    expect(dead).toMatchObject({ pausedUntil: 300_000, pauseReason: 'unreachable', probing: true });
    expect(allowedConnections(dead, limits)).toBe(1);
    const alive = after([succeeded], dead, 300_000);
    expect(alive).toMatchObject({ concurrency: 5, probing: false, pausedUntil: 0, failedCohorts: 0 });
    const again = after([unreachable], dead, 300_000);
    expect(again).toMatchObject({ pausedUntil: 600_000, probing: true });
  });

  it('Q-35 begins a new run after a success', () => {
    const pacing = after([unreachable, unreachable, unreachable, succeeded, unreachable]);
    expect(pacing.failedCohorts).toBeCloseTo(0.25);
    expect(allowedConnections(pacing, limits)).toBe(3);
  });

  it('Q-37 Q-61 halves and pauses when the host asks for less, longer each time, once for all open connections', () => {
    const busy = after(times(100, succeeded));
    const once = after([{ kind: 'throttled' }, { kind: 'throttled' }, { kind: 'throttled' }], busy, 1000);
    expect(once).toMatchObject({ pausedUntil: 61_000, pauseReason: 'throttled', throttles: 1 });
    expect(allowedConnections(once, limits)).toBe(Math.floor(busy.concurrency / 2));
    const twice = after([{ kind: 'throttled' }], once, 61_000);
    expect(twice.pausedUntil).toBe(61_000 + 120_000);
    expect(after(times(1, succeeded), twice, 200_000).throttles).toBe(0);
  });

  it('Q-37 Q-61 takes the pause that the host named, up to four hours', () => {
    expect(after([{ kind: 'throttled', retryAfterMs: 7_200_000 }]).pausedUntil).toBe(7_200_000);
    expect(after([{ kind: 'throttled', retryAfterMs: 1e12 }]).pausedUntil).toBe(4 * 3_600_000);
    const first = after([{ kind: 'throttled', retryAfterMs: 10_000 }]);
    expect(after([{ kind: 'throttled', retryAfterMs: 30_000 }], first, 5000).pausedUntil).toBe(35_000);
  });

  it('ignores reports of connections that were open when a pause began', () => {
    const dead = after(times(5, unreachable));
    expect(after([succeeded, unreachable], dead, 299_999)).toEqual(dead);
  });

  it('starts low at a site that was not used', () => {
    const busy = after(times(1000, succeeded));
    expect(wakePacing(busy, limits, 0, 299_999)).toBe(busy);
    expect(wakePacing(busy, limits, 0, 300_000).concurrency).toBe(5);
    expect(wakePacing(freshPacing(limits), limits, 0, 1e9).concurrency).toBe(5);
  });

  it('Q-07 stays within its limits whatever is reported', () => {
    const feedback = fc.oneof(
      fc.record({ kind: fc.constant('succeeded' as const), count: fc.nat(100) }),
      fc.constant(unreachable),
      fc.record({ kind: fc.constant('throttled' as const), retryAfterMs: fc.integer({ min: -5, max: 1e9 }) }),
      fc.constant<SiteFeedback>({ kind: 'throttled' }),
    );
    const steps = fc.array(fc.tuple(feedback, fc.nat(400_000), fc.nat(20)), { maxLength: 100 });
    fc.assert(
      fc.property(steps, (all) => {
        let pacing = freshPacing(limits);
        let now = 1_700_000_000_000;
        for (const [each, wait, connections] of all) {
          now += wait;
          pacing = applyFeedback(pacing, each, limits, connections, now);
          const allowed = allowedConnections(pacing, limits);
          expect(allowed).toBeGreaterThanOrEqual(1);
          expect(allowed).toBeLessThanOrEqual(20);
          expect(pacing.pausedUntil - now).toBeLessThanOrEqual(4 * 3_600_000);
          expect(pacing.failedCohorts).toBeLessThan(1);
        }
      }),
    );
  });
});
