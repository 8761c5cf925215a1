import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { Claim, NewMessage, Outcome } from '../port.ts';
import { SqliteStore } from './sqlite-store.ts';

const domains = ['a.example', 'b.example', 'c.example'];

/** What happens to a queue. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('accept' as const),
    domains: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    site: fc.constantFrom(null, '', 'mx.example'),
    tenant: fc.constantFrom('t1', 't2'),
    fails: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('claim' as const), max: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('overdue' as const) }),
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

it('Q-80 the kept counts are those of the rows, whatever happens to a queue', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'mb-counts-'));
      let now = 1_800_000_000_000;
      const path = join(folder, 'queue.db');
      const store = new SqliteStore(path, { clock: { now: () => now } });
      await store.open();
      const rows = new DatabaseSync(path);
      try {
        const claims: Claim[] = [];
        for (const one of steps) {
          if (one.kind === 'later') {
            now += one.ms;
            await store.reap();
          } else await take(store, one, claims);
          expect(kept(rows)).toEqual(counted(rows));
        }
        const { queued, inFlight, held, unknown, sites } = await store.stats();
        const [all, flying, parked, uncertain] = counted(rows).states;
        expect([queued, inFlight, held, unknown]).toEqual([all, flying, parked, uncertain]);
        expect(sites.reduce((sum, site) => sum + site.queued, 0)).toBe(all);
      } finally {
        rows.close();
        await store.close();
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 30 },
  );
}, 60_000);

it('Q-81 a queue of an earlier version is counted when it is opened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-counts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'queue.db');
  const store = new SqliteStore(path);
  await store.open();
  for (const site of ['', null])
    await store.accept(message(['a.example', 'a.example', 'b.example'], { site }));
  await store.hold({ domain: 'b.example' });
  await store.close();
  const db = new DatabaseSync(path);
  db.exec(`DROP INDEX mb_lane_waiting; ALTER TABLE mb_lane DROP COLUMN queued; DROP INDEX mb_site_suspended;
    DROP TABLE mb_unrouted; DROP TABLE mb_count; UPDATE mb_meta SET version = 1, min_reader = 1`);
  const again = new SqliteStore(path);
  await again.open();
  onTestFinished(() => again.close());
  expect(again.foundSchema).toBe(1);
  expect(kept(db)).toEqual(counted(db));
  expect(await again.stats()).toMatchObject({ queued: 4, held: 2 });
  db.close();
});

function message(names: readonly string[], { site = null as string | null, tenant = '' } = {}): NewMessage {
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

async function take(store: SqliteStore, one: Step, claims: Claim[]): Promise<void> {
  const request = { worker: 'w', max: 5, leaseMs: 60_000 };
  switch (one.kind) {
    case 'accept': {
      const names = one.domains.map((n) => domains[n]!);
      const accepted = [store.accept(message(names, one))];
      // A write that fails is undone alone, and what shares its transaction is counted once.
      if (one.fails) {
        const staged = { ...message(names, one), content: { stagedId: '999' } };
        accepted.push(store.accept(staged as never).catch(() => undefined as never));
      }
      await Promise.all(accepted);
      return;
    }
    case 'claim': {
      const claim = await store.claim({ ...request, max: one.max });
      if (claim) claims.push(claim);
      return;
    }
    case 'overdue': {
      const claim = await store.claimOverdue(request);
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
      await store.assignSites(
        waiting.map(({ recipientId }) => ({ recipientId, site: one.site })),
        [],
      );
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

function kept(db: DatabaseSync) {
  return {
    states: db.prepare('SELECT recipients AS n FROM mb_count ORDER BY state').all().map(numberOf),
    lanes: db.prepare('SELECT id, queued FROM mb_lane WHERE queued <> 0 ORDER BY id').all(),
    unrouted: db.prepare('SELECT domain, queued FROM mb_unrouted ORDER BY domain').all(),
  };
}

function counted(db: DatabaseSync) {
  const ofState = db.prepare('SELECT count(*) AS n FROM mb_recipient WHERE state = ?');
  return {
    states: [0, 1, 2, 3].map((state) => numberOf(ofState.get(state)!)),
    lanes: db
      .prepare(
        'SELECT lane AS id, count(*) AS queued FROM mb_recipient WHERE state = 0 GROUP BY lane ORDER BY lane',
      )
      .all(),
    unrouted: db
      .prepare(
        `SELECT domain, count(*) AS queued FROM mb_recipient
         WHERE state = 0 AND lane IN (SELECT id FROM mb_lane WHERE site = '') GROUP BY domain ORDER BY domain`,
      )
      .all(),
  };
}

function numberOf(row: Record<string, unknown>): number {
  return Number(row.n);
}
