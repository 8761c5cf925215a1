/**
 * Measures the queue on a PostgreSQL server of its own, with a backlog that must not slow it down.
 *
 * `node --conditions=@mb/source test/scale/measure.ts [backlog rows …]`, for example `0 1000000 10000000`.
 * The backlog is due, and its site has all the connections it may have: the normal state of a large destination.
 */
import { PostgresStore } from '@mb/queue-postgres';
import { Client } from 'pg';
import { startServer } from '../server.ts';

const backlogs = process.argv.slice(2).map(Number);
const messages = 4000;
const workers = 4;
const content = Buffer.alloc(5000, 'x');

const { url, server, remove } = await startServer(
  ['shared_buffers=512MB', 'max_wal_size=4GB', 'checkpoint_timeout=15min'].flatMap((flag) => ['-c', flag]),
);
const admin = new Client(url);
await admin.connect();
const store = new PostgresStore({ connection: { connectionString: url, max: 16, query_timeout: 0 } });
await store.open();

for (const backlog of backlogs.length > 0 ? backlogs : [0, 100_000, 1_000_000]) {
  await grow(backlog);
  const before = await sizes();
  const accepted = await measure(32, messages, async (n) => {
    const domain = `site${n % 200}.test`;
    const recipients = [{ address: `u${n}@${domain}`, domain }];
    await store.accept({ sender: 'sender@example.com', recipients, content });
    return 1;
  });
  await store.route();
  const claims: number[] = [];
  const settles: number[] = [];
  const settled = await measure(workers, messages, async (_, worker) => {
    const start = performance.now();
    const claim = await store.claim({ worker, max: 20, leaseMs: 60_000 });
    claims.push(performance.now() - start);
    if (!claim) return 0;
    const ids = claim.messages.flatMap((message) => message.recipients.map(({ recipientId }) => recipientId));
    const outcomes = ids.map((recipientId) => ({ recipientId, status: 'delivered' as const }));
    const middle = performance.now();
    await store.settle({ leaseId: claim.leaseId, outcomes, release: true, feedback: { kind: 'succeeded' } });
    settles.push(performance.now() - middle);
    return ids.length;
  });
  const after = await sizes();
  console.log(
    JSON.stringify({
      backlog,
      acceptedPerSecond: accepted,
      settledPerSecond: settled,
      claimMs: spread(claims),
      settleMs: spread(settles),
      bytes: after,
      bytesPerMessage: Math.round((after.total - before.total) / messages),
    }),
  );
}
await store.close();
await admin.end();
await server.stop();
remove();

/** Makes the clogged site's backlog `rows` long. */
async function grow(rows: number): Promise<void> {
  await admin.query(`INSERT INTO mb.site (name, ready, concurrency) VALUES ('clogged.test', 0, 5) ON CONFLICT DO NOTHING;
    INSERT INTO mb.lane (site, tenant, ready) VALUES ('clogged.test', '', 0) ON CONFLICT DO NOTHING;
    INSERT INTO mb.lease (site, worker, expires)
      SELECT 'clogged.test', 'busy', mb.time_v1(NULL) + 86400000 FROM generate_series(1, 5)
      WHERE NOT EXISTS (SELECT FROM mb.lease WHERE site = 'clogged.test')`);
  const { rows: known } = await admin.query(
    "SELECT count(*)::int AS n FROM mb.message WHERE tag = 'backlog'",
  );
  for (let n = known[0].n; n < rows; n += 250_000) {
    await admin.query(
      `WITH m AS (
         INSERT INTO mb.message (staged, tag, sender, accepted, expires, size)
         SELECT 0, 'backlog', 'sender@example.com', mb.time_v1(NULL), mb.time_v1(NULL) + 432000000, 5000
         FROM generate_series(1, $1::int) RETURNING id
       )
       INSERT INTO mb.recipient (id, lane, address, domain, due, deadline)
       SELECT id * 65536, (SELECT id FROM mb.lane WHERE site = 'clogged.test'), 'u' || id || '@clogged.test',
         'clogged.test', mb.time_v1(NULL) - 1000 + id % 1000, mb.time_v1(NULL) + 14400000 FROM m`,
      [Math.min(250_000, rows - n)],
    );
  }
  await admin.query('ANALYZE');
}

/** Runs `work` in parallel until `total` are done; returns how many a second. */
async function measure(
  parallel: number,
  total: number,
  work: (n: number, worker: string) => Promise<number>,
): Promise<number> {
  let begun = 0;
  let done = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async (_, i) => {
      while (done < total && begun < total * 10) {
        const count = await work(begun++, `w${i}`);
        done += count;
      }
    }),
  );
  return Math.round((done / (performance.now() - start)) * 1000);
}

function spread(times: number[]) {
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => Number(sorted[Math.floor(sorted.length * share)]?.toFixed(1));
  return { p50: at(0.5), p99: at(0.99) };
}

/** Octets of tables with their indices. */
async function sizes() {
  const { rows } = await admin.query(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid)::float8 AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'mb' AND c.relkind = 'r'`,
  );
  const byTable = Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes])) as Record<string, number>;
  return { total: rows.reduce((sum, { bytes }) => sum + bytes, 0), ...byTable };
}
