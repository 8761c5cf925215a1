import type { Duplex } from 'node:stream';
import { createMemoryResolver } from '@mb/dns/memory';
import { connect } from '@mb/smtp-client';
import { createSeededRandom, VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import type { HostTrouble, Mailbox } from '../simulation/scenario.ts';
import { troubleKinds } from '../simulation/scenario.ts';
import { SimulatedHost } from '../simulation/simulated-host.ts';
import { MailBroker, MemoryStore } from '../src/index.ts';

const second = 1000;
const minute = 60 * second;
const people = 1000;

it('PACE-04 PACE-07 delivers to 1,000 recipients behind a greylisting host within 20 minutes', async () => {
  // Code that the client loads at its first connection takes real time, of which none may pass in a virtual minute.
  const refused = () => Promise.reject(new Error('No server is there.'));
  await connect({ host: '192.0.2.1', hostname: 'mail.example.com', openSocket: refused }).catch(() => {});
  const clock = new VirtualClock();
  const startedAt = clock.now();
  const addresses = Array.from({ length: people }, (_, index) => `u${index}@example.org`);
  const deliveredAt: number[] = [];
  const noTrouble = Object.fromEntries(troubleKinds.map((kind) => [kind, 0])) as unknown as HostTrouble;
  const host = new SimulatedHost(
    {
      name: 'mx.example.org',
      address: '192.0.2.1',
      keywords: ['PIPELINING', 'ENHANCEDSTATUSCODES'],
      latencyMs: [20, 40],
      buffers: false,
      sessionLimit: undefined,
      relay: false,
      trouble: noTrouble,
    },
    {
      clock,
      mailboxes: new Map(
        addresses.map((address): [string, Mailbox] => [
          address,
          { kind: 'greylisted', refusals: 1, plain: true },
        ]),
      ),
      refusals: new Map(),
      faulty: () => true,
      touch: () => 0,
      accepted: () => deliveredAt.push(clock.now() - startedAt),
    },
    createSeededRandom(1),
  );
  const store = new MemoryStore({ clock });
  await store.open();
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    dns: createMemoryResolver({
      'example.org': { MX: [[10, 'mx.example.org'] as const] },
      'mx.example.org': { A: '192.0.2.1' },
    }),
    store,
    delivery: { allowAddresses: ['192.0.2.0/24'] },
    tls: { mtaSts: false, dane: false },
    queue: { retention: null, bounces: false },
    runtime: { clock, openSocket: () => Promise.resolve(host.connect(1).client as Duplex) },
  });
  for (const to of addresses) {
    await broker.enqueue({ from: 'a@example.com', to, subject: 'S', text: 'T' });
  }
  broker.start();

  await clock.advance(minute);
  const attempted = await broker.queue.list({ domain: 'example.org' }, { limit: people });
  expect(attempted.rows.filter(({ attempts }) => attempts === 0).length).toBe(0);
  expect((await broker.health()).sites[0]).not.toHaveProperty('pauseReason');

  for (let passed = 1; passed < 20 && deliveredAt.length < people; passed++) await clock.advance(minute);
  expect(deliveredAt.length).toBe(people);
  await broker.stop({ graceMs: 0 });
}, 120_000);
