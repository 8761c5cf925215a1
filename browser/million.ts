/**
 * How long the API takes to answer what the pages of the dashboard ask, with one million recipients in the queue:
 * `node --conditions=@mb/source browser/million.ts sqlite` or `postgres`, three runs each; it fails above 300 ms.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { PostgresStore } from '@mb/queue-postgres';
import { createServer } from '@mb/server';
import { startServer } from '../packages/queue-postgres/test/server.ts';

const recipients = Number(process.env.MB_RECIPIENTS ?? 1_000_000);
const perMessage = 100;
const domains = 1000;
const limitMs = 300;
const runs = 3;

const [kind = 'sqlite'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'mb-million-'));
const database = kind === 'postgres' ? await startServer(['-c', 'fsync=off']) : undefined;
const store = database
  ? new PostgresStore({ connection: { connectionString: database.url } })
  : new SqliteStore(join(folder, 'queue.db'));
await store.open();

const content = new TextEncoder().encode('From: a@example.com\r\nSubject: x\r\n\r\nHello\r\n');
const count = recipients / perMessage;
for (let first = 0; first < count; first += 50) {
  await Promise.all(
    Array.from({ length: Math.min(50, count - first) }, (_, n) => {
      const message = first + n;
      return store.accept({
        sender: 'a@example.com',
        content,
        tag: `tag-${message % 10}`,
        recipients: Array.from({ length: perMessage }, (_, index) => {
          const domain = `d${(message * 7 + index) % domains}.example.org`;
          return { address: `user-${message}-${index}@${domain}`, domain };
        }),
      });
    }),
  );
}
await store.hold({ tag: 'tag-3' });
// As workers do: new messages get their lanes.
if (store instanceof PostgresStore) await store.route();
console.log(`${kind}: ${recipients} recipients in the queue`);

const broker = new MailBroker({ hostname: 'mail.example.com', store });
const server = createServer({ broker });
server.start();
const { token } = await server.keys.create({ name: 'x', scopes: ['read', 'content', 'operate', 'admin'] });
const paths = [
  '/v1/health',
  '/v1/stats?resolution=minute',
  '/v1/stats?resolution=quarter-hour',
  '/v1/stats?resolution=day',
  '/v1/destinations',
  '/v1/destinations/d7.example.org',
  '/v1/destinations/d7.example.org/replies',
  '/v1/messages?limit=50',
  '/v1/messages?limit=50&search=user-5-',
  '/v1/messages?limit=50&recipient=user-5-1%40d36.example.org',
  '/v1/messages?limit=50&domain=d7.example.org',
  '/v1/messages?limit=50&state=failed',
  '/v1/messages?limit=50&tag=tag-3',
  `/v1/messages/${count / 2}`,
  `/v1/messages/${count / 2}/events?limit=500`,
  `/v1/messages/${count / 2}/preview`,
  '/v1/recipients?limit=10&domain=d7.example.org',
  '/v1/recipients/count',
  '/v1/recipients/count?domain=d7.example.org',
  '/v1/recipients/count?tag=tag-3&state=held',
  '/v1/suppressions',
  '/v1/keys',
  '/v1/audit',
];
let slow = 0;
for (const path of paths) {
  const took: number[] = [];
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    const response = await server.fetch(
      new Request(`http://localhost${path}`, { headers: { authorization: `Bearer ${token}` } }),
    );
    await response.arrayBuffer();
    took.push(performance.now() - started);
    if (!response.ok) throw new Error(`${path} gave ${response.status}`);
  }
  const most = Math.max(...took);
  if (most > limitMs) slow++;
  const shown = took.map((ms) => ms.toFixed(0).padStart(5)).join(' ');
  console.log(`${shown} ms  ${most > limitMs ? 'SLOW ' : ''}${path}`);
}
await server.close();
await store.close();
await database?.server.stop();
database?.remove();
await rm(folder, { recursive: true });
console.log(
  `load of the machine: ${loadavg()
    .map((one) => one.toFixed(1))
    .join(', ')} on ${availableParallelism()} cores`,
);
console.log(slow === 0 ? `every answer within ${limitMs} ms` : `${slow} of ${paths.length} took longer`);
process.exitCode = slow === 0 ? 0 : 1;
