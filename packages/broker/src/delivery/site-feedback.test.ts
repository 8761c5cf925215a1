import { describe, expect, it } from 'vitest';
import type { FailureScope } from './failure.ts';
import type { RecipientOutcome, Stage } from './outcome.ts';
import { combineFeedback, siteFeedbackOf } from './site-feedback.ts';

const scopes: readonly FailureScope[] = ['recipient', 'message', 'sender', 'session', 'destination'];

/** What each class of outcome says at the stages of one group; the scope is named where it matters. */
type Kind = 'succeeded' | 'answered' | 'unreachable' | 'throttled' | 'credentials-refused' | undefined;
const stageGroups: Readonly<Record<string, readonly Stage[]>> = {
  'no host': ['suppression', 'route', 'policy'],
  'before MAIL': ['connect', 'greeting', 'ehlo', 'helo', 'starttls', 'tls', 'auth'],
  'in the session': ['mail', 'rcpt', 'data', 'chunk', 'content', 'final'],
};
const table: readonly [group: string, outcomeClass: string, expected: Kind | 'by scope'][] = [
  ['no host', 'failed', undefined],
  ['no host', 'deferred', undefined],
  ['no host', 'deferred without reply', undefined],
  ['no host', 'slow-down', undefined],
  ['no host', 'local', undefined],
  ['before MAIL', 'failed', 'by scope'],
  ['before MAIL', 'deferred', 'unreachable'],
  ['before MAIL', 'deferred without reply', 'unreachable'],
  ['before MAIL', 'slow-down', 'throttled'],
  ['before MAIL', 'local', undefined],
  ['before MAIL', 'credentials', 'credentials-refused'],
  ['in the session', 'delivered', 'succeeded'],
  ['in the session', 'failed', 'by scope'],
  ['in the session', 'deferred', 'answered'],
  ['in the session', 'deferred without reply', undefined],
  ['in the session', 'slow-down', 'throttled'],
  ['in the session', 'refused and slow-down', 'throttled'],
  ['in the session', 'reconnect', 'answered'],
  ['in the session', 'untouched', undefined],
  ['in the session', 'unknown', undefined],
  ['in the session', 'local', undefined],
];

const reply = (code: number, text = 'No') => ({ code, lines: [text] });
const base = {
  recipient: 'a@example.org',
  attempt: 1,
  maybeDelivered: false,
  transcript: [],
  enhanced: '',
  reason: '',
};

function outcomeOf(outcomeClass: string, stage: Stage, scope: FailureScope): RecipientOutcome {
  const common = { ...base, stage, scope, category: 'temporary-host', action: 'retry' } as const;
  switch (outcomeClass) {
    case 'delivered':
      return { ...base, status: 'delivered', stage, host: 'mx.example.org', reply: reply(250) };
    case 'unknown':
      return { ...base, status: 'unknown', stage };
    case 'failed':
      return { ...common, status: 'failed', action: 'fail', reply: reply(550) };
    case 'refused and slow-down':
      return { ...common, status: 'failed', action: 'slow-down', reply: reply(550) };
    case 'deferred without reply':
      return { ...common, status: 'deferred' };
    case 'local':
      return { ...common, status: 'deferred', category: 'local' };
    case 'credentials':
      return { ...common, status: 'deferred', category: 'local', action: 'pause', reply: reply(535) };
    case 'untouched':
      return { ...common, status: 'deferred', action: 'slow-down', reply: reply(421), untouched: true };
    default:
      return {
        ...common,
        status: 'deferred',
        action: outcomeClass === 'slow-down' || outcomeClass === 'reconnect' ? outcomeClass : 'retry',
        reply: reply(450),
      };
  }
}

describe('PACE-01 PACE-06 PACE-05 what an outcome says about its site follows from its stage, its class and its scope', () => {
  it.each(table)('%s, %s: %s', (group, outcomeClass, expected) => {
    for (const stage of stageGroups[group]!) {
      for (const scope of scopes) {
        const decided = scope === 'recipient' || scope === 'message';
        const kind = expected === 'by scope' ? (decided ? 'succeeded' : 'answered') : expected;
        expect([stage, scope, siteFeedbackOf([outcomeOf(outcomeClass, stage, scope)])?.kind]).toEqual([
          stage,
          scope,
          kind,
        ]);
      }
    }
  });
});

it('PACE-02 takes a pause from the words of the host, else from the rule', () => {
  const slow = { ...outcomeOf('slow-down', 'rcpt', 'destination'), afterMs: 7_200_000 } as RecipientOutcome;
  expect(siteFeedbackOf([slow])).toEqual({ kind: 'throttled', retryAfterMs: 7_200_000 });
  const named = { ...slow, reply: reply(421, 'Slow down, try again in 90 seconds') } as RecipientOutcome;
  expect(siteFeedbackOf([named])).toEqual({ kind: 'throttled', retryAfterMs: 90_000 });
});

it('PACE-03 PACE-10 PACE-09 PACE-08 lets a host that asks for less outweigh the rest of a claim, and an answer outweigh silence', () => {
  const [succeeded, answered, unreachable] = [
    { kind: 'succeeded' },
    { kind: 'answered' },
    { kind: 'unreachable' },
  ] as const;
  const throttled = { kind: 'throttled', retryAfterMs: 5 } as const;
  expect(combineFeedback([succeeded, throttled, { kind: 'throttled' }, unreachable])).toEqual(throttled);
  expect(combineFeedback([succeeded, { kind: 'credentials-refused' }])).toEqual({
    kind: 'credentials-refused',
  });
  expect(combineFeedback([unreachable, succeeded, answered, succeeded])).toEqual({
    kind: 'succeeded',
    count: 2,
  });
  expect(combineFeedback([unreachable, answered])).toEqual(answered);
  expect(combineFeedback([unreachable])).toEqual(unreachable);
  expect(combineFeedback([])).toBeUndefined();
});
