import type { Claim } from '@mb/broker/store';
import { VirtualClock } from '@mb/testkit';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { queueStep, takeStep } from '../../broker/test/queue-steps.ts';
import { PostgresStore } from './postgres-store.ts';
import { schemaVersion } from './schema/migrate.ts';

const connection = { connectionString: inject('postgresUrl') };
const schema = `tally_${process.pid}`;
let admin: Client;

beforeAll(async () => {
  admin = new Client(connection);
  await admin.connect();
});
afterAll(async () => {
  await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await admin.end();
});

/** A step of a queue, or the sum of the tally. */
const step = fc.oneof(queueStep, fc.record({ kind: fc.constant('sum' as const) }));

it('Q-82 the stored counts are those of the rows, whatever happens to a queue', async () => {
  const clock = new VirtualClock();
  const store = new PostgresStore({ connection, schema, clock });
  await store.open();
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const claims: Claim[] = [];
        for (const one of steps) {
          if (one.kind === 'sum') await admin.query(`SELECT ${schema}.sum_tally_v1(10000)`);
          else await takeStep({ store, claims, advance: (ms) => clock.advance(ms) }, one);
        }
        expect(await kept()).toEqual(await counted());
        const { queued, inFlight, held, unknown, sites } = await store.stats();
        const states = await byState();
        expect([queued, inFlight, held, unknown]).toEqual(states);
        expect(sites.reduce((sum, site) => sum + site.queued, 0)).toBe(queued);
      }),
      { numRuns: 15 },
    );
  } finally {
    await store.close();
  }
}, 60_000);

it('Q-145 Q-146 the rows of the tally are summed up by a bulk command, and once a second', async () => {
  const store = new PostgresStore({ connection, schema, pollMs: 50 });
  await store.open();
  try {
    for (let n = 0; n < 5; n++) {
      await store.accept({
        sender: 'ann@example.com',
        content: new TextEncoder().encode('x'),
        tag: 'many',
        recipients: Array.from({ length: 500 }, (_, i) => ({
          address: `u${i}@d${i % 50}.example`,
          domain: `d${i % 50}.example`,
        })),
      });
    }
    expect(await store.hold({ tag: 'many' })).toBe(2500);
    expect(await tallied()).toBeLessThan(100);
    // As a worker of another process that settles does.
    await admin.query(`INSERT INTO ${schema}.tally SELECT 'd1.example', 0, 0 FROM generate_series(1, 25000)`);
    await expect.poll(tallied, { timeout: 10_000 }).toBe(0);
    expect(await kept()).toEqual(await counted());
  } finally {
    await store.close();
  }
}, 60_000);

it('Q-83 a queue of the version before the counts is counted when it is opened', async () => {
  const before = await counted();
  await admin.query(
    `DROP TRIGGER recipient_tally ON ${schema}.recipient; DROP FUNCTION ${schema}.tally_v1, ${schema}.sum_tally_v1, ${schema}.place_v1;
     DROP TABLE ${schema}.tally, ${schema}.tally_sum, ${schema}.kept; ALTER TABLE ${schema}.intake DROP places, DROP counts;
     UPDATE ${schema}.meta SET version = 1`,
  );
  const store = new PostgresStore({ connection, schema });
  await store.open();
  expect([store.foundSchema, schemaVersion]).toEqual([1, 3]);
  await store.close();
  expect(before.length).toBeGreaterThan(0);
  expect(await kept()).toEqual(before);
});

const order = 'GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2';

async function kept() {
  const { rows } = await admin.query(
    `SELECT place COLLATE "C" AS place, state, sum(n) AS n FROM (
       SELECT place, state, n FROM ${schema}.tally UNION ALL SELECT place, state, n FROM ${schema}.tally_sum
       UNION ALL SELECT c.place, 0, c.n FROM ${schema}.intake i, unnest(i.places, i.counts) AS c(place, n)
     ) x ${order}`,
  );
  return rows;
}

async function tallied(): Promise<number> {
  const { rows } = await admin.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${schema}.tally`);
  return rows[0]!.n;
}

async function counted() {
  const { rows } = await admin.query(
    `SELECT place COLLATE "C" AS place, state, sum(n) AS n FROM (
       SELECT CASE WHEN r.state <> 0 THEN '' WHEN coalesce(l.site, r.route) = '' THEN r.domain
         ELSE coalesce(l.site, r.route) END AS place, r.state, 1 AS n
       FROM ${schema}.recipient r LEFT JOIN ${schema}.lane l ON l.id = r.lane WHERE r.state < 4
     ) x ${order}`,
  );
  return rows;
}

async function byState(): Promise<number[]> {
  const { rows } = await admin.query<{ n: string }>(
    `SELECT count(r.id) AS n FROM generate_series(0, 3) AS s(state) LEFT JOIN ${schema}.recipient r USING (state)
     GROUP BY s.state ORDER BY s.state`,
  );
  return rows.map(({ n }) => Number(n));
}
