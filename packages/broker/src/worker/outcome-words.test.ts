import type { RecipientResult } from '@mb/smtp-client';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { OutcomeDetail, RecipientOutcome } from '../delivery/outcome.ts';
import { type Outcome, storedStates } from '../store/index.ts';
import { queueEventTypes } from '../store/queue-event.ts';
import { changeByOutcome } from '../store/recipient-transition.ts';
import type { AttemptOutcome } from './worker.ts';

type StatusOf<Result extends { readonly status?: unknown }> = NonNullable<Result['status']>;
type Of<Each, Status> = Extract<Each, { readonly status: Status }>;

describe('the words for the outcome of a recipient', () => {
  it('are the same from the reply of a host to the queue', () => {
    expectTypeOf<StatusOf<RecipientOutcome>>().toEqualTypeOf<StatusOf<RecipientResult>>();
    expectTypeOf<StatusOf<OutcomeDetail>>().toEqualTypeOf<StatusOf<RecipientOutcome>>();
    expectTypeOf<StatusOf<AttemptOutcome>>().toEqualTypeOf<
      StatusOf<RecipientOutcome> | 'held' | 'unattempted'
    >();
    expectTypeOf<StatusOf<Outcome>>().toEqualTypeOf<
      StatusOf<AttemptOutcome> | 'expired' | 'rerouted' | 'delayed'
    >();
  });

  it('are distinguished by status: an attempt gives the outcome of the queue, except for the delay', () => {
    type Certain = 'delivered' | 'failed' | 'held' | 'unknown';
    expectTypeOf<Of<AttemptOutcome, Certain>>().toEqualTypeOf<Of<Outcome, Certain>>();
    type Delayed = Of<AttemptOutcome, 'deferred'> & { readonly retryAfterMs: number };
    expectTypeOf<Delayed>().toExtend<Of<Outcome, 'deferred'>>();
    expectTypeOf<Of<AttemptOutcome, 'deferred'>>().not.toExtend<Outcome>();
    expectTypeOf<'kind'>().not.toExtend<keyof Outcome>();
  });

  it.each(['delivered', 'failed', 'expired', 'held', 'unknown'] as const)(
    'name the state and the event that follow: %s',
    (status) => {
      const record = { state: 'in-flight', intent: null, attempts: 1, abandoned: 0 } as const;
      const change = changeByOutcome(record, { recipientId: '1.0', status }, 'attempt');
      expect(change).toMatchObject({ state: status, events: [status] });
      expect(storedStates).toContain(status);
      expect(queueEventTypes).toContain(status);
    },
  );
});
