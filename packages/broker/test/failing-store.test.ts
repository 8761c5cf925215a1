import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createSeededRandom } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { BrokerError, MemoryStore } from '../src/index.ts';
import { type QueueStore, watchRecords } from '../src/store/index.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { startLab } from './lab.ts';

/** Calls of a store that wait for a disk or a server, and so can fail. */
const methods = [
  'accept',
  'assignSites',
  'claimSites',
  'claimMore',
  'claimOverdue',
  'events',
  'heartbeat',
  'purge',
  'reap',
  'settle',
  'unrouted',
] as const;

/**
 * A store each of whose calls fails with this probability while `on()`, the first of each method for certain; each
 * method that failed is noted.
 */
function failingStore<Store extends QueueStore<never>>(
  store: Store,
  { probability, on, failed }: { probability: number; on: () => boolean; failed: Set<string> },
): Store {
  const { random } = createSeededRandom('failing-store');
  return new Proxy(store, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      if (!(methods as readonly PropertyKey[]).includes(key)) return value.bind(target);
      return (...given: unknown[]) => {
        if (!on() || (failed.has(String(key)) && random() >= probability)) return value.apply(target, given);
        failed.add(String(key));
        const error = new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'The database went away.', {
          retryable: true,
        });
        return Promise.reject(error);
      };
    },
  });
}

/** Waits are a twentieth as long. */
const fastClock = {
  now: () => Date.now(),
  setTimer(callback: () => void, delayMs: number) {
    const timer = globalThis.setTimeout(callback, delayMs / 20);
    return () => clearTimeout(timer);
  },
};

const count = 40;

async function deliverAll(store: MemoryStore | SqliteStore): Promise<void> {
  const failed = new Set<string>();
  let on = true;
  const shaky = failingStore(store as never, { probability: 0.3, on: () => on, failed });
  const told: unknown[] = [];
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  await using lab = await startLab({
    hosts: { mx: { address: '127.0.41.1' } },
    records: { one: { MX: '10 mx.test' }, two: { MX: '10 mx.test' } },
    broker: {
      store: shaky,
      runtime: { clock: fastClock },
      queue: { onError: (error) => told.push(error), schedule: { firstMs: 1000, maxMs: 2000 } },
    },
  });
  const { broker } = lab;
  const delivered = new Set<string>();
  const pumped = new Set<string>();
  const end = new AbortController();
  const reading = (async () => {
    for await (const event of broker.events({ after: 'start' }))
      if (event.type === 'delivered') delivered.add(event.messageId);
  })();
  const pumping = broker.deliverEvents(
    ({ type, messageId }) => void (type === 'delivered' && pumped.add(messageId)),
    {
      after: 'start',
      signal: end.signal,
    },
  );
  const watching = (async () => {
    for await (const _ of watchRecords(shaky as never, 'domain', {})) break;
  })();
  broker.start();
  const accepted: string[] = [];
  for (let at = 0; accepted.length < count; at++) {
    expect(at).toBeLessThan(20 * count);
    try {
      const to = `bob${at}@${at % 2 === 0 ? 'one' : 'two'}.test`;
      const { id } = await broker.enqueue({ from: 'ann@sender.test', to, text: 'x' });
      accepted.push(id!);
      await setTimeout(10);
    } catch (error) {
      // What was refused may be given again.
      expect(error).toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: true });
    }
  }
  const isDone = () => accepted.every((id) => delivered.has(id) && pumped.has(id));
  for (let turn = 0; turn < 400 && !isDone(); turn++) {
    // Trouble ends in the end: until then every pump has failed many times.
    if (turn === 100) on = false;
    await setTimeout(50);
  }
  expect(accepted.filter((id) => !delivered.has(id) || !pumped.has(id))).toEqual([]);
  expect(told.filter((error) => !BrokerError.isInstance(error))).toEqual([]);
  expect(told.length).toBeGreaterThan(0);
  for (const method of ['accept', 'assignSites', 'claimSites', 'settle', 'events', 'unrouted'])
    expect(failed).toContain(method);
  end.abort();
  await pumping;
  await broker.stop({ graceMs: 500 });
  await store.close();
  // Both iterators end without an error.
  await reading;
  await watching;
  const after = told.length;
  await setTimeout(200);
  expect(told.length).toBe(after);
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
}

describe('SAFE-38 SAFE-75 SAFE-74 a store whose calls fail three times out of ten', {
  timeout: 60_000,
}, () => {
  it('SAFE-38 SAFE-75 SAFE-74 in memory: all mail is delivered, and everything ends', async () => {
    const store = new MemoryStore();
    await deliverAll(store);
  });

  it('SAFE-38 SAFE-75 SAFE-74 in a file: all mail is delivered, and everything ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mb-failing-'));
    const store = new SqliteStore(join(folder, 'q.db'), { pollMs: 20 });
    await store.open();
    await deliverAll(store);
    rmSync(folder, { recursive: true });
  });
});
