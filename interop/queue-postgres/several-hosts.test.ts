/**
 * Simulates workers on several machines: each has a network namespace with its own address and EHLO name. All reach the
 * same PostgreSQL. Mail exchangers in another namespace report what they received.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../../packages/queue-postgres/test/server.ts';
import { type LabProcess, startProcess } from '../lab/process.ts';
import { type Host, labAddress, networkBlock, startNetwork } from './network.ts';
import { type ReceivedConnection, type Receiver, startReceiver } from './receiver.ts';

const workers = ['w1', 'w2', 'w3', 'w4'] as const;
const leaseMs = 3000;
/** Connections that a mail exchanger takes at a time, from all workers together. */
const cap = 4;
const dataMs = 3;
/** Transactions that the paced mail exchanger takes in a second, from all workers together. */
const rate = { count: 40, perMs: 1000, burst: 5 };
const fast = ['mx.north.test', 'mx.east.test', 'mx.south.test', 'mx.west.test'];
const paced = 'mx.paced.test';
const sites = Object.fromEntries([...fast, paced].map((site, i) => [site, `10.77.0.${101 + i}`]));

let hosts: Record<string, Host>;
let postgres: Awaited<ReturnType<typeof startServer>>;
let receiver: Receiver;
let store: PostgresStore;
let app: MailBroker;
let admin: Client;
let url: string;
let messages = 0;
const running = new Map<string, LabProcess>();
/** Hosts whose cable was pulled, when, and until when their leases counted. */
const cuts: { readonly peer: string; readonly at: number; readonly expires: number }[] = [];
/** A mail exchanger on a busy machine may read a new connection before the end of the one that it follows. */
const lateMs = 100;

beforeAll(async () => {
  const octets = workers.map((name, i) => [name, [11 + i]] as const);
  hosts = await startNetwork({ ...Object.fromEntries(octets), mx: [101, 102, 103, 104, 105] });
  receiver = await startReceiver(hosts.mx!, sites, dataMs);
  postgres = await startServer(['-c', `listen_addresses=127.0.0.1,${labAddress}`]);
  url = postgres.url.replace('127.0.0.1', labAddress);
  admin = new Client(postgres.url);
  await admin.connect();
  const { rows } = await admin.query('SHOW hba_file');
  appendFileSync(rows[0].hba_file, `host all all ${networkBlock} password\n`);
  await admin.query('SELECT pg_reload_conf()');
  store = new PostgresStore({ connection: { connectionString: postgres.url } });
  await store.open();
  await store.setSite(paced, { limits: { rates: [rate] } });
  // It only enqueues, as the application does.
  app = new MailBroker({ hostname: 'app.example.com', store });
  await Promise.all(workers.map(startWorker));
});

afterAll(async () => {
  for (const worker of running.values()) await worker.stop();
  await store?.close();
  await admin?.end();
  await postgres?.server.stop();
  postgres?.remove();
  await receiver?.stop();
});

async function startWorker(name: string): Promise<void> {
  const script = fileURLToPath(new URL('./host-worker.ts', import.meta.url));
  const given = [script, url, name, leaseMs, cap, JSON.stringify(sites)].map(String);
  const worker = await startProcess('ip', {
    args: [...hosts[name]!.enter, process.execPath, '--conditions=@mb/source', ...given],
    env: { NODE_OPTIONS: '' },
    ready: { output: /^R$/m },
  });
  running.set(name, worker);
}

/** Accepts the given number of messages for these mail exchangers in turn; returns their numbers. */
async function enqueue(count: number, to: readonly string[]): Promise<number[]> {
  const numbers = Array.from({ length: count }, () => messages++);
  for (let i = 0; i < count; i += 50) {
    await Promise.all(
      numbers.slice(i, i + 50).map((number) => {
        const recipient = `u${number}@${to[number % to.length]!.replace('mx.', '')}`;
        const raw = Buffer.from(
          `X-Number: ${number}\r\nFrom: desk@example.com\r\nSubject: x\r\n\r\nHello.\r\n`,
        );
        return app.enqueue({ raw, envelope: { from: 'desk@example.com', to: [recipient] } });
      }),
    );
  }
  return numbers;
}

