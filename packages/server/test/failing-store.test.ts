import { BrokerError, MailBroker, MemoryStore } from '@mb/broker';
import { describe, expect, it } from 'vitest';
import { DatedRecords, placeOf } from '../src/dated-records.ts';
import { createServer, type NewApiKey } from '../src/index.ts';
import { SeriesCollector } from '../src/series/collector.ts';

/** A store in memory that can be taken away. */
function lossyStore() {
  const store = new MemoryStore();
  let lost = false;
  const failing = ['accept', 'events', 'list', 'inspect', 'stats', 'hold', 'suppress', 'listSuppressed'];
  const fail = () =>
    Promise.reject(
      new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'db7.internal went away.', { retryable: true }),
    );
  const withLoss = <Target extends object>(target: Target, names: readonly string[] | 'all'): Target =>
    new Proxy(target, {
      get(_, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key === 'records') return withLoss(value as object, 'all');
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) =>
          lost && (names === 'all' || names.includes(String(key))) ? fail() : value.apply(target, given);
      },
    });
  return {
    store: withLoss(store, failing),
    lose: () => {
      lost = true;
    },
    restore: () => {
      lost = false;
    },
  };
}

async function startService() {
  const { store, lose, restore } = lossyStore();
  const told: unknown[] = [];
  const broker = new MailBroker({ hostname: 'mail.test', store });
  const server = createServer({ broker, onError: (error) => told.push(error) });
  const key: NewApiKey = { name: 'shop', scopes: ['send', 'read', 'operate', 'admin'] };
  const { token } = await server.keys.create(key);
  const call = (method: string, path: string, body?: object) =>
    server.fetch(
      new Request(`http://mail.test${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );
  return { server, broker, call, told, lose, restore, store };
}

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

describe('SAFE-39 a service whose store is gone', () => {
  it.each([
    ['POST', '/v1/messages', message],
    ['GET', '/v1/messages/1', undefined],
    ['GET', '/v1/recipients', undefined],
    ['POST', '/v1/recipients/hold', { all: true }],
    ['GET', '/v1/events', undefined],
    ['GET', '/v1/suppressions', undefined],
    ['POST', '/v1/suppressions', { entries: [{ address: 'bob@one.test' }] }],
    ['GET', '/v1/keys', undefined],
    ['GET', '/v1/health', undefined],
  ] as const)(
    'SAFE-39 answers %s %s with 503, and works again with the store',
    async (method, path, body) => {
      const { call, told, lose, restore } = await startService();
      // The key is known for a second.
      await call('GET', '/v1/recipients');
      lose();
      const response = await call(method, path, body);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ code: 'MB_BROKER_STORE_FAILED' });
      // Where the store is, is no business of a client.
      expect(text).not.toContain('db7');
      expect(told.every(BrokerError.isInstance)).toBe(true);
      expect(told.length).toBeGreaterThan(0);
      restore();
      expect((await call('POST', '/v1/messages', message)).status).toBe(202);
    },
  );

  it('SAFE-70 keeps streams of events open, and goes on with the store', async () => {
    const { call, lose, restore } = await startService();
    const stream = await call('GET', '/v1/events/stream?after=start');
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    lose();
    await new Promise((resolve) => setTimeout(resolve, 50));
    restore();
    expect((await call('POST', '/v1/messages', message)).status).toBe(202);
    let text = '';
    while (!text.includes('event: accepted')) {
      const { value, done } = await reader.read();
      expect(done).toBe(false);
      text += value;
    }
    await reader.cancel();
  });

  it('SAFE-71 ends streams of events without an error when the store is closed', async () => {
    const { call, store, told } = await startService();
    const stream = await call('GET', '/v1/events/stream');
    const reader = stream.body!.getReader();
    await store.close();
    for (;;) if ((await reader.read()).done) break;
    expect(told).toEqual([]);
  });

  it('SAFE-103 counts of messages go on with the store', async () => {
    const { broker, call, told, lose, restore } = await startService();
    const collector = new SeriesCollector({
      broker,
      now: Date.now,
      owner: 'one',
      pauseMs: 10,
      onError: (error) => told.push(error),
    });
    lose();
    collector.start();
    await expect.poll(() => told.length).toBeGreaterThan(0);
    expect(told.every(BrokerError.isInstance)).toBe(true);
    restore();
    expect((await call('POST', '/v1/messages', message)).status).toBe(202);
    await expect
      .poll(async () => JSON.stringify((await broker.records.list('series')).rows))
      .toMatch(/"accepted"/);
    await collector.stop();
  });

  it('SAFE-104 old records are cleared another time when the store fails', async () => {
    const { broker, told, lose, restore } = await startService();
    const now = Date.now();
    await broker.records.put('notes', `${placeOf(now - 5_000)}-a`, {});
    const dated = new DatedRecords({
      records: broker.records,
      collection: 'notes',
      keepMs: 1_000,
      most: 10,
      onError: (error) => told.push(error),
    });
    lose();
    dated.purgeWhenDue(now);
    await expect.poll(() => told).toEqual([expect.objectContaining({ code: 'MB_BROKER_STORE_FAILED' })]);
    restore();
    dated.purgeWhenDue(now + 3_600_000);
    await expect.poll(async () => (await broker.records.list('notes')).rows).toEqual([]);
  });
});
