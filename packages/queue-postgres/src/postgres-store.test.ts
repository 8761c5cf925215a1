import type { Claim, NewMessage, Settled } from '@mb/broker/store';
import { type OpenStore, storeConformance } from '@mb/broker/store-conformance';
import { VirtualClock } from '@mb/testkit';
import { Client, types } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { conformanceStores } from '../test/conformance-stores.ts';
import { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
import { schemaSql, schemaVersion } from './schema/migrate.ts';

const connection = { connectionString: inject('postgresUrl') };
let admin: Client;

beforeAll(async () => {
  admin = new Client(connection);
  await admin.connect();
});

afterAll(async () => {
  await admin.query(`DROP SCHEMA IF EXISTS ${caseSchema} CASCADE`);
  await admin.end();
});

const caseSchema = `case_${process.pid}`;

const open: OpenStore = (options) => conformanceStores(admin, caseSchema, { connection })(options);

describe('SITE-01 SITE-02 SITE-05 Q-02 Q-03 Q-05 Q-57 Q-06 Q-07 Q-08 Q-10 Q-11 Q-13 Q-15 SAFE-01 REC-01 REC-02 REC-04 REC-03 STAGE-01 STAGE-10 STAGE-09 TRN-01 TRN-02 TRN-03 TRN-04 TRN-05 TRN-06 TRN-07 Q-20 Q-85 Q-21 Q-86 Q-22 Q-87 Q-140 Q-141 Q-142 Q-143 PRI-01 PRI-02 the PostgreSQL store', () => {
  for (const { name, run } of storeConformance) it(name, () => run(open));
});

const leaseMs = 60_000;
const days = (count: number) => count * 86_400_000;

/** A message to one address or several. */
function draft(address: string | readonly string[], more: Partial<NewMessage> = {}): NewMessage {
  const list = typeof address === 'string' ? [address] : address;
  const recipients = list.map((each) => ({ address: each, domain: each.split('@')[1]! }));
  return { sender: 'sender@example.com', recipients, content: octets(300), ...more };
}

function octets(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

let schema: string;
let schemas = 0;
const opened: { close(): Promise<void> }[] = [];

beforeEach(() => {
  schema = `own_${process.pid}_${schemas++}`;
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
});

async function openStore(options: PostgresStoreOptions = {}): Promise<PostgresStore> {
  const store = new PostgresStore({ connection, schema, ...options });
  await store.open();
  opened.push(store);
  return store;
}

function settleDelivered(store: PostgresStore, { leaseId, messages }: Claim): Promise<Settled> {
  const outcomes = messages
    .flatMap(({ recipients }) => recipients)
    .map(({ recipientId }) => ({ recipientId, status: 'delivered' as const }));
  return store.settle({ leaseId, outcomes, release: true, feedback: { kind: 'succeeded' } });
}

async function openClient(): Promise<Client> {
  const client = new Client(connection);
  await client.connect();
  opened.push({ close: () => client.end() });
  return client;
}

/** Claims until nothing is due, even after a short wait. */
async function claimWithin(store: PostgresStore, ms: number) {
  const end = performance.now() + ms;
  for (;;) {
    const claim = await store.claim({ worker: 'w', max: 20, leaseMs });
    if (claim || performance.now() > end) return claim;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Resolves when a statement that calls this function waits for a lock. */
async function waitForLock(call: string): Promise<void> {
  const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1`;
  while ((await admin.query(waits, [`%${call}%`])).rowCount === 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('accepting within the application’s transaction', () => {
  it('Q-12 makes the message exist if and only if the transaction commits', async () => {
    const store = await openStore();
    const app = await openClient();
    await app.query(`CREATE TABLE ${schema}.orders (id int)`);
    const order = async (id: number, end: 'COMMIT' | 'ROLLBACK') => {
      await app.query('BEGIN');
      await app.query(`INSERT INTO ${schema}.orders VALUES ($1)`, [id]);
      const accepted = await store.accept(draft(`order${id}@example.net`), { transaction: app });
      expect(await store.inspect(accepted.messageId)).toBeNull();
      await app.query(end);
      return accepted;
    };
    const { messageId } = await order(1, 'COMMIT');
    await order(2, 'ROLLBACK');
    const { rows } = await store.list({});
    expect(rows.map(({ address }) => address)).toEqual(['order1@example.net']);
    expect((await readAll(store.content(messageId))).length).toBe(300);
    const claim = await claimWithin(store, 3000);
    expect(claim?.messages.map(({ messageId: id }) => id)).toEqual([messageId]);
    expect(await store.claim({ worker: 'w', max: 5, leaseMs })).toBeNull();
  });

  it('Q-12 takes large content in a transaction, and nothing of it remains after a rollback and a day', async () => {
    const clock = new VirtualClock();
    const store = await openStore({ clock });
    const app = await openClient();
    await app.query('BEGIN');
    await store.accept(draft('a@example.net', { content: octets(700_000) }), { transaction: app });
    await app.query('ROLLBACK');
    await clock.advance(days(1));
    expect((await store.purge()).staged).toBe(1);
    const { rows } = await admin.query(`SELECT count(*)::int AS n FROM ${schema}.content`);
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('Q-08 Q-12 does not let a transaction that stays open delay other mail, at the same site', async () => {
    const store = await openStore();
    await store.accept(draft('first@example.net'));
    const app = await openClient();
    await app.query('BEGIN');
    await store.accept(draft('inside@example.net'), { transaction: app });
    const start = performance.now();
    await store.accept(draft('outside@example.net'));
    const addresses: string[] = [];
    while (addresses.length < 2) {
      const claim = await claimWithin(store, 3000);
      expect(claim).not.toBeNull();
      const recipients = claim!.messages.flatMap((message) => message.recipients);
      addresses.push(...recipients.map(({ address }) => address));
      const outcomes = recipients.map(({ recipientId }) => ({ recipientId, status: 'delivered' as const }));
      await store.settle({ leaseId: claim!.leaseId, outcomes, release: true });
    }
    expect(addresses.sort()).toEqual(['first@example.net', 'outside@example.net']);
    expect(performance.now() - start).toBeLessThan(20_000);
    await app.query('COMMIT');
    expect((await claimWithin(store, 3000))?.messages.length).toBe(1);
  });

  it('leaves the transaction usable when the message is refused', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net', { idempotency: { key: 'k', digest: '1' } }));
    const app = await openClient();
    await app.query('BEGIN');
    const conflicting = draft('b@example.net', { idempotency: { key: 'k', digest: '2' } });
    const accepting = store.accept(conflicting, { transaction: app });
    await expect(accepting).rejects.toMatchObject({ code: 'MB_BROKER_IDEMPOTENCY_CONFLICT' });
    await app.query(`CREATE TABLE ${schema}.orders (id int)`);
    await app.query('COMMIT');
  });
});

describe('several workers', () => {
  it('may start at once on an empty database', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => openStore()));
    await Promise.all(stores.map((store, i) => store.accept(draft(`u${i}@example.net`))));
    expect((await stores[0]!.list({})).rows.length).toBe(8);
  });

  it('wake each other', async () => {
    const [one, two] = [await openStore({ pollMs: 600_000 }), await openStore({ pollMs: 600_000 })];
    await new Promise((resolve) => setTimeout(resolve, 50));
    const woken = new Promise<void>((resolve) => two.onWake(resolve));
    await one.accept(draft('a@example.net'));
    await woken;
    expect(await claimWithin(two, 1000)).not.toBeNull();
  });

  it('find messages by polling when there was no notification', async () => {
    const one = await openStore({ listen: false });
    const two = await openStore({ listen: false, pollMs: 50 });
    const woken = new Promise<void>((resolve) => two.onWake(resolve));
    await one.accept(draft('a@example.net'));
    await woken;
    expect(await claimWithin(two, 1000)).not.toBeNull();
  });

  it('listen again after their connection was cut', async () => {
    const [one, two] = [await openStore({ pollMs: 600_000 }), await openStore({ pollMs: 600_000 })];
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN ${schema}%'`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const woken = new Promise<void>((resolve) => two.onWake(resolve));
    await one.accept(draft('a@example.net'));
    await woken;
  });

  it('Q-03 Q-40 share a site’s connections exactly, and never a recipient, under concurrency', async () => {
    const limits = { startConcurrency: 3, maxConcurrency: 3 };
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore({ limits })));
    const addresses = Array.from({ length: 600 }, (_, i) => `u${i}@site${i % 4}.test`);
    for (let i = 0; i < 600; i += 50) await stores[0]!.accept(draft(addresses.slice(i, i + 50)));
    await stores[0]!.route();
    const open = new Map<string, number>();
    const holders = new Map<string, number>();
    let most = 0;
    const seen: string[] = [];
    const work = async (store: PostgresStore, worker: string) => {
      while (seen.length < 600) {
        const claim = await store.claim({ worker, max: 5, leaseMs });
        if (!claim) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          continue;
        }
        const ids = claim.messages.flatMap((message) =>
          message.recipients.map(({ recipientId }) => recipientId),
        );
        open.set(claim.site, (open.get(claim.site) ?? 0) + 1);
        most = Math.max(most, open.get(claim.site)!);
        for (const id of ids) holders.set(id, (holders.get(id) ?? 0) + 1);
        seen.push(...ids);
        await new Promise((resolve) => setTimeout(resolve, 5));
        open.set(claim.site, open.get(claim.site)! - 1);
        const outcomes = ids.map((recipientId) => ({ recipientId, status: 'delivered' as const }));
        const { refused } = await store.settle({ leaseId: claim.leaseId, outcomes, release: true });
        expect(refused).toEqual([]);
      }
    };
    await Promise.all(
      stores.flatMap((store, i) => [work(store, `w${i}a`), work(store, `w${i}b`), work(store, `w${i}c`)]),
    );
    expect(most).toBe(3);
    expect(holders.size).toBe(600);
    expect(Math.max(...holders.values())).toBe(1);
  }, 60_000);

  it('Q-03 finish messages of many sites exactly once when several workers settle them at the same time', async () => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);
    const sites = ['a.test', 'b.test', 'c.test'];
    for (let i = 0; i < 60; i++) await stores[0]!.accept(draft(sites.map((site) => `u${i}@${site}`)));
    await stores[0]!.route();
    const work = async (store: PostgresStore, worker: string) => {
      for (;;) {
        const claim = await store.claim({ worker, max: 30, leaseMs });
        if (!claim) return;
        const ids = claim.messages.flatMap(({ recipients }) => recipients.map((each) => each.recipientId));
        // One in five fails, so that its settlement does not share a transaction with others.
        const outcomes = ids.map((recipientId, i) => ({
          recipientId,
          status: i % 5 === 4 ? ('failed' as const) : ('delivered' as const),
        }));
        const { refused } = await store.settle({ leaseId: claim.leaseId, outcomes, release: true });
        expect(refused).toEqual([]);
      }
    };
    await Promise.all(stores.flatMap((store, i) => [work(store, `w${i}a`), work(store, `w${i}b`)]));
    await Promise.all(stores.map((store) => store.purge()));
    const { rows } = await admin.query(
      `SELECT count(*)::int AS messages, bool_and(finished IS NOT NULL) AS finished,
         bool_and(failed = EXISTS (SELECT FROM ${schema}.recipient r WHERE r.id >> 16 = m.id AND r.state = 5)) AS right
       FROM ${schema}.message m`,
    );
    expect(rows).toEqual([{ messages: 60, finished: true, right: true }]);
    const { events } = await stores[0]!.events(undefined, 1000);
    const last = events.filter(({ type }) => type === 'delivered' || type === 'failed');
    expect(last.length).toBe(180);
    expect(new Set(last.map(({ recipientId }) => recipientId)).size).toBe(180);
  });

  it('Q-03 Q-49 refuse outcomes that are settled while their lease runs out, except deliveries', async () => {
    const store = await openStore();
    await store.accept(draft(['a@example.net', 'b@example.net']));
    const claim = (await claimWithin(store, 3000))!;
    const [a, b] = claim.messages[0]!.recipients.map(({ recipientId }) => recipientId) as [string, string];
    // Another worker has the site, and returns what its lease held, while the worker waits to settle it.
    const other = await openClient();
    await other.query('BEGIN');
    await other.query(`SELECT FROM ${schema}.site FOR UPDATE`);
    const settling = store.settle({
      leaseId: claim.leaseId,
      outcomes: [
        { recipientId: a, status: 'delivered' },
        { recipientId: b, status: 'failed' },
      ],
      release: true,
    });
    await waitForLock(`${schema}.settle`);
    const later = Date.now() + 2 * leaseMs;
    await other.query(`SELECT ${schema}.reap_v1(10, $1, NULL, $2)`, [
      JSON.stringify({ startConcurrency: 5, maxConcurrency: 20, probeAfterMs: 1000, rates: [] }),
      later,
    ]);
    await other.query('COMMIT');
    expect((await settling).refused).toEqual([b]);
    const states = (await store.list({})).rows.map(({ recipientId, state }) => [recipientId, state]);
    expect(states).toEqual([
      [a, 'delivered'],
      [b, 'queued'],
    ]);
  });

  it('Q-40 find a site that became ready during a claim', async () => {
    const store = await openStore();
    for (const site of ['a', 'b']) await store.accept(draft(`user@${site}.example.net`));
    await store.route();
    const other = await openClient();
    const setReady = (which: string, afterMs: number) =>
      other.query(
        `UPDATE ${schema}.site SET ready = (${schema}.time_v1(NULL) + $2) * 1000 WHERE name LIKE $1`,
        [which, afterMs],
      );
    await setReady('%', leaseMs);
    // The claim sees that nothing is ready for long, then waits to lock a site. Another transaction, which took a
    // second, has made it ready by then.
    await other.query('BEGIN');
    await other.query(`LOCK TABLE ${schema}.site IN EXCLUSIVE MODE`);
    const claiming = store.claim({ worker: 'w', max: 20, leaseMs });
    await waitForLock(`${schema}.claim`);
    await setReady('a.%', -1000);
    await other.query('COMMIT');
    expect((await claiming)?.site).toBe('a.example.net');
    await setReady('b.%', 0);
    expect((await claimWithin(store, 1000))?.site).toBe('b.example.net');
  });

  it('Q-03 leave overdue recipients to a faster worker, and leave no lease behind', async () => {
    const store = await openStore({ limits: { startConcurrency: 1, maxConcurrency: 1 } });
    await store.accept(draft('overdue@example.net', { delayNoticeAfterMs: 1 }));
    await store.accept(draft('other@example.net', { notBefore: Date.now() + 20 }));
    await store.route();
    const other = await openClient();
    await other.query('BEGIN');
    const overdue = `SELECT FROM ${schema}.claim_overdue_v1('other', 10, ${leaseMs}, 0, NULL)`;
    await expect.poll(async () => (await other.query(overdue)).rowCount).toBe(1);
    const claiming = store.claim({ worker: 'w', max: 1, leaseMs });
    await waitForLock(`${schema}.claim`);
    await other.query('COMMIT');
    expect(await claiming).toBeNull();
    expect((await admin.query(`SELECT worker FROM ${schema}.lease`)).rows).toEqual([{ worker: 'other' }]);
    const claim = await claimWithin(store, 1000);
    expect(claim?.messages[0]?.recipients[0]?.address).toBe('other@example.net');
  });

  it('Q-40 claim a site again in the same millisecond, whatever the number of its lease', async () => {
    const store = await openStore({ clock: new VirtualClock() });
    for (let i = 0; i < 4; i++) await store.accept(draft(`user${i}@example.net`));
    await store.route();
    await admin.query(`SELECT setval(pg_get_serial_sequence('${schema}.lease', 'id'), 997)`);
    for (let i = 0; i < 4; i++) expect(await store.claim({ worker: 'w', max: 1, leaseMs })).not.toBeNull();
  });

  it('Q-40 make claims that are requested together in one transaction, within the caps', async () => {
    const store = await openStore({ limits: { startConcurrency: 1, maxConcurrency: 1 } });
    for (let i = 0; i < 12; i++) await store.accept(draft(`u${i}@site${i % 4}.test`));
    await store.route();
    const asked = Array.from({ length: 6 }, (_, i) => store.claim({ worker: `w${i}`, max: 2, leaseMs }));
    const claims = (await Promise.all(asked)).filter((claim) => claim !== null);
    expect(claims.map(({ site }) => site).sort()).toEqual([0, 1, 2, 3].map((i) => `site${i}.test`));
    expect(claims.map(({ messages }) => messages.length)).toEqual([2, 2, 2, 2]);
    const { rows } = await admin.query(`SELECT worker, site FROM ${schema}.lease ORDER BY worker`);
    expect(new Set(rows.map(({ worker }) => worker)).size).toBe(4);
    const { rows: transactions } = await admin.query(
      `SELECT count(DISTINCT tx)::int AS n FROM ${schema}.event WHERE type = 'attempted'`,
    );
    expect(transactions[0].n).toBeLessThan(4);
  });

  it('Q-03 settle in one transaction what comes together, and a lost lease affects only its own settlement', async () => {
    const store = await openStore();
    for (let i = 0; i < 8; i++) await store.accept(draft(`u${i}@site${i % 4}.test`));
    await store.route();
    const claims: Claim[] = [];
    for (let i = 0; i < 4; i++)
      claims.push((await store.claim({ worker: 'w', max: 2, leaseMs: i === 3 ? 1 : leaseMs }))!);
    await new Promise((resolve) => setTimeout(resolve, 10));
    // The last of them ran out, and its recipients were delivered by another worker.
    expect(await store.reap()).toBe(2);
    await settleDelivered(store, (await claimWithin(store, 3000))!);
    const settled = await Promise.all(claims.map((claim) => settleDelivered(store, claim)));
    expect(settled.map(({ refused }) => refused.length)).toEqual([0, 0, 0, 2]);
    expect((await store.list({ state: 'delivered' })).rows.length).toBe(8);
    // With all leases valid there is one transaction; each of its events has a cursor of its own.
    for (let i = 0; i < 4; i++) await store.accept(draft(`more${i}@site${i}.test`));
    await store.route();
    const rest = [];
    for (let i = 0; i < 4; i++) rest.push((await store.claim({ worker: 'w', max: 2, leaseMs }))!);
    expect(await store.claim({ worker: 'w', max: 2, leaseMs })).toBe(null);
    const after = await store.eventsEnd();
    expect(
      (await Promise.all(rest.map((claim) => settleDelivered(store, claim)))).flatMap((s) => s.refused),
    ).toEqual([]);
    const seen: string[] = [];
    const transactions = new Set<string>();
    for (let cursor = after; ; ) {
      const page = await store.events(cursor, 1);
      if (page.events.length === 0) break;
      cursor = page.cursor;
      transactions.add(cursor.split('-')[0]!);
      seen.push(page.events[0]!.address!);
    }
    expect(new Set(seen).size).toBe(4);
    expect(seen.length).toBe(4);
    expect(transactions.size).toBe(1);
    expect((await store.stats()).sites).toEqual([]);
  });

  it('Q-03 settle two parts of one lease in one transaction', async () => {
    const store = await openStore();
    for (const name of ['a', 'b']) await store.accept(draft(`${name}@example.net`));
    await store.route();
    const { leaseId, messages } = (await store.claim({ worker: 'w', max: 2, leaseMs }))!;
    const settled = messages.map(({ recipients }, i) => {
      const outcomes = [{ recipientId: recipients[0]!.recipientId, status: 'delivered' as const }];
      return store.settle({ leaseId, outcomes, release: i === 1 });
    });
    expect((await Promise.all(settled)).flatMap(({ refused }) => refused)).toEqual([]);
    const { rows } = await admin.query(`SELECT count FROM ${schema}.event WHERE type = 'delivered'`);
    expect(rows).toEqual([{ count: 2 }]);
  });

  it('return every event once to a reader, however their transactions overlap', async () => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);
    const seen: string[] = [];
    let cursor: string | undefined;
    let writing = true;
    const read = async () => {
      for (;;) {
        const done = !writing;
        const page = await stores[0]!.events(cursor, 50);
        seen.push(...page.events.map(({ messageId }) => messageId));
        cursor = page.cursor;
        if (done && page.events.length === 0) return;
      }
    };
    const accepted: string[] = [];
    const write = async (store: PostgresStore, n: number) => {
      const app = await openClient();
      for (let i = 0; i < 40; i++) {
        await app.query('BEGIN');
        const { messageId } = await store.accept(draft(`u${n}-${i}@example.net`), { transaction: app });
        // Some stay open while later ones commit.
        if (i % 3 === n % 3) await new Promise((resolve) => setTimeout(resolve, 3));
        await app.query('COMMIT');
        accepted.push(messageId);
      }
    };
    const reading = read();
    await Promise.all([
      write(stores[1]!, 0),
      write(stores[1]!, 1),
      write(stores[2]!, 2),
      write(stores[2]!, 3),
    ]);
    writing = false;
    await reading;
    expect(seen.length).toBe(160);
    expect(seen.sort()).toEqual(accepted.sort());
  });

  it('continue when the server cuts all their connections', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net'));
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE $1`,
      [`%${schema}%`],
    );
    let failures = 0;
    for (let i = 0; i < 50; i++) {
      try {
        await store.accept(draft(`again${i}@example.net`));
      } catch (error) {
        failures++;
        expect(error).toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: true });
      }
    }
    expect(failures).toBeLessThanOrEqual(10);
    expect((await store.list({})).rows.length).toBe(51 - failures);
  });
});

describe('the schema', () => {
  it('can be created with schemaSql, and is refused when it needs newer code or must not be migrated', async () => {
    await expect(openStore({ migrate: false })).rejects.toMatchObject({ code: 'MB_BROKER_STORE_SCHEMA' });
    await admin.query(schemaSql(schema));
    const store = await openStore({ migrate: false });
    expect(store.foundSchema).toBe(schemaVersion);
    await store.accept(draft('a@example.net'));
    await admin.query(`UPDATE ${schema}.meta SET version = $1`, [schemaVersion + 5]);
    await (await openStore()).accept(draft('b@example.net'));
    await admin.query(`UPDATE ${schema}.meta SET min_reader = $1`, [schemaVersion + 5]);
    await expect(openStore()).rejects.toMatchObject({ code: 'MB_BROKER_STORE_SCHEMA' });
  });

  it('lets no statement for one lane use the index of deadlines, nor the reverse', async () => {
    await openStore();
    const planWithout = async (index: string, condition: string) => {
      await admin.query(`BEGIN; SET LOCAL enable_seqscan = off; DROP INDEX ${schema}.${index}`);
      const { rows } = await admin.query(
        `EXPLAIN SELECT id FROM ${schema}.recipient WHERE state = 0 AND ${condition} LIMIT 20`,
      );
      await admin.query('ROLLBACK');
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    };
    const byLane = await planWithout('recipient_due', 'lane = 1 AND due >= 0 AND due >= 5 ORDER BY due, id');
    expect(byLane).not.toContain('recipient_deadline');
    const byDeadline = await planWithout('recipient_deadline', 'deadline >= 0 AND deadline <= 5');
    expect(byDeadline).not.toContain('recipient_due');
  });

  it('finds the connections of a site by index, however many other sites have', async () => {
    await openStore();
    await admin.query('SET enable_seqscan = off; SET enable_bitmapscan = off');
    const { rows } = await admin.query(
      `EXPLAIN SELECT c.open FROM ${schema}.site s
       CROSS JOIN LATERAL ${schema}.connections_v1(s.name, 0) c WHERE s.name = 'example.net'`,
    );
    await admin.query('RESET enable_seqscan; RESET enable_bitmapscan');
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/using lease_site .*\n *Index Cond: \(\(site = s\.name\)/);
  });

  it('Q-13 returns content of all kinds unchanged, and holds messages with damaged content of each kind', async () => {
    const kinds = {
      ascii: Buffer.from('Subject: a\\b\r\n\r\n'.padEnd(500, 'x\t\x7f')),
      nul: Buffer.from('a\0b'),
      utf8: Buffer.from('Grüße\r\n'),
      octets: Buffer.from(octets(300)),
      empty: Buffer.alloc(0),
      largeAscii: Buffer.alloc(600_000, 'Lorem ipsum\r\n'),
    };
    const store = await openStore();
    for (const content of Object.values(kinds)) await store.accept(draft('a@example.net', { content }));
    await store.route();
    const { rows } = await admin.query(
      `SELECT message, bool_and(ascii IS NOT NULL) AS ascii FROM ${schema}.content GROUP BY 1 ORDER BY 1`,
    );
    expect(rows.map(({ ascii }) => ascii)).toEqual([true, false, false, false, true]);
    const claim = await claimWithin(store, 1000);
    const messages = [...claim!.messages].sort((a, b) => Number(a.messageId) - Number(b.messageId));
    for (const [i, expected] of Object.values(kinds).entries()) {
      const { messageId, content } = messages[i]!;
      if (content) expect(Buffer.from(content)).toEqual(expected);
      expect(await readAll(store.content(messageId))).toEqual(expected);
    }
    const outcomes = messages
      .flatMap(({ recipients }) => recipients)
      .map(({ recipientId }) => ({ recipientId, status: 'deferred' as const, retryAfterMs: 0 }));
    await store.settle({ leaseId: claim!.leaseId, outcomes, release: true });
    await admin.query(
      `UPDATE ${schema}.content SET ascii = overlay(ascii PLACING 'ł' FROM 2), bytes = set_byte(bytes, 0, 255)`,
    );
    const second = await claimWithin(store, 1000);
    expect(second!.messages.map(({ messageId }) => messageId).sort()).toEqual(
      [messages[4]!.messageId, messages[5]!.messageId].sort(),
    );
    await expect(readAll(store.content(messages[5]!.messageId))).rejects.toMatchObject({
      code: 'MB_BROKER_MESSAGE_CORRUPT',
    });
    expect((await store.list({ state: 'held' })).rows).toHaveLength(4);
  });

  it('Q-13 Q-44 holds a message whose record is damaged, and claims the others', async () => {
    const store = await openStore();
    const { messageId } = await store.accept(draft('a@example.net', { envelope: { ret: 'FULL' } }));
    await store.accept(draft('b@example.net'));
    await store.route();
    await admin.query(`UPDATE ${schema}.message SET envelope = '{broken' WHERE id = $1`, [messageId]);
    const claim = await claimWithin(store, 1000);
    expect(claim?.messages.map(({ recipients }) => recipients[0]?.address)).toEqual(['b@example.net']);
    expect((await store.list({ state: 'held' })).rows).toMatchObject([{ detail: { reason: 'corrupt' } }]);
  });

  it('Q-46 deletes content soon after its message is finished', async () => {
    const store = await openStore();
    await store.accept(draft('a@example.net', { content: octets(400_000) }));
    await store.cancel({ all: true });
    await store.purge();
    const { rows } = await admin.query(`SELECT count(*)::int AS n FROM ${schema}.content`);
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('reads numbers correctly, whatever parsers the application has set in the driver', async () => {
    const bigint = 20;
    const before = types.getTypeParser(bigint);
    types.setTypeParser(bigint, BigInt);
    try {
      const store = await openStore();
      const app = await openClient();
      await app.query('BEGIN');
      const { messageId } = await store.accept(draft('a@example.net'), { transaction: app });
      await app.query('COMMIT');
      expect(messageId).toBe((await store.list({})).rows[0]?.messageId);
      expect((await store.inspect(messageId))?.messageId).toBe(messageId);
      const claim = (await claimWithin(store, 3000))!;
      const outcomes = [{ recipientId: `${messageId}.0`, status: 'delivered' as const }];
      expect((await store.settle({ leaseId: claim.leaseId, outcomes, release: true })).refused).toEqual([]);
      const { events } = await store.events();
      expect(events.map(({ messageId: id }) => id)).toEqual(Array(3).fill(messageId));
    } finally {
      types.setTypeParser(bigint, before);
    }
  });

  it('refuses names that need quotes, and unknown options', () => {
    for (const name of ['Mb', 'mb; DROP TABLE x', '', '1mb', 'm"b']) {
      expect(() => new PostgresStore({ schema: name })).toThrow(
        expect.objectContaining({ code: 'MB_BROKER_OPTION' }),
      );
    }
    expect(() => new PostgresStore({ pool: 5 } as never)).toThrow(
      expect.objectContaining({ code: 'MB_BROKER_OPTION' }),
    );
  });

  it('SAFE-28 refuses names that PostgreSQL reserves', async () => {
    const { rows } = await admin.query("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')");
    expect(rows.length).toBeGreaterThan(90);
    for (const name of [...rows.map(({ word }) => String(word)), 'pg_queue']) {
      expect(() => new PostgresStore({ schema: name }), name).toThrow(
        expect.objectContaining({ code: 'MB_BROKER_OPTION' }),
      );
    }
  });

  it('reports that it cannot connect', async () => {
    const store = new PostgresStore({ connection: { connectionString: 'postgres://x:y@127.0.0.1:1/none' } });
    await expect(store.open()).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_FAILED',
      kind: 'network',
      retryable: true,
    });
  });
});

it('Q-147 the server does not compile statements of the queue', async () => {
  const store = new PostgresStore({ connection, schema });
  await store.open();
  opened.push(store);
  await admin.query(
    `CREATE TABLE ${schema}.seen (jit text);
     CREATE FUNCTION ${schema}.see() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO ${schema}.seen VALUES (current_setting('jit')); RETURN NULL; END $$;
     CREATE TRIGGER see AFTER INSERT ON ${schema}.suppression EXECUTE FUNCTION ${schema}.see()`,
  );
  await store.suppress([{ address: 'bob@example.org', reason: 'operator' }]);
  const { rows } = await admin.query(`SELECT jit FROM ${schema}.seen`);
  expect(rows).toEqual([{ jit: 'off' }]);
});
