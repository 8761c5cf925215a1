import { setTimeout as sleep } from 'node:timers/promises';
import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver, type WebhookCall, type WebhookReceiver } from '@mb/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { MailQueue, MemoryStore } from '../../src/index.ts';
import { poisons } from './poisons.ts';

const messages = 40;
const everyMs = 50;
/** Messages whose events an endpoint of the second kind is poisoned by. */
const isPoison = (at: number) => at % 4 === 0;
/** The longest that an event may be late. */
const mostMs = 1_000;

async function openQueue() {
  const store = new MemoryStore();
  await store.open();
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'], timeoutMs: 5_000 },
  });
  onTestFinished(async () => {
    await queue.webhooks.stop({ graceMs: 0 });
    await queue.close();
    await store.close();
  });
  return queue;
}

async function addReceiver(queue: MailQueue, answer?: WebhookReceiver['answer']): Promise<WebhookReceiver> {
  const receiver = await startWebhookReceiver(answer && { answer });
  onTestFinished(() => receiver.close());
  await queue.webhooks.add({ url: receiver.url });
  return receiver;
}

/** How late the events of some messages came at an endpoint, at worst, in milliseconds. */
function worstDelay(calls: readonly WebhookCall[], ids: ReadonlySet<string>): number {
  const of = calls.filter(({ json }) => ids.has(json.data.messageId));
  return Math.max(...of.map(({ at, json }) => at - Date.parse(json.timestamp)));
}

it('WHK-84 WHK-85 a poisoned endpoint makes no event of another, and of no other message, a second late', async ({
  annotate,
}) => {
  const queue = await openQueue();
  // The same load without poison at the same time: how late events are on this machine as it is now.
  const control = await openQueue();
  const beside = await addReceiver(queue);
  const alone = await addReceiver(control);
  const poisoned = new Set<string>();
  const healthy = new Set<string>();
  const kinds = await Promise.all(
    poisons.map(async ([name, answer]) => ({
      name,
      whole: await addReceiver(queue, answer),
      mixed: await addReceiver(queue, (call, response) =>
        poisoned.has(call.json.data.messageId) ? answer(call, response) : 204,
      ),
    })),
  );
  queue.webhooks.start();
  control.webhooks.start();
  const controlIds = new Set<string>();
  for (let at = 0; at < messages; at++) {
    const draft = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
    const { id } = await queue.enqueue(draft);
    (isPoison(at) ? poisoned : healthy).add(id!);
    await queue.control.hold({ messageId: id! });
    const { id: controlId } = await control.enqueue(draft);
    controlIds.add(controlId!);
    await control.control.hold({ messageId: controlId! });
    await sleep(everyMs);
  }
  const events = (calls: readonly WebhookCall[], ids: ReadonlySet<string>) =>
    calls.filter(({ json }) => ids.has(json.data.messageId)).length;
  const all = new Set([...poisoned, ...healthy]);
  await alone.until((calls) => events(calls, controlIds) === 2 * messages, 20_000);
  await beside.until((calls) => events(calls, all) === 2 * messages, 20_000);
  for (const { mixed } of kinds)
    await mixed.until((calls) => events(calls, healthy) >= 2 * healthy.size, 20_000);
  for (const { name, whole } of kinds) expect(whole.calls.length, name).toBeGreaterThan(0);

  const usual = worstDelay(alone.calls, controlIds);
  const delays: [string, number][] = [
    ['another endpoint', worstDelay(beside.calls, all)],
    ...kinds.map(({ name, mixed }): [string, number] => [
      `other messages of one that ${name}`,
      worstDelay(mixed.calls, healthy),
    ]),
  ];
  await annotate(
    `worst delays in ms: without poison ${usual}; ${delays.map((one) => one.join(' ')).join('; ')}`,
  );
  for (const [what, delay] of delays) expect(delay - usual, what).toBeLessThan(mostMs);
}, 60_000);

it('WHK-111 a hundred messages that an endpoint never answers delay no other message by a second', async () => {
  const queue = await openQueue();
  const poisoned = new Set<string>();
  const receiver = await addReceiver(queue, (call) =>
    poisoned.has(call.json.data.messageId) ? undefined : 204,
  );
  queue.webhooks.start();
  const accept = async () =>
    (await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' })).id!;
  for (let i = 0; i < 100; i++) poisoned.add(await accept());
  const healthy = new Set([await accept(), await accept()]);
  await receiver.until((calls) => calls.filter(({ json }) => healthy.has(json.data.messageId)).length === 2);
  expect(worstDelay(receiver.calls, healthy)).toBeLessThan(mostMs);
}, 30_000);
