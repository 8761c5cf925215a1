/** A process that accepts messages and tells a webhook of them until it is killed: <file> <messages> */
import { createMemoryResolver } from '@mb/dns/memory';
import { MailQueue } from '../../src/index.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const [, , path = '', messages = '0'] = process.argv;
const store = new SqliteStore(path);
await store.open();
const queue = new MailQueue({
  store,
  dns: createMemoryResolver({}),
  webhooks: {
    allowAddresses: ['127.0.0.0/8'],
    leaseMs: 300,
    schedule: { firstMs: 50, factor: 1, maxMs: 50, jitter: 0 },
  },
});
queue.webhooks.start();
for (let i = 0; i < Number(messages); i++) {
  const { id } = await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: `${i}` });
  process.stdout.write(`${id}\n`);
}
setInterval(() => {}, 1_000);
