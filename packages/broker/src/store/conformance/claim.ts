import assert from 'node:assert/strict';
import { unrouted } from '../port.ts';
import {
  type ConformanceCase,
  claimedAddresses,
  claimedIds,
  claimSome,
  days,
  draft,
  drain,
  eventTypes,
  hours,
  leaseMs,
  minutes,
  mustClaim,
  onlyRecipient,
  rejectsWith,
  settleAll,
  storeCase,
  storeCaseThatNeeds,
} from './harness.ts';

export const claimCases: readonly ConformanceCase[] = [
  storeCase('finds nothing in an empty queue, and says that nothing is due', async (context) => {
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }), null);
    assert.equal(await context.store.nextDueMs(), null);
    assert.equal(await context.store.reap(), 0);
  }),

  storeCase('claims one site at a time, and the sites in turn', async (context) => {
    for (let i = 0; i < 4; i++) {
      await context.store.accept(draft([`u${i}@one.test`, `u${i}@two.test`, `u${i}@three.test`]));
    }
    const sites: string[] = [];
    for (let i = 0; i < 6; i++) {
      const claim = await mustClaim(context, 2);
      assert.equal(new Set(claimedAddresses(claim).map((address) => address.split('@')[1])).size, 1);
      assert.equal(claimedIds(claim).length, 2);
      sites.push(claim.site);
    }
    assert.deepEqual(new Set(sites.slice(0, 3)).size, 3);
    assert.deepEqual(new Set(sites.slice(3)).size, 3);
    assert.equal(await claimSome(context), null);
  }),

  storeCase('Q-22 claims several sites at once, each as a claim of its own', async (context) => {
    const domains = ['one.test', 'two.test', 'three.test', 'four.test', 'five.test', 'six.test'];
    await context.store.accept(draft(domains.flatMap((domain) => [`a@${domain}`, `b@${domain}`])));
    const request = { worker: 'w', max: 10, leaseMs };
    const first = await context.store.claimSites(request, 5);
    const rest = await context.store.claimSites(request, 5);
    assert.deepEqual([first.length, rest.length], [5, 1]);
    const claims = [...first, ...rest];
    assert.deepEqual(new Set(claims.map(({ site }) => site)), new Set(domains));
    assert.equal(new Set(claims.map(({ leaseId }) => leaseId)).size, 6);
    for (const claim of claims) {
      assert.deepEqual(claimedAddresses(claim), [`a@${claim.site}`, `b@${claim.site}`]);
      await settleAll(context, claim, { status: 'delivered' });
    }
    assert.deepEqual(await context.store.claimSites(request, 5), []);
  }),

  storeCase(
    'Q-87 gives a site one claim for each connection that it allows',
    async (context) => {
      await context.store.accept(draft(Array.from({ length: 8 }, (_, i) => `u${i}@one.test`)));
      const claims = await context.store.claimSites({ worker: 'w', max: 2, leaseMs }, 9);
      assert.deepEqual(
        claims.map((claim) => claimedIds(claim).length),
        [2, 2, 2],
      );
      assert.equal(new Set(claims.flatMap(claimedIds)).size, 6);
    },
    { limits: { startConcurrency: 3, maxConcurrency: 3 } },
  ),

  storeCase(
    'never hands a recipient to two leases',
    async (context) => {
      const addresses = Array.from({ length: 60 }, (_, i) => `u${i}@site${i % 3}.test`);
      await context.store.accept(draft(addresses));
      const claims = await Promise.all(Array.from({ length: 30 }, (_, i) => claimSome(context, 5, `w${i}`)));
      // A claim that meets another one may return nothing.
      for (let claim = await claimSome(context, 5); claim; claim = await claimSome(context, 5))
        claims.push(claim);
      const ids = claims.flatMap(claimedIds);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(ids.length, 60);
    },
    { limits: { startConcurrency: 20, maxConcurrency: 20 } },
  ),

  storeCase(
    'gives tenants turns at a site, so that a large one does not delay a small one',
    async (context) => {
      const large = Array.from({ length: 500 }, (_, i) => `large${i}@example.net`);
      await context.store.accept(draft(large, { tenant: 'large' }));
      await context.advance(1);
      await context.store.accept(draft(['small1@example.net', 'small2@example.net'], { tenant: 'small' }));
      const seen: string[] = [];
      for (let i = 0; i < 3; i++) {
        const claim = await mustClaim(context, 10);
        seen.push(...claimedAddresses(claim));
        await settleAll(context, claim, { status: 'delivered' });
        await context.advance(1);
      }
      assert.ok(seen.includes('small1@example.net') && seen.includes('small2@example.net'), seen.join(' '));
    },
  ),

  storeCase('takes the oldest first within a site and tenant', async (context) => {
    const accepted: string[] = [];
    for (let i = 0; i < 5; i++) {
      await context.store.accept(draft(`u${i}@example.net`));
      accepted.push(`u${i}@example.net`);
      await context.advance(1);
    }
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) seen.push(...claimedAddresses(await mustClaim(context, 1)));
    assert.deepEqual(seen, accepted);
  }),

  storeCase('takes due recipients of a higher priority first, within a site and tenant', async (context) => {
    const bulk = Array.from({ length: 30 }, (_, i) => `bulk${i}@example.net`);
    await context.store.accept(draft(bulk, { priority: 'low' }));
    await context.advance(1);
    await context.store.accept(draft('other@example.net'));
    await context.advance(1);
    await context.store.accept(draft('reset@example.net', { priority: 'high' }));
    await context.store.accept(draft('later@example.net', { priority: 'high', notBefore: 9e12 - 1 }));
    const first = await mustClaim(context, 1);
    assert.deepEqual(claimedAddresses(first), ['reset@example.net']);
    assert.deepEqual(claimedAddresses({ messages: await context.store.claimMore(first.leaseId, 2) }), [
      'other@example.net',
      'bulk0@example.net',
    ]);
    await context.advance(1);
    await context.store.accept(draft('again@example.net', { priority: 'high' }));
    const second = await mustClaim(context, 3);
    assert.deepEqual(claimedAddresses(second), [
      'again@example.net',
      'bulk1@example.net',
      'bulk2@example.net',
    ]);
  }),

  storeCase(
    'gives a tenant with several priorities no more turns than one with a single one',
    async (context) => {
      for (const priority of ['high', 'normal', 'low'] as const) {
        const addresses = Array.from({ length: 30 }, (_, i) => `${priority}${i}@example.net`);
        await context.store.accept(draft(addresses, { tenant: 'a', priority }));
      }
      await context.advance(1);
      const single = Array.from({ length: 30 }, (_, i) => `single${i}@example.net`);
      await context.store.accept(draft(single, { tenant: 'b', priority: 'low' }));
      const seen: string[] = [];
      for (let i = 0; i < 8; i++) {
        await context.advance(1);
        const claim = await mustClaim(context, 5);
        seen.push(claim.messages[0]!.tenant);
        await settleAll(context, claim, { status: 'delivered' });
      }
      assert.equal(seen.filter((tenant) => tenant === 'b').length, 4, seen.join(' '));
    },
  ),

  storeCase('keeps the priority of a recipient whose site is named or changed later', async (context) => {
    const unnamed = { ...draft('bulk@example.net', { priority: 'low' }) };
    await context.store.accept({
      ...unnamed,
      recipients: unnamed.recipients.map((recipient) => ({ ...recipient, site: unrouted })),
    });
    const [waiting] = await context.store.unrouted({ max: 10, holdMs: 1000 });
    await context.store.assignSites([{ recipientId: waiting!.recipientId, site: 'relay' }]);
    const claim = await mustClaim(context);
    await settleAll(context, claim, { status: 'rerouted', site: 'other' });
    await context.advance(1);
    const normal = draft('normal@example.net');
    await context.store.accept({
      ...normal,
      recipients: normal.recipients.map((recipient) => ({ ...recipient, site: 'other' })),
    });
    assert.deepEqual(claimedAddresses(await mustClaim(context, 1)), ['normal@example.net']);
    assert.deepEqual(claimedAddresses(await mustClaim(context, 1)), ['bulk@example.net']);
  }),

  storeCase('keeps a message’s recipients of one site together', async (context) => {
    await context.store.accept(draft(['a@example.net', 'b@example.org', 'c@example.net']));
    await context.store.accept(draft(['d@example.net']));
    const claims = [await mustClaim(context), await mustClaim(context)];
    const claim = claims.find(({ site }) => site === 'example.net');
    assert.deepEqual(
      claim?.messages.map((message) => message.recipients.map(({ address }) => address)),
      [['a@example.net', 'c@example.net'], ['d@example.net']],
    );
  }),

  storeCase('takes more for a running lease without another connection', async (context) => {
    await context.store.accept(draft(['a@example.net', 'b@example.net', 'c@example.net']));
    await context.store.accept(draft('d@example.org'));
    const claim = await mustClaim(context, 1);
    const wanted = claim.site === 'example.net' ? 2 : 0;
    const more = await context.store.claimMore(claim.leaseId, 10);
    assert.equal(claimedIds({ messages: more }).length, wanted);
    const stats = await context.store.stats();
    assert.equal(stats.sites.find(({ site }) => site === claim.site)?.connections, 1);
    const outcomes = claimedIds({ messages: more }).map((recipientId) => ({
      recipientId,
      status: 'delivered' as const,
    }));
    const settled = await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true });
    assert.deepEqual(settled.refused, []);
    assert.deepEqual(await context.store.claimMore(claim.leaseId, 10), [], 'the lease is over');
  }),

  storeCase('numbers attempts, and the number is there before the attempt ends', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    for (let attempt = 1; attempt <= 3; attempt++) {
      const claim = await mustClaim(context);
      assert.equal(claim.messages[0]?.recipients[0]?.attempt, attempt);
      const during = await onlyRecipient(context, messageId);
      assert.deepEqual([during.attempts, during.inFlight, during.state], [attempt, true, 'queued']);
      await settleAll(context, claim, { status: 'deferred', retryAfterMs: 1000 });
      await context.advance(1000);
    }
  }),

  storeCase(
    'offers recipients whose lifetime is over as overdue, even when their site cannot be claimed',
    async (context) => {
      const { messageId } = await context.store.accept(
        draft('a@example.net', { delayNoticeAfterMs: null, expireAfterMs: hours(1) }),
      );
      await context.store.setSite('example.net', { suspended: true });
      await context.advance(hours(1) - 1);
      assert.equal(await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }), null);
      assert.equal(await context.store.nextDueMs(), 1);
      await context.advance(1);
      assert.equal(await claimSome(context), null);
      const claim = await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs });
      assert.equal(claim?.kind, 'overdue');
      assert.equal(claim.messages[0]?.recipients[0]?.expired, true);
      await settleAll(context, claim, { status: 'expired' });
      const { state, attempts } = await onlyRecipient(context, messageId);
      assert.deepEqual([state, attempts], ['expired', 0]);
      assert.deepEqual(await eventTypes(context), ['accepted', 'expired']);
      assert.equal(await context.store.nextDueMs(), null);
    },
  ),

  storeCase(
    'marks recipients that are claimed after their lifetime as expired, which counts no attempt',
    async (context) => {
      const { messageId } = await context.store.accept(
        draft('a@example.net', { expireAfterMs: minutes(10) }),
      );
      await context.advance(minutes(10));
      const claim = await mustClaim(context);
      assert.equal(claim.messages[0]?.recipients[0]?.expired, true);
      await settleAll(context, claim, { status: 'expired' });
      const { state, attempts } = await onlyRecipient(context, messageId);
      assert.deepEqual([state, attempts], ['expired', 0]);
      assert.deepEqual(await eventTypes(context), ['accepted', 'expired']);
    },
  ),

  storeCase(
    'offers a recipient for its delay notice once, and does not change when it is due',
    async (context) => {
      const { messageId } = await context.store.accept(draft('a@example.net'));
      await settleAll(context, await mustClaim(context), { status: 'deferred', retryAfterMs: hours(6) });
      await context.advance(hours(4) - 1);
      assert.equal(await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }), null);
      await context.advance(1);
      const claim = await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs });
      assert.equal(claim?.messages[0]?.recipients[0]?.expired, false);
      await settleAll(context, claim!, { status: 'delayed' });
      assert.equal(await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }), null);
      assert.deepEqual(await eventTypes(context), ['accepted', 'attempted', 'deferred', 'delayed']);
      const { attempts, state } = await onlyRecipient(context, messageId);
      assert.deepEqual([attempts, state], [1, 'queued']);
      assert.equal(await context.store.nextDueMs(), hours(2));
      await context.advance(hours(2));
      assert.deepEqual(claimedAddresses(await claimSome(context)), ['a@example.net']);
    },
  ),

  storeCase(
    'expires recipients that were never attempted because their site was paused for days',
    async (context) => {
      await context.store.accept(draft(['a@example.net', 'b@example.net']));
      await context.store.setSite('example.net', { pauseMs: days(30) });
      await context.advance(hours(4));
      await settleAll(context, (await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs }))!, {
        status: 'delayed',
      });
      await context.advance(days(5) - hours(4));
      const claim = await context.store.claimOverdue({ worker: 'w', max: 10, leaseMs });
      assert.equal(claimedIds(claim).length, 2);
    },
  ),

  storeCaseThatNeeds('corrupt', 'holds a message whose content is damaged, and no other', async (context) => {
    const spoilt = await context.store.accept(draft('a@example.net'));
    await context.store.accept(draft('b@example.net'));
    await context.corrupt(spoilt.messageId);
    assert.deepEqual(await drain(context), ['b@example.net']);
    const { state, detail } = await onlyRecipient(context, spoilt.messageId);
    assert.equal(state, 'held');
    assert.equal((detail as { reason: string }).reason, 'corrupt');
    assert.ok((await eventTypes(context, spoilt.messageId)).includes('held'));
    await rejectsWith(
      (async () => {
        for await (const _ of context.store.content(spoilt.messageId));
      })(),
      'MB_BROKER_MESSAGE_CORRUPT',
    );
  }),
];
