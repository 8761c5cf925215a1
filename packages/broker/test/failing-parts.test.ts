import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver } from '@mb/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Alerts, alertNames } from '../src/alerts/index.ts';
import {
  createMasterKeyVault,
  generateMasterKey,
  ManagedDomains,
  parseMasterKeys,
} from '../src/domains/index.ts';
import { BrokerError, MailBroker, MemoryStore } from '../src/index.ts';
import { FakeZone } from './fake-zone.ts';

/** Waits are a hundredth as long. */
const fastClock = {
  now: () => Date.now(),
  setTimer(callback: () => void, delayMs: number) {
    const timer = setTimeout(callback, delayMs / 100);
    return () => clearTimeout(timer);
  },
};

/** A store in memory that can be taken away: every call of it and of its records that waits fails then. */
async function startLossyStore() {
  const store = new MemoryStore();
  await store.open();
  let lost = false;
  const withLoss = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(_, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key === 'records') return withLoss(value as object);
        if (typeof value !== 'function') return value;
        if (['onWake', 'onBackgroundError', 'close'].includes(String(key))) return value.bind(target);
        return (...given: unknown[]) => (lost ? Promise.reject(gone()) : value.apply(target, given));
      },
    });
  const gone = () =>
    new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'The database went away.', { retryable: true });
  const told: unknown[] = [];
  const shaky = withLoss(store);
  const broker = new MailBroker({
    hostname: 'mail.sender.test',
    store: shaky,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'], leaseMs: 500 },
    queue: { onError: (error) => told.push(error) },
    runtime: { clock: fastClock },
  });
  onTestFinished(async () => {
    await broker.close({ graceMs: 0 });
    await store.close();
  });
  return {
    broker,
    store: shaky,
    told,
    onError: (error: unknown) => told.push(error),
    /** Takes the store away until a part has noticed, and gives it back. */
    async loseUntilTold() {
      lost = true;
      await expect.poll(() => told.length).toBeGreaterThan(0);
      lost = false;
      expect(told.filter((error) => !BrokerError.isInstance(error))).toEqual([]);
    },
    /** Nothing of what has ended works on. */
    async expectSilence() {
      lost = true;
      const before = told.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(told.length).toBe(before);
      lost = false;
    },
  };
}

const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
});
afterEach(() => {
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

describe('a store that is gone for a while', () => {
  it('SAFE-127 alerts tell onError, and fire when it is back', async () => {
    const { broker, onError, loseUntilTold, expectSilence } = await startLossyStore();
    const alerts = new Alerts(broker, {
      rules: Object.fromEntries(alertNames.map((name) => [name, name === 'disk-full'])),
      disks: ['/'],
      readDisks: async () => ({ found: [{ path: '/', free: 0.01 }], failures: [] }),
      everyMs: 1_000,
      clock: fastClock,
      onError,
    });
    const lost = loseUntilTold();
    alerts.start();
    await lost;
    await expect.poll(async () => (await alerts.list())[0]?.firing).toBe(true);
    await alerts.stop();
    await expectSilence();
  });

  it('SAFE-128 the keys of domains are looked at when it is back', async () => {
    const { store, told, onError, loseUntilTold, expectSilence } = await startLossyStore();
    const zone = new FakeZone();
    const domains = new ManagedDomains({
      records: store.records,
      vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
      ask: zone.ask,
      dns: createMemoryResolver({}),
      clock: fastClock,
      onError,
    });
    const { records } = await domains.add({ domain: 'shop.test', algorithms: ['ed25519-sha256'] });
    zone.publish(records);
    const lost = loseUntilTold();
    domains.start();
    await lost;
    expect(told.length).toBeGreaterThan(0);
    await expect.poll(async () => (await domains.get('shop.test')).ready, { timeout: 5_000 }).toBe(true);
    await domains.stop();
    await expectSilence();
  });

  it('SAFE-129 webhooks are called when it is back', async () => {
    const { broker, loseUntilTold, expectSilence } = await startLossyStore();
    await using receiver = await startWebhookReceiver({ answer: () => 500 });
    await broker.webhooks.add({ url: receiver.url });
    broker.webhooks.start();
    await broker.enqueue(message);
    await receiver.until((calls) => calls.length > 0);
    await loseUntilTold();
    const taken = new Set<unknown>();
    receiver.answer = ({ headers }) => {
      taken.add(headers['webhook-id']);
      return 204;
    };
    await broker.enqueue(message);
    await expect.poll(() => taken.size, { timeout: 5_000 }).toBe(2);
    await broker.webhooks.stop();
    await expectSilence();
  });

  it('SAFE-100 a worker reads the reply rules when it is back, and delivers after that', async () => {
    const { broker, loseUntilTold } = await startLossyStore();
    const { id } = await broker.enqueue(message);
    const lost = loseUntilTold();
    broker.start();
    await lost;
    // No host is found, which is an attempt that was made.
    await expect
      .poll(async () => (await broker.queue.show(id!))!.recipients[0]!.state, { timeout: 5_000 })
      .toBe('failed');
  });

  it('SAFE-101 content that cannot be discarded is no second error of a message that is refused', async () => {
    const { store } = await startLossyStore();
    const full = Object.assign(Object.create(store), {
      accept: () => Promise.reject(new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'No place.')),
      discard: () => Promise.reject(new Error('Not now.')),
    });
    const broker = new MailBroker({
      hostname: 'mail.sender.test',
      store: full,
      dns: createMemoryResolver({}),
    });
    async function* large() {
      yield Buffer.from('From: ann@sender.test\r\n\r\n');
      for (let n = 0; n < 40; n++) yield Buffer.alloc(65_536, `${'x'.repeat(70)}\r\n`);
    }
    const envelope = { from: 'ann@sender.test', to: ['bob@one.test'] };
    await expect(broker.enqueue({ raw: large(), envelope })).rejects.toThrow('No place.');
  });
});
