import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver } from '@mb/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { MailQueue, MemoryStore } from '../../src/index.ts';

async function openQueue() {
  const store = new MemoryStore();
  await store.open();
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: {
      allowAddresses: ['127.0.0.0/8'],
      leaseMs: 1_000,
      schedule: { firstMs: 100, factor: 1, maxMs: 100, jitter: 0 },
    },
  });
  onTestFinished(async () => {
    await queue.webhooks.stop({ graceMs: 0 });
    await queue.close();
    await store.close();
  });
  return queue;
}

it('WHK-87 the lag of a webhook is the age of the oldest event that it has not taken', async () => {
  const queue = await openQueue();
  const { webhooks } = queue;
  await using failing = await startWebhookReceiver({ answer: () => 500 });
  await using taking = await startWebhookReceiver();
  const { endpoint: late } = await webhooks.add({ url: failing.url });
  const { endpoint: prompt } = await webhooks.add({ url: taking.url });
  const { endpoint: disabled } = await webhooks.add({ url: taking.url, enabled: false });
  webhooks.start();
  const before = Date.now();
  for (let i = 0; i < 3; i++) await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
  await taking.until((calls) => calls.length === 3);
  await expect.poll(async () => (await webhooks.status(late.id)).lagMs).toBeGreaterThan(1_500);
  const { lagMs } = await webhooks.status(late.id);
  // Not that of a retry: the event is as old as the message.
  expect(lagMs).toBeLessThanOrEqual(Date.now() - before);
  await expect.poll(async () => (await webhooks.status(prompt.id)).lagMs).toBe(0);
  const lags = await webhooks.lags();
  expect(lags.map(({ id }) => id)).toEqual([late.id, prompt.id]);
  expect(lags.map(({ id }) => id)).not.toContain(disabled.id);
  failing.answer = () => 204;
  await expect.poll(async () => (await webhooks.status(late.id)).lagMs).toBe(0);
});

it('WHK-88 the lag of a webhook grows while no process delivers', async () => {
  const queue = await openQueue();
  await using receiver = await startWebhookReceiver();
  const { endpoint } = await queue.webhooks.add({ url: receiver.url });
  const first = (await queue.webhooks.status(endpoint.id)).lagMs;
  await expect
    .poll(async () => (await queue.webhooks.status(endpoint.id)).lagMs)
    .toBeGreaterThan(first + 200);
});
