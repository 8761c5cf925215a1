import { createMemoryResolver } from '@mb/dns/memory';
import { MailQueue, type QueueStore, type WebhookDeliveryOptions } from '../../src/index.ts';

/** A queue whose webhooks may be on this machine. */
export const queueOn = (store: QueueStore, webhooks: WebhookDeliveryOptions = {}) =>
  new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'], ...webhooks },
  });
/** Accepts messages and tells a webhook of them, in a process that is to be killed. */
export async function tellUntilKilled(store: QueueStore, messages: number): Promise<void> {
  const queue = queueOn(store, {
    leaseMs: 300,
    schedule: { firstMs: 50, factor: 1, maxMs: 50, jitter: 0 },
  });
  queue.webhooks.start();
  for (let i = 0; i < messages; i++) {
    const { id } = await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: `${i}` });
    process.stdout.write(`${id}\n`);
  }
  setInterval(() => {}, 1_000);
}
