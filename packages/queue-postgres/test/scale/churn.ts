/**
 * Measures the tables while messages are accepted and delivered: what vacuum leaves, and whether claims slow down.
 *
 * `node --conditions=@mb/source test/scale/churn.ts [seconds] [pin]`; purging keeps nothing, so the tables should stay
 * small. With `pin` a transaction stays open all the time, as in a backup, so that vacuum can remove nothing.
 */
import { PostgresStore } from '@mb/queue-postgres';
import { Client } from 'pg';
import { startServer } from '../server.ts';

const seconds = Number(process.argv[2] ?? 60);
const content = Buffer.alloc(5000, 'x');
const flags = ['shared_buffers=256MB', 'autovacuum_naptime=5s'].flatMap((flag) => ['-c', flag]);
const { url, server, remove } = await startServer(flags);
const admin = new Client(url);
await admin.connect();
const store = new PostgresStore({ connection: { connectionString: url, max: 16 } });
await store.open();

const pin = new Client(url);
await pin.connect();
if (process.argv[3] === 'pin') {
  await pin.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await pin.query('SELECT count(*) FROM mb.message');
}

const end = performance.now() + seconds * 1000;
let accepted = 0;
let settled = 0;
let claims: number[] = [];

async function accept(): Promise<void> {
  while (performance.now() < end) {
    // Not far ahead of the workers, so that a steady state is measured.
    if (accepted - settled > 2000) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    const domain = `site${accepted % 200}.test`;
    const recipients = [{ address: `u${accepted}@${domain}`, domain }];
    await store.accept({ sender: 'sender@example.com', recipients, content });
    accepted++;
  }
}

async function deliver(worker: string): Promise<void> {
  while (performance.now() < end) {
    const start = performance.now();
    const claim = await store.claim({ worker, max: 20, leaseMs: 60_000 });
    claims.push(performance.now() - start);
    if (!claim) continue;
    // One in ten is deferred first, and so written twice more.
    const outcomes = claim.messages
      .flatMap((message) => message.recipients)
      .map(({ recipientId, attempt }) =>
        attempt === 1 && Math.random() < 0.1
          ? ({ recipientId, status: 'deferred', retryAfterMs: 1000 } as const)
          : ({ recipientId, status: 'delivered' } as const),
      );
    await store.settle({ leaseId: claim.leaseId, outcomes, release: true, feedback: { kind: 'succeeded' } });
    settled += outcomes.filter(({ status }) => status === 'delivered').length;
  }
}

async function watch(): Promise<void> {
  const start = performance.now();
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 6));
    for (let more = true; more; ) {
      ({ more } = await store.purge({ deliveredMs: 0, failedMs: 0, eventsMs: 0, batch: 5000 }));
    }
    const { rows } = await admin.query(
      `SELECT relname, n_dead_tup::int AS dead, (pg_total_relation_size(relid) / 1024)::int AS kib
       FROM pg_stat_user_tables WHERE schemaname = 'mb' AND relname IN ('site', 'lane', 'recipient', 'message', 'lease')`,
    );
    const sorted = claims.sort((a, b) => a - b);
    const at = (share: number) => Number(sorted[Math.floor(sorted.length * share)]?.toFixed(1));
    console.log(
      JSON.stringify({
        second: Math.round((performance.now() - start) / 1000),
        settled,
        claimMs: { p50: at(0.5), p99: at(0.99) },
        tables: Object.fromEntries(rows.map(({ relname, dead, kib }) => [relname, { dead, kib }])),
      }),
    );
    claims = [];
  }
}

await Promise.all([
  accept(),
  accept(),
  accept(),
  accept(),
  deliver('w0'),
  deliver('w1'),
  deliver('w2'),
  watch(),
]);
await store.close();
await pin.end();
await admin.end();
await server.stop();
remove();
