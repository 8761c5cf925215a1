import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { VirtualClock } from '@mb/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { days, draft, hours, octets, readAll } from '../conformance/harness.ts';
import { type OpenStore, storeConformance } from '../conformance/index.ts';
import { SqliteStore, type SqliteStoreOptions, schemaSql, schemaVersion } from './sqlite-store.ts';

const open: OpenStore = async (options) => {
  const directory = mkdtempSync(join(tmpdir(), 'mb-queue-'));
  const path = join(directory, 'queue.db');
  const clock = new VirtualClock();
  const openOne = async () => {
    const opened = new SqliteStore(path, { ...options, clock: { now: () => clock.now() } });
    await opened.open();
    return opened;
  };
  let store = await openOne();
  return {
    store,
    advance: (ms) => clock.advance(ms),
    async corrupt(messageId) {
      // A message that was just accepted is kept in memory, so only a reopened store reads the damaged content.
      await store.close();
      await store.open();
      const db = new DatabaseSync(path);
      const first = Number(messageId) * 65_536;
      db.prepare('UPDATE mb_content SET bytes = zeroblob(length(bytes)) WHERE id = ?').run(first);
      db.close();
    },
    async reopen() {
      await store.close();
      store = await openOne();
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
};

describe('SITE-01 SITE-02 SITE-05 Q-02 Q-03 Q-05 Q-57 Q-06 Q-07 Q-08 Q-10 Q-11 Q-13 Q-15 SAFE-01 REC-01 REC-02 REC-04 REC-03 STAGE-01 STAGE-10 STAGE-09 TRN-01 TRN-02 TRN-03 TRN-04 TRN-05 TRN-06 TRN-07 Q-20 Q-85 Q-21 Q-86 Q-22 Q-87 Q-140 Q-141 Q-142 Q-143 PRI-01 PRI-02 the SQLite store', () => {
  for (const { name, run } of storeConformance) it(name, () => run(open));
});

const leaseMs = 60_000;
let directory: string;
let path: string;
let clock: VirtualClock;
const opened: { close(): void | Promise<void> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mb-queue-'));
  path = join(directory, 'app.db');
  clock = new VirtualClock();
});

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  rmSync(directory, { recursive: true });
});

async function openStore(options: SqliteStoreOptions = {}): Promise<SqliteStore> {
  const store = new SqliteStore(path, { clock, ...options });
  await store.open();
  opened.push(store);
  return store;
}

function openDatabase(): DatabaseSync {
  const db = new DatabaseSync(path);
  opened.push({
    close() {
      if (db.isOpen) db.close();
    },
  });
  return db;
}

describe('accepting within the application’s transaction', () => {
  it('Q-12 makes the message exist if and only if the transaction commits', async () => {
    const store = await openStore();
    const app = openDatabase();
    app.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, mail TEXT)');
    const order = (id: number, end: 'COMMIT' | 'ROLLBACK') => {
      app.exec('BEGIN');
      const accepting = store.accept(draft(`order${id}@example.net`), { transaction: app });
      app.prepare('INSERT INTO orders VALUES (?, ?)').run(id, 'accepted');
      app.exec(end);
      return accepting;
    };
    const { messageId } = await order(1, 'COMMIT');
    await order(2, 'ROLLBACK');
    const list = await store.list({});
    expect(list.rows.map(({ address }) => address)).toEqual(['order1@example.net']);
    expect(app.prepare('SELECT id FROM orders').all()).toEqual([{ id: 1 }]);
    expect((await readAll(store.content(messageId))).length).toBe(300);
    expect(await store.claim({ worker: 'w', max: 5, leaseMs })).toMatchObject({ site: 'example.net' });
  });

  it('Q-12 shows nothing before the commit, and other writes wait for it', async () => {
    const store = await openStore();
    await store.accept(draft('before@example.org'));
    const app = openDatabase();
    app.exec('BEGIN IMMEDIATE');
    const inside = await store.accept(draft('inside@example.net'), { transaction: app });
    expect(await store.inspect(inside.messageId)).toBeNull();
    // Writes wait for the application's transaction without blocking the process that must end it.
    let outside = false;
    const accepting = store.accept(draft('outside@example.net')).then(() => {
      outside = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(outside).toBe(false);
    app.exec('COMMIT');
    await accepting;
    expect((await store.list({})).rows.length).toBe(3);
  });

  it('Q-12 wakes the worker when the transaction of another connection commits', async () => {
    const store = await openStore({ pollMs: 10 });
    const woken = new Promise<void>((resolve) => store.onWake(resolve));
    const app = openDatabase();
    app.exec('BEGIN');
    await store.accept(draft('a@example.net'), { transaction: app });
    app.exec('COMMIT');
    await woken;
  });

  it('leaves the transaction as it was when the message is refused', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net', { idempotency: { key: 'k', digest: '1' } }));
    const app = openDatabase();
    app.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY)');
    app.exec('BEGIN');
    app.exec('INSERT INTO orders VALUES (1)');
    const conflicting = draft('b@example.net', { idempotency: { key: 'k', digest: '2' } });
    await expect(store.accept(conflicting, { transaction: app })).rejects.toMatchObject({
      code: 'MB_BROKER_IDEMPOTENCY_CONFLICT',
    });
    app.exec('COMMIT');
    expect(app.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 1 });
    expect((await store.list({})).rows.length).toBe(1);
  });

  it('refuses a connection without a transaction, and one to another file', async () => {
    const store = await openStore();
    const app = openDatabase();
    await expect(store.accept(draft('a@example.net'), { transaction: app })).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
    });
    const other = new DatabaseSync(':memory:');
    other.exec('BEGIN');
    await expect(store.accept(draft('a@example.net'), { transaction: other })).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_FAILED',
    });
    other.close();
  });
});

