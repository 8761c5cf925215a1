import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createMemoryResolver } from '@mb/dns/memory';
import { expect, it, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type KeyVault, ManagedDomains } from '../../src/domains/index.ts';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { FakeZone } from '../fake-zone.ts';
import { startLab } from '../lab.ts';

const never = () => new Promise<never>(() => {});

/** The time of the machine, on which the ten seconds of a key service pass in a moment, and which can be set ahead. */
function createHurriedClock() {
  const state = { aheadMs: 0 };
  const clock: Clock = {
    now: () => Date.now() + state.aheadMs,
    setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs === 10_000 ? 100 : delayMs),
  };
  return { clock, state };
}

/** A key service with a key for each domain; what it does for `shop.test` can be made to last without a limit. */
function startKeyService() {
  const keys = new Map<string, KeyObject>();
  const state = { silent: undefined as 'sign' | 'open' | 'create' | undefined, asked: 0 };
  const isSilent = (call: typeof state.silent, domain: string) => {
    const silent = state.silent === call && domain === 'shop.test';
    if (silent) state.asked++;
    return silent;
  };
  const vault: KeyVault = {
    create: ({ domain }) => {
      if (isSilent('create', domain)) return never();
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      keys.set(domain, privateKey);
      return { publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string, handle: {} };
    },
    open: (_, { domain, algorithm }) => {
      if (isSilent('open', domain)) return never();
      return {
        algorithm,
        sign: (octets) =>
          isSilent('sign', domain) ? never() : new Uint8Array(sign(null, octets, keys.get(domain)!)),
      };
    },
  };
  return { vault, state };
}

async function startService(address: `127.${string}`, clock: Clock) {
  const service = startKeyService();
  const lab = await startLab({ hosts: { mx: { address } }, records: { one: { MX: '10 mx.test' } } });
  const store = new MemoryStore({ clock });
  await store.open();
  const zone = new FakeZone();
  const domains = new ManagedDomains({
    records: store.records,
    vault: service.vault,
    ask: zone.ask,
    dns: createMemoryResolver({}),
    hostname: 'client.test',
    clock,
  });
  for (const domain of ['shop.test', 'news.test']) {
    const { records } = await domains.add({ domain, algorithms: ['ed25519-sha256'] });
    zone.publish(records);
    await domains.check(domain);
  }
  const { dkim: _, ...options } = lab.options;
  const broker = new MailBroker({
    ...options,
    store,
    profileFor: domains.profileFor(),
    runtime: { clock },
  });
  onTestFinished(async () => {
    await broker.close({ graceMs: 0 });
    await store.close();
    await lab[Symbol.asyncDispose]();
  });
  return { ...service, broker, domains, host: lab.hosts.mx! };
}

const messageOf = (domain: string) => ({
  from: `ann@${domain}`,
  to: 'bob@one.test',
  subject: 'S',
  text: 'T',
});

it.each([
  ['sign', '127.0.42.31', { detail: { code: 'MB_DKIM_KEY_CALLBACK' } }],
  ['open', '127.0.42.32', { detail: { category: 'local' } }],
] as const)(
  'DOM-149 DOM-150 a key service whose %s() never answers keeps its own mail waiting, and no other',
  async (silent, address, outcome) => {
    const { clock, state: time } = createHurriedClock();
    const { broker, host, state } = await startService(address, clock);
    state.silent = silent;
    const ids = await Promise.all(
      Array.from({ length: 40 }, async () => (await broker.enqueue(messageOf('shop.test'))).id!),
    );
    await broker.enqueue(messageOf('news.test'));
    broker.start();
    await host.until(() => host.messages.length === 1, 4_000);
    const recipientOf = async (id: string) => (await broker.queue.show(id))!.recipients[0]!;
    await expect.poll(async () => (await recipientOf(ids[39]!)).detail).toBeDefined();
    for (const id of ids)
      expect(await recipientOf(id)).toMatchObject({ state: 'queued', attempts: 0, ...outcome });
    // Those under way when the first one was late, and none after it.
    expect(state.asked).toBeLessThan(ids.length);
    state.silent = undefined;
    time.aheadMs = 31_000;
    await broker.queue.retry({ all: true });
    await host.until(() => host.messages.length === 41, 10_000);
  },
);

it('DOM-151 stop() waits for no signature that never comes, and the message stays queued', async () => {
  const { broker, state } = await startService('127.0.42.33', systemClock);
  state.silent = 'sign';
  const { id } = await broker.enqueue(messageOf('shop.test'));
  broker.start();
  await expect.poll(() => state.asked).toBe(1);
  await broker.stop({ graceMs: 0 });
  expect((await broker.queue.show(id!))!.recipients[0]).toMatchObject({ state: 'queued', attempts: 0 });
});

it('DOM-152 send() says in time that a key did not sign, and may be repeated', async () => {
  const { clock } = createHurriedClock();
  const { broker, state } = await startService('127.0.42.34', clock);
  state.silent = 'sign';
  await expect(broker.send(messageOf('shop.test'))).rejects.toMatchObject({
    code: 'MB_DKIM_KEY_CALLBACK',
    retryable: true,
    message: expect.stringMatching(/_domainkey\.shop\.test did not sign: sign\(\) did not answer/),
  });
  await expect(
    broker.send(messageOf('shop.test'), { signal: AbortSignal.timeout(50) }),
  ).rejects.toMatchObject({ code: 'MB_DKIM_KEY_CALLBACK' });
});

it('DOM-153 a vault that makes no key in time is a typed error that may be repeated', async () => {
  const { clock } = createHurriedClock();
  const { domains, state } = await startService('127.0.42.35', clock);
  await domains.remove('shop.test');
  state.silent = 'create';
  await expect(domains.add({ domain: 'shop.test' })).rejects.toMatchObject({
    code: 'MB_BROKER_KEY_SERVICE',
    kind: 'internal',
    retryable: true,
  });
  expect((await domains.list()).rows.map(({ domain }) => domain)).toEqual(['news.test']);
});
