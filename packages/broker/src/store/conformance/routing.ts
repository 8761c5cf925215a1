import assert from 'node:assert/strict';
import { type NewMessage, unrouted } from '../port.ts';
import {
  type ConformanceCase,
  claimedAddresses,
  claimSome,
  draft,
  minutes,
  mustClaim,
  type StoreUnderTest,
  settleAll,
  storeCase,
} from './harness.ts';

/** A message to recipients whose sites are not known. */
function newMail(addresses: string | readonly string[], more: Partial<NewMessage> = {}): NewMessage {
  const message = draft(addresses, more);
  return { ...message, recipients: message.recipients.map((one) => ({ ...one, site: unrouted })) };
}

const holdMs = 30_000;
const take = ({ store }: StoreUnderTest, max = 100) => store.unrouted({ max, holdMs });

async function route(context: StoreUnderTest, site: string, max?: number): Promise<string[]> {
  const rows = await take(context, max);
  await context.store.assignSites(rows.map(({ recipientId }) => ({ recipientId, site })));
  return rows.map(({ domain }) => domain);
}

const types = async ({ store }: StoreUnderTest) => (await store.events()).events.map(({ type }) => type);

export const routingCases: readonly ConformanceCase[] = [
  storeCase('lets no claim take new mail before its site is known', async (context) => {
    await context.store.accept(
      newMail(['a@example.net', 'b@example.org'], { tenant: 't', tag: 'news', envelope: { x: 1 } }),
    );
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.nextDueMs(), 0);
    const rows = await take(context);
    const facts = { tenant: 't', tag: 'news', sender: 'sender@example.com', envelope: { x: 1 } };
    assert.deepEqual(
      rows.map(({ recipientId: _, ...row }) => row),
      [
        { domain: 'example.net', ...facts },
        { domain: 'example.org', ...facts },
      ],
    );
  }),

  storeCase('routes many domains at once, without attempt and event', async (context) => {
    await context.store.accept(newMail(['a@example.net', 'b@example.org', 'c@example.com']));
    assert.deepEqual((await route(context, 'mx.test')).sort(), ['example.com', 'example.net', 'example.org']);
    const claim = await mustClaim(context);
    assert.equal(claim.site, 'mx.test');
    assert.equal(claimedAddresses(claim).length, 3);
    assert.deepEqual(
      claim.messages.flatMap(({ recipients }) => recipients.map(({ attempt }) => attempt)),
      [1, 1, 1],
    );
    await settleAll(context, claim, { status: 'delivered' });
    const [accepted, ...others] = await types(context);
    assert.equal(accepted, 'accepted');
    assert.deepEqual(others.sort(), [...Array(3).fill('attempted'), ...Array(3).fill('delivered')]);
  }),

  storeCase(
    'withholds the recipients that it has returned for holdMs, and then returns them again',
    async (context) => {
      await context.store.accept(newMail('a@example.net'));
      assert.equal((await take(context)).length, 1);
      assert.deepEqual(await take(context), []);
      assert.ok((await context.store.nextDueMs())! > 0);
      await context.advance(holdMs);
      assert.equal((await take(context)).length, 1);
    },
  ),

  storeCase('returns at most max recipients, and then the others', async (context) => {
    for (let i = 0; i < 5; i++) await context.store.accept(newMail(`u${i}@example.net`));
    assert.equal((await route(context, 'mx.test', 3)).length, 3);
    assert.equal((await route(context, 'mx.test', 3)).length, 2);
    assert.deepEqual(await take(context), []);
  }),

  storeCase('returns no mail that is not due yet', async (context) => {
    const { messageId } = await context.store.accept(draft('x@example.com'));
    const now = (await context.store.inspect(messageId))!.acceptedAt;
    await context.store.accept(newMail('a@example.net', { notBefore: now + minutes(10) }));
    assert.deepEqual(await take(context), []);
    await context.advance(minutes(10));
    assert.equal((await take(context)).length, 1);
  }),

  storeCase('knows the site of a domain that was routed before', async (context) => {
    await context.store.accept(newMail('a@example.net'));
    const rows = await take(context);
    await context.store.assignSites(
      rows.map(({ recipientId }) => ({ recipientId, site: 'mx.test' })),
      [{ domain: 'example.net', site: 'mx.test', ttlMs: minutes(10) }],
    );
    await context.store.accept(newMail('b@example.net'));
    assert.deepEqual(await take(context), []);
    assert.deepEqual(claimedAddresses(await mustClaim(context)), ['a@example.net', 'b@example.net']);
    await context.advance(minutes(11));
    await context.store.accept(newMail('c@example.net'));
    assert.equal((await take(context)).length, 1);
  }),

  storeCase('keeps a domain with settings of its own at its own site', async (context) => {
    await context.store.accept(newMail('a@example.net'));
    const rows = await take(context);
    await context.store.setSite('example.net', { suspended: true });
    await context.store.assignSites(
      rows.map(({ recipientId }) => ({ recipientId, site: 'mx.test' })),
      [{ domain: 'example.net', site: 'mx.test', ttlMs: minutes(10) }],
    );
    await context.store.accept(newMail('b@example.net'));
    assert.deepEqual(await take(context), []);
    assert.equal(await claimSome(context), null);
    await context.store.setSite('example.net', { suspended: false });
    assert.equal((await mustClaim(context)).site, 'example.net');
  }),

  storeCase('skips recipients that are no longer unrouted', async (context) => {
    await context.store.accept(newMail(['a@example.net', 'b@example.net']));
    const rows = await take(context);
    const to = (site: string) => rows.map(({ recipientId }) => ({ recipientId, site }));
    await context.store.assignSites(to('mx1.test'));
    await context.store.assignSites([...to('mx2.test'), { recipientId: '999.0', site: 'mx2.test' }]);
    assert.equal((await mustClaim(context)).site, 'mx1.test');
    assert.equal(await claimSome(context), null);
  }),

  storeCase('lists mail without a site under its domain, holds, releases and cancels it', async (context) => {
    await context.store.accept(newMail(['a@example.net', 'b@example.org']));
    const { rows } = await context.store.list({ site: 'example.net' });
    assert.deepEqual(
      rows.map(({ site, state }) => [site, state]),
      [['example.net', 'queued']],
    );
    const { queued, sites } = await context.store.stats();
    assert.equal(queued, 2);
    assert.deepEqual(sites.map(({ site, queued: n }) => `${site} ${n}`).sort(), [
      'example.net 1',
      'example.org 1',
    ]);
    for (const one of sites) assert.deepEqual(await context.store.inspectSite(one.site), one);
    assert.equal(await context.store.hold({ domain: 'example.net' }), 1);
    assert.equal(await context.store.cancel({ domain: 'example.org' }), 1);
    assert.deepEqual(await take(context), []);
    assert.equal(await context.store.release({ domain: 'example.net' }), 1);
    assert.deepEqual(await route(context, 'mx.test'), ['example.net']);
    assert.deepEqual(claimedAddresses(await mustClaim(context)), ['a@example.net']);
  }),

  storeCase('expires mail without a site', async (context) => {
    await context.store.accept(newMail('a@example.net', { expireAfterMs: minutes(5) }));
    await context.advance(minutes(6));
    const claim = await context.store.claimOverdue({ worker: 'w1', max: 20, leaseMs: 60_000 });
    assert.deepEqual(claimedAddresses(claim), ['a@example.net']);
    await settleAll(context, claim!, { status: 'expired' });
    assert.deepEqual(await take(context), []);
  }),
];
