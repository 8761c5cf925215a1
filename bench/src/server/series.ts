import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
// Not public: the server counts by itself.
import { SeriesCollector } from '../../../packages/server/src/series/collector.ts';
import { readSeries } from '../../../packages/server/src/series/series.ts';
import type { Contender, Field } from '../harness/row.ts';

const domains = 150;
const tenants = 20;
const pageEvents = 1000;
const content = new TextEncoder().encode('From: shop@sender.test\r\n\r\nHello\r\n');

/** What the time series of the server cost: the events of messages counted by minute, domain and tenant. */
export async function seriesField(messages: number): Promise<Field> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-series-'));
  const store = new SqliteStore(path.join(folder, 'queue.db'));
  await store.open();
  await deliverAll(store, messages);
  const { queue } = new MailBroker({ hostname: 'mail.test', store });
  const events = await readLog(queue);
  const ours: Contender<number> = {
    name: '@mb/server',
    role: 'ours',
    async run() {
      for (const { key } of (await store.records.list('series', { limit: 1000 })).rows)
        await store.records.delete('series', key);
      const collector = new SeriesCollector({
        broker: { queue, records: store.records },
        now: Date.now,
        onError: (error) => {
          throw error;
        },
        owner: 'bench',
      });
      while (await collector.count());
      const now = Date.now();
      const { total } = await readSeries(store.records, {
        resolution: 'minute',
        from: now - 7_000_000,
        to: now,
      });
      return (total.accepted ?? 0) + (total.delivered ?? 0);
    },
    check: (counted) => (counted === 2 * messages ? undefined : `${counted} of ${2 * messages} were counted`),
  };
  const bare: Contender<number> = {
    name: 'the log read alone',
    role: 'limit',
    run: () => readLog(queue),
    check: (read) => (read === events ? undefined : `${read} of ${events} were read`),
  };
  return {
    contenders: [ours, bare],
    operationsPerRun: events,
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Accepts messages, and writes down that they were delivered; each has an event for acceptance, attempt and delivery. */
async function deliverAll(store: SqliteStore, messages: number): Promise<void> {
  await Promise.all(
    Array.from({ length: messages }, (_, n) => {
      const domain = `d${n % domains}.test`;
      const recipients = [{ address: `u${n}@${domain}`, domain }];
      return store.accept({ sender: 'shop@sender.test', content, tenant: `t${n % tenants}`, recipients });
    }),
  );
  for (;;) {
    const claims = await store.claimSites({ worker: 'bench', max: 50, leaseMs: 60_000 }, domains);
    if (claims.length === 0) return;
    await Promise.all(
      claims.map(({ leaseId, messages: claimed }) => {
        const outcomes = claimed.flatMap(({ acceptedAt, recipients }) =>
          recipients.map(({ recipientId }) => ({
            recipientId,
            status: 'delivered' as const,
            detail: { status: 'delivered', acceptedAt, host: 'mx.test', reply: { code: 250, lines: ['ok'] } },
          })),
        );
        return store.settle({ leaseId, outcomes, release: true });
      }),
    );
  }
}

async function readLog(queue: MailBroker['queue']): Promise<number> {
  let count = 0;
  for (let after: string | undefined; ; ) {
    const { events, cursor } = await queue.events({ after, limit: pageEvents });
    count += events.length;
    if (events.length < pageEvents) return count;
    after = cursor;
  }
}
