import { createMemoryResolver } from '@mb/dns/memory';
import { startSmtpHost, VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { MailBroker, MemoryStore, transactional } from '../../src/index.ts';
import { oauth2Credentials } from '../../src/relay/oauth2.ts';
import { relayRoute } from '../../src/relay/relay-route.ts';

it('RLY-08 RLY-14 gives a relay with an expiring token and a rate limit 1,000 messages in order of priority, none refused twice', {
  timeout: 60_000,
}, async () => {
  let valid = 0;
  let issued = 0;
  const refusals: string[] = [];
  await using relay = await startSmtpHost({
    auth: {
      mechanisms: ['XOAUTH2'],
      exchange: async ({ initial, challenge }) => {
        const token = /auth=Bearer ([^\u0001]*)/.exec(String(initial ?? (await challenge(''))))?.[1];
        if (token === `t${valid}`) return 235;
        refusals.push(token ?? '');
        await challenge('{"status":"401"}');
        return '535 5.7.8 Token expired';
      },
    },
    script: {
      // Each session ends after 50 messages, and each token after 400.
      content: ({ session }) => {
        if (relay.messages.length % 400 === 399) valid++;
        return session.transactions.length >= 50
          ? { code: 250, text: '2.0.0 Ok', after: 'close' }
          : undefined;
      },
    },
  });
  const credentials = oauth2Credentials({
    user: 'shop@example.com',
    token: () => {
      issued = valid;
      return { accessToken: `t${issued}` };
    },
  });
  const limits = { startConcurrency: 1, maxConcurrency: 1, rates: [{ count: 200, perMs: 300 }] };
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: createMemoryResolver({}),
    store: new MemoryStore({ limits }),
    queue: { schedule: { firstMs: 200, factor: 1, jitter: 0 } },
    delivery: {
      routes: {
        '*': {
          ...relayRoute(`smtp://${relay.address}:${relay.port}?tls=none`),
          auth: { credentials, insecure: true },
        },
      },
    },
  });
  const classes = [
    { name: 'bulk', options: { priority: 'low' }, count: 500 },
    { name: 'normal', options: {}, count: 300 },
    { name: 'reset', options: transactional, count: 200 },
  ] as const;
  for (const { name, options, count } of classes) {
    for (let i = 0; i < count; i++) {
      await broker.enqueue({ from: 'shop@example.com', to: `${name}@d${i % 7}.test`, text: 'x' }, options);
    }
  }
  broker.start();
  await relay.until(() => relay.messages.length >= 1000, 50_000);
  await broker.close();
  const order = relay.messages.map(({ recipients }) => recipients[0]!.address.split('@')[0]!);
  const first = (name: string) => order.indexOf(name);
  const last = (name: string) => order.lastIndexOf(name);
  expect(order).toHaveLength(1000);
  expect(last('reset')).toBeLessThan(first('normal'));
  expect(last('normal')).toBeLessThan(first('bulk'));
  expect(issued).toBeGreaterThan(0);
  // One refusal tells that a token has expired; the renewed one is taken.
  expect(new Set(refusals).size).toBe(refusals.length);
});

/** Domains whose mail exchangers never answer. */
const records = Object.fromEntries(
  ['one', 'two', 'three'].flatMap((name, i) => [
    [`${name}.test`, { MX: [[10, `mx.${name}.test`]] as [number, string][] }],
    [`mx.${name}.test`, { A: `192.0.2.${i + 1}` }],
  ]),
);

it('RLY-09 sends through the fallback relay once nothing answers on the mail port, and directly before', async () => {
  await using relay = await startSmtpHost({ address: '127.0.62.2' });
  const dialled: string[] = [];
  const { openTcp } = await import('@mb/smtp-client');
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: createMemoryResolver(records),
    delivery: {
      allowAddresses: ['192.0.2.0/24'],
      timeouts: { connectMs: 100 },
      routes: { '*': { type: 'mx', fallback: relayRoute(`smtp://${relay.address}:${relay.port}?tls=none`) } },
    },
    runtime: {
      openSocket: (target) => {
        dialled.push(target.address);
        if (target.address.startsWith('127.')) return openTcp(target);
        // A filter drops what is sent to port 25.
        return new Promise((_, reject) =>
          target.signal.addEventListener('abort', () => reject(target.signal.reason)),
        );
      },
    },
  });
  const send = async (name: string) =>
    (await broker.send({ from: 'ann@sender.test', to: `bob@${name}.test`, text: 'x' }))[0]!;
  expect([(await send('one')).status, (await send('two')).status]).toEqual(['deferred', 'deferred']);
  expect(await send('three')).toMatchObject({
    status: 'delivered',
    address: `${relay.address}:${relay.port}`,
  });
  expect(await send('one')).toMatchObject({ status: 'delivered' });
  expect(dialled.filter((address) => address.startsWith('192.'))).toEqual(['192.0.2.1', '192.0.2.2']);
  await broker.close();
});

it('RLY-10 RLY-11 gives a silent relay its own timeout and reason while the mail port is blocked', async () => {
  const clock = new VirtualClock();
  const waits: string[] = [];
  const broker = new MailBroker({
    hostname: 'client.test',
    dns: createMemoryResolver(records),
    delivery: {
      allowAddresses: ['192.0.2.0/24'],
      routes: { '*': { type: 'mx', fallback: relayRoute('smtp://198.51.100.1?tls=none') } },
    },
    runtime: {
      clock,
      openSocket: ({ address, signal }) => {
        const begunAt = clock.now();
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            waits.push(`${address} ${(clock.now() - begunAt) / 1000} s`);
            reject(signal.reason);
          }),
        );
      },
    },
  });
  const send = async (name: string) => {
    const sending = broker.send({ from: 'ann@sender.test', to: `bob@${name}.test`, text: 'x' });
    let ended = false;
    void sending.finally(() => {
      ended = true;
    });
    while (!ended) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1000);
    }
    return (await sending)[0]!;
  };
  await send('one');
  expect(await send('two')).toMatchObject({
    category: 'local',
    reason: expect.stringContaining('on port 25'),
  });
  waits.length = 0;
  const outcome = await send('three');
  expect(outcome).toMatchObject({ status: 'deferred', host: '198.51.100.1' });
  expect(outcome).toMatchObject({
    category: 'temporary-host',
    reason: expect.not.stringContaining('port 25'),
  });
  expect(waits).toEqual(['198.51.100.1 30 s']);
  await broker.close();
});
