import { describe, expect, it } from 'vitest';
import type { Outcome } from './port.ts';
import { isFinal, storedStates } from './recipient-state.ts';
import {
  changeByCommand,
  changeByLostLease,
  changeByOutcome,
  changeByRelease,
  type Intent,
  type RecipientRecord,
} from './recipient-transition.ts';

const record = (more: Partial<RecipientRecord> = {}): RecipientRecord => {
  return { state: 'in-flight', intent: null, attempts: 3, abandoned: 1, ...more };
};
const outcomes: readonly Outcome[] = [
  { recipientId: '1.0', status: 'delivered' },
  { recipientId: '1.0', status: 'failed' },
  { recipientId: '1.0', status: 'expired' },
  { recipientId: '1.0', status: 'held' },
  { recipientId: '1.0', status: 'unknown' },
  { recipientId: '1.0', status: 'deferred', retryAfterMs: 5 },
  { recipientId: '1.0', status: 'unattempted', retryAfterMs: 7 },
  { recipientId: '1.0', status: 'rerouted', site: 'x' },
  { recipientId: '1.0', status: 'delayed' },
];

describe('outcomes', () => {
  it('cause the transitions of the table', () => {
    const table = outcomes.map((outcome) => {
      const change = changeByOutcome(record(), outcome, 'attempt')!;
      return [outcome.status, change.state, change.attempts, change.dueInMs, change.events.join()];
    });
    expect(table).toEqual([
      ['delivered', 'delivered', 3, undefined, 'delivered'],
      ['failed', 'failed', 3, undefined, 'failed'],
      ['expired', 'expired', 2, undefined, 'expired'],
      ['held', 'held', 3, undefined, 'held'],
      ['unknown', 'unknown', 3, undefined, 'unknown'],
      ['deferred', 'queued', 3, 5, 'deferred'],
      ['unattempted', 'queued', 2, 7, 'returned'],
      ['rerouted', 'queued', 2, 0, 'returned'],
      ['delayed', 'queued', 3, undefined, 'delayed'],
    ]);
  });

  it('Q-03 Q-49 are refused from a stale lease in every state, except a delivery while the state is not final', () => {
    for (const state of storedStates) {
      for (const outcome of outcomes) {
        const change = changeByOutcome(record({ state }), outcome, 'stale');
        if (outcome.status === 'delivered' && !isFinal(state)) expect(change?.state).toBe('delivered');
        else expect(change).toBeUndefined();
      }
    }
  });

  it('are followed by what an operator wanted meanwhile, unless they are final', () => {
    for (const outcome of outcomes) {
      const held = changeByOutcome(record({ intent: 'hold' }), outcome, 'attempt')!;
      const cancelled = changeByOutcome(record({ intent: 'cancel' }), outcome, 'attempt')!;
      const final = ['delivered', 'failed', 'expired'].includes(outcome.status);
      expect(held.state).toBe(final ? outcome.status : 'held');
      expect(cancelled.state).toBe(final ? outcome.status : 'cancelled');
      expect(cancelled.events.at(-1)).toBe(final ? outcome.status : 'cancelled');
    }
  });

  it('Q-06 never make a count of attempts negative', () => {
    for (const outcome of outcomes) {
      expect(changeByOutcome(record({ attempts: 0 }), outcome, 'attempt')!.attempts).toBeGreaterThanOrEqual(
        0,
      );
    }
    expect(changeByRelease(record({ attempts: 0 }), 'attempt').attempts).toBe(0);
  });
});

it('a lost lease counts the attempt, is due at once the first time, and later each further time', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((abandoned) => {
    return changeByLostLease(record({ abandoned }), 'retry', 'attempt').dueInMs! / 60_000;
  });
  expect(delays).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60]);
  expect(changeByLostLease(record(), 'hold', 'attempt')).toMatchObject({ state: 'held', attempts: 3 });
  expect(changeByLostLease(record(), 'report', 'attempt')).toMatchObject({ state: 'unknown', attempts: 3 });
  expect(changeByLostLease(record(), 'hold', 'overdue')).toMatchObject({ state: 'queued', events: [] });
});

it('Q-10 commands cause the transitions of the table, from every state', () => {
  const intents: readonly Intent[] = [null, 'hold', 'cancel'];
  const table = (['hold', 'release', 'cancel'] as const).map((command) => [
    command,
    ...storedStates.flatMap((state) => {
      return (state === 'in-flight' ? intents : [null]).map((intent) => {
        const change = changeByCommand({ state, intent }, command);
        if (!change) return '-';
        return 'intent' in change ? `intent ${change.intent}` : change.state;
      });
    }),
  ]);
  //               queued       in flight, then with intent hold, cancel          held         unknown      final
  expect(table).toEqual([
    ['hold', 'held', 'intent hold', '-', '-', '-', 'held', '-', '-', '-', '-'],
    ['release', '-', '-', 'intent null', '-', 'queued', 'queued', '-', '-', '-', '-'],
    [
      'cancel',
      'cancelled',
      'intent cancel',
      'intent cancel',
      '-',
      'cancelled',
      'cancelled',
      '-',
      '-',
      '-',
      '-',
    ],
  ]);
});
