import assert from 'node:assert/strict';
import {
  allEvents,
  type ConformanceCase,
  days,
  draft,
  drain,
  hours,
  minutes,
  mustClaim,
  octets,
  readAll,
  rejectsWith,
  settleAll,
  storeCase,
} from './harness.ts';

async function* once(bytes: Uint8Array) {
  yield bytes;
}

export const retentionCases: readonly ConformanceCase[] = [
  storeCase(
    'purges delivered and failed messages after their retention, and none that wait',
    async (context) => {
      const delivered = await context.store.accept(draft('a@one.test'));
      await drain(context);
      const failed = await context.store.accept(draft('b@two.test'));
      await drain(context, { status: 'failed' });
      const waiting = await context.store.accept(
        draft(['c@three.test', 'd@four.test'], { expireAfterMs: days(90) }),
      );
      await settleAll(context, await mustClaim(context), { status: 'delivered' });
      const exists = async ({ messageId }: { messageId: string }) =>
        (await context.store.inspect(messageId)) !== null;
      const all = async () => [await exists(delivered), await exists(failed), await exists(waiting)];
      await context.advance(days(3) - 1);
      assert.equal((await context.store.purge()).messages, 0);
      await context.advance(1);
      assert.equal((await context.store.purge()).messages, 1);
      assert.deepEqual(await all(), [false, true, true]);
      await context.advance(days(11));
      assert.equal((await context.store.purge()).messages, 1);
      assert.deepEqual(await all(), [false, false, true]);
      await context.advance(days(30));
      await context.store.purge();
      assert.deepEqual(await all(), [false, false, true]);
      assert.equal((await drain(context)).length, 1);
    },
  ),

  storeCase('keeps no content whose staging failed, or that was discarded', async (context) => {
    const { store } = context;
    const stagedMs = 0;
    async function* failing() {
      yield octets(300_000);
      throw new Error('the source failed');
    }
    await assert.rejects(store.stage(failing()), /the source failed/);
    const controller = new AbortController();
    async function* aborted() {
      yield octets(300_000);
      controller.abort(new Error('stopped'));
      yield octets(300_000);
    }
    await assert.rejects(store.stage(aborted(), { signal: controller.signal }), /stopped/);
    const discarded = await store.stage(once(octets(600_000)));
    await store.discard(discarded);
    await store.discard(discarded);
    await rejectsWith(store.accept(draft('a@one.test', { content: discarded })), 'MB_BROKER_STAGED_UNKNOWN');
    assert.equal((await store.purge({ stagedMs })).staged, 0);
    const accepted = await store.stage(once(octets(600_000)));
    const { messageId } = await store.accept(draft('a@one.test', { content: accepted }));
    await store.discard(accepted);
    const pieces: Uint8Array[] = [];
    for await (const piece of store.content(messageId)) pieces.push(piece);
    assert.equal(Buffer.concat(pieces).length, 600_000);
  }),

  storeCase('purges staged content that is not accepted within a quarter of an hour', async (context) => {
    const { store } = context;
    const old = await store.stage(once(octets(300_000)));
    await context.advance(minutes(14));
    assert.equal((await store.purge()).staged, 0);
    await context.advance(minutes(1));
    assert.equal((await store.purge()).staged, 1);
    await rejectsWith(store.accept(draft('a@one.test', { content: old })), 'MB_BROKER_STAGED_UNKNOWN');
  }),

  storeCase('purges in batches, and says whether there is more', async (context) => {
    for (let i = 0; i < 25; i++) await context.store.accept(draft(`u${i}@example.net`));
    await drain(context);
    await context.advance(days(3));
    const counts: number[] = [];
    for (let more = true; more; ) {
      const purged = await context.store.purge({ batch: 10, eventsMs: days(100) });
      counts.push(purged.messages);
      more = purged.more;
    }
    assert.deepEqual(counts, [10, 10, 5]);
    assert.equal((await context.store.list({})).rows.length, 0);
  }),

  storeCase('says whether a message has content: until its last outcome', async (context) => {
    const { store } = context;
    const { messageId } = await store.accept(draft(['a@one.test', 'b@two.test']));
    await settleAll(context, await mustClaim(context), { status: 'delivered' });
    assert.equal((await store.inspect(messageId))?.hasContent, true);
    await drain(context);
    assert.equal((await store.inspect(messageId))?.hasContent, false);
  }),

  storeCase(
    'keeps content for keepContentMs after the last outcome, and no longer',
    async (context) => {
      const { store } = context;
      const small = octets(300);
      // More than one piece, in every store.
      const large = octets(600_000, 2);
      const delivered = await store.accept(draft('a@one.test', { content: small }));
      const failed = await store.accept(draft('b@two.test', { content: await store.stage(once(large)) }));
      const empty = await store.accept(draft('c@three.test', { content: new Uint8Array() }));
      await settleAll(context, await mustClaim(context), { status: 'delivered' });
      await settleAll(context, await mustClaim(context), { status: 'failed' });
      const check = async () => {
        assert.deepEqual(Buffer.from(await readAll(store.content(delivered.messageId))), Buffer.from(small));
        assert.ok(Buffer.from(await readAll(store.content(failed.messageId))).equals(large));
        assert.equal((await readAll(store.content(empty.messageId))).length, 0);
        assert.equal((await store.inspect(failed.messageId))?.hasContent, true);
      };
      await check();
      await drain(context);
      await check();
      await context.advance(hours(2) - 1);
      assert.equal((await store.purge()).contents, 0);
      await check();
      await context.advance(1);
      assert.equal((await store.purge()).contents, 3);
      for (const { messageId } of [delivered, failed, empty]) {
        await rejectsWith(readAll(store.content(messageId)), 'MB_BROKER_NOT_FOUND');
        assert.equal((await store.inspect(messageId))?.hasContent, false);
      }
      assert.equal((await store.purge()).contents, 0);
    },
    { keepContentMs: hours(2) },
  ),

  storeCase(
    'purges kept content in batches, and at the latest with its message',
    async (context) => {
      const { store } = context;
      for (let i = 0; i < 5; i++) await store.accept(draft(`u${i}@example.net`));
      await drain(context);
      const last = await store.accept(draft('last@example.net'));
      await drain(context);
      const first = await store.purge({ batch: 100 });
      assert.deepEqual([first.contents, first.messages], [0, 0]);
      await context.advance(hours(2));
      const counts: number[] = [];
      for (let more = true; more; ) {
        const purged = await store.purge({ batch: 4 });
        counts.push(purged.contents);
        more = purged.more;
      }
      assert.deepEqual(counts, [4, 2]);
      const { messageId } = await store.accept(draft('short@example.net'));
      await drain(context);
      assert.equal((await store.inspect(messageId))?.hasContent, true);
      while ((await store.purge({ deliveredMs: 0 })).more);
      assert.equal(await store.inspect(messageId), null);
      assert.equal(await store.inspect(last.messageId), null);
      await rejectsWith(readAll(store.content(messageId)), 'MB_BROKER_NOT_FOUND');
    },
    { keepContentMs: hours(2) },
  ),

  storeCase('forgets an idempotency key with its message', async (context) => {
    const message = draft('a@example.net', { idempotency: { key: 'k', digest: 'd' } });
    await context.store.accept(message);
    await drain(context);
    await context.advance(days(3));
    await context.store.purge();
    assert.equal((await context.store.accept(message)).duplicate, false);
  }),

  storeCase('purges old events; a reader that was behind continues with the next ones', async (context) => {
    await context.store.accept(draft('a@example.net'));
    await drain(context);
    const [first] = await allEvents(context);
    await context.advance(days(14) + 1);
    const { messageId } = await context.store.accept(draft('b@example.net'));
    assert.equal((await context.store.purge()).events, 3);
    const { events } = await context.store.events(first!.cursor);
    assert.deepEqual(
      events.map((event) => [event.type, event.messageId]),
      [['accepted', messageId]],
    );
  }),

  storeCase('purges staged content that was not accepted', async (context) => {
    const kept = await context.store.stage(once(octets(5)));
    await context.store.accept(draft('a@example.net', { content: kept }));
    const lost = await context.store.stage(once(octets(5)));
    await context.advance(days(1));
    assert.equal((await context.store.purge()).staged, 1);
    await rejectsWith(
      context.store.accept(draft('b@example.net', { content: lost })),
      'MB_BROKER_STAGED_UNKNOWN',
    );
    assert.deepEqual(await drain(context), ['a@example.net']);
  }),
];
