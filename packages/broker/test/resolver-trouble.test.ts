import { createMemoryResolver } from '@mb/dns/memory';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../src/index.ts';

const minute = 60_000;

/** A broker with a queue in virtual time, whose every host would be refused: nothing gets as far as a socket here. */
async function startBroker(dns: ReturnType<typeof createMemoryResolver>) {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock });
  await store.open();
  const dialled: string[] = [];
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    dns,
    store,
    queue: { retention: null },
    runtime: {
      clock,
      openSocket: ({ address }) => {
        dialled.push(address);
        return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      },
    },
  });
  const { id } = await broker.enqueue({
    from: 'a@example.com',
    to: 'b@example.org',
    subject: 'S',
    text: 'T',
  });
  broker.start();
  const recipient = async () => (await broker.queue.show(id!))!.recipients[0]!;
  return { broker, clock, dialled, recipient };
}

const zones = {
  'example.org': { MX: [[10, 'mx.example.org'] as const] },
  'mx.example.org': { A: '192.0.2.1' },
};

it('Q-33 Q-52 spends no attempt while our own resolver is down, asks again each minute, and says so in health()', async () => {
  const dns = createMemoryResolver(zones, { failures: { 'example.org': 'unreachable' } });
  const { broker, clock, dialled, recipient } = await startBroker(dns);
  await clock.advance(60 * minute);
  expect(await recipient()).toMatchObject({
    state: 'queued',
    attempts: 0,
    detail: { stage: 'route', category: 'local' },
  });
  const asked = dns.calls.filter(({ name, type }) => name === 'example.org' && type === 'MX').length;
  // Each claim looks for the site, and for the route.
  expect(asked / 2).toBeGreaterThan(50);
  expect(asked / 2).toBeLessThan(70);
  expect(await broker.health()).toMatchObject({
    resolverTrouble: expect.stringMatching(/^The DNS resolver of this machine does not work: .*unreachable/),
    sites: [{ site: 'example.org', concurrency: 5 }],
  });

  dns.fail('example.org', undefined);
  await clock.advance(2 * minute);
  // The first connection of a process loads code, in real time.
  await expect.poll(recipient).toMatchObject({ attempts: 1, detail: { stage: 'connect' } });
  expect(dialled).toEqual(['192.0.2.1']);
  expect(await broker.health()).not.toHaveProperty('resolverTrouble');
  await broker.stop();
});

it("Q-34 defers by the schedule when the domain's own DNS fails, and blames no resolver", async () => {
  const dns = createMemoryResolver(zones, { failures: { 'example.org': 'servfail' } });
  const { broker, clock, recipient } = await startBroker(dns);
  await clock.advance(60 * minute);
  const view = await recipient();
  expect(view).toMatchObject({ state: 'queued', detail: { stage: 'route', category: 'temporary-host' } });
  expect(view.attempts).toBeGreaterThan(2);
  expect(view.attempts).toBeLessThan(6);
  expect(await broker.health()).not.toHaveProperty('resolverTrouble');
  await broker.stop();
});

it('Q-06 spends no attempt when only the question for TLSA records does not get out', async () => {
  const dns = createMemoryResolver(zones, {
    authentic: true,
    failures: { 'TLSA _25._tcp.mx.example.org': 'unreachable' },
  });
  const { broker, clock, dialled, recipient } = await startBroker(dns);
  await clock.advance(10 * minute);
  expect(await recipient()).toMatchObject({ attempts: 0, detail: { stage: 'policy', category: 'local' } });
  expect(dialled).toEqual([]);
  await broker.stop();
});
