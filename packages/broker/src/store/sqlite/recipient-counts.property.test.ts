import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { acceptStep, messageTo, queueStep, takeStep } from '../../../test/queue-steps.ts';
import type { Claim, NewMessage, QueueStats } from '../port.ts';
import { SqliteStore } from './sqlite-store.ts';

/** A step of a queue, or the acceptance of a message beside a write that fails. */
const step = fc.oneof(
  queueStep,
  acceptStep.map((accepted) => ({ ...accepted, kind: 'accept-beside-failure' as const })),
);

it('Q-80 Q-144 the stored counts are those of the rows, whatever happens to a queue', async () => {
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
        const advance = (ms: number) => {
          now += ms;
        };
        for (const one of steps) {
          if (one.kind === 'accept-beside-failure') await acceptBesideFailure(store, messageTo(one));
          else await takeStep({ store, claims, advance }, one);
          expect(kept(rows)).toEqual(counted(rows));
          await expectFreshStats(store, path, now);
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

/** What a store keeps of the last `stats()` must be as true as what another one reads from the file. */
async function expectFreshStats(store: SqliteStore, path: string, now: number): Promise<void> {
  const other = new SqliteStore(path, { clock: { now: () => now }, readOnly: true });
  await other.open();
  try {
    const byName = (stats: QueueStats) => ({
      ...stats,
      sites: stats.sites.toSorted((a, b) => (a.site < b.site ? -1 : 1)),
    });
    expect(byName(await store.stats())).toEqual(byName(await other.stats()));
  } finally {
    await other.close();
  }
}

it('Q-81 a queue of an earlier version is counted when it is opened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-counts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'queue.db');
  const store = new SqliteStore(path);
  await store.open();
  for (const site of ['', null])
    await store.accept(messageTo({ domains: ['a.example', 'a.example', 'b.example'], site, tenant: '' }));
  await store.hold({ domain: 'b.example' });
  await store.close();
  const db = new DatabaseSync(path);
  db.exec(`DROP INDEX mb_lane_waiting; ALTER TABLE mb_lane DROP COLUMN queued; DROP INDEX mb_site_suspended;
    DROP TABLE mb_unrouted; DROP TABLE mb_count; DROP TABLE mb_own_site; DROP TABLE mb_kept; DROP TABLE mb_unused_content;
    UPDATE mb_meta SET version = 1, min_reader = 1`);
  const again = new SqliteStore(path);
  await again.open();
  onTestFinished(() => again.close());
  expect(again.foundSchema).toBe(1);
  expect(kept(db)).toEqual(counted(db));
  expect(await again.stats()).toMatchObject({ queued: 4, held: 2 });
  db.close();
});

/** Accepts a message beside a write that fails and is undone alone: the message must be counted once. */
async function acceptBesideFailure(store: SqliteStore, message: NewMessage): Promise<void> {
  const staged = { ...message, content: { stagedId: '999' } };
  await Promise.all([store.accept(message), store.accept(staged as never).catch(() => undefined)]);
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
