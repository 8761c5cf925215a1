import assert from 'node:assert/strict';
import type { Claim, NewMessage, Outcome, UnknownPolicy } from '../port.ts';
import { type StoredState, shownState, storedStates } from '../recipient-state.ts';
import {
  type Command,
  changeByCommand,
  changeByLostLease,
  changeByOutcome,
  changeByRelease,
  type Intent,
  type RecipientChange,
  type RecipientRecord,
} from '../recipient-transition.ts';
import {
  type ConformanceCase,
  claimedIds,
  draft,
  leaseMs,
  mustClaim,
  type SharedOutcome,
  type StoreUnderTest,
  settleAll,
  storeCase,
} from './harness.ts';

const sharedOutcomes: readonly SharedOutcome[] = [
  { status: 'delivered' },
  { status: 'failed' },
  { status: 'expired' },
  { status: 'held' },
  { status: 'unknown' },
  { status: 'deferred', retryAfterMs: 60_000 },
  { status: 'unattempted', retryAfterMs: 60_000 },
  { status: 'rerouted', site: 'elsewhere.test' },
  { status: 'delayed' },
];
const intents: readonly Intent[] = [null, 'hold', 'cancel'];
const commands: readonly Command[] = ['hold', 'release', 'cancel'];
const policies: readonly UnknownPolicy[] = ['retry', 'hold', 'report'];

type Reporter = 'attempt' | 'overdue';
const reporters: readonly Reporter[] = ['attempt', 'overdue'];

/** A recipient that a lease holds, with the intent that an operator has for it. */
interface InFlight {
  readonly messageId: string;
  readonly claim: Claim;
  readonly record: RecipientRecord;
  /** Epoch milliseconds at which it was due when it was claimed. */
  readonly dueAt: number;
  /** End of the log when it was in flight. */
  readonly cursor: string;
}

const noticeAfterMs = 1000;

/** Accepts a message and claims it: for an attempt, or because its delay notice is due. */
async function takeInFlight(
  context: StoreUnderTest,
  reporter: Reporter,
  intent: Intent,
  more: Partial<NewMessage> = {},
): Promise<InFlight> {
  const { store } = context;
  const overdue = { notBefore: await timeOf(context), delayNoticeAfterMs: noticeAfterMs };
  const { messageId } = await store.accept(
    draft('a@example.net', reporter === 'overdue' ? { ...more, ...overdue } : more),
  );
  if (reporter === 'overdue') {
    // The site is suspended, so that the recipient waits until its delay notice is due.
    await store.setSite('example.net', { suspended: true });
    await context.advance(noticeAfterMs + 1);
  }
  const { dueAt } = (await store.inspect(messageId))!.recipients[0]!;
  const claim =
    reporter === 'attempt'
      ? await mustClaim(context)
      : (await store.claimOverdue({ worker: 'w1', max: 20, leaseMs }))!;
  assert.deepEqual(claimedIds(claim), [`${messageId}.0`]);
  if (intent) await store[intent]({ messageId });
  const attempts = reporter === 'attempt' ? 1 : 0;
  const record: RecipientRecord = { state: 'in-flight', intent, attempts, abandoned: 0 };
  return { messageId, claim, record, dueAt: dueAt!, cursor: await store.eventsEnd() };
}

/** The store's time, at which it accepts something. */
async function timeOf({ store }: StoreUnderTest): Promise<number> {
  const { messageId } = await store.accept(draft('clock@clock.test', { notBefore: 8_000_000_000_000 }));
  const { acceptedAt } = (await store.inspect(messageId))!;
  await store.cancel({ messageId });
  return acceptedAt;
}

/** Compares a recipient with the result of a transition. */
async function expectChange(
  context: StoreUnderTest,
  { messageId, dueAt, cursor }: Pick<InFlight, 'messageId' | 'dueAt' | 'cursor'>,
  change: RecipientChange,
): Promise<void> {
  const { store } = context;
  const { events } = await store.events(cursor);
  assert.deepEqual(
    events.map(({ type }) => type),
    change.events,
  );
  const [view] = (await store.inspect(messageId))!.recipients;
  assert.deepEqual([view!.state, view!.attempts, view!.inFlight], [change.state, change.attempts, false]);
  if (change.state !== 'queued') return;
  assert.equal(view!.dueAt, change.dueInMs === undefined ? dueAt : (await timeOf(context)) + change.dueInMs);
}

