import type { Claim, NewMessage, Outcome } from '@mb/broker/store';
import { VirtualClock } from '@mb/testkit';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { PostgresStore } from './postgres-store.ts';
import { schemaVersion } from './schema/migrate.ts';

const connection = { connectionString: inject('postgresUrl') };
const schema = `tally_${process.pid}`;
const domains = ['a.example', 'b.example', 'c.example'];
let admin: Client;

beforeAll(async () => {
  admin = new Client(connection);
  await admin.connect();
});
afterAll(async () => {
  await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await admin.end();
});

/** What happens to a queue. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('accept' as const),
    domains: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    site: fc.constantFrom(null, '', 'mx.example'),
    tenant: fc.constantFrom('t1', 't2'),
  }),
  fc.record({ kind: fc.constantFrom('claim' as const, 'overdue' as const, 'sum' as const) }),
  fc.record({
    kind: fc.constant('settle' as const),
    outcome: fc.constantFrom('delivered', 'failed', 'deferred', 'unknown', 'held', 'rerouted', 'nothing'),
    release: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('route' as const), site: fc.constantFrom('mx.example', 'other.example') }),
  fc.record({
    kind: fc.constantFrom('hold' as const, 'release' as const, 'cancel' as const),
    domain: fc.nat(2),
  }),
  fc.record({ kind: fc.constant('later' as const), ms: fc.constantFrom(1000, 120_000, 400_000_000) }),
);

it('Q-82 the kept counts are those of the rows, whatever happens to a queue', async () => {
  const clock = new VirtualClock();
  const store = new PostgresStore({ connection, schema, clock });
  await store.open();
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const claims: Claim[] = [];
        for (const one of steps) {
          if (one.kind === 'later') {
            await clock.advance(one.ms);
            await store.reap();
          } else await take(store, one, claims);
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

it('Q-83 a queue of the version before the counts is counted when it is opened', async () => {
  const before = await counted();
  await admin.query(
    `DROP TRIGGER recipient_tally ON ${schema}.recipient; DROP FUNCTION ${schema}.tally_v1, ${schema}.sum_tally_v1, ${schema}.place_v1;
     DROP TABLE ${schema}.tally, ${schema}.tally_sum; ALTER TABLE ${schema}.intake DROP places, DROP counts;
     UPDATE ${schema}.meta SET version = 1`,
  );
  const store = new PostgresStore({ connection, schema });
  await store.open();
  expect([store.foundSchema, schemaVersion]).toEqual([1, 2]);
  await store.close();
  expect(before.length).toBeGreaterThan(0);
  expect(await kept()).toEqual(before);
});

function message(names: readonly string[], site: string | null, tenant: string): NewMessage {
  return {
    sender: 'a@example.com',
    content: new TextEncoder().encode('From: a@example.com\r\n\r\nHello\r\n'),
    tenant,
    recipients: names.map((domain, n) => ({
      address: `${n}@${domain}`,
      domain,
      ...(site !== null && { site }),
    })),
  };
}

type Step = Exclude<typeof step extends fc.Arbitrary<infer One> ? One : never, { readonly kind: 'later' }>;

async function take(store: PostgresStore, one: Step, claims: Claim[]): Promise<void> {
  const request = { worker: 'w', max: 3, leaseMs: 60_000 };
  switch (one.kind) {
    case 'accept': {
      const names = one.domains.map((n) => domains[n]!);
      await store.accept(message(names, one.site, one.tenant));
      return;
    }
    case 'sum': {
      await admin.query(`SELECT ${schema}.sum_tally_v1(10000)`);
      return;
    }
    case 'claim':
    case 'overdue': {
      const claim = one.kind === 'claim' ? await store.claim(request) : await store.claimOverdue(request);
      if (claim) claims.push(claim);
      return;
    }
    case 'settle': {
      const claim = claims.shift();
      if (!claim) return;
      const ids = claim.messages.flatMap(({ recipients }) =>
        recipients.map(({ recipientId }) => recipientId),
      );
      const outcomes = one.outcome === 'nothing' ? [] : ids.map((id) => outcomeOf(id, one.outcome));
      await store.settle({ leaseId: claim.leaseId, outcomes, release: one.release });
      return;
    }
    case 'route': {
      const waiting = await store.unrouted({ max: 3, holdMs: 1 });
      await store.assignSites(waiting.map(({ recipientId }) => ({ recipientId, site: one.site })));
      return;
    }
    default:
      await store[one.kind]({ domain: domains[one.domain]! });
  }
}

function outcomeOf(recipientId: string, status: string): Outcome {
  if (status === 'deferred') return { recipientId, status, retryAfterMs: 1000 };
  if (status === 'rerouted') return { recipientId, status, site: 'third.example' };
  return { recipientId, status } as Outcome;
}

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
