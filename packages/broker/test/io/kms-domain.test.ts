import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { type DkimAlgorithm, verifyMessage } from '@mb/dkim';
import { createMemoryResolver } from '@mb/dns/memory';
import { describe, expect, it } from 'vitest';
import { type KeyVault, ManagedDomains } from '../../src/domains/index.ts';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { FakeZone } from '../fake-zone.ts';
import { startLab } from '../lab.ts';

/** A KMS: it makes keys and signs with them, and gives none away. */
function startKms() {
  const keys = new Map<string, KeyObject>();
  const state = { signed: 0, wrong: false };
  const vault: KeyVault = {
    async create({ algorithm }) {
      const { privateKey, publicKey } =
        algorithm === 'rsa-sha256'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ed25519');
      const id = randomUUID();
      keys.set(id, privateKey);
      return { publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string, handle: { id } };
    },
    open: (handle, { algorithm }) => ({
      algorithm,
      async sign(octets) {
        state.signed++;
        const { id } = handle as { readonly id: string };
        const signature = sign(algorithm === 'rsa-sha256' ? 'sha256' : null, octets, keys.get(id)!);
        return state.wrong ? signature.map((octet) => octet ^ 1) : signature;
      },
    }),
  };
  return { vault, state };
}

async function startService(algorithms: readonly DkimAlgorithm[], address: `127.${string}`) {
  const { vault, state } = startKms();
  const lab = await startLab({ hosts: { mx: { address } }, records: { one: { MX: '10 mx.test' } } });
  const store = new MemoryStore();
  await store.open();
  const zone = new FakeZone();
  const domains = new ManagedDomains({
    records: store.records,
    vault,
    ask: zone.ask,
    dns: createMemoryResolver({}),
    hostname: 'client.test',
  });
  const { records } = await domains.add({ domain: 'shop.test', algorithms });
  zone.publish(records);
  expect((await domains.check('shop.test')).domain.ready).toBe(true);
  const { dkim: _, ...options } = lab.options;
  const broker = new MailBroker({ ...options, store, profileFor: domains.profileFor() });
  return {
    broker,
    records,
    state,
    store,
    host: lab.hosts.mx!,
    async [Symbol.asyncDispose]() {
      await broker.close();
      await store.close();
      await lab[Symbol.asyncDispose]();
    },
  };
}

const message = { from: 'ann@shop.test', to: 'bob@one.test', subject: 'Grüße', text: 'Hello\n\n\n' };

describe('a managed domain whose keys stay in a KMS', () => {
  it.each([
    [['rsa-sha256'], '127.0.42.21'],
    [['ed25519-sha256'], '127.0.42.22'],
    [['rsa-sha256', 'ed25519-sha256'], '127.0.42.23'],
  ] as const)(
    'DOM-119 %j: a message is composed, signed, delivered and verified',
    async (algorithms, address) => {
      await using service = await startService(algorithms, address);
      const { broker, host, records, state, store } = service;
      broker.start();
      await broker.enqueue(message);
      await host.until(() => host.messages.length === 1, 20_000);
      const texts = new Map(records.map(({ name, value }) => [name, value]));
      const { signatures } = await verifyMessage(host.messages[0]!.content, {
        resolveTxt: async (name: string) => [[texts.get(name) ?? '']],
      });
      expect(signatures.map(({ status, algorithm }) => [status, algorithm]).sort()).toEqual(
        algorithms.map((algorithm) => ['pass', algorithm]).sort(),
      );
      expect(state.signed).toBeGreaterThanOrEqual(algorithms.length);
      expect(JSON.stringify((await store.records.list('domain')).rows)).not.toContain('PRIVATE');
    },
  );

  it('DOM-120 a KMS that signs with another key sends nothing', async () => {
    await using service = await startService(['ed25519-sha256'], '127.0.42.24');
    service.state.wrong = true;
    await expect(service.broker.send(message)).rejects.toMatchObject({ code: 'MB_DKIM_KEY_CALLBACK' });
    expect(service.host.messages).toEqual([]);
  });

  it('DOM-121 a vault that keeps no keys of others refuses an import', async () => {
    const { vault } = startKms();
    const store = new MemoryStore();
    await store.open();
    const domains = new ManagedDomains({ records: store.records, vault, ask: new FakeZone().ask });
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await expect(
      domains.add({ domain: 'shop.test', keys: [{ selector: 's1', privateKey: pem }] }),
    ).rejects.toMatchObject({ code: 'MB_BROKER_DOMAIN_KEY' });
    await store.close();
  });
});