const pending = (intent: Intent) => `with ${intent ?? 'no'} intent`;

/** Outcomes, released leases and lost leases of a recipient in flight. */
const inFlightCases = reporters.flatMap((reporter) =>
  intents.flatMap((intent) => [
    ...sharedOutcomes.map((shared) =>
      storeCase(
        `applies the transition of ${shared.status} (${reporter}), ${pending(intent)}`,
        async (context) => {
          const inFlight = await takeInFlight(context, reporter, intent);
          const outcome = { ...shared, recipientId: `${inFlight.messageId}.0` } as Outcome;
          const { leaseId } = inFlight.claim;
          const { refused } = await context.store.settle({ leaseId, outcomes: [outcome], release: true });
          assert.deepEqual(refused, []);
          await expectChange(context, inFlight, changeByOutcome(inFlight.record, outcome, reporter)!);
        },
      ),
    ),
    storeCase(
      `applies the transition of a release without an outcome (${reporter}), ${pending(intent)}`,
      async (context) => {
        const inFlight = await takeInFlight(context, reporter, intent);
        const { leaseId } = inFlight.claim;
        await context.store.settle({ leaseId, outcomes: [], release: true });
        await expectChange(context, inFlight, changeByRelease(inFlight.record, reporter));
      },
    ),
    ...policies.map((onUnknown) =>
      storeCase(
        `applies the transition of a lost lease (${reporter}, ${onUnknown}), ${pending(intent)}`,
        async (context) => {
          const inFlight = await takeInFlight(context, reporter, intent, { onUnknown });
          await context.advance(leaseMs + 1);
          assert.equal(await context.store.reap(), 1);
          await expectChange(context, inFlight, changeByLostLease(inFlight.record, onUnknown, reporter));
        },
      ),
    ),
  ]),
);

const lostAgain = storeCase('applies the transitions of a lease that is lost repeatedly', async (context) => {
  const { store } = context;
  const { messageId } = await store.accept(draft('a@example.net'));
  for (let abandoned = 0; abandoned < 4; abandoned++) {
    await mustClaim(context);
    const record: RecipientRecord = {
      state: 'in-flight',
      intent: null,
      attempts: abandoned + 1,
      abandoned,
    };
    const cursor = await store.eventsEnd();
    await context.advance(leaseMs + 1);
    assert.equal(await store.reap(), 1);
    const change = changeByLostLease(record, 'retry', 'attempt');
    await expectChange(context, { messageId, dueAt: 0, cursor }, change);
    await context.advance(change.dueInMs!);
  }
});

/** Reports of a worker whose lease was lost, while the recipient waits and after it was finished. */
const staleCases = sharedOutcomes.flatMap((shared) =>
  (['queued', 'failed'] as const).map((state) =>
    storeCase(
      `applies the transition of ${shared.status} without a lease, when ${state}`,
      async (context) => {
        const { store } = context;
        const { messageId, claim } = await takeInFlight(context, 'attempt', null);
        await context.advance(leaseMs + 1);
        await store.reap();
        let attempts = 1;
        if (state === 'failed') {
          await settleAll(context, await mustClaim(context), { status: 'failed' });
          attempts = 2;
        }
        const { dueAt } = (await store.inspect(messageId))!.recipients[0]!;
        const cursor = await store.eventsEnd();
        const { refused } = await settleAll(context, claim, shared);
        const record: RecipientRecord = { state, intent: null, attempts, abandoned: 1 };
        const change = changeByOutcome(record, { ...shared, recipientId: '' } as Outcome, 'stale');
        assert.deepEqual(refused, change ? [] : claimedIds(claim));
        const unchanged: RecipientChange = { state, attempts, abandoned: 1, events: [] };
        await expectChange(context, { messageId, dueAt: dueAt ?? 0, cursor }, change ?? unchanged);
      },
    ),
  ),
);

