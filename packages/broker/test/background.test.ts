import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BrokerError, MailBroker, MemoryStore, type QueueEvent } from '../src/index.ts';
import { watchRecords } from '../src/store/index.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
const nowhere = { servers: ['127.0.0.1:1'] };

describe('SAFE-09 background work survives a store that fails', () => {
  it('the poll of the queue file, whose pages are overwritten', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mb-background-'));
    const file = join(folder, 'q.db');
    const store = new SqliteStore(file, { pollMs: 20 });
    await store.open();
    const told: unknown[] = [];
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store,
      dns: nowhere,
      queue: { onError: (error) => told.push(error) },
    });
    broker.start();
    await broker.enqueue(message);
    const checkpoint = `const { DatabaseSync } = require('node:sqlite');
      const db = new DatabaseSync(process.argv[1]); db.exec('PRAGMA wal_checkpoint(TRUNCATE)'); db.close();`;
    spawnSync(process.execPath, ['-e', checkpoint, file]);
    writeFileSync(file, Buffer.alloc(200_000, 0x41));
    await setTimeout(400);
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((error) => !BrokerError.isInstance(error))).toEqual([]);
    await broker.stop({ graceMs: 50 });
    await store.close().catch(() => {});
    const after = told.length;
    await setTimeout(200);
    expect(told.length).toBe(after);
    rmSync(folder, { recursive: true });
  });

  it('SAFE-62 events(): asks again, tells onError, and ends quietly when the store is closed', async () => {
    const { store, fail } = failingStore();
    const told: unknown[] = [];
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store,
      dns: nowhere,
      queue: { onError: (error) => told.push(error) },
    });
    const seen: QueueEvent[] = [];
    const reading = (async () => {
      for await (const event of broker.events({ after: 'start' })) seen.push(event);
    })();
    await broker.enqueue(message);
    await setTimeout(20);
    fail(1);
    await broker.enqueue(message);
    await setTimeout(1300);
    expect(seen.map(({ type }) => type)).toEqual(['accepted', 'accepted']);
    expect(told).toHaveLength(1);
    await store.close();
    await reading;
  });

  it('SAFE-62 watchRecords(): asks again, tells onError, and ends quietly when the store is closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mb-background-'));
    const store = new SqliteStore(join(folder, 'q.db'));
    await store.open();
    const told: unknown[] = [];
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { key } of watchRecords(store, 'domain', { onError: (error) => told.push(error) }))
        seen.push(key);
    })();
    await setTimeout(20);
    const db = new DatabaseSync(join(folder, 'q.db'));
    db.exec('ALTER TABLE mb_record RENAME TO away');
    // Its next look comes by itself.
    for (let i = 0; i < 300 && told.length === 0; i++) await setTimeout(10);
    db.exec('ALTER TABLE away RENAME TO mb_record');
    db.close();
    await store.records.put('domain', 'one.test', {});
    for (let i = 0; i < 300 && seen.length === 0; i++) await setTimeout(10);
    expect(seen).toEqual(['one.test']);
    expect(told.filter((error) => !BrokerError.isInstance(error))).toEqual([]);
    await store.close();
    await reading;
    await expect(watchRecords(store, 'domain').next()).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_CLOSED',
    });
    rmSync(folder, { recursive: true });
  });

  it('events(): still refuses a cursor that is none, and a store that was never open', async () => {
    const broker = new MailBroker({ hostname: 'mail.sender.test', store: new MemoryStore(), dns: nowhere });
    await expect(broker.events({ after: 'nonsense' }).next()).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
    });
    const closed = new SqliteStore(':memory:');
    const other = new MailBroker({ hostname: 'mail.sender.test', store: closed, dns: nowhere });
    await expect(other.events().next()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_CLOSED' });
  });

  it('deliverEvents(): goes on after a store, a handler and a cursor that fail', async () => {
    const { store, fail } = failingStore();
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store,
      dns: nowhere,
      queue: {
        onError: () => {
          throw new Error('onError itself fails');
        },
      },
      runtime: { clock: fastClock },
    });
    const warnings: string[] = [];
    const onWarning = ({ message: said }: Error) => warnings.push(said);
    process.on('warning', onWarning);
    const end = new AbortController();
    const handled: string[] = [];
    const saved: string[] = [];
    let trouble = 2;
    const running = broker.deliverEvents(
      ({ cursor }) => {
        if (trouble-- > 0) throw new Error('the handler fails');
        handled.push(cursor);
      },
      {
        after: 'start',
        concurrency: 1,
        signal: end.signal,
        saveCursor: (cursor) => {
          if (saved.length === 0 && handled.length === 1 && trouble-- > -3)
            throw new Error('the disk is full');
          saved.push(cursor);
        },
        onRetry: () => {
          throw new Error('onRetry itself fails');
        },
      },
    );
    fail(2);
    await broker.enqueue(message);
    await broker.enqueue(message);
    for (let i = 0; i < 200 && saved.length < 2; i++) await setTimeout(10);
    expect(handled).toEqual(saved);
    expect(saved).toHaveLength(2);
    end.abort();
    await running;
    await setTimeout(10);
    process.off('warning', onWarning);
    expect(warnings.some((said) => said.includes('onError itself fails'))).toBe(true);
  });

  it('the worker: goes on when onError throws', async () => {
    const { store, fail } = failingStore();
    let calls = 0;
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store,
      dns: nowhere,
      queue: {
        onError: () => {
          calls++;
          throw new Error('onError itself fails');
        },
      },
      runtime: { clock: fastClock },
    });
    broker.start();
    fail(3);
    await broker.enqueue(message);
    await setTimeout(300);
    expect(calls).toBeGreaterThan(0);
    expect((await broker.health()).running).toBe(true);
    await broker.stop({ graceMs: 50 });
  });
});

/** Waits are a hundredth as long. */
const fastClock = {
  now: () => Date.now(),
  setTimer(callback: () => void, delayMs: number) {
    const timer = globalThis.setTimeout(callback, delayMs / 100);
    return () => clearTimeout(timer);
  },
};

/** A store in memory whose reads fail when told to, as a database that goes away does. */
function failingStore(): { store: MemoryStore; fail(times: number): void } {
  let failures = 0;
  class Failing extends MemoryStore {
    #maybe(): void {
      if (failures-- > 0) {
        throw new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'The database went away.', {
          retryable: true,
        });
      }
    }
    override async events(...args: Parameters<MemoryStore['events']>) {
      this.#maybe();
      return super.events(...args);
    }
    override async claimSites(...args: Parameters<MemoryStore['claimSites']>) {
      this.#maybe();
      return super.claimSites(...args);
    }
  }
  return {
    store: new Failing(),
    fail(times) {
      failures = times;
    },
  };
}
