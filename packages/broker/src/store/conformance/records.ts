import assert from 'node:assert/strict';
import { type RecordChange, recordDeletionMs, watchRecords } from '../records.ts';
import { type ConformanceCase, rejectsWith, storeCase, storeCaseThatNeeds } from './harness.ts';

export const recordCases: readonly ConformanceCase[] = [
  storeCase('keeps a record until it is replaced or deleted', async ({ store: { records } }) => {
    assert.equal(await records.get('domain', 'example.com'), null);
    const first = await records.put('domain', 'example.com', { selector: 's1', dates: [1, 2] });
    assert.deepEqual(first.value, { selector: 's1', dates: [1, 2] });
    assert.deepEqual(await records.get('domain', 'example.com'), first);
    const second = await records.put('domain', 'example.com', { selector: 's2' });
    assert.ok(second.version > first.version);
    assert.deepEqual((await records.get('domain', 'example.com'))?.value, { selector: 's2' });
    assert.equal(await records.get('webhook', 'example.com'), null);
    assert.equal(await records.delete('domain', 'example.com'), true);
    assert.equal(await records.delete('domain', 'example.com'), false);
    assert.equal(await records.get('domain', 'example.com'), null);
  }),

  storeCase('changes a record only at the version that was read', async ({ store: { records } }) => {
    const code = 'MB_BROKER_RECORD_CONFLICT';
    const first = await records.put('key', 'a', { n: 1 }, { ifVersion: 0 });
    await rejectsWith(records.put('key', 'a', { n: 2 }, { ifVersion: 0 }), code);
    const second = await records.put('key', 'a', { n: 2 }, { ifVersion: first.version });
    await rejectsWith(records.put('key', 'a', { n: 3 }, { ifVersion: first.version }), code);
    await rejectsWith(records.delete('key', 'a', { ifVersion: first.version }), code);
    await rejectsWith(records.put('key', 'b', { n: 1 }, { ifVersion: second.version }), code);
    await rejectsWith(records.delete('key', 'b', { ifVersion: second.version }), code);
    assert.deepEqual((await records.get('key', 'a'))?.value, { n: 2 });
    assert.equal(await records.delete('key', 'a', { ifVersion: second.version }), true);
    // A deleted record does not exist, so it can be created again.
    await records.put('key', 'a', { n: 4 }, { ifVersion: 0 });
  }),

  storeCase('lets only one of many simultaneous changes succeed', async ({ store: { records } }) => {
    const { version } = await records.put('counter', 'a', { n: 0 });
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => records.put('counter', 'a', { n }, { ifVersion: version })),
    );
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
  }),

  storeCase('lists the records of a collection in pages, by prefix too', async ({ store: { records } }) => {
    const keys = ['b', 'a/2', 'a/1', 'a', 'ä', 'z', 'a/%', 'A'];
    for (const key of keys) await records.put('list', key, { key });
    await records.put('other', 'a/3', {});
    await records.delete('list', 'b');
    const list = async (prefix?: string) => {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await records.list('list', {
          limit: 2,
          ...(after !== undefined && { after }),
          ...(prefix !== undefined && { prefix }),
        });
        seen.push(...page.rows.map(({ key }) => key));
        if (page.next === undefined) return seen;
        after = page.next;
      }
    };
    assert.deepEqual(await list(), ['A', 'a', 'a/%', 'a/1', 'a/2', 'z', 'ä']);
    assert.deepEqual(await list('a/'), ['a/%', 'a/1', 'a/2']);
    assert.deepEqual(await list('a/%'), ['a/%']);
    assert.deepEqual(await list('nothing'), []);
  }),

  storeCase('lists changes above a version, deletions too, each record once', async (context) => {
    const { records } = context.store;
    await records.put('domain', 'a', { n: 1 });
    const b = await records.put('domain', 'b', { n: 1 });
    await records.put('webhook', 'a', {});
    await records.put('domain', 'c', { n: 1 });
    await records.put('domain', 'a', { n: 2 });
    await records.delete('domain', 'c');
    const brief = (changes: readonly RecordChange[]) => changes.map(({ key, value }) => [key, value]);
    assert.deepEqual(brief(await records.changes('domain', 0)), [
      ['b', { n: 1 }],
      ['a', { n: 2 }],
      ['c', undefined],
    ]);
    assert.deepEqual(brief(await records.changes('domain', b.version, 1)), [['a', { n: 2 }]]);
    await context.advance(recordDeletionMs);
    await context.store.purge();
    assert.deepEqual(brief(await records.changes('domain', b.version)), [['a', { n: 2 }]]);
    const again = await records.put('domain', 'd', {});
    assert.ok(again.version > b.version + 3);
  }),

  storeCase('wakes iterations that watch a collection', async ({ store }) => {
    await store.records.put('domain', 'a', { n: 1 });
    const stop = new AbortController();
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const { key, value } of watchRecords(store, 'domain', { signal: stop.signal })) {
        seen.push([key, value]);
        if (key === 'a' && seen.length === 1) await store.records.put('domain', 'b', { n: 2 });
        if (key === 'b') await store.records.delete('domain', 'a');
        if (value === undefined) stop.abort();
      }
    })();
    await watching;
    assert.deepEqual(seen, [
      ['a', { n: 1 }],
      ['b', { n: 2 }],
      ['a', undefined],
    ]);
  }),

  storeCase('refuses invalid records', async ({ store: { records } }) => {
    const code = 'MB_BROKER_OPTION';
    await rejectsWith(records.put('Domain', 'a', {}), code);
    await rejectsWith(records.put('', 'a', {}), code);
    await rejectsWith(records.put('domain', '', {}), code);
    await rejectsWith(records.put('domain', 'a\nb', {}), code);
    await rejectsWith(records.put('domain', 'a'.repeat(256), {}), code);
    for (const value of [[], 'text', 5, null, { n: 5n }, { text: 'x'.repeat(65_537) }])
      await rejectsWith(records.put('domain', 'a', value as object), code);
    await rejectsWith(records.put('domain', 'a', {}, { ifVersion: -1 }), code);
    const unknown = { ifversion: 1 } as object;
    await rejectsWith(records.put('domain', 'a', {}, unknown), code);
    await rejectsWith(records.delete('domain', 'a', unknown), code);
    await rejectsWith(records.list('domain', unknown), code);
    assert.deepEqual((await records.list('domain')).rows, []);
  }),

  storeCaseThatNeeds('reopen', 'keeps records and their versions', async (context) => {
    const { version } = await context.store.records.put('domain', 'a', { n: 1 });
    const store = await context.reopen();
    assert.equal((await store.records.get('domain', 'a'))?.version, version);
    assert.ok((await store.records.put('domain', 'a', { n: 2 }, { ifVersion: version })).version > version);
  }),
];
