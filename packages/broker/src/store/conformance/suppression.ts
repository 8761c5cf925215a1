import assert from 'node:assert/strict';
import { type ConformanceCase, claimedIds, draft, mustClaim, storeCase } from './harness.ts';

export const suppressionCases: readonly ConformanceCase[] = [
  storeCase('suppresses addresses per tenant, whatever their case', async (context) => {
    await context.store.suppress([
      { address: 'User@Example.net', reason: 'bad-mailbox', detail: { reply: '550 5.1.1' } },
      { address: 'user@example.org', reason: 'complaint', tenant: 't1' },
    ]);
    const [entry, ...others] = await context.store.suppressed(['other@example.net', 'USER@example.net']);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [entry?.address, entry?.reason, entry?.tenant, entry?.detail],
      ['user@example.net', 'bad-mailbox', '', { reply: '550 5.1.1' }],
    );
    assert.ok((entry?.since ?? 0) > 0);
    assert.deepEqual(await context.store.suppressed(['user@example.org']), []);
    assert.equal((await context.store.suppressed(['user@example.org'], 't1')).length, 1);
    assert.deepEqual(await context.store.suppressed([]), []);
  }),

  storeCase('keeps the first entry of an address, and lifts it', async (context) => {
    await context.store.suppress([{ address: 'a@example.net', reason: 'complaint' }]);
    await context.store.suppress([{ address: 'a@example.net', reason: 'operator' }]);
    assert.equal((await context.store.suppressed(['a@example.net']))[0]?.reason, 'complaint');
    assert.equal(await context.store.unsuppress(['A@EXAMPLE.NET', 'b@example.net']), 1);
    assert.deepEqual(await context.store.suppressed(['a@example.net']), []);
  }),

  storeCase('lists suppressed addresses in pages, of one tenant or all', async (context) => {
    const entries = Array.from({ length: 25 }, (_, i) => {
      return { address: `u${i}@example.net`, reason: 'operator' as const, tenant: i % 5 === 0 ? 't' : '' };
    });
    await context.store.suppress(entries);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await context.store.listSuppressed({ limit: 4, ...(after !== undefined && { after }) });
      seen.push(...page.rows.map(({ address }) => address));
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.deepEqual(seen.sort(), entries.map(({ address }) => address).sort());
    assert.equal((await context.store.listSuppressed({ tenant: 't' })).rows.length, 5);
  }),

  storeCase('suppresses an address in the transaction of its failure', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    const outcomes = claimedIds(claim).map((recipientId) => ({ recipientId, status: 'failed' as const }));
    const suppress = [{ address: 'a@example.net', reason: 'bad-mailbox' as const }];
    await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true, suppress });
    assert.equal((await context.store.suppressed(['a@example.net'])).length, 1);
  }),
];
