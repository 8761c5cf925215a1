import { DatabaseSync } from 'node:sqlite';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { Sql } from './connection.ts';
import { EventBatch, type EventRecord } from './event-batch.ts';
import { latestEvent, purgeEvents, readEvents, skipEventNumbers } from './event-log.ts';
import { GroupCommit } from './group-commit.ts';
import { migrateSchema } from './schema.ts';

function openLog() {
  const db = new DatabaseSync(':memory:');
  migrateSchema(db, true);
  const sql = new Sql(db);
  skipEventNumbers(sql);
  return { db, sql, batch: new EventBatch(undefined) };
}

function event(message: number, more: Partial<EventRecord> = {}): EventRecord {
  return { type: 'accepted', at: 1000 + message, message, tenant: '', tag: null, attempt: 0, ...more };
}

it('reads the same events in pages of any size, whatever the sizes of the blocks', () => {
  const { sql, batch } = openLog();
  const many = [1, 127, 128, 129, 300];
  let message = 0;
  for (const count of many) {
    for (let i = 0; i < count; i++) batch.add(event(message++));
    batch.write(sql);
  }
  const all = readEvents(sql, 0, 1000).events;
  expect(all.map(({ messageId }) => Number(messageId))).toEqual(Array.from({ length: message }, (_, i) => i));
  expect(all.at(-1)?.cursor).toBe(String(latestEvent(sql)));
  for (const limit of [1, 2, 127, 128, 129, 500]) {
    const paged = [];
    for (let place = 0; ; ) {
      const page = readEvents(sql, place, limit);
      expect(page.events.length).toBeLessThanOrEqual(limit);
      if (page.events.length === 0) break;
      paged.push(...page.events);
      place = Number(page.cursor);
    }
    expect(paged).toEqual(all);
  }
});

it('keeps a block small, however long the details are', () => {
  const { sql, batch } = openLog();
  const detail = JSON.stringify({ reply: 'é"\n'.repeat(4000) });
  for (let i = 0; i < 50; i++) batch.add(event(i, { detail }));
  batch.write(sql);
  const longest = sql.get<{ n: number }>('SELECT max(length(events)) AS n FROM mb_event')!.n;
  expect(longest).toBeLessThan(64 * 1024 + detail.length + 200);
  expect(readEvents(sql, 0, 50).events.map((read) => read.detail)).toEqual(
    Array.from({ length: 50 }, () => JSON.parse(detail)),
  );
});

it('forgets the events of a write that failed, and of no other', async () => {
  const { db, sql, batch } = openLog();
  const gathered = {
    mark: () => batch.mark(),
    reset: (mark: number) => batch.reset(mark),
    write: () => batch.write(sql),
  };
  const commits = new GroupCommit(db, { setTimer: new VirtualClock(0).setTimer, gathered: [gathered] });
  const write = (message: number) =>
    commits.write(
      () => {
        batch.add(event(message));
        if (message % 3 === 1) throw new Error('It failed.');
      },
      { durable: true },
    );
  await Promise.allSettled(Array.from({ length: 9 }, (_, i) => write(i)));
  expect(readEvents(sql, 0, 100).events.map(({ messageId }) => messageId)).toEqual([
    '0',
    '2',
    '3',
    '5',
    '6',
    '8',
  ]);
  db.exec("CREATE TRIGGER full BEFORE INSERT ON mb_event BEGIN SELECT raise(ABORT, 'full'); END");
  await expect(write(20)).rejects.toThrow();
  db.exec('DROP TRIGGER full');
  await write(21);
  expect(readEvents(sql, 0, 100).events.at(-1)?.messageId).toBe('21');
  expect(readEvents(sql, 0, 100).events).toHaveLength(7);
});

it('purges no block with an event that is still kept', () => {
  const { sql, batch } = openLog();
  for (const blocks of [3, 4, 5]) {
    for (let i = 0; i < blocks; i++) batch.add(event(blocks, { at: blocks * 1000 + i }));
    batch.write(sql);
  }
  expect(purgeEvents(sql, 4003, 100)).toBe(3);
  expect(purgeEvents(sql, 9000, 4)).toBe(4);
  expect(readEvents(sql, 0, 100).events).toHaveLength(5);
  expect(purgeEvents(sql, 9000, 1)).toBe(5);
  expect(purgeEvents(sql, 9000, 1)).toBe(0);
});
