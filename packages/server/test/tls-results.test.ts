import { MailBroker, MemoryStore, type Observation, type Observer } from '@mb/broker';
import { createCertificateAuthority } from '@mb/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { recordTlsResults } from '../src/reports/tls-recorder.ts';
import { TlsResults } from '../src/reports/tls-results.ts';
import { startService } from './service.ts';

const day = 86_400_000;

/** Something that is observed by hand. */
function observed() {
  const listeners = new Set<Observer>();
  return {
    observe: (listener: Observer) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    see(domain: string, result: string, more: object = {}) {
      const seen = { type: 'tls', domain, host: `mx.${domain}`, policy: 'sts', basis: 'mta-sts', result };
      for (const listener of listeners) listener({ ...seen, ...more } as Observation);
    },
  };
}

async function memoryRecords() {
  const store = new MemoryStore();
  await store.open();
  return store.records;
}

function fail(error: unknown): never {
  throw error;
}

it('SRV-170 sessions are counted by domain, kind of failure and host, for all processes together', async () => {
  const records = await memoryRecords();
  const processes = ['one', 'two'].map((owner) => {
    const results = new TlsResults({ records, now: () => 20 * day, onError: fail, owner });
    const broker = observed();
    results.watch(broker);
    return { results, broker };
  });
  for (const { broker } of processes) {
    broker.see('one.test', 'success');
    broker.see('one.test', 'certificate-expired', { detail: 'The certificate expired yesterday.' });
    broker.see('two.test', 'success');
  }
  processes[0]!.broker.see('one.test', 'certificate-expired', { detail: 'It expired two days ago.' });
  for (const { results } of processes) await results.write();
  expect(await processes[1]!.results.totals(19 * day)).toEqual({
    succeeded: 4,
    failed: 3,
    domains: [
      {
        domain: 'one.test',
        succeeded: 2,
        failed: 3,
        failures: [
          {
            resultType: 'certificate-expired',
            host: 'mx.one.test',
            policy: 'sts',
            sessions: 3,
            detail: expect.stringContaining('expired'),
          },
        ],
      },
    ],
  });
});

it('SRV-171 counts of TLS are by day', async () => {
  let now = 20 * day + 1;
  const results = new TlsResults({
    records: await memoryRecords(),
    now: () => now,
    onError: fail,
    owner: 'one',
  });
  const broker = observed();
  const end = results.watch(broker);
  broker.see('one.test', 'starttls-not-supported');
  now = 21 * day + 1;
  broker.see('one.test', 'starttls-not-supported');
  end();
  broker.see('one.test', 'starttls-not-supported');
  expect((await results.totals(20 * day)).failed).toBe(2);
  expect((await results.totals(21 * day + 5)).failed).toBe(1);
  expect((await results.totals(22 * day)).failed).toBe(0);
});

it('SRV-172 counts of TLS that the store refused are written with the next ones', async () => {
  const records = await memoryRecords();
  let broken = true;
  const failing = new Proxy(records, {
    get(target, name) {
      if (name === 'put' && broken) return () => Promise.reject(new Error('The disk is full.'));
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const results = new TlsResults({ records: failing, now: () => day, onError: fail, owner: 'one' });
  const broker = observed();
  results.watch(broker);
  broker.see('one.test', 'certificate-expired');
  await expect(results.write()).rejects.toThrow('The disk is full.');
  broken = false;
  broker.see('one.test', 'certificate-expired');
  expect((await results.totals(day)).failed).toBe(2);
});

it('SRV-173 very many failures fit into the records', async () => {
  const results = new TlsResults({
    records: await memoryRecords(),
    now: () => day,
    onError: fail,
    owner: 'x',
  });
  const broker = observed();
  results.watch(broker);
  for (let n = 0; n < 2000; n++) {
    broker.see(`d${n}.test`, 'certificate-expired', { detail: 'x'.repeat(1000) });
    broker.see('busy.test', 'validation-failure', { host: `mx${n}.test`, detail: '\ud800 broken' });
  }
  const { failed, domains } = await results.totals(day);
  expect(failed).toBe(4000);
  expect(domains[0]).toMatchObject({ domain: 'busy.test', failed: 2000 });
  expect(domains[0]!.failures).toHaveLength(50);
});

it('SRV-174 TLS failures of sessions that were held are shown by the API', async () => {
  const authority = await createCertificateAuthority();
  const tls = await authority.issue({ names: ['other.test'] });
  const service = await startService({ host: 29, tls: { key: tls.key, cert: tls.cert } });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const call = await service.withKey();
  service.broker.start();
  await call('POST', '/v1/messages', { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
  await expect
    .poll(async () => (await call('GET', '/v1/reports/own-tls')).body.failed, { timeout: 15_000 })
    .toBe(1);
  const { body } = await call('GET', '/v1/reports/own-tls?days=1');
  expect(body.domains).toEqual([
    {
      domain: 'one.test',
      succeeded: 0,
      failed: 1,
      failures: [
        {
          resultType: 'certificate-not-trusted',
          host: 'mx.test',
          policy: 'no-policy-found',
          sessions: 1,
          detail: expect.any(String),
        },
      ],
    },
  ]);
});

it('SRV-175 TLS of our own sessions is shown to keys of all tenants alone', async () => {
  const service = await startService({ host: 30 });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const call = await service.withKey({ tenant: 'shop' });
  expect((await call('GET', '/v1/reports/own-tls')).status).toBe(403);
});

it('SRV-176 sessions of a worker without a server are shown by the server of its queue', async () => {
  const service = await startService({ host: 31 });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const call = await service.withKey();
  // The broker of the server does not deliver.
  const worker = new MailBroker({
    hostname: 'worker.test',
    store: service.store,
    dns: { servers: [service.dns.server] },
    delivery: { port: service.host.port, allowAddresses: ['127.0.0.0/8'] },
  });
  const recorder = recordTlsResults({ broker: worker, onError: fail });
  worker.start();
  const { body } = await call('POST', '/v1/messages', {
    from: 'ann@sender.test',
    to: 'bob@one.test',
    text: 'x',
  });
  await expect
    .poll(async () => (await call('GET', `/v1/messages/${body.id}`)).body.recipients[0].state)
    .toBe('delivered');
  await worker.stop();
  await recorder.stop();
  const { domains, ...sums } = (await call('GET', '/v1/reports/own-tls')).body;
  expect(sums).toMatchObject({ succeeded: 0, failed: 1 });
  expect(domains[0].failures).toMatchObject([{ resultType: 'starttls-not-supported', host: 'mx.test' }]);
});
