/**
 * A whole broker in a process that is meant to be killed: it enqueues messages and delivers what is queued.
 *
 * `crash-worker.ts PATH NAME MESSAGES LEASE_MS` starts when it reads a line from standard input, so that the next
 * process can load its code while the previous one works. It prints `R` when it starts to deliver and `A NAME` when a
 * message is accepted. Each line is a single write, so the test receives everything that was printed before the kill.
 * With 0 messages it only delivers, and exits when the queue is empty.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { crashMessage } from './crash-message.ts';

const [path = '', name = '', messages = '0', leaseMs = '0'] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

await once(process.stdin, 'data');
// What dead processes had in hand counts against the limits of a site until its leases are over.
const store = new SqliteStore(path, { limits: { startConcurrency: 200, maxConcurrency: 200 } });
await store.open();
const broker = new MailBroker({
  hostname: 'mail.example.com',
  delivery: { allowAddresses: ['127.0.0.0/8'] },
  tls: { mtaSts: false },
  store,
  // Failures of the servers are retried at once: only the kills are meant to hold anything up.
  queue: {
    name,
    leaseMs: Number(leaseMs),
    schedule: { firstMs: 200, maxMs: 1_000 },
    bounces: false,
    suppress: false,
    concurrency: 20,
  },
});
broker.start();
say('R');

for (let index = 0; index < Number(messages); index++) {
  const message = `${name}/${index}`;
  const { to, raw } = crashMessage(message);
  await broker.enqueue({ raw, envelope: { from: 'desk@example.com', to } }, { tag: message });
  say(`A ${message}`);
  await sleep(Math.random() * 4);
}

if (Number(messages) === 0) {
  for (;;) {
    // A recipient whose processes died twice in a row waits for minutes; this process is the last.
    await broker.queue.retry({ state: 'queued' });
    const { queued, inFlight } = await broker.health();
    if (queued + inFlight === 0) break;
    await sleep(200);
  }
  await broker.stop();
  await store.close();
  process.exit(0);
}
await new Promise(() => {
  // The kill ends it.
  setInterval(() => {}, 60_000);
});