async function allSettled(withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { queued, inFlight } = await store.stats();
    if (queued + inFlight === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${queued} wait and ${inFlight} are in flight after ${withinMs} ms`);
    await sleep(50);
  }
}

/** How often the mail exchangers took each message. */
function deliveries(): Map<number, number> {
  const times = new Map<number, number>();
  for (const { taken } of receiver.connections()) {
    for (const { message } of taken) times.set(message, (times.get(message) ?? 0) + 1);
  }
  return times;
}

/** Most connections that a mail exchanger had at a time. */
function mostConnections(connections: readonly ReceivedConnection[], site: string): number {
  const changes = connections
    .filter((connection) => connection.site === site)
    .flatMap(
      ({ openedAt, endedAt }) =>
        [
          [openedAt, 1],
          [endedAt, -1],
        ] as const,
    )
    .sort(([a, up], [b, down]) => a - b || up - down);
  let open = 0;
  return Math.max(0, ...changes.map(([, change]) => (open += change)));
}

/** Most transactions that began within a second. */
function mostInASecond(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.max(...sorted.map((start, i) => sorted.slice(i).filter((at) => at < start + 1000).length));
}

it('Q-26 Q-03 Q-40 deliver thousands of messages once each, from every address, within caps and rates', async () => {
  const started = Date.now();
  const [numbers, slow] = await Promise.all([enqueue(3000, fast), enqueue(120, [paced])]);
  await allSettled(60_000);
  const seconds = (Date.now() - started) / 1000;
  const connections = receiver.connections();
  const times = deliveries();
  expect([...numbers, ...slow].filter((number) => times.get(number) !== 1)).toEqual([]);
  expect(times.size).toBe(3120);

  const seen = connections.flatMap(({ peer, taken }) => taken.map(({ helo }) => `${peer} ${helo}`));
  const perWorker = workers.map((name) => {
    const own = `${hosts[name]!.addresses[0]} ${name}.mail.example.com`;
    return seen.filter((each) => each === own).length;
  });
  expect(perWorker.reduce((sum, count) => sum + count, 0)).toBe(3120);
  expect(Math.min(...perWorker)).toBeGreaterThan(0);

  const most = Object.keys(sites).map((site) => mostConnections(connections, site));
  expect(Math.max(...most)).toBeLessThanOrEqual(cap);
  expect(Math.max(...most)).toBeGreaterThan(1);
  const paces = connections.filter(({ site }) => site === paced).flatMap(({ begunAt }) => begunAt);
  const inASecond = mostInASecond(paces);
  // What was granted in one second may reach the mail exchanger a little later, in the next.
  expect(inASecond).toBeLessThanOrEqual(rate.count * 1.25);
  expect(Math.max(...paces) - Math.min(...paces)).toBeGreaterThan((120 / rate.count - 1) * 900);
  console.log(
    `3,120 messages in ${seconds.toFixed(1)} s, by worker ${perWorker.join(', ')}; connections at most ` +
      `${most.join(', ')} of ${cap}; at most ${inASecond} in a second where ${rate.count} are allowed`,
  );
}, 90_000);

it('Q-26 Q-28 Q-03 Q-49 Q-40 lose nothing when a worker’s network fails, and refuse its results that come too late', async () => {
  const first = messages;
  const delivered = () => [...deliveries().keys()].filter((number) => number >= first).length;
  const { victim, cutAt, expires, held } = await amidWork('no worker had much in hand', async () => {
    const busy = delivered() < 300 ? undefined : await busyWorker();
    if (!busy) return undefined;
    await hosts[busy]!.unplug();
    const at = Date.now();
    return { victim: busy, cutAt: at, held: await heldBy(busy), expires: await firstExpiry(busy, at) };
  });
  const host = hosts[victim]!;
  cuts.push({ peer: host.addresses[0]!, at: cutAt, expires });
  onTestFinished(() => host.plug());
  expect(held.length).toBeGreaterThan(0);
  await enqueue(1500, fast);
  await allSettled(60_000);

  // All that it held was taken from it when its lease ran out, and went out with the rest.
  const { rows: events } = await admin.query<{ id: string; at: string }>(
    `SELECT (e ->> 0) || '.' || (e ->> 1) AS id, min(at) AS at FROM mb.event, json_array_elements(events) e
     WHERE type = 'delivered' OR (type = 'deferred' AND e ->> 7 LIKE '%lease-lost%') GROUP BY 1`,
  );
  const resolvedAt = new Map(events.map(({ id, at }) => [id, Number(at)]));
  const recoveredMs = Math.max(...held.map(({ id }) => resolvedAt.get(id)!)) - cutAt;
  expect(recoveredMs).toBeLessThan(2 * leaseMs);

  // It comes back, believing that it is the owner: its reports must change nothing.
  for (const { id, lease } of held) {
    const late = {
      leaseId: lease,
      outcomes: [{ recipientId: id, status: 'failed' as const }],
      release: true,
    };
    expect((await store.settle(late)).refused).toEqual([id]);
  }
  await host.plug();
  await sleep(leaseMs);
  const heldAtDeath = await amidWork(`${victim} did not come back`, async () => {
    if ((await heldBy(victim)).length === 0) return undefined;
    // And then it dies with its hands full.
    process.kill(-running.get(victim)!.pid, 'SIGKILL');
    return (await heldBy(victim)).length;
  });
  await allSettled(60_000);

  const times = deliveries();
  const numbers = Array.from({ length: messages - first }, (_, i) => first + i);
  expect(numbers.filter((number) => !times.has(number))).toEqual([]);
  const twice = numbers.filter((number) => times.get(number)! > 1);
  const repeated = twice.reduce((sum, number) => sum + times.get(number)! - 1, 0);
  expect(repeated).toBeLessThanOrEqual(held.length + heldAtDeath);
  const { rows: states } = await admin.query(
    `SELECT (SELECT count(*)::int FROM mb.recipient WHERE state <> 4) AS undelivered,
       (SELECT count(*)::int FROM (SELECT FROM mb.event, json_array_elements(events) e
         WHERE type = 'delivered' GROUP BY e ->> 0, e ->> 1 HAVING count(*) > 1) x) AS reported_twice`,
  );
  expect(states).toEqual([{ undelivered: 0, reported_twice: 0 }]);

  const counted = receiver.connections().map(endedWithItsLease);
  const most = fast.map((site) => mostConnections(counted, site));
  expect(Math.max(...most)).toBeLessThanOrEqual(cap);
  console.log(
    `${victim} cut off with ${held.length} in hand, all taken over ${recoveredMs} ms later (lease ${leaseMs} ms); killed ` +
      `with ${heldAtDeath}; ${repeated} of ${numbers.length} delivered twice; connections at most ${most.join(', ')} of ${cap}`,
  );
}, 240_000);

/** Looks until something is found, and keeps mail waiting for all workers meanwhile. */
async function amidWork<Found>(failure: string, look: () => Promise<Found | undefined>): Promise<Found> {
  const deadline = Date.now() + 60_000;
  let looking = true;
  const filling = (async () => {
    while (looking) {
      if ((await store.stats()).queued < 1000) await enqueue(200, fast);
      else await sleep(20);
    }
  })();
  try {
    while (Date.now() < deadline) {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(5);
    }
    throw new Error(`${failure} within a minute`);
  } finally {
    looking = false;
    await filling;
  }
}

/** A worker that has many recipients in hand. */
async function busyWorker(): Promise<string | undefined> {
  for (const name of workers) if ((await heldBy(name)).length >= 10) return name;
  return undefined;
}

/** The recipients that a worker has in hand, and under which leases. */
async function heldBy(worker: string): Promise<{ id: string; lease: string }[]> {
  const { rows } = await admin.query<{ id: string; lease: string }>(
    `SELECT (r.id >> 16) || '.' || (r.id & 65535) AS id, r.lease::text AS lease FROM mb.recipient r
     JOIN mb.lease l ON l.id = r.lease WHERE l.worker = $1`,
    [worker],
  );
  return rows;
}

/** When the first of a worker's leases runs out; now when it has none. */
async function firstExpiry(worker: string, now: number): Promise<number> {
  const { rows } = await admin.query<{ expires: string | null }>(
    'SELECT min(expires) AS expires FROM mb.lease WHERE worker = $1 AND site IS NOT NULL',
    [worker],
  );
  return Number(rows[0]!.expires ?? now);
}

/** A connection that was cut off counts as long as its lease. */
function endedWithItsLease(connection: ReceivedConnection): ReceivedConnection {
  const cut = cuts.find(({ peer, at }) => peer === connection.peer && connection.openedAt < at);
  const endedAt = Math.min(connection.endedAt, cut?.expires ?? connection.endedAt);
  return { ...connection, endedAt: Math.max(connection.openedAt, endedAt - lateMs) };
}
