import assert from 'node:assert/strict';
import type { MessageFilter } from '../message-filter.ts';
import type { NewMessage } from '../port.ts';
import type { ListSelector } from '../selector.ts';
import {
  type ConformanceCase,
  claimedAddresses,
  claimSome,
  draft,
  drain,
  eventTypes,
  hours,
  minutes,
  mustClaim,
  onlyRecipient,
  rejectsWith,
  type StoreUnderTest,
  settleAll,
  storeCase,
} from './harness.ts';

/** All addresses that a selector matches, page by page. */
async function listed(context: StoreUnderTest, selector: ListSelector, limit = 7): Promise<string[]> {
  const addresses: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await context.store.list(selector, { limit, ...(after !== undefined && { after }) });
    assert.ok(page.rows.length <= limit);
    addresses.push(...page.rows.map(({ address }) => address));
    if (page.next === undefined) return addresses;
    after = page.next;
  }
}

/** Invalid selectors, none of which may select everything. */
const refusedSelectors: readonly unknown[] = [
  {},
  undefined,
  null,
  [],
  'all',
  { domian: 'one.test' },
  { domain: undefined },
  { domain: null },
  { domain: '' },
  { tenant: '' },
  { messageId: '' },
  { domain: 'one.test', tag: undefined },
  { domain: ['one.test'] },
  { state: 'waiting' },
  { all: false },
  { all: undefined },
  { all: true, domain: 'one.test' },
];