/** Brings a recipient into a state. */
async function bringInto(context: StoreUnderTest, state: StoredState): Promise<string> {
  const { store } = context;
  const expireAfterMs = state === 'expired' ? 1 : undefined;
  const { messageId } = await store.accept(
    draft('a@example.net', expireAfterMs === undefined ? {} : { expireAfterMs }),
  );
  if (state === 'queued') return messageId;
  if (state === 'cancelled') await store.cancel({ messageId });
  else if (state === 'expired') {
    await context.advance(2);
    const claim = await store.claimOverdue({ worker: 'w1', max: 20, leaseMs });
    await settleAll(context, claim!, { status: 'expired' });
  } else {
    const claim = await mustClaim(context);
    if (state !== 'in-flight') await settleAll(context, claim, { status: state });
  }
  const [view] = (await store.inspect(messageId))!.recipients;
  assert.deepEqual([view!.state, view!.inFlight], [shownState(state), state === 'in-flight']);
  return messageId;
}

/** Commands of an operator in each state. */
const commandCases = storedStates.flatMap((state) => [
  ...commands.map((command) =>
    storeCase(`applies the transition of ${command}, when ${state}`, async (context) => {
      const { store } = context;
      const messageId = await bringInto(context, state);
      const before = (await store.inspect(messageId))!.recipients[0]!;
      const cursor = await store.eventsEnd();
      const change = changeByCommand({ state, intent: null }, command);
      assert.equal(await store[command]({ messageId }), change ? 1 : 0);
      const after = (await store.inspect(messageId))!.recipients[0]!;
      const types = (await store.events(cursor)).events.map(({ type }) => type);
      if (change && 'state' in change) {
        assert.deepEqual([after.state, after.inFlight, types], [change.state, false, [change.event]]);
      } else {
        assert.deepEqual([after.state, after.inFlight, types], [before.state, before.inFlight, []]);
      }
      assert.equal(after.attempts, before.attempts);
    }),
  ),
  storeCase(
    `changes only the due time by reschedule, and only of a waiting recipient, when ${state}`,
    async (context) => {
      const { store } = context;
      const messageId = await bringInto(context, state);
      const before = (await store.inspect(messageId))!.recipients[0]!;
      const cursor = await store.eventsEnd();
      assert.equal(await store.reschedule({ messageId }, 5000), state === 'queued' ? 1 : 0);
      const after = (await store.inspect(messageId))!.recipients[0]!;
      const dueAt = state === 'queued' ? (await timeOf(context)) + 5000 : before.dueAt;
      assert.deepEqual({ ...after }, { ...before, ...(dueAt !== undefined && { dueAt }) });
      assert.deepEqual(
        (await store.events(cursor)).events.filter((event) => event.messageId === messageId),
        [],
      );
    },
  ),
  storeCase(`changes no recipient by setSite, when ${state}`, async (context) => {
    const { store } = context;
    const messageId = await bringInto(context, state);
    const before = (await store.inspect(messageId))!;
    const cursor = await store.eventsEnd();
    await store.setSite('example.net', { suspended: true });
    assert.deepEqual(await store.inspect(messageId), before);
    assert.equal(await store.claim({ worker: 'w2', max: 20, leaseMs }), null);
    await store.setSite('example.net', { suspended: false });
    assert.deepEqual(await store.inspect(messageId), before);
    assert.deepEqual((await store.events(cursor)).events, []);
    const claim = await store.claim({ worker: 'w2', max: 20, leaseMs });
    assert.equal(claim !== null, state === 'queued');
  }),
]);

/** A store may implement the transitions again, such as in SQL; these cases compare it with `recipient-transition.ts`. */
export const transitionCases: readonly ConformanceCase[] = [
  ...inFlightCases,
  lostAgain,
  ...staleCases,
  ...commandCases,
];
