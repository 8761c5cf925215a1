import assert from 'node:assert/strict';
import type { QueueEvent } from '../queue-event.ts';
import {
  allEvents,
  type ConformanceCase,
  claimedIds,
  draft,
  drain,
  minutes,
  mustClaim,
  rejectsWith,
  settleAll,
  storeCase,
} from './harness.ts';

export const eventCases: readonly ConformanceCase[] = [
  storeCase('logs the events of a recipient in order, with attempts and details', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net', { tenant: 't', tag: 'x' }));
    const claim = await mustClaim(context);
    await settleAll(context, claim, {
      status: 'deferred',
      retryAfterMs: minutes(5),
      detail: { reply: '451 busy' },
    });
    await context.advance(minutes(5));
    await drain(context, { status: 'delivered', detail: { reply: '250 ok' } });
    const events = await allEvents(context);
    assert.deepEqual(
      events.map(({ type, attempt, detail }) => [type, attempt, detail]),
      [
        ['accepted', 0, undefined],
        ['attempted', 1, undefined],
        ['deferred', 1, { reply: '451 busy' }],
        ['attempted', 2, undefined],
        ['delivered', 2, { reply: '250 ok' }],
      ],
    );
    for (const event of events)
      assert.deepEqual([event.messageId, event.tenant, event.tag], [messageId, 't', 'x']);
    const [accepted, , deferred] = events;
    assert.equal(accepted?.recipientId, undefined);
    assert.deepEqual([deferred?.recipientId, deferred?.address], [`${messageId}.0`, 'a@example.net']);
    assert.equal(deferred?.nextAttemptAt, deferred!.at + minutes(5));
  }),

  storeCase('resumes at a cursor without gap or repetition', async (context) => {
    for (let i = 0; i < 10; i++) await context.store.accept(draft(`u${i}@example.net`));
    await drain(context);
    const all = await allEvents(context);
    assert.equal(all.length, 30);
    for (const cut of [0, 1, 13, 29]) {
      const seen = await context.store.events(all[cut]!.cursor, 100);
      assert.deepEqual(seen.events, all.slice(cut + 1));
    }
    const page = await context.store.events(undefined, 4);
    assert.equal(page.cursor, all[3]!.cursor);
    const end = await context.store.events(all.at(-1)!.cursor);
    assert.deepEqual(end, { events: [], cursor: all.at(-1)!.cursor });
  }),

  storeCase('Q-21 Q-86 lists the events of one message among others, in pages', async (context) => {
    const { store } = context;
    await store.accept(draft('before@example.net'));
    await drain(context);
    const { messageId } = await store.accept(draft(['a@example.net', 'b@example.net']));
    await store.accept(draft('after@example.net'));
    await settleAll(context, await mustClaim(context), { status: 'deferred', retryAfterMs: minutes(5) });
    await context.advance(minutes(5));
    await drain(context);
    await store.report([{ type: 'bounced', recipientId: `${messageId}.1`, detail: { status: '5.1.1' } }]);
    const all = (await allEvents(context)).filter((event) => event.messageId === messageId);
    assert.equal(all.length, 10);
    assert.deepEqual((await store.messageEvents(messageId)).rows, all);
    const pages: QueueEvent[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.messageEvents(messageId, { limit: 3, ...(after !== undefined && { after }) });
      assert.ok(page.rows.length <= 3);
      pages.push(...page.rows);
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.deepEqual(pages, all);
    assert.deepEqual(await store.messageEvents('424242'), { rows: [] });
    assert.deepEqual(await store.messageEvents("1' OR 1"), { rows: [] });
    await rejectsWith(store.messageEvents(messageId, { after: 'x' }), 'MB_BROKER_OPTION');
  }),

  storeCase('lets a reader begin at the end', async (context) => {
    await context.store.accept(draft('a@example.net'));
    const end = await context.store.eventsEnd();
    assert.deepEqual((await context.store.events(end)).events, []);
    const { messageId } = await context.store.accept(draft('b@example.net'));
    const { events } = await context.store.events(end);
    assert.deepEqual(
      events.map((event) => [event.type, event.messageId]),
      [['accepted', messageId]],
    );
  }),

  storeCase('logs received reports, and skips unknown recipients', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    await drain(context);
    await context.store.report(
      [
        { type: 'bounced', recipientId: `${messageId}.0`, detail: { status: '5.1.1' } },
        { type: 'complained', recipientId: '777777.0' },
      ],
      [{ address: 'A@example.net', reason: 'bad-mailbox' }],
    );
    const last = (await allEvents(context)).at(-1)!;
    assert.deepEqual(
      [last.type, last.recipientId, last.detail],
      ['bounced', `${messageId}.0`, { status: '5.1.1' }],
    );
    assert.equal((await context.store.suppressed(['a@example.net'])).length, 1);
  }),

  storeCase(
    'logs only the given eventTypes',
    async (context) => {
      await context.store.accept(draft('a@example.net'));
      const claim = await mustClaim(context);
      assert.equal(claimedIds(claim).length, 1);
      await settleAll(context, claim, { status: 'failed' });
      assert.deepEqual(
        (await allEvents(context)).map(({ type }) => type),
        ['failed'],
      );
    },
    { eventTypes: ['failed', 'delivered'] },
  ),
];
