import { createMemoryResolver } from '@mb/dns/memory';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { type BrokerOptions, MailBroker, MemoryStore } from '../src/index.ts';

const minute = 60_000;

/** A broker whose sockets fail with `code`, and one message for b@example.org in its queue. */
async function startBroker(
  code: string,
  options: Partial<BrokerOptions>,
  zones: Parameters<typeof createMemoryResolver>[0],
) {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock });
  await store.open();
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    dns: createMemoryResolver(zones),
    store,
    queue: { retention: null },
    runtime: {
      clock,
      openSocket: () => Promise.reject(Object.assign(new Error(`connect ${code}`), { code })),
    },
    ...options,
  });
  const { id } = await broker.enqueue({
    from: 'a@example.com',
    to: 'b@example.org',
    subject: 'S',
    text: 'T',
  });
  broker.start();
  await clock.advance(20 * minute);
  const recipient = (await broker.queue.show(id!))!.recipients[0]!;
  const health = await broker.health();
  await broker.stop({ graceMs: 0 });
  return { recipient, health };
}

const zones = {
  'example.org': { MX: [[10, 'mx.example.org'] as const] },
  'mx.example.org': { A: '203.0.114.1' },
};

it.each(['EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENETUNREACH', 'EAFNOSUPPORT', 'EPERM'])(
  'LOCAL-01 LOCAL-06 LOCAL-05 spends no attempt on %s of our own machine, and says so in health()',
  async (code) => {
    const { recipient, health } = await startBroker(code, {}, zones);
    expect(recipient).toMatchObject({
      state: 'queued',
      attempts: 0,
      detail: { category: 'local', stage: 'connect' },
    });
    expect(health.localTroubles).toEqual([expect.stringContaining(code)]);
    expect(health.sites[0]).toMatchObject({ concurrency: 5 });
    expect(health.sites[0]).not.toHaveProperty('pauseReason');
  },
);

it.each([
  ['relay does not exist', 'smarthost', {}],
  ['relay has no address', 'smarthost', { 'relay.example.net': { MX: [[10, 'mx.example.org'] as const] } }],
  ['relay takes no mail', 'smarthost', { 'relay.example.net': { MX: [[0, ''] as const] } }],
  ['LMTP host does not exist', 'lmtp', {}],
] as const)(
  'LOCAL-02 LOCAL-04 defers while a configured %s, spends no attempt, and says so in health()',
  async (_why, type, records) => {
    const routes = { '*': { type, host: 'relay.example.net' } } as const;
    const { recipient, health } = await startBroker(
      'ECONNREFUSED',
      { delivery: { routes } },
      { ...zones, ...records },
    );
    expect(recipient).toMatchObject({
      state: 'queued',
      attempts: 0,
      detail: { category: 'local', enhanced: '4.3.5' },
    });
    expect(health.localTroubles).toEqual([
      expect.stringMatching(/^The host "relay\.example\.net" in delivery\.routes cannot be used: /),
    ]);
    expect(health).not.toHaveProperty('resolverTrouble');
  },
);