describe('the file', () => {
  it('ROLE-06 is closed when it is disposed of', async () => {
    const store = new SqliteStore(path);
    {
      await using used = store;
      await used.open();
    }
    await expect(store.stats()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_CLOSED' });
  });

  it('Q-128 deletes large content in several transactions, and also what an earlier process has left', async () => {
    const store = await openStore({ pollMs: 0 });
    const large = () => store.accept(draft('a@example.net', { content: octets(6_000_000) }));
    const { messageId } = await large();
    await store.cancel({ messageId });
    const db = openDatabase();
    const chunks = () => Number(db.prepare('SELECT count(*) AS n FROM mb_content').get()!.n);
    expect(chunks()).toBe(23);
    await expect(readAll(store.content(messageId))).rejects.toMatchObject({ code: 'MB_BROKER_NOT_FOUND' });
    await store.close();
    const deleted: number[] = [];
    const exec = DatabaseSync.prototype.exec;
    DatabaseSync.prototype.exec = function (sql: string) {
      if (sql === 'COMMIT')
        deleted.push(Number(this.prepare('SELECT count(*) AS n FROM mb_content').get()!.n));
      return exec.call(this, sql);
    };
    try {
      await openStore({ pollMs: 10 });
      await vi.waitUntil(() => chunks() === 0 && deleted.length >= 4);
    } finally {
      DatabaseSync.prototype.exec = exec;
    }
    expect([...new Set(deleted)]).toEqual([23, 15, 7, 0]);
    expect(db.prepare('SELECT count(*) AS n FROM mb_unused_content').get()!.n).toBe(0);
  });

  it('Q-01 is flushed before accept and settle resolve, and need not be for claims', async () => {
    const store = await openStore();
    const done: string[] = [];
    const fs = process.getBuiltinModule('node:fs');
    const { fdatasync } = fs;
    fs.fdatasync = ((file: number, callback: (error: Error | null) => void) => {
      const commits = openDatabase().prepare('SELECT count(*) AS n FROM mb_message').get()!.n;
      fdatasync(file, (error) => {
        done.push(`flushed ${commits}`);
        callback(error);
      });
    }) as typeof fdatasync;
    syncBuiltinESMExports();
    try {
      await store.accept(draft('a@example.net'));
      done.push('accepted');
      const claim = await store.claim({ worker: 'w', max: 1, leaseMs });
      done.push('claimed');
      await store.settle({ leaseId: claim!.leaseId, outcomes: [], release: true });
      done.push('settled');
    } finally {
      fs.fdatasync = fdatasync;
      syncBuiltinESMExports();
    }
    expect(done).toEqual(['flushed 1', 'accepted', 'claimed', 'flushed 1', 'settled']);
  });

  it('shares one commit among all writes of a turn, and undoes only the one that fails', async () => {
    const store = await openStore();
    let commits = 0;
    const exec = DatabaseSync.prototype.exec;
    DatabaseSync.prototype.exec = function (sql: string) {
      if (sql === 'COMMIT') commits++;
      return exec.call(this, sql);
    };
    try {
      const idempotency = (digest: string) => ({ idempotency: { key: 'k', digest } });
      const results = await Promise.allSettled([
        ...Array.from({ length: 100 }, (_, i) => store.accept(draft(`u${i}@example.net`))),
        store.accept(draft('first@example.net', idempotency('1'))),
        store.accept(draft('second@example.net', idempotency('2'))),
      ]);
      expect(results.filter(({ status }) => status === 'rejected').length).toBe(1);
    } finally {
      DatabaseSync.prototype.exec = exec;
    }
    expect(commits).toBe(1);
    expect((await store.list({}, { limit: 1000 })).rows.length).toBe(101);
  });

  it('rejects writes while the disk is full, and accepts them afterwards', async () => {
    const store = await openStore();
    await store.accept(draft('before@example.net'));
    const big = draft('big@example.net', { content: octets(60_000) });
    const exec = DatabaseSync.prototype.exec;
    DatabaseSync.prototype.exec = function (sql: string) {
      // SQLite raises this to the current number of pages.
      if (sql === 'BEGIN IMMEDIATE') exec.call(this, 'PRAGMA max_page_count = 1');
      return exec.call(this, sql);
    };
    try {
      await expect(store.accept(big)).rejects.toMatchObject({
        code: 'MB_BROKER_STORE_FAILED',
        retryable: true,
      });
    } finally {
      DatabaseSync.prototype.exec = function (sql: string) {
        if (sql === 'BEGIN IMMEDIATE') exec.call(this, 'PRAGMA max_page_count = 1000000');
        return exec.call(this, sql);
      };
    }
    await store.accept(big);
    DatabaseSync.prototype.exec = exec;
    expect((await store.list({})).rows.map(({ address }) => address)).toEqual([
      'before@example.net',
      'big@example.net',
    ]);
  });

  it('Q-13 Q-44 holds a message whose record is damaged, and delivers the others', async () => {
    const store = await openStore();
    const damaged = await store.accept(draft('a@example.net', { envelope: { ret: 'FULL' } }));
    await store.accept(draft('b@example.net'));
    await store.close();
    await store.open();
    const db = openDatabase();
    db.prepare("UPDATE mb_message SET envelope = '{broken' WHERE id = ?").run(Number(damaged.messageId));
    const claim = await store.claim({ worker: 'w', max: 10, leaseMs });
    expect(claim?.messages.map(({ recipients }) => recipients[0]?.address)).toEqual(['b@example.net']);
    const held = await store.list({ state: 'held' });
    expect(held.rows).toMatchObject([
      { address: 'a@example.net', detail: { reason: 'corrupt' }, attempts: 1 },
    ]);
  });

  it('Q-13 writes nothing about a message when reading it has ended the transaction', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net'));
    await store.close();
    await store.open();
    const { get } = StatementSync.prototype;
    const { prepare } = DatabaseSync.prototype;
    let connection: DatabaseSync | undefined;
    DatabaseSync.prototype.prepare = function (sql: string) {
      connection = this;
      return prepare.call(this, sql);
    };
    StatementSync.prototype.get = function (...values) {
      if (!this.sourceSQL.includes('FROM mb_content')) return get.apply(this, values as never);
      connection!.exec('ROLLBACK');
      throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
    };
    try {
      const claiming = store.claim({ worker: 'w', max: 10, leaseMs });
      await expect(claiming).rejects.toMatchObject({ code: 'MB_BROKER_MESSAGE_CORRUPT' });
    } finally {
      StatementSync.prototype.get = get;
      DatabaseSync.prototype.prepare = prepare;
    }
    expect((await store.list({})).rows).toMatchObject([{ state: 'queued', inFlight: false, attempts: 0 }]);
    expect((await store.claim({ worker: 'w', max: 10, leaseMs }))?.messages).toHaveLength(1);
  });

  it('Q-13 stops reading large content at the first damaged chunk', async () => {
    const store = await openStore();
    const content = octets(700_000);
    const { messageId } = await store.accept(draft('a@example.net', { content }));
    openDatabase()
      .prepare('UPDATE mb_content SET bytes = zeroblob(length(bytes)) WHERE id = ?')
      .run(Number(messageId) * 65_536 + 1);
    let read = 0;
    await expect(async () => {
      for await (const chunk of store.content(messageId)) read += chunk.length;
    }).rejects.toMatchObject({ code: 'MB_BROKER_MESSAGE_CORRUPT' });
    expect(read).toBe(256 * 1024);
  });

  it('can be created with schemaSql, and is refused when it needs newer code or must not be migrated', async () => {
    await expect(openStore({ migrate: false })).rejects.toMatchObject({ code: 'MB_BROKER_STORE_SCHEMA' });
    const db = openDatabase();
    db.exec(schemaSql);
    db.exec('CREATE TABLE mb_meta (version INTEGER NOT NULL, min_reader INTEGER NOT NULL)');
    db.prepare('INSERT INTO mb_meta VALUES (?, ?)').run(schemaVersion, 1);
    const store = await openStore({ migrate: false });
    expect(store.foundSchema).toBe(schemaVersion);
    await store.accept(draft('a@example.net'));
    db.prepare('UPDATE mb_meta SET version = ?, min_reader = ?').run(schemaVersion + 5, schemaVersion);
    await (await openStore()).accept(draft('b@example.net'));
    db.prepare('UPDATE mb_meta SET min_reader = ?').run(schemaVersion + 5);
    await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_SCHEMA' });
  });

  it('leaves a file that it refuses as it was', async () => {
    const db = openDatabase();
    db.exec('CREATE TABLE mine (a); INSERT INTO mine VALUES (1)');
    const refused = async (options?: SqliteStoreOptions) => {
      const before = readFileSync(path);
      await expect(openStore(options)).rejects.toMatchObject({ code: 'MB_BROKER_STORE_SCHEMA' });
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    };
    await refused({ migrate: false });
    db.exec('CREATE TABLE mb_meta (version INTEGER NOT NULL, min_reader INTEGER NOT NULL)');
    db.prepare('INSERT INTO mb_meta VALUES (?1, ?1)').run(schemaVersion + 1);
    await refused();
  });

  it('may be opened by several stores at once, which see each other’s writes', async () => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);
    await Promise.all(stores.map((store, i) => store.accept(draft(`u${i}@example.net`))));
    for (const store of stores) expect((await store.list({})).rows.length).toBe(3);
    expect(await stores[0]!.hold({ domain: 'example.net' })).toBe(3);
    expect(await stores[1]!.claim({ worker: 'w', max: 5, leaseMs })).toBeNull();
  });

  it('never uses the number of an event again, even if a power cut has lost the event', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net'));
    const before = Number(await store.eventsEnd());
    await store.close();
    const again = await openStore();
    await again.accept(draft('b@example.net'));
    expect(Number(await again.eventsEnd())).toBeGreaterThan(before + 1000);
    expect((await again.events(String(before))).events.map(({ type }) => type)).toEqual(['accepted']);
  });

  it('Q-42 does not freeze when it was written while the clock was wrong', async () => {
    clock.jump(days(365));
    const store = await openStore();
    const wanted = clock.now() - days(365) + hours(48);
    await store.accept(draft('a@example.net'));
    const claim = await store.claim({ worker: 'w', max: 1, leaseMs });
    const [recipient] = claim!.messages[0]!.recipients;
    await store.settle({
      leaseId: claim!.leaseId,
      release: true,
      outcomes: [{ recipientId: recipient!.recipientId, status: 'deferred', retryAfterMs: 300_000 }],
    });
    await store.accept(draft('later@example.org', { notBefore: clock.now() + hours(1) }));
    await store.close();
    clock.jump(-days(365));
    const again = await openStore();
    expect(await again.claim({ worker: 'w', max: 1, leaseMs })).toBeNull();
    await clock.advance(300_000);
    expect(await again.claim({ worker: 'w', max: 1, leaseMs })).toMatchObject({ site: 'example.net' });
    const [later] = (await again.list({ domain: 'example.org' })).rows;
    expect(later!.dueAt).toBeGreaterThan(wanted);
  });

  it('Q-15 keeps the octets once however many recipients there are, and gives the space back', async () => {
    const store = await openStore();
    const recipients = Array.from({ length: 1000 }, (_, i) => `u${i}@site${i % 10}.test`);
    const { messageId } = await store.accept(draft(recipients, { content: octets(2_000_000) }));
    const db = openDatabase();
    const stored = () => db.prepare('SELECT coalesce(sum(length(bytes)), 0) AS n FROM mb_content').get();
    expect(stored()).toEqual({ n: 2_000_000 });
    await store.cancel({ messageId });
    expect(stored()).toEqual({ n: 0 });
    await clock.advance(days(15));
    await store.purge();
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    expect(statSync(path).size).toBeLessThan(1_000_000);
  });

  it('Q-45 streams 400 MB in and out in far less memory', async () => {
    const store = await openStore({ maxMessageBytes: 1e9 });
    async function* source() {
      const chunk = octets(100_000);
      for (let i = 0; i < 4000; i++) yield chunk;
    }
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const staged = await store.stage(source());
    const { messageId } = await store.accept(draft('a@example.net', { content: staged }));
    let length = 0;
    for await (const chunk of store.content(messageId)) {
      length += chunk.length;
      most = Math.max(most, process.memoryUsage().rss);
    }
    clearInterval(watch);
    expect(length).toBe(400_000_000);
    // Half of the message: the process needs a few chunks, and the rest is garbage that was not collected yet.
    expect(most - before).toBeLessThan(200 * 1024 * 1024);
  }, 30_000);

  it('refuses unknown options', () => {
    expect(() => new SqliteStore(path, { fsync: false } as never)).toThrow(
      expect.objectContaining({ code: 'MB_BROKER_OPTION' }),
    );
  });
});
