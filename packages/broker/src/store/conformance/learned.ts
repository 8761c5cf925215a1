import assert from 'node:assert/strict';
import { type Learned, maxLearnedHosts, nothingLearned } from '../learned.ts';
import {
  type ConformanceCase,
  claimedIds,
  claimSome,
  draft,
  leaseMs,
  minutes,
  mustClaim,
  type StoreUnderTest,
  settleAll,
  storeCase,
  storeCaseThatNeeds,
} from './harness.ts';

/** Delivers to one recipient of a site and reports what was learnt there. */
async function learn(context: StoreUnderTest, address: string, learned: Partial<Learned>): Promise<void> {
  await context.store.accept(draft(address));
  const claim = await mustClaim(context);
  const outcomes = claimedIds(claim).map((recipientId) => ({ recipientId, status: 'delivered' as const }));
  await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true, learned });
}

const claimOf = (context: StoreUnderTest, slowest: 'fast' | 'new' | 'slow') =>
  context.store.claim({ worker: 'w1', max: 20, leaseMs, slowest });

export const learnedCases: readonly ConformanceCase[] = [
  storeCase('returns what was learnt about a site with the next claim, host by host', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const first = await mustClaim(context);
    assert.deepEqual(first.learned, nothingLearned);
    await settleAll(context, first, { status: 'delivered' });
    await learn(context, 'a@example.net', {
      hosts: { 'mx1.test': { window: 2 }, 'mx2.test': { window: 4 } },
    });
    await learn(context, 'a@example.net', { speed: 'fast', hosts: { 'mx1.test': { window: 1 } } });
    await context.store.accept(draft(['a@example.net', 'b@example.org']));
    const claims = [await mustClaim(context), await mustClaim(context)];
    const learned = Object.fromEntries(claims.map((claim) => [claim.site, claim.learned]));
    assert.deepEqual(learned, {
      'example.net': { speed: 'fast', hosts: { 'mx1.test': { window: 1 }, 'mx2.test': { window: 4 } } },
      'example.org': nothingLearned,
    });
    const { sites } = await context.store.stats();
    assert.deepEqual(sites.find(({ site }) => site === 'example.net')?.learned, learned['example.net']);
  }),

  storeCase('learns during a lease, and nothing from a lost lease', async (context) => {
    await context.store.accept(draft(['a@example.net', 'b@example.net']));
    const claim = await mustClaim(context, 1);
    await context.store.settle({
      leaseId: claim.leaseId,
      outcomes: [],
      release: false,
      learned: { speed: 'slow' },
    });
    const other = await mustClaim(context, 1);
    assert.equal(other.learned?.speed, 'slow');
    await context.advance(minutes(2));
    await context.store.reap();
    await context.store.settle({
      leaseId: claim.leaseId,
      outcomes: [],
      release: true,
      learned: { speed: 'fast' },
    });
    assert.equal((await mustClaim(context, 1)).learned?.speed, 'slow');
  }),

  storeCase('keeps facts about a limited number of hosts of a site', async (context) => {
    const hosts = Object.fromEntries(
      Array.from({ length: maxLearnedHosts }, (_, i) => [`mx${i}.test`, { window: i + 1 }]),
    );
    await learn(context, 'a@example.net', { hosts });
    await learn(context, 'a@example.net', { hosts: { 'late.test': { window: 1 } } });
    await context.store.accept(draft('a@example.net'));
    const learned = (await mustClaim(context)).learned?.hosts ?? {};
    assert.equal(Object.keys(learned).length, maxLearnedHosts);
    assert.ok('late.test' in learned);
  }),

  storeCase('leaves out sites that are slower than the claim allows', async (context) => {
    await learn(context, 'a@slow.test', { speed: 'slow' });
    await learn(context, 'a@fast.test', { speed: 'fast' });
    assert.equal(await context.store.nextDueMs(), null);
    await context.store.accept(draft('a@slow.test'));
    await context.store.accept(draft('a@new.test'));
    assert.equal(await claimOf(context, 'fast'), null);
    assert.notEqual(await context.store.nextDueMs('fast'), 0, 'a delay notice is due in hours');
    assert.equal(await context.store.nextDueMs('new'), 0);
    const fresh = await claimOf(context, 'new');
    assert.equal(fresh?.site, 'new.test');
    assert.equal(await claimOf(context, 'new'), null);
    await context.store.accept(draft('b@fast.test'));
    assert.equal((await claimOf(context, 'fast'))?.site, 'fast.test');
    assert.equal((await claimSome(context))?.site, 'slow.test');
  }),

  storeCase(
    'returns the detail of the latest outcome with the next claim of a recipient',
    async (context) => {
      await context.store.accept(draft('a@example.net'));
      const first = await mustClaim(context);
      assert.equal(first.messages[0]!.recipients[0]!.lastDetail, undefined);
      const [recipientId] = claimedIds(first) as [string];
      const detail = { reply: { code: 451, lines: ['Later'] } };
      const outcomes = [{ recipientId, status: 'deferred' as const, retryAfterMs: 1000, detail }];
      await context.store.settle({ leaseId: first.leaseId, outcomes, release: true });
      await context.advance(1000);
      assert.deepEqual((await mustClaim(context)).messages[0]!.recipients[0]!.lastDetail, detail);
    },
  ),

  storeCaseThatNeeds('reopen', 'keeps what was learnt', async (context) => {
    const learned = { speed: 'slow', hosts: { 'mx1.test': { window: 8 } } } as const;
    await learn(context, 'a@example.net', learned);
    const store = await context.reopen();
    await store.accept(draft('a@example.net'));
    assert.deepEqual((await store.claim({ worker: 'w1', max: 1, leaseMs }))?.learned, learned);
  }),
];
