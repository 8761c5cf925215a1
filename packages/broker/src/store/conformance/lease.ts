import assert from 'node:assert/strict';
import {
  type ConformanceCase,
  claimedIds,
  claimSome,
  draft,
  drain,
  eventTypes,
  leaseMs,
  minutes,
  mustClaim,
  onlyRecipient,
  settleAll,
  storeCase,
} from './harness.ts';

export const leaseCases: readonly ConformanceCase[] = [
  storeCase('extends leases by heartbeats, and reports those that are lost', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    for (let i = 0; i < 5; i++) {
      await context.advance(leaseMs - 1);
      assert.equal(await context.store.reap(), 0);
      assert.deepEqual(await context.store.heartbeat([claim.leaseId, '987654321'], leaseMs), [claim.leaseId]);
    }
    await settleAll(context, claim, { status: 'delivered' });
    assert.deepEqual(await context.store.heartbeat([claim.leaseId], leaseMs), []);
  }),

  storeCase('returns the recipients of a worker that fell silent, attempt counted', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    await mustClaim(context);
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.nextDueMs(), leaseMs);
    await context.advance(leaseMs);
    assert.equal(await context.store.reap(), 1);
    const again = await mustClaim(context, 20, 'w2');
    assert.equal(again.messages[0]?.recipients[0]?.attempt, 2);
    assert.deepEqual(await eventTypes(context), ['accepted', 'attempted', 'deferred', 'attempted']);
    assert.equal((await onlyRecipient(context, messageId)).inFlight, true);
  }),

  storeCase(
    'refuses what a late worker reports, whether or not another has the recipient',
    async (context) => {
      const { messageId } = await context.store.accept(draft('a@example.net'));
      const late = await mustClaim(context);
      await context.advance(leaseMs);
      await context.store.reap();
      const before = await onlyRecipient(context, messageId);
      assert.deepEqual((await settleAll(context, late, { status: 'failed' })).refused, claimedIds(late));
      assert.deepEqual(await onlyRecipient(context, messageId), before);
      const owner = await mustClaim(context, 20, 'w2');
      assert.notEqual(owner.leaseId, late.leaseId);
      const shared = [
        { status: 'failed' },
        { status: 'deferred', retryAfterMs: 1 },
        { status: 'held' },
      ] as const;
      for (const outcome of shared) {
        assert.deepEqual((await settleAll(context, late, outcome)).refused, claimedIds(late));
      }
      assert.deepEqual(await context.store.heartbeat([late.leaseId], leaseMs), []);
      assert.deepEqual((await settleAll(context, owner, { status: 'delivered' })).refused, []);
    },
  ),

  storeCase('records that mail was delivered even when the lease is lost', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const late = await mustClaim(context);
    await context.advance(leaseMs);
    await context.store.reap();
    assert.deepEqual((await settleAll(context, late, { status: 'delivered' })).refused, []);
    assert.equal((await onlyRecipient(context, messageId)).state, 'delivered');
    assert.equal(await claimSome(context), null);
  }),

  storeCase(
    'records it even when another worker has the recipient, whose report is then refused',
    async (context) => {
      const { messageId } = await context.store.accept(draft('a@example.net'));
      const late = await mustClaim(context);
      await context.advance(leaseMs);
      await context.store.reap();
      const owner = await mustClaim(context, 20, 'w2');
      await settleAll(context, late, { status: 'delivered' });
      assert.deepEqual((await settleAll(context, owner, { status: 'failed' })).refused, claimedIds(owner));
      assert.equal((await onlyRecipient(context, messageId)).state, 'delivered');
      assert.deepEqual((await eventTypes(context)).filter((type) => type === 'delivered').length, 1);
    },
  ),

  storeCase('delays a recipient whose lease is lost repeatedly, longer each time', async (context) => {
    await context.store.accept(draft('a@example.net'));
    for (const waitMs of [0, minutes(1), minutes(2)]) {
      await mustClaim(context);
      await context.advance(leaseMs);
      assert.equal(await context.store.reap(), 1);
      if (waitMs > 0) {
        await context.advance(waitMs - 1);
        assert.equal(await claimSome(context), null, `waits ${waitMs} ms`);
        await context.advance(1);
      }
    }
    assert.equal((await drain(context)).length, 1);
  }),

  storeCase(
    'holds or reports, rather than repeats, when a worker fell silent and the message says so',
    async (context) => {
      const hold = await context.store.accept(draft('a@example.net', { onUnknown: 'hold' }));
      const report = await context.store.accept(draft('b@example.net', { onUnknown: 'report' }));
      await mustClaim(context);
      await context.advance(leaseMs);
      assert.equal(await context.store.reap(), 2);
      assert.equal((await onlyRecipient(context, hold.messageId)).state, 'held');
      assert.equal((await onlyRecipient(context, report.messageId)).state, 'unknown');
      assert.equal(await claimSome(context), null);
    },
  ),

  storeCase(
    'frees the connection of a silent worker',
    async (context) => {
      await context.store.accept(draft(['a@example.net', 'b@example.net']));
      await mustClaim(context, 1);
      assert.equal(await claimSome(context, 1), null, 'one connection is the limit');
      await context.advance(leaseMs);
      await context.store.reap();
      assert.ok(await claimSome(context, 1));
    },
    { limits: { startConcurrency: 1, maxConcurrency: 1 } },
  ),

  storeCase('returns the overdue recipients of a silent worker unchanged', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net', { expireAfterMs: 1000 }));
    await context.advance(1000);
    assert.ok(await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }));
    await context.advance(leaseMs);
    assert.equal(await context.store.reap(), 1);
    assert.equal((await onlyRecipient(context, messageId)).attempts, 0);
    const again = await context.store.claimOverdue({ worker: 'w2', max: 10, leaseMs });
    assert.equal(claimedIds(again).length, 1);
  }),
];
