import { expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { RecordPageRequest, Records } from '../store/records.ts';
import { writeState } from './delivery-state.ts';
import { EndpointDelivery } from './endpoint-delivery.ts';
import { EventPages } from './event-pages.ts';
import { type WaitingEvent, waitingCollection, waitingKey } from './waiting-event.ts';
import type { WebhookClient } from './webhook-client.ts';

const id = '0123456789abcdef';

it('WHK-21 what waits is delivered in its order, also when an event is handed in before all was read', async () => {
  const store = new MemoryStore();
  await store.open();
  const { records } = store;
  for (const order of [1, 2]) {
    const event = { id: `evt_${order}`, type: 'delivered', at: 0, messageId: 'm', data: {} } as const;
    const waiting: WaitingEvent = { event, order, attempts: 1, dueAt: 0, deadline: 1 };
    await records.put(waitingCollection, waitingKey(id, event.id), waiting);
  }
  const state = { cursor: await store.eventsEnd(), delivered: 0, failed: 0, waiting: 2, owner: 'me' };
  let readOn = () => {};
  const mayRead = new Promise<void>((resolve) => {
    readOn = resolve;
  });
  const slow: Records = {
    get: (...given) => records.get(...given),
    put: (...given) => records.put(...given),
    delete: (...given) => records.delete(...given),
    changes: (...given) => records.changes(...given),
    async list(collection: string, page?: RecordPageRequest) {
      const read = await records.list(collection, page);
      await mayRead;
      return read;
    },
  };
  const called: (string | undefined)[] = [];
  const client = {
    async post(_url: string, headers: Readonly<Record<string, string>>) {
      called.push(headers['webhook-id']);
      return { succeeded: true, status: 200, durationMs: 0 };
    },
    close() {},
  } as Partial<WebhookClient> as WebhookClient;
  const errors: unknown[] = [];
  const delivery = new EndpointDelivery({
    id,
    endpoint: { url: 'https://app.example.com/', secrets: [] },
    state,
    stateVersion: await writeState(records, id, state, 0),
    store: { records: slow, onWake: (listener) => store.onWake(listener) },
    pages: new EventPages(store),
    client,
    clock: systemClock,
    random: () => 0.5,
    schedule: { firstMs: 1, factor: 1, maxMs: 1, jitter: 0 },
    concurrency: 4,
    retryForMs: 60_000,
    leaseMs: 60_000,
    onError: (error) => errors.push(error),
    onAttempt: () => {},
    disable: async () => {},
  });
  const handingIn = delivery.handIn('evt_2');
  await new Promise((resolve) => setTimeout(resolve, 50));
  readOn();
  await handingIn;
  await expect.poll(async () => (await records.list(waitingCollection)).rows).toEqual([]);
  await delivery.stop(1_000);
  expect(called).toEqual(['evt_1', 'evt_2']);
  expect(errors).toEqual([]);
  await store.close();
});
