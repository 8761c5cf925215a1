import type { OpenSocket } from '@mb/smtp-client';
import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', subject: 'Stop', text: 'Hello' };

it('Q-17 writes down as not attempted, without a reason, what a stop kept from being offered', async () => {
  const store = new MemoryStore();
  await using lab = await startLab({
    hosts: { mx1: { address: '127.0.11.1', script: { content: { code: 250, delayMs: 300 } } } },
    records: { one: { MX: '10 mx1.test' } },
    broker: { store },
  });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { id } = await lab.broker.enqueue({ ...message, to: `u${i}@one.test` });
    ids.push(id!);
  }
  lab.broker.start();
  // One message is in flight, and the others of its claim wait for the only connection.
  await lab.hosts.mx1!.until(() => lab.hosts.mx1!.messages.length > 0, 10_000);
  await lab.broker.stop();
  const recipients = await Promise.all(
    ids.map(async (id) => (await lab.broker.queue.show(id))!.recipients[0]!),
  );
  const waiting = recipients.filter(({ state }) => state === 'queued');
  expect(recipients.length - waiting.length).toBe(lab.hosts.mx1!.messages.length);
  expect(waiting.length).toBeGreaterThan(0);
  for (const recipient of waiting) {
    expect(recipient).toMatchObject({ attempts: 0 });
    expect(recipient.detail).toBeUndefined();
  }
});

it.each(['connecting', 'waiting for the greeting'])(
  'LOCAL-03 learns nothing about host or machine from an attempt that its caller aborts: %s',
  async (moment) => {
    const openSocket: OpenSocket = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.11.2', script: { greeting: { code: 220, delayMs: 5_000 } } } },
      records: { one: { MX: '10 mx1.test' } },
      broker: { store: new MemoryStore(), ...(moment === 'connecting' && { runtime: { openSocket } }) },
    });
    const send = async (signal: AbortSignal) =>
      (await lab.broker.send({ ...message, to: 'bob@one.test' }, { signal }))[0];
    expect(await send(abortedAfter(100))).toMatchObject({
      status: 'deferred',
      category: 'local',
      untouched: true,
      reason: 'The caller aborted the operation.',
    });
    expect(await send(AbortSignal.timeout(100))).toMatchObject({
      status: 'deferred',
      category: 'temporary-host',
      untouched: true,
      reason: 'The timeout given by the caller has expired.',
    });
    expect(await lab.broker.health()).not.toHaveProperty('localTroubles');
  },
);

function abortedAfter(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}
