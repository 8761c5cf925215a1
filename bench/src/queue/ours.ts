import { PostgresStore } from '@mb/queue-postgres';
import { forEachLimit } from '../harness/parallel.ts';
import type { Role } from '../harness/row.ts';
import { MESSAGE, SENDER } from '../smtp/payload.ts';
import { BATCH, CAP, CLOGGED, domainOf, type Engine } from './engine.ts';
import { type BenchServer, schemaBytes } from './server.ts';

const LEASE_MS = 60_000;
/** Acceptances in flight. */
const ACCEPTING = 32;

/** @mb/queue-postgres as an application uses it: with its event log, content stored, everything by its store interface. */
export async function openOurs(
  server: BenchServer,
  schema: string,
  name: string,
  role: Role,
  connections: number,
): Promise<Engine> {
  const store = new PostgresStore({
    connection: { connectionString: server.url, max: connections },
    schema,
    limits: { startConcurrency: CAP, maxConcurrency: CAP },
  });
  await store.open();
  return {
    name,
    role,
    async fill(addresses) {
      await forEachLimit(addresses, ACCEPTING, async (address) => {
        const recipients = [{ address, domain: domainOf(address) }];
        await store.accept({ sender: SENDER, recipients, content: MESSAGE });
      });
      await store.route();
    },
    async claim(worker) {
      const claim = await store.claim({ worker, max: BATCH, leaseMs: LEASE_MS });
      if (!claim) return null;
      const recipients = claim.messages.flatMap((message) => message.recipients);
      return {
        addresses: recipients.map(({ address }) => address),
        connections: [claim.site],
        async settle() {
          const outcomes = recipients.map(({ recipientId }) => ({
            recipientId,
            status: 'delivered' as const,
          }));
          const feedback = { kind: 'succeeded', count: outcomes.length } as const;
          await store.settle({ leaseId: claim.leaseId, outcomes, release: true, feedback });
        },
      };
    },
    clog: (rows) => clog(server, schema, rows),
    bytes: () => schemaBytes(server, schema),
    async purge() {
      const all = { deliveredMs: 0, failedMs: 0, eventsMs: 0, stagedMs: 0 };
      while ((await store.purge(all)).more);
    },
    close: () => store.close(),
  };
}

/** The rows that acceptance and claims would leave, without the content of what waits. */
async function clog(server: BenchServer, schema: string, rows: number): Promise<void> {
  await server.query(`INSERT INTO ${schema}.site (name, ready, concurrency) VALUES ($1, 0, $2)`, [
    CLOGGED,
    CAP,
  ]);
  await server.query(`INSERT INTO ${schema}.lane (site, tenant, ready) VALUES ($1, '', 0)`, [CLOGGED]);
  await server.query(
    `INSERT INTO ${schema}.lease (site, worker, expires)
     SELECT $1, 'busy', ${schema}.time_v1(NULL) + 86400000 FROM generate_series(1, $2::int)`,
    [CLOGGED, CAP],
  );
  for (let n = 0; n < rows; n += 250_000) {
    await server.query(
      `WITH m AS (
         INSERT INTO ${schema}.message (staged, sender, accepted, expires, size)
         SELECT 0, $2, ${schema}.time_v1(NULL), ${schema}.time_v1(NULL) + 432000000, 5000
         FROM generate_series(1, $1::int) RETURNING id
       )
       INSERT INTO ${schema}.recipient (id, lane, address, domain, due, deadline)
       SELECT id * 65536, (SELECT id FROM ${schema}.lane WHERE site = $3), 'u' || id || '@' || $3, $3,
         ${schema}.time_v1(NULL) - 1000 + id % 1000, ${schema}.time_v1(NULL) + 14400000 FROM m`,
      [Math.min(250_000, rows - n), SENDER, CLOGGED],
    );
  }
  await server.query(`VACUUM (FREEZE, ANALYZE) ${schema}.recipient, ${schema}.message`);
}
