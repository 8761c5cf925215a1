import { expect, it } from 'vitest';
import { MailBroker, MailQueue, MailSender, MailWorker, MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Roles', text: 'Hello' };

it('ROLE-01 queues, looks and changes without host name and keys', async () => {
  const store = new MemoryStore();
  await using queue = new MailQueue({ store });
  const after = await store.eventsEnd();
  const { id } = await queue.enqueue(message, { tag: 'news' });
  await queue.suppressions.add([{ address: 'eve@one.test', reason: 'operator' }]);
  await queue.control.hold({ tag: 'news' });
  await queue.records.put('settings', 'colour', { name: 'blue' });

  expect((await queue.control.show(id!))?.recipients).toMatchObject([{ state: 'held' }]);
  expect(await queue.enqueue({ ...message, to: 'eve@one.test' })).toMatchObject({
    recipients: [{ status: 'failed', category: 'suppressed' }],
  });
  expect(await queue.stats()).toMatchObject({ held: 1, queued: 0 });
  expect((await queue.records.get('settings', 'colour'))?.value).toEqual({ name: 'blue' });
  const [first] = await queue.control.list().then(({ rows }) => rows);
  for await (const { type } of queue.events({ after })) {
    expect(type).toBe('accepted');
    break;
  }
  expect(first!.address).toBe('bob@one.test');
});

it('ROLE-02 delivers with a worker what a queue in another place accepted', async () => {
  await using lab = await startLab({
    hosts: { mx: { address: '127.0.0.1' } },
    records: { one: { MX: '10 mx.test' } },
  });
  const store = new MemoryStore();
  const queue = new MailQueue({ store });
  const after = await store.eventsEnd();
  await queue.enqueue(message);
  await using worker = new MailWorker({ ...lab.options, store });
  worker.start();
  for await (const { type } of queue.events({ after })) if (type === 'delivered') break;
  expect(lab.hosts.mx!.messages).toHaveLength(1);
  expect(await worker.health()).toMatchObject({ running: true, queued: 0 });
});

it('ROLE-03 ROLE-05 sends with a sender alone, and closes its connections when it is disposed of', async () => {
  await using lab = await startLab({
    hosts: { mx: { address: '127.0.0.1' } },
    records: { one: { MX: '10 mx.test' } },
  });
  {
    await using sender = new MailSender(lab.options);
    expect(await sender.send(message)).toMatchObject([{ status: 'delivered' }]);
    expect(await sender.explain(message)).toMatchObject({ deliveries: [{ domain: 'one.test' }] });
  }
  await expect.poll(() => lab.hosts.mx!.sessions.map(({ commands }) => commands.at(-1))).toEqual(['QUIT']);
});

it('ROLE-04 hands failures of the background to queue.onError and to observers', async () => {
  const store = new MemoryStore();
  const told: unknown[] = [];
  const seen: unknown[] = [];
  await using broker = new MailBroker({
    hostname: 'client.test',
    store,
    queue: { onError: (error) => told.push(error) },
    observer: (one) => one.type === 'error' && seen.push(one.error),
  });
  const failure = new Error('The disk is full.');
  Object.assign(store, { claimSites: () => Promise.reject(failure) });
  broker.start();
  await expect.poll(() => told).toContain(failure);
  expect(seen).toContain(failure);
});
