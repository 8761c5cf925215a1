import assert from 'node:assert/strict';
import type { Claim, SiteSettings } from '../port.ts';
import {
  type ConformanceCase,
  claimedAddresses,
  claimedIds,
  claimSome,
  draft,
  minutes,
  mustClaim,
  type StoreUnderTest,
  settleAll,
  storeCase,
} from './harness.ts';

const domain = 'example.net';
const exchangers = 'mx1.example.com,mx2.example.com';

function routed(addresses: readonly string[]) {
  const recipients = addresses.map((address) => {
    return { address, domain: address.slice(address.lastIndexOf('@') + 1), site: exchangers };
  });
  return draft([], { recipients });
}

/** The domains of a claim's recipients, and whether the store says that they are sites of their own. */
function ownSites(claim: Claim | null): Record<string, boolean> {
  const recipients = claim?.messages.flatMap((message) => message.recipients) ?? [];
  return Object.fromEntries(recipients.map((each) => [each.domain, each.ownSite ?? false]));
}

/** Claims the recipients of the exchangers and returns them to the queue. */
async function seen(context: StoreUnderTest): Promise<Record<string, boolean>> {
  const claim = await mustClaim(context);
  assert.equal(claim.site, exchangers);
  await settleAll(context, claim, { status: 'unattempted', retryAfterMs: 0 });
  return ownSites(claim);
}

const settings: readonly [string, SiteSettings, SiteSettings][] = [
  ['suspended', { suspended: true }, { suspended: false }],
  ['paused by hand', { pauseMs: minutes(10) }, { pauseMs: 0 }],
  ['given limits', { limits: { maxConcurrency: 1 } }, { limits: null }],
  ['given limits that are taken back as {}', { limits: { rates: [] } }, { limits: {} }],
];

export const ownSiteCases: readonly ConformanceCase[] = [
  ...settings.map(([name, begin, end]) =>
    storeCase(`marks claimed recipients whose domain is ${name}, and no others`, async (context) => {
      await context.store.accept(routed([`a@${domain}`, 'b@example.org']));
      assert.deepEqual(await seen(context), { [domain]: false, 'example.org': false });
      await context.store.setSite(domain, begin);
      assert.deepEqual(await seen(context), { [domain]: true, 'example.org': false });
      await context.store.setSite(domain, end);
      assert.deepEqual(await seen(context), { [domain]: false, 'example.org': false });
    }),
  ),

  storeCase('marks recipients that a lease takes later', async (context) => {
    await context.store.accept(routed([`a@${domain}`, `b@${domain}`]));
    const claim = await mustClaim(context, 1);
    await context.store.setSite(domain, { suspended: true });
    const messages = await context.store.claimMore(claim.leaseId, 5);
    assert.deepEqual(ownSites({ ...claim, messages }), { [domain]: true });
  }),

  storeCase('marks nothing after a pause by hand has ended', async (context) => {
    await context.store.accept(routed([`a@${domain}`]));
    await context.store.setSite(domain, { pauseMs: minutes(1) });
    assert.deepEqual(await seen(context), { [domain]: true });
    await context.advance(minutes(1));
    assert.deepEqual(await seen(context), { [domain]: false });
  }),

  storeCase('does not treat trouble at a domain’s own hosts as settings', async (context) => {
    await context.store.accept(draft(`x@${domain}`));
    const claim = await mustClaim(context);
    const outcomes = claimedIds(claim).map((recipientId) => {
      return { recipientId, status: 'deferred' as const, retryAfterMs: minutes(60) };
    });
    const feedback = { kind: 'throttled' as const, retryAfterMs: minutes(30) };
    await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true, feedback });
    await context.store.accept(routed([`a@${domain}`]));
    assert.deepEqual(await seen(context), { [domain]: false });
  }),

  storeCase('puts new mail for a domain with settings of its own under its own site', async (context) => {
    await context.store.alias(domain, exchangers, minutes(60));
    await context.store.alias('example.org', exchangers, minutes(60));
    await context.store.setSite(domain, { suspended: true });
    await context.store.accept(draft([`a@${domain}`, 'b@example.org']));
    const claim = await mustClaim(context);
    assert.deepEqual([claim.site, claimedAddresses(claim)], [exchangers, ['b@example.org']]);
    assert.equal(await claimSome(context), null);
    const { sites } = await context.store.stats();
    const view = sites.find(({ site }) => site === domain);
    assert.deepEqual([view?.suspended, view?.queued], [true, 1]);
    assert.deepEqual(await context.store.inspectSite(domain), view);
    await context.store.setSite(domain, { suspended: false });
    assert.deepEqual(claimedAddresses(await claimSome(context)), [`a@${domain}`]);
  }),

  storeCase('keeps recipients at a suspended domain’s own site until it is resumed', async (context) => {
    await context.store.accept(routed([`a@${domain}`, 'b@example.org']));
    await context.store.setSite(domain, { suspended: true });
    const claim = await mustClaim(context);
    const outcomes = claim.messages
      .flatMap(({ recipients }) => recipients)
      .map(({ recipientId, ownSite }) =>
        ownSite
          ? ({ recipientId, status: 'rerouted', site: domain } as const)
          : ({ recipientId, status: 'delivered' } as const),
      );
    await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true });
    assert.equal(await claimSome(context), null);
    await context.store.setSite(domain, { suspended: false });
    const resumed = await mustClaim(context);
    assert.deepEqual([resumed.site, claimedAddresses(resumed)], [domain, [`a@${domain}`]]);
    assert.equal(resumed.messages[0]!.recipients[0]!.attempt, 1);
  }),
];
