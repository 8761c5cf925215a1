import { setTimeout as wait } from 'node:timers/promises';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MailQueue, MemoryStore, type QueueEvent, transactional } from '../../src/index.ts';
import { QueueWorker } from '../../src/worker/worker.ts';
import { startLab } from '../lab.ts';

const message = (to: string) => ({ from: 'no-reply@sender.test', to, subject: 'Reset', text: 'x' });

/** Events of the queue until one of `count` recipients is final. */
async function finals(events: AsyncIterable<QueueEvent>, count: number): Promise<QueueEvent[]> {
  const seen: QueueEvent[] = [];
  let final = 0;
  for await (const event of events) {
    seen.push(event);
    if (['delivered', 'failed', 'expired'].includes(event.type) && ++final === count) break;
  }
  return seen;
}

it('TRX-01 lets transactional mail live for an hour', async () => {
  await using lab = await startLab({ broker: { store: new MemoryStore() } });
  const { id } = await lab.broker.enqueue(message('bob@one.test'), transactional);
  const view = await lab.broker.queue.show(id!);
  expect(view!.expiresAt - view!.acceptedAt).toBe(3_600_000);
});

it('TRX-04 sends no delay notice for transactional mail, however long it lives', async () => {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const store = new MemoryStore({ clock });
  const queue = new MailQueue({ store, runtime: { clock } });
  const long = { expireAfterMs: 36_000_000 };
  const plain = await queue.enqueue(message('bob@one.test'), { delivery: long });
  const urgent = await queue.enqueue(message('eve@one.test'), {
    ...transactional,
    delivery: { ...transactional.delivery, ...long },
  });
  const worker = new QueueWorker({
    store,
    clock,
    random: () => 0.5,
    name: 'w',
    onError: (error) => errors.push(error),
    siteOf: async (domain) => ({ site: domain, ttlMs: 86_400_000, forAll: false }),
    attempt: async ({ messages }) => ({
      outcomes: messages.flatMap(({ recipients }) =>
        recipients.map(({ recipientId }) => ({ recipientId, status: 'deferred' as const })),
      ),
    }),
  });
  worker.start();
  await clock.advance(5 * 3_600_000);
  await worker.stop();
  const { events } = await store.events(undefined, 1000);
  const of = (id?: string) => events.filter(({ messageId }) => messageId === id).map(({ type }) => type);
  expect(errors).toEqual([]);
  expect(of(plain.id)).toContain('delayed');
  expect(of(urgent.id)).toContain('deferred');
  expect(of(urgent.id)).not.toContain('delayed');
});

it('TRX-02 TRX-05 sends no report by mail when transactional mail fails or expires', async () => {
  await using lab = await startLab({
    hosts: {
      mx0: { address: '127.0.61.1' },
      mx1: {
        address: '127.0.61.2',
        script: { rcpt: '451 Later', recipients: { 'gone@one.test': '550 5.1.1 No' } },
      },
    },
    records: { sender: { MX: '10 mx0.test' }, one: { MX: '10 mx1.test' } },
    broker: { store: new MemoryStore(), queue: { schedule: { firstMs: 100, factor: 1, jitter: 0 } } },
  });
  const soon = { ...transactional, delivery: { ...transactional.delivery, expireAfterMs: 600 } };
  await lab.broker.enqueue(message('gone@one.test'), transactional);
  await lab.broker.enqueue(message('late@one.test'), soon);
  lab.broker.start();
  const signal = AbortSignal.timeout(10_000);
  const events = await finals(lab.broker.events({ after: 'start', signal }), 2);
  await wait(300);
  await lab.broker.close();
  const types = events.map(({ type }) => type);
  expect(types).toContain('failed');
  expect(types).toContain('expired');
  expect(types).not.toContain('bounced');
  expect(lab.hosts.mx0!.messages).toEqual([]);
});

it('TRX-03 sends transactional mail before bulk mail of the same tenant that was accepted earlier', async () => {
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.61.3' } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { store: new MemoryStore({ limits: { startConcurrency: 1, maxConcurrency: 1 } }) },
  });
  for (let i = 0; i < 30; i++) await lab.broker.enqueue(message(`bulk${i}@one.test`), { priority: 'low' });
  await lab.broker.enqueue(message('reset@one.test'), transactional);
  lab.broker.start();
  const signal = AbortSignal.timeout(20_000);
  await finals(lab.broker.events({ after: 'start', signal }), 31);
  await lab.broker.close();
  const order = lab.hosts.mx1!.messages.map(({ recipients }) => recipients[0]!.address);
  expect(order).toHaveLength(31);
  expect(order[0]).toBe('reset@one.test');
});