export const commandCases: readonly ConformanceCase[] = [
  storeCase('refuses selectors that are empty or misspelt, and changes nothing', async (context) => {
    const { store } = context;
    await store.accept(draft(['a@one.test', 'b@two.test']));
    for (const refused of refusedSelectors) {
      const selector = refused as { all: true };
      for (const name of ['hold', 'release', 'cancel'] as const) {
        await rejectsWith(store[name](selector), 'MB_BROKER_SELECTOR');
      }
      await rejectsWith(store.reschedule(selector, 0), 'MB_BROKER_SELECTOR');
      const empty = typeof refused === 'object' && refused !== null && Object.keys(refused).length === 0;
      if (!empty || Array.isArray(refused)) await rejectsWith(store.list(selector), 'MB_BROKER_SELECTOR');
    }
    assert.equal((await listed(context, { state: 'queued' })).length, 2);
  }),
  storeCase('selects the whole queue, and messages without a tenant, only when told to', async (context) => {
    const { store } = context;
    await store.accept(draft('a@one.test', { tenant: 't1' }));
    await store.accept(draft('b@two.test'));
    assert.deepEqual(await listed(context, { tenant: null }), ['b@two.test']);
    assert.equal(await store.hold({ tenant: null }), 1);
    assert.deepEqual(await listed(context, { all: true }), ['a@one.test', 'b@two.test']);
    assert.equal(await store.cancel({ all: true }), 2);
  }),
  storeCase('finds messages by recipient among many recipients, each once', async (context) => {
    const { store } = context;
    const ids: string[] = [];
    for (let message = 0; message < 3; message++) {
      const addresses = Array.from({ length: 20_000 }, (_, n) => `u${n}@m${message}.test`);
      ids.push((await store.accept(draft(addresses))).messageId);
    }
    const found = async (filter: MessageFilter) => {
      const messages: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.listMessages(filter, after === undefined ? {} : { after });
        messages.push(...page.rows.map(({ messageId }) => messageId));
        if (page.next === undefined) return messages;
        after = page.next;
      }
    };
    assert.deepEqual(await found({ recipient: 'u19999@m0.test' }), [ids[0]]);
    assert.deepEqual(await found({ search: 'u19999@' }), [...ids].reverse());
    assert.deepEqual(await found({ domain: 'm3.test' }), []);
  }),
  storeCase('counts the recipients that a selector matches, part by part', async (context) => {
    const { store } = context;
    const first = await store.accept(draft(['a@one.test', 'b@two.test'], { tenant: 't1', tag: 'x' }));
    await store.accept(draft(['c@one.test', 'd@one.test']));
    const count = async (selector: ListSelector) => {
      let sum = 0;
      for (let after: string | undefined; ; ) {
        const part = await store.count(selector, after);
        sum += part.count;
        if (part.next === undefined) return sum;
        after = part.next;
      }
    };
    assert.equal(await count({}), 4);
    assert.equal(await count({ domain: 'one.test' }), 3);
    assert.equal(await count({ tenant: 't1', tag: 'x', site: 'two.test' }), 1);
    assert.equal(await count({ tenant: null }), 2);
    assert.equal(await count({ messageId: first.messageId }), 2);
    assert.equal(await count({ state: 'held' }), 0);
    await store.hold({ domain: 'one.test' });
    assert.equal(await count({ state: 'held' }), 3);
    assert.equal(await count({ state: 'queued' }), 1);
    await rejectsWith(store.count({ domian: 'x' } as never), 'MB_BROKER_SELECTOR');
    await rejectsWith(store.count({}, 'not-a-cursor'), 'MB_BROKER_OPTION');
  }),
  storeCase('lists by message, tenant, tag, site, domain and state, in pages', async (context) => {
    const first = await context.store.accept(draft(['a@one.test', 'b@two.test'], { tenant: 't1', tag: 'x' }));
    await context.store.accept(draft(['c@one.test'], { tenant: 't2', tag: 'y' }));
    await context.store.accept({
      ...draft('d@three.test'),
      recipients: [{ address: 'd@three.test', domain: 'three.test', site: 'one.test' }],
    });
    await settleAll(context, await mustClaim(context, 1), { status: 'delivered' });
    const delivered = await listed(context, { state: 'delivered' });
    assert.equal(delivered.length, 1);
    assert.deepEqual(await listed(context, {}, 1), [
      'a@one.test',
      'b@two.test',
      'c@one.test',
      'd@three.test',
    ]);
    assert.deepEqual(await listed(context, { messageId: first.messageId }), ['a@one.test', 'b@two.test']);
    assert.deepEqual(await listed(context, { tenant: 't2' }), ['c@one.test']);
    assert.deepEqual(await listed(context, { tag: 'x', site: 'two.test' }), ['b@two.test']);
    assert.deepEqual(await listed(context, { site: 'one.test' }), [
      'a@one.test',
      'c@one.test',
      'd@three.test',
    ]);
    assert.deepEqual(await listed(context, { domain: 'three.test' }), ['d@three.test']);
    assert.equal((await listed(context, { state: 'queued' })).length, 3);
    assert.deepEqual(await listed(context, { messageId: '424242' }), []);
    assert.deepEqual(await listed(context, { messageId: 'nonsense' }), []);
    assert.equal(await context.store.inspect('nonsense'), null);
    assert.equal(await context.store.inspect('424242'), null);
  }),

  storeCase('shows a long list in pages without gap or repetition while the queue moves', async (context) => {
    const addresses = Array.from({ length: 250 }, (_, i) => `u${i}@example.net`);
    for (let i = 0; i < 250; i += 50) await context.store.accept(draft(addresses.slice(i, i + 50)));
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await context.store.list({}, { limit: 33, ...(after !== undefined && { after }) });
      seen.push(...page.rows.map(({ address }) => address));
      const claim = await claimSome(context, 10);
      if (claim) await settleAll(context, claim, { status: 'delivered' });
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.deepEqual(seen, addresses);
  }),

  storeCase('Q-20 Q-85 lists messages by filters, the latest first', async (context) => {
    const { store } = context;
    const ids: string[] = [];
    const take = async (message: NewMessage) => ids.push((await store.accept(message)).messageId);
    await take({
      ...draft(['Ann@one.test', 'bob@two.test'], { tenant: 't1', tag: 'x' }),
      sender: 'News@shop.test',
    });
    await context.advance(minutes(1));
    await take({ ...draft('carol@two.test', { tenant: 't2' }), sender: '' });
    await context.advance(minutes(1));
    await take(draft('dave@three.test'));
    await store.hold({ domain: 'three.test' });
    const [first, second, third] = ids;
    const found = async (filter: MessageFilter) =>
      (await store.listMessages(filter)).rows.map(({ messageId }) => messageId);
    const { rows } = await store.listMessages();
    assert.deepEqual(
      rows.map((row) => [row.messageId, row.firstRecipient, row.states]),
      [
        [third, 'dave@three.test', { held: 1 }],
        [second, 'carol@two.test', { queued: 1 }],
        [first, 'Ann@one.test', { queued: 2 }],
      ],
    );
    const at = rows[1]!.acceptedAt;
    assert.deepEqual([rows[2]!.tenant, rows[2]!.tag, rows[2]!.sender], ['t1', 'x', 'News@shop.test']);
    assert.deepEqual(await found({ tenant: 't2' }), [second]);
    assert.deepEqual(await found({ tenant: null }), [third]);
    assert.deepEqual(await found({ tag: 'x' }), [first]);
    assert.deepEqual(await found({ sender: 'news@SHOP.test' }), [first]);
    assert.deepEqual(await found({ sender: '' }), [second]);
    assert.deepEqual(await found({ recipient: 'ann@one.test' }), [first]);
    assert.deepEqual(await found({ recipient: 'ann@one' }), []);
    assert.deepEqual(await found({ domain: 'two.test' }), [second, first]);
    assert.deepEqual(await found({ state: 'held' }), [third]);
    assert.deepEqual(await found({ search: 'SHOP' }), [first]);
    assert.deepEqual(await found({ search: 'bob@' }), [first]);
    assert.deepEqual(await found({ search: '%' }), []);
    assert.deepEqual(await found({ acceptedFrom: at }), [third, second]);
    assert.deepEqual(await found({ acceptedBefore: at }), [first]);
    assert.deepEqual(await found({ domain: 'two.test', recipient: 'ann@one.test' }), []);
    const pages: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.listMessages({}, { limit: 1, ...(after !== undefined && { after }) });
      pages.push(...page.rows.map(({ messageId }) => messageId));
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.deepEqual(pages, [third, second, first]);
    for (const wrong of [{ sendr: 'x' }, { tag: '' }, { state: 'waiting' }, { acceptedFrom: '1' }]) {
      await rejectsWith(store.listMessages(wrong as MessageFilter), 'MB_BROKER_OPTION');
    }
    await rejectsWith(store.listMessages({}, { after: "1' OR 1" }), 'MB_BROKER_OPTION');
  }),

  storeCase('refuses a page of no or too many rows and an invalid cursor', async (context) => {
    await rejectsWith(context.store.list({}, { limit: 0 }), 'MB_BROKER_OPTION');
    await rejectsWith(context.store.list({}, { limit: 100_000 }), 'MB_BROKER_OPTION');
    await rejectsWith(context.store.list({}, { after: "1' OR 1" }), 'MB_BROKER_OPTION');
    await rejectsWith(context.store.events('x'), 'MB_BROKER_OPTION');
  }),

  storeCase('holds and releases queued recipients', async (context) => {
    await context.store.accept(draft(['a@one.test', 'b@two.test']));
    assert.equal(await context.store.hold({ domain: 'one.test' }), 1);
    assert.equal(await context.store.hold({ domain: 'one.test' }), 0);
    assert.deepEqual(await drain(context), ['b@two.test']);
    assert.equal((await context.store.stats()).held, 1);
    assert.equal(await context.store.release({ state: 'held' }), 1);
    assert.deepEqual(await drain(context), ['a@one.test']);
    const types = (await eventTypes(context)).filter((type) => type === 'held' || type === 'released');
    assert.deepEqual(types, ['held', 'released']);
  }),

  storeCase('does not expire what is held until it is released', async (context) => {
    await context.store.accept(draft('a@example.net', { expireAfterMs: hours(1) }));
    await context.store.hold({ all: true });
    await context.advance(hours(2));
    assert.equal(await context.store.claimOverdue({ worker: 'w', max: 1, leaseMs: 1000 }), null);
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.nextDueMs(), null);
    await context.store.release({ all: true });
    assert.ok(await context.store.claimOverdue({ worker: 'w', max: 1, leaseMs: 1000 }));
  }),

  storeCase('cancels waiting recipients, which cannot be released', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const held = await context.store.accept(draft('b@example.net'));
    await context.store.hold({ messageId: held.messageId });
    assert.equal(await context.store.cancel({ all: true }), 2);
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.release({ all: true }), 0);
    const { state, finishedAt } = await onlyRecipient(context, messageId);
    assert.equal(state, 'cancelled');
    assert.ok(finishedAt !== undefined);
    assert.equal(await context.store.nextDueMs(), null);
  }),

  storeCase('cancels and holds recipients in flight when they return', async (context) => {
    const cancelled = await context.store.accept(draft('a@example.net'));
    const held = await context.store.accept(draft('b@example.net'));
    const delivered = await context.store.accept(draft('c@example.net'));
    const claim = await mustClaim(context);
    assert.equal(await context.store.cancel({ messageId: cancelled.messageId }), 1);
    assert.equal(await context.store.hold({ messageId: held.messageId }), 1);
    assert.equal(await context.store.cancel({ messageId: delivered.messageId }), 1);
    const outcomes = claim.messages.map(({ messageId, recipients }) => ({
      recipientId: recipients[0]!.recipientId,
      ...(messageId === delivered.messageId
        ? ({ status: 'delivered' } as const)
        : ({ status: 'deferred', retryAfterMs: 0 } as const)),
    }));
    await context.store.settle({ leaseId: claim.leaseId, outcomes, release: true });
    assert.equal((await onlyRecipient(context, cancelled.messageId)).state, 'cancelled');
    assert.equal((await onlyRecipient(context, held.messageId)).state, 'held');
    assert.equal((await onlyRecipient(context, delivered.messageId)).state, 'delivered');
    assert.equal(await claimSome(context), null);
  }),

  storeCase('forgets an intent to hold that was withdrawn', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const claim = await mustClaim(context);
    await context.store.hold({ all: true });
    assert.equal(await context.store.release({ all: true }), 1);
    await settleAll(context, claim, { status: 'deferred', retryAfterMs: 0 });
    assert.ok(await claimSome(context));
  }),

  storeCase('makes recipients due now, or later', async (context) => {
    await context.store.accept(draft('a@example.net'));
    await settleAll(context, await mustClaim(context), { status: 'deferred', retryAfterMs: hours(4) });
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.reschedule({ all: true }, 0), 1);
    const claim = await mustClaim(context);
    await settleAll(context, claim, { status: 'deferred', retryAfterMs: 0 });
    assert.equal(await context.store.reschedule({ all: true }, minutes(10)), 1);
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.nextDueMs(), minutes(10));
    await context.advance(minutes(10));
    assert.deepEqual(claimedAddresses(await claimSome(context)), ['a@example.net']);
  }),

  storeCase('releases what is unknown, to be tried again', async (context) => {
    await context.store.accept(draft('a@example.net', { onUnknown: 'report' }));
    await settleAll(context, await mustClaim(context), { status: 'unknown' });
    assert.equal((await context.store.stats()).unknown, 1);
    assert.equal(await context.store.release({ state: 'unknown' }), 1);
    assert.deepEqual(await drain(context), ['a@example.net']);
  }),

  storeCase('shows one destination as the statistics do, even one without recipients', async (context) => {
    const { store } = context;
    await store.accept(draft(['a@one.test', 'b@one.test', 'c@two.test'], { tenant: 'first' }));
    await store.accept(draft('d@one.test', { tenant: 'second', notBefore: 1 }));
    await store.setSite('three.test', { suspended: true, note: 'by agreement' });
    assert.equal((await mustClaim(context, 1)).messages.length, 1);
    const { sites } = await store.stats();
    assert.equal(sites.length, 3);
    for (const one of sites) assert.deepEqual(await store.inspectSite(one.site), one);
    assert.equal(await store.inspectSite('unheard-of.test'), null);
    await store.cancel({ site: 'two.test' });
    await drain(context);
    await store.setSite('two.test', { limits: { maxConcurrency: 3 } });
    const idle = await store.inspectSite('two.test');
    assert.deepEqual([idle?.queued, idle?.limits.maxConcurrency, idle?.oldestDueAt], [0, 3, undefined]);
  }),

  storeCase('commands more recipients than one batch holds', async (context) => {
    const addresses = Array.from({ length: 3000 }, (_, i) => `u${i}@example.net`);
    await context.store.accept(draft(addresses));
    await context.store.accept(draft('other@example.org'));
    assert.equal(await context.store.hold({ site: 'example.net' }), 3000);
    assert.deepEqual(await drain(context), ['other@example.org']);
    assert.equal(await context.store.release({ site: 'example.net' }), 3000);
    assert.equal(await context.store.cancel({ site: 'example.net' }), 3000);
    const { queued, held } = await context.store.stats();
    assert.deepEqual([queued, held], [0, 0]);
  }),
];
