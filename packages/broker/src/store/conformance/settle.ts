import assert from 'node:assert/strict';
import {
  allEvents,
  type ConformanceCase,
  claimedAddresses,
  claimedIds,
  claimSome,
  draft,
  drain,
  eventTypes,
  minutes,
  mustClaim,
  onlyRecipient,
  rejectsWith,
  settleAll,
  storeCase,
} from './harness.ts';

export const settleCases: readonly ConformanceCase[] = [
  storeCase('keeps each recipient’s own outcome', async (context) => {
    const { messageId } = await context.store.accept(
      draft(['a@example.net', 'b@example.net', 'c@example.net', 'd@example.net', 'e@example.net']),
    );
    const claim = await mustClaim(context);
    const [a, b, c, d, e] = claimedIds(claim) as [string, string, string, string, string];
    await context.store.settle({
      leaseId: claim.leaseId,
      release: true,
      outcomes: [
        { recipientId: a, status: 'delivered', detail: { reply: '250 2.0.0 ok' } },
        { recipientId: b, status: 'failed', detail: { reply: '550 5.1.1 ünknown' } },
        { recipientId: c, status: 'deferred', retryAfterMs: minutes(5), detail: { reply: '450' } },
        { recipientId: d, status: 'unknown' },
        { recipientId: e, status: 'held' },
      ],
    });
    const view = await context.store.inspect(messageId);
    assert.deepEqual(
      view?.recipients.map(({ state, detail, inFlight }) => [state, detail, inFlight]),
      [
        ['delivered', { reply: '250 2.0.0 ok' }, false],
        ['failed', { reply: '550 5.1.1 ünknown' }, false],
        ['queued', { reply: '450' }, false],
        ['unknown', undefined, false],
        ['held', undefined, false],
      ],
    );
    const finished = view?.recipients.map(({ finishedAt }) => finishedAt !== undefined);
    assert.deepEqual(finished, [true, true, false, false, false]);
    assert.equal(await context.store.nextDueMs(), minutes(5));
    await context.advance(minutes(5));
    assert.deepEqual(await drain(context), ['c@example.net']);
  }),

  storeCase('settles message by message and keeps the rest of the lease', async (context) => {
    await context.store.accept(draft('a@example.net'));
    await context.store.accept(draft('b@example.net'));
    const claim = await mustClaim(context);
    const [a, b] = claimedIds(claim) as [string, string];
    const { leaseId } = claim;
    await context.store.settle({
      leaseId,
      release: false,
      outcomes: [{ recipientId: a, status: 'delivered' }],
    });
    assert.equal(await claimSome(context), null, 'the other one is still held');
    const settled = await context.store.settle({
      leaseId,
      release: true,
      outcomes: [{ recipientId: b, status: 'delivered' }],
    });
    assert.deepEqual(settled.refused, []);
  }),

  storeCase(
    'returns recipients that a released lease did not name, and does not count the attempt',
    async (context) => {
      const { messageId } = await context.store.accept(draft('a@example.net'));
      const claim = await mustClaim(context);
      await context.store.settle({ leaseId: claim.leaseId, outcomes: [], release: true });
      assert.equal((await onlyRecipient(context, messageId)).attempts, 0);
      assert.equal((await mustClaim(context)).messages[0]?.recipients[0]?.attempt, 1);
      assert.deepEqual(await eventTypes(context), ['accepted', 'attempted', 'returned', 'attempted']);
    },
  ),

  storeCase(
    'does not count an attempt that did not begin, and repeats it after the given delay',
    async (context) => {
      const { messageId } = await context.store.accept(draft('a@example.net'));
      await settleAll(context, await mustClaim(context), { status: 'unattempted', retryAfterMs: 5000.5 });
      assert.equal((await onlyRecipient(context, messageId)).attempts, 0);
      assert.equal(await claimSome(context), null);
      await context.advance(5000);
      assert.equal((await mustClaim(context)).messages[0]?.recipients[0]?.attempt, 1);
    },
  ),

  storeCase('moves rerouted recipients to their site, and does not count the attempt', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    await settleAll(context, await mustClaim(context), { status: 'rerouted', site: 'mx.example.org' });
    assert.equal((await onlyRecipient(context, messageId)).site, 'mx.example.org');
    const claim = await mustClaim(context);
    assert.deepEqual([claim.site, claim.messages[0]?.recipients[0]?.attempt], ['mx.example.org', 1]);
  }),

  storeCase('refuses a second outcome for a settled recipient', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    await settleAll(context, claim, { status: 'delivered' });
    for (const status of ['delivered', 'failed'] as const) {
      assert.deepEqual((await settleAll(context, claim, { status })).refused, [`${messageId}.0`]);
    }
    assert.equal((await onlyRecipient(context, messageId)).state, 'delivered');
    assert.deepEqual(await eventTypes(context), ['accepted', 'attempted', 'delivered']);
  }),

  storeCase('refuses outcomes for recipients that do not exist, and takes the others', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    const strangers = ['nonsense', '', `${messageId}.7`, '9999999.0', `${messageId}.0.0`];
    const settled = await context.store.settle({
      leaseId: claim.leaseId,
      release: true,
      outcomes: [...strangers, `${messageId}.0`].map((recipientId) => ({
        recipientId,
        status: 'delivered' as const,
      })),
    });
    assert.deepEqual(settled.refused, strangers);
    assert.equal((await onlyRecipient(context, messageId)).state, 'delivered');
  }),

  storeCase('refuses invalid delays, and changes nothing', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    for (const retryAfterMs of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      await rejectsWith(settleAll(context, claim, { status: 'deferred', retryAfterMs }), 'MB_BROKER_OPTION');
    }
    await rejectsWith(context.store.reschedule({ all: true }, Number.NaN), 'MB_BROKER_OPTION');
    assert.equal((await onlyRecipient(context, messageId)).inFlight, true);
  }),

  storeCase('accepts a bounce with the failure that caused it, or neither', async (context) => {
    const { messageId } = await context.store.accept(draft(['a@example.net', 'b@example.net']));
    const claim = await mustClaim(context);
    const [a, b] = claimedIds(claim) as [string, string];
    const bounce = draft('sender@example.com', { sender: '' });
    const failed = [a, b].map((recipientId) => ({ recipientId, status: 'failed' as const }));
    await rejectsWith(
      context.store.settle({
        leaseId: claim.leaseId,
        outcomes: failed,
        release: true,
        bounces: [{ message: { ...bounce, content: { stagedId: '12345678', size: 3 } }, recipients: [a, b] }],
      }),
      'MB_BROKER_STAGED_UNKNOWN',
    );
    assert.deepEqual(await eventTypes(context, messageId), ['accepted', 'attempted', 'attempted']);
    const settled = await context.store.settle({
      leaseId: claim.leaseId,
      outcomes: failed,
      release: true,
      bounces: [{ message: bounce, recipients: [a, b] }],
    });
    assert.equal(settled.bounceIds.length, 1);
    const bounced = (await allEvents(context)).filter(({ type }) => type === 'bounced');
    assert.deepEqual(
      bounced.map(({ recipientId, detail }) => [recipientId, detail]),
      [a, b].map((id) => [id, { bounceMessageId: settled.bounceIds[0] }]),
    );
    assert.deepEqual(await drain(context), ['sender@example.com']);
  }),

  storeCase('bounces nothing when the outcome was refused', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    await settleAll(context, claim, { status: 'delivered' });
    const [a] = claimedIds(claim) as [string];
    const settled = await context.store.settle({
      leaseId: claim.leaseId,
      outcomes: [{ recipientId: a, status: 'failed' }],
      release: true,
      bounces: [{ message: draft('sender@example.com', { sender: '' }), recipients: [a] }],
    });
    assert.deepEqual(settled, { refused: [a], bounceIds: [undefined] });
    assert.equal(await claimSome(context), null);
  }),

  storeCase('deletes the content with the last recipient, and not before', async (context) => {
    const { messageId } = await context.store.accept(draft(['a@example.net', 'b@example.org']));
    await settleAll(context, await mustClaim(context), { status: 'delivered' });
    let length = 0;
    for await (const chunk of context.store.content(messageId)) length += chunk.length;
    assert.equal(length, 300);
    await settleAll(context, await mustClaim(context), { status: 'failed' });
    await rejectsWith(
      (async () => {
        for await (const _ of context.store.content(messageId));
      })(),
      'MB_BROKER_NOT_FOUND',
    );
  }),

  storeCase('replaces a detail that is far too long by a note', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    await settleAll(context, await mustClaim(context), {
      status: 'failed',
      detail: { text: 'x'.repeat(100_000) },
    });
    const { detail } = await onlyRecipient(context, messageId);
    assert.ok(JSON.stringify(detail).length < 200, JSON.stringify(detail).slice(0, 300));
  }),

  storeCase('wakes listeners when something is accepted and when a lease ends', async (context) => {
    let woken = 0;
    const end = context.store.onWake(() => woken++);
    const settledWakes = async () => {
      for (let i = 0; i < 200 && woken === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      const seen = woken;
      woken = 0;
      return seen;
    };
    await context.store.accept(draft(['a@example.net', 'b@example.net']));
    assert.ok((await settledWakes()) > 0, 'accept wakes');
    const claim = await mustClaim(context, 1);
    assert.equal(claimedAddresses(claim).length, 1);
    await settleAll(context, claim, { status: 'delivered' });
    assert.ok((await settledWakes()) > 0, 'settle wakes');
    end();
    await context.store.accept(draft('c@example.net'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(woken, 0, 'no listener is left');
  }),
];
