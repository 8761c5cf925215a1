import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailQueue, MemoryStore, webhook } from '@mb/broker';
import { createMemoryResolver } from '@mb/dns/memory';
import type { Contender, Field } from '../harness/row.ts';

/** Events through an endpoint that takes its time. */
export interface WebhookTask {
  readonly count: number;
  /** How long the endpoint takes for each call, in milliseconds. */
  readonly answerMs: number;
}

/** Connections of the bare client, as many as an endpoint has calls at once. */
const connections = 32;

/** Sends events of different messages to one endpoint that takes `answerMs` to answer each. */
export async function webhookField(task: WebhookTask): Promise<Field> {
  const endpoint = await startEndpoint(task.answerMs);
  return {
    contenders: [
      contender('@mb/broker, webhooks', 'ours', task, endpoint, throughWebhooks),
      contender('@mb/broker, deliverEvents()', 'ours', task, endpoint, throughDeliverEvents),
      contender(`fetch, ${connections} at once`, 'limit', task, endpoint, throughFetch),
    ],
    operationsPerRun: task.count,
    close: () => endpoint.close(),
  };
}

type Way = (task: WebhookTask, endpoint: Endpoint) => Promise<void>;

function contender(
  name: string,
  role: 'ours' | 'limit',
  task: WebhookTask,
  endpoint: Endpoint,
  way: Way,
): Contender<number> {
  return {
    name,
    role,
    async run() {
      const before = endpoint.taken();
      await way(task, endpoint);
      return endpoint.taken() - before;
    },
    check: (taken) => checkTaken(taken, task.count),
  };
}

const checkTaken = (taken: number, count: number) =>
  taken === count ? undefined : `the endpoint took ${taken} events instead of ${count}`;

async function openQueue() {
  const store = new MemoryStore();
  await store.open();
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'], concurrency: connections },
  });
  const accept = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' }),
      ),
    );
  return { store, queue, accept };
}

async function throughWebhooks({ count }: WebhookTask, endpoint: Endpoint): Promise<void> {
  const { store, queue, accept } = await openQueue();
  await queue.webhooks.add({ url: endpoint.url });
  queue.webhooks.start();
  const all = endpoint.more(count);
  await accept(count);
  await all;
  await queue.webhooks.stop({ graceMs: 1_000 });
  await queue.close();
  await store.close();
}

async function throughDeliverEvents({ count }: WebhookTask, endpoint: Endpoint): Promise<void> {
  const { store, queue, accept } = await openQueue();
  const end = new AbortController();
  const delivering = queue.deliverEvents(webhook(endpoint.url), {
    after: 'start',
    concurrency: connections,
    signal: end.signal,
  });
  const all = endpoint.more(count);
  await accept(count);
  await all;
  end.abort();
  await delivering;
  await queue.close();
  await store.close();
}

async function throughFetch({ count }: WebhookTask, { url }: Endpoint): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left-- > 0) {
        const response = await fetch(url, { method: 'POST', body: JSON.stringify({ left }) });
        await response.arrayBuffer();
      }
    }),
  );
}

interface Endpoint {
  readonly url: string;
  taken(): number;
  /** Resolves when `count` further calls were answered. */
  more(count: number): Promise<void>;
  close(): Promise<void>;
}

async function startEndpoint(answerMs: number): Promise<Endpoint> {
  let taken = 0;
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    await sleep(answerMs);
    taken++;
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    taken: () => taken,
    async more(count) {
      const until = taken + count;
      while (taken < until) await sleep(2);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
