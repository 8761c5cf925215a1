import type { Duplex } from 'node:stream';
import { createMemoryResolver } from '@mb/dns/memory';
import { connect } from '@mb/smtp-client';
import { createSeededRandom, VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { type HostTrouble, sessionLimitReplies, troubleKinds } from '../simulation/scenario.ts';
import { SimulatedHost } from '../simulation/simulated-host.ts';
import { MailBroker } from '../src/broker.ts';
import { MemoryStore } from '../src/store/memory/memory-store.ts';

const minute = 60_000;
const count = 400;

it.each(sessionLimitReplies)(
  'SITE-03 hands 400 messages to a host of three a session within 5 minutes: %s',
  async (said) => {
    // Code that the client loads at its first connection takes real time, of which none may pass in a virtual minute.
    const refused = () => Promise.reject(new Error('No server is there.'));
    await connect({ host: '192.0.2.1', hostname: 'mail.example.com', openSocket: refused }).catch(() => {});
    const clock = new VirtualClock();
    let accepted = 0;
    const trouble = Object.fromEntries(troubleKinds.map((kind) => [kind, 0])) as unknown as HostTrouble;
    const host = new SimulatedHost(
      {
        name: 'mx.example.org',
        address: '192.0.2.1',
        keywords: ['PIPELINING', 'ENHANCEDSTATUSCODES'],
        latencyMs: [20, 40],
        buffers: true,
        sessionLimit: { messages: 3, said },
        relay: false,
        trouble,
      },
      {
        clock,
        mailboxes: new Map(),
        refusals: new Map(),
        faulty: () => true,
        touch: () => 0,
        accepted: () => {
          accepted++;
        },
      },
      createSeededRandom(1),
    );
    const store = new MemoryStore({ clock });
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
    for (let i = 0; i < count; i++) {
      await broker.enqueue({ from: 'a@example.com', to: `u${i}@example.org`, subject: 'S', text: 'T' });
    }
    broker.start();
    for (let passed = 0; passed < 5 && accepted < count; passed++) await clock.advance(minute);
    const { rows } = await broker.queue.list({ domain: 'example.org' }, { limit: count });
    expect(accepted).toBe(count);
    expect(rows.filter(({ state, attempts }) => state !== 'delivered' || attempts !== 1)).toEqual([]);
    expect(host.mostOpen).toBeLessThanOrEqual(20);
    await broker.stop({ graceMs: 0 });
  },
  120_000,
);
