import fc from 'fast-check';
import type { Claim, NewMessage, Outcome, QueueStore } from '../src/store/port.ts';

const domains = ['a.example', 'b.example', 'c.example'];

const acceptance = {
  domains: fc.array(fc.constantFrom(...domains), { minLength: 1, maxLength: 4 }),
  site: fc.constantFrom(null, '', 'mx.example'),
  tenant: fc.constantFrom('t1', 't2'),
};

/** The acceptance of a message, with what {@link messageTo} needs. */
export const acceptStep = fc.record({ kind: fc.constant('accept' as const), ...acceptance });

/** A call of a store, or time that passes: a queue under any of them keeps its promises. */
export const queueStep = fc.oneof(
  acceptStep,
  fc.record({ kind: fc.constant('claim' as const), max: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('overdue' as const) }),
  fc.record({
    kind: fc.constant('settle' as const),
    outcome: fc.constantFrom('delivered', 'failed', 'deferred', 'unknown', 'held', 'rerouted', 'nothing'),
    release: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('route' as const), site: fc.constantFrom('mx.example', 'other.example') }),
  fc.record({
    kind: fc.constantFrom('hold' as const, 'release' as const, 'cancel' as const),
    domain: fc.constantFrom(...domains),
  }),
  fc.record({
    kind: fc.constant('site' as const),
    site: fc.constantFrom('mx.example', 'a.example'),
    suspended: fc.boolean(),
    note: fc.constantFrom('one', 'two'),
  }),
  fc.record({
    kind: fc.constant('reschedule' as const),
    domain: fc.constantFrom(...domains),
    afterMs: fc.constantFrom(0, 90_000),
  }),
  fc.record({ kind: fc.constant('later' as const), ms: fc.constantFrom(1000, 120_000, 400_000_000) }),
);

/** One of {@link queueStep}. */
export type QueueStep = typeof queueStep extends fc.Arbitrary<infer One> ? One : never;

/** A queue under test. */
export interface SteppedQueue {
  readonly store: QueueStore;
  /** Claims that are not settled, the oldest first. */
  readonly claims: Claim[];
  /** Lets time pass, in milliseconds. */
  advance(ms: number): Promise<void> | void;
}

/** Makes the call that a step says. */
export async function takeStep({ store, claims, advance }: SteppedQueue, step: QueueStep): Promise<void> {
  const request = { worker: 'w', max: 5, leaseMs: 60_000 };
  switch (step.kind) {
    case 'accept':
      await store.accept(messageTo(step));
      return;
    case 'claim': {
      const claim = await store.claim({ ...request, max: step.max });
      if (claim) claims.push(claim);
      return;
    }
    case 'overdue': {
      const claim = await store.claimOverdue(request);
      if (claim) claims.push(claim);
      return;
    }
    case 'settle': {
      const claim = claims.shift();
      if (!claim) return;
      const ids = claim.messages.flatMap(({ recipients }) =>
        recipients.map(({ recipientId }) => recipientId),
      );
      const outcomes = step.outcome === 'nothing' ? [] : ids.map((id) => outcomeOf(id, step.outcome));
      const feedback = step.outcome === 'deferred' && { feedback: { kind: 'throttled' as const } };
      await store.settle({ leaseId: claim.leaseId, outcomes, release: step.release, ...feedback });
      return;
    }
    case 'route': {
      const waiting = await store.unrouted({ max: 3, holdMs: 1 });
      await store.assignSites(
        waiting.map(({ recipientId }) => ({ recipientId, site: step.site })),
        [],
      );
      return;
    }
    case 'site':
      await store.setSite(step.site, { suspended: step.suspended, note: step.note });
      return;
    case 'reschedule':
      await store.reschedule({ domain: step.domain }, step.afterMs);
      return;
    case 'later':
      await advance(step.ms);
      await store.reap();
      return;
    default:
      await store[step.kind]({ domain: step.domain });
  }
}

/** A message to one recipient in each domain; `site: null` leaves it to the store. */
export function messageTo({
  domains: names,
  site,
  tenant,
}: {
  readonly domains: readonly string[];
  readonly site: string | null;
  readonly tenant: string;
}): NewMessage {
  return {
    sender: 'a@example.com',
    content: new TextEncoder().encode('From: a@example.com\r\n\r\nHello\r\n'),
    tenant,
    recipients: names.map((domain, n) => ({
      address: `${n}@${domain}`,
      domain,
      ...(site !== null && { site }),
    })),
  };
}

function outcomeOf(recipientId: string, status: string): Outcome {
  if (status === 'deferred') return { recipientId, status, retryAfterMs: 1000 };
  if (status === 'rerouted') return { recipientId, status, site: 'third.example' };
  return { recipientId, status } as Outcome;
}
