import assert from 'node:assert/strict';
import type { Outcome } from '../port.ts';
import { changeByOutcome, type Intent } from '../recipient-transition.ts';
import { type ConformanceCase, claimedIds, draft, mustClaim, storeCase, type Verdict } from './harness.ts';

const verdicts: readonly Verdict[] = [
  { kind: 'delivered' },
  { kind: 'failed' },
  { kind: 'expired' },
  { kind: 'held' },
  { kind: 'unknown' },
  { kind: 'deferred', retryAfterMs: 60_000 },
  { kind: 'unattempted', retryAfterMs: 60_000 },
  { kind: 'rerouted', site: 'elsewhere.test' },
];
const intents: readonly Intent[] = [null, 'hold', 'cancel'];

/** An engine may write the transitions down again, such as in SQL; these compare it with {@link changeByOutcome}. */
export const transitionCases: readonly ConformanceCase[] = intents.flatMap((intent) =>
  verdicts.map((verdict) =>
    storeCase(
      `makes of ${verdict.kind} what the transitions say, when ${intent ?? 'nothing'} was asked for`,
      async (context) => {
        const { store } = context;
        const { messageId } = await store.accept(draft('a@example.net'));
        const claim = await mustClaim(context);
        if (intent) await store[intent]({ messageId });
        const after = await store.eventsEnd();
        const [recipientId] = claimedIds(claim);
        const outcome = { ...verdict, recipientId: recipientId! } as Outcome;
        await store.settle({ leaseId: claim.leaseId, outcomes: [outcome], release: true });

        const record = { state: 'in-flight', intent, attempts: 1, abandoned: 0 } as const;
        const change = changeByOutcome(record, outcome, 'attempt')!;
        const [view] = (await store.inspect(messageId))!.recipients;
        assert.equal(view!.state, change.state);
        assert.equal(view!.attempts, change.attempts);
        assert.equal(view!.inFlight, false);
        const { events } = await store.events(after);
        assert.deepEqual(
          events.map(({ type }) => type),
          change.events,
        );
        if (change.state !== 'queued') return;
        const [{ dueAt }, now] = [view!, (await store.inspect(messageId))!.acceptedAt];
        assert.equal(dueAt, now + change.dueInMs!);
      },
    ),
  ),
);
