import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@mb/dkim';
import { composeMessage, formatReport } from '@mb/mime';
import { describe, expect, it } from 'vitest';
import {
  formatVerp,
  MailBroker,
  MailQueue,
  MemoryStore,
  type ProfiledMessage,
  type QueueStore,
  type SendingProfile,
} from '../../src/index.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startLab } from '../lab.ts';

const tenants = ['alpha', 'beta', 'gamma'] as const;

async function keyOf(domain: string, selector = 's1') {
  const { privateKey } = await generateKeyPair({ algorithm: 'ed25519-sha256', domain, selector });
  return { domain, selector, privateKey };
}

/** Each tenant has a domain, a name and an address of its own. */
const profiles = new Map<string, SendingProfile>(
  await Promise.all(
    tenants.map(async (name, index) => {
      const profile: SendingProfile = {
        name,
        hostname: `mail.${name}.test`,
        dkim: await keyOf(`${name}.test`),
        dkimCheck: 'off',
        sources: [{ name, localAddresses: [`127.0.40.${index + 1}`] }],
        verp: { address: `bounces@${name}.test`, secret: `the secret of ${name}` },
      };
      return [name, profile] as const;
    }),
  ),
);
const byTenant = ({ tenant }: ProfiledMessage) => profiles.get(tenant!)!;
const hosts = { mx1: { address: '127.0.41.1' } } as const;
const records = { one: { MX: '10 mx1.test' }, two: { MX: '10 mx1.test' } };
const mailOf = (tenant: string, n: number) => ({
  from: `ann@${tenant}.test`,
  to: `u${n}@${n % 2 ? 'one' : 'two'}.test`,
  subject: `${n}`,
  text: 'Hello',
});

/** A complaint that names no recipient; which one it is about follows from where it goes to. */
function composeComplaint(): Promise<Uint8Array> {
  const record = formatReport({
    kind: 'feedback-report',
    feedbackType: 'abuse',
    userAgent: 'Example/1.0',
    version: '1',
  });
  const text = 'See below.';
  return composeMessage({ from: 'fbl@one.test', to: 'abuse@alpha.test', text, report: { record } }).bytes();
}

const stores: readonly (readonly [string, () => Promise<QueueStore<never>>])[] = [
  ['memory', async () => new MemoryStore()],
  [
    'SQLite',
    async () => {
      const store = new SqliteStore(join(mkdtempSync(join(tmpdir(), 'mb-profile-')), 'queue.db'));
      await store.open();
      return store as unknown as QueueStore<never>;
    },
  ],
];

type Lab = Awaited<ReturnType<typeof startLab>>;

/** Checks that every message has the key, the name, the address and the session of its tenant. */
function expectOwn(lab: Lab, count: number): void {
  const { messages, sessions } = lab.hosts.mx1!;
  expect(messages).toHaveLength(count);
  for (const { remoteAddress, clientName, transactions } of sessions) {
    const tenant = tenants[Number(remoteAddress.split('.').at(-1)) - 1]!;
    expect(clientName).toBe(`mail.${tenant}.test`);
    for (const { from, content } of transactions) {
      const text = content.toString('latin1');
      expect(from).toMatch(new RegExp(`@${tenant}\\.test$`));
      expect(text).toMatch(new RegExp(`^From: ann@${tenant}\\.test`, 'm'));
      expect(text.match(/ d=[\w.]+;/g)).toEqual([` d=${tenant}.test;`]);
    }
  }
}

describe('sending profiles', () => {
  it('PROF-01 send() sends each message under the key, name, address and connection of its tenant', async () => {
    await using lab = await startLab({ hosts, records, broker: { profileFor: byTenant } });
    const sends = Array.from({ length: 30 }, (_, n) => {
      const tenant = tenants[n % 3]!;
      return lab.broker.send(mailOf(tenant, n), { tenant });
    });
    const outcomes = (await Promise.all(sends)).flat();
    await lab.broker.close();
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 'delivered'));
    expectOwn(lab, 30);
  });

  it.each(stores)('PROF-02 the queue sends each message as its tenant (%s)', async (_name, open) => {
    const store = await open();
    await using lab = await startLab({
      hosts,
      records,
      broker: { profileFor: byTenant, store, delivery: { maxRecipients: 5 } },
    });
    const queue = new MailQueue({ store });
    for (let n = 0; n < 60; n++) {
      const tenant = tenants[n % 3]!;
      await queue.enqueue(mailOf(tenant, n), { tenant });
    }
    lab.broker.start();
    await expect.poll(() => lab.hosts.mx1!.messages.length, { timeout: 15_000 }).toBe(60);
    await lab.broker.close();
    await store.close();
    expectOwn(lab, 60);
    const paths = lab.hosts.mx1!.messages.map(({ from }) => from);
    for (const path of paths) expect(path).toMatch(/^bounces\+\d+\.\d+-\w{16}@(alpha|beta|gamma)\.test$/);
  });

  it('PROF-03 PROF-16 is chosen at the attempt, by tenant, tag and author domain, also for reports', async () => {
    const asked: ProfiledMessage[] = [];
    const store = new MemoryStore();
    await using lab = await startLab({
      hosts: {
        mx1: {
          address: '127.0.41.1',
          script: {
            rcpt: ({ recipient }) => (recipient.startsWith('u1@') ? '550 5.1.1 No such user' : undefined),
          },
        },
      },
      records: { ...records, alpha: { MX: '10 mx1.test' } },
      broker: {
        store,
        profileFor: (message) => {
          asked.push(message);
          return byTenant(message);
        },
      },
    });
    await lab.broker.enqueue(mailOf('alpha', 1), { tenant: 'alpha', tag: 'news' });
    expect(asked).toEqual([]);
    lab.broker.start();
    await expect.poll(() => lab.hosts.mx1!.messages.length).toBe(1);
    await lab.broker.close();
    const facts = { tenant: 'alpha', tag: 'news', authorDomain: 'alpha.test' };
    expect(asked).toContainEqual({ ...facts, sender: 'ann@alpha.test' });
    expect(asked).toContainEqual({ ...facts, sender: '' });
    const report = lab.hosts.mx1!.messages[0]!.content.toString('latin1');
    expect(report).toContain('Reporting-MTA: dns; mail.alpha.test');
    expect(report).toContain(' d=alpha.test;');
  });

  const failing: readonly (readonly [string, () => never | SendingProfile | Promise<SendingProfile>])[] = [
    [
      'throws',
      () => {
        throw new Error('No such tenant.');
      },
    ],
    ['rejects', () => Promise.reject(new Error('The database is down.'))],
    ['gives nothing', () => undefined as never],
    ['gives an empty name', () => ({ name: '' })],
    ['gives an unknown key', () => ({ name: 'x', dkimKey: 1 }) as never],
    ['gives an empty list of keys', () => ({ name: 'x', dkim: [] })],
    ['gives no key for the domain', () => ({ name: 'x', dkim: () => [] })],
    [
      'gives a key that cannot sign',
      () => ({ name: 'x', dkim: { domain: 'alpha.test', selector: 's', privateKey: 'none' } }),
    ],
  ];
  it.each(failing)(
    'PROF-04 PROF-18 PROF-17 a profile that is not available defers the message as trouble of our own: it %s',
    async (_what, profileFor) => {
      const store = new MemoryStore();
      await using lab = await startLab({ hosts, records, broker: { store, profileFor } });
      const [outcome] = await lab.broker.send(mailOf('alpha', 1));
      expect(outcome).toMatchObject({ status: 'deferred', stage: 'profile', category: 'local' });
      await lab.broker.enqueue(mailOf('alpha', 2), { tenant: 'alpha' });
      lab.broker.start();
      await expect
        .poll(async () => (await lab.broker.queue.list()).rows[0])
        .toMatchObject({
          state: 'queued',
          inFlight: false,
          attempts: 0,
          detail: { stage: 'profile', category: 'local' },
        });
      const { localTroubles } = await lab.broker.health();
      expect(localTroubles?.[0]).toMatch(/^Cannot get /);
      await lab.broker.close();
      expect(lab.hosts.mx1!.sessions).toEqual([]);
    },
  );

  it('PROF-05 is not waited for longer than ten seconds', async () => {
    const timers: (() => void)[] = [];
    const setTimer = (callback: () => void, ms: number) => {
      if (ms === 10_000) timers.push(callback);
      return () => {};
    };
    const broker = new MailBroker({
      hostname: 'client.test',
      profileFor: () => new Promise<never>(() => {}),
      runtime: { clock: { now: () => 0, setTimer } },
    });
    const sending = broker.send(mailOf('alpha', 1));
    await expect.poll(() => timers.length).toBe(1);
    timers[0]!();
    expect(await sending).toMatchObject([{ status: 'deferred', stage: 'profile' }]);
  });

  it('PROF-06 changes keys without a restart: a function is asked for the keys of each message', async () => {
    const first = await keyOf('alpha.test', 'first');
    const second = await keyOf('alpha.test', 'second');
    let current = first;
    const asked: string[] = [];
    await using lab = await startLab({
      hosts,
      records,
      broker: {
        dkimCheck: 'off',
        dkim: async (domain) => {
          asked.push(domain);
          if (domain !== 'alpha.test') throw new Error('No such domain.');
          return current;
        },
      },
    });
    await lab.broker.send(mailOf('alpha', 1));
    current = second;
    await lab.broker.send(mailOf('alpha', 3));
    const [refused] = await lab.broker.send(mailOf('beta', 5));
    await lab.broker.close();
    const selectors = lab.hosts.mx1!.messages.map(
      ({ content }) => /\bs=(\w+);/.exec(content.toString('latin1'))![1],
    );
    expect(selectors).toEqual(['first', 'second']);
    expect(refused).toMatchObject({ status: 'deferred', stage: 'profile', category: 'local' });
    expect(asked).toEqual(['alpha.test', 'alpha.test', 'beta.test']);
  });

  it('PROF-07 two profiles that are alike share no connection', async () => {
    await using lab = await startLab({
      hosts,
      records,
      broker: { profileFor: ({ tenant }) => ({ name: tenant! }) },
    });
    for (const tenant of ['a', 'b', 'a']) await lab.broker.send(mailOf('alpha', 1), { tenant });
    await lab.broker.close();
    expect(lab.hosts.mx1!.sessions).toHaveLength(2);
  });

  it('PROF-08 routes and TLS minimum are those of the profile', async () => {
    await using lab = await startLab({
      hosts: { ...hosts, relay: { address: '127.0.41.2' } },
      records,
      broker: (port) => ({
        store: new MemoryStore(),
        profileFor: ({ tenant }) =>
          tenant === 'relayed'
            ? {
                name: 'relayed',
                routes: { '*': { type: 'smarthost', host: 'relay.test', port, tls: 'none' } },
              }
            : { name: 'strict', tls: { minimum: 'required' } },
      }),
    });
    await lab.broker.enqueue(mailOf('alpha', 1), { tenant: 'relayed' });
    await lab.broker.enqueue(mailOf('alpha', 1), { tenant: 'strict' });
    lab.broker.start();
    await expect.poll(async () => (await lab.broker.queue.list({ state: 'delivered' })).rows.length).toBe(1);
    await expect
      .poll(async () => (await lab.broker.queue.list({ tenant: 'strict' })).rows[0]?.detail)
      .toMatchObject({ category: 'tls-policy' });
    await lab.broker.close();
    expect(lab.hosts.relay!.messages).toHaveLength(1);
    expect(lab.hosts.mx1!.messages).toHaveLength(0);
    const sites = (await lab.broker.queue.list()).rows.map(({ site }) => site);
    expect(sites).toEqual([`smtp:relay.test:${lab.port}`, 'mx1.test']);
  });

  it.each([
    ['dkim', { dkim: [{ domain: 'alpha.test', selector: 's', privateKey: 'x' }] }],
    ['delivery.sources', { delivery: { sources: [{ name: 'a', localAddresses: ['127.0.0.1'] }] } }],
    ['delivery.routes', { delivery: { routes: { '*': { type: 'mx' as const } } } }],
    ['queue.verp', { queue: { verp: { address: 'b@alpha.test', secret: '0123456789abcdef' } } }],
  ])('PROF-09 refuses %s beside profileFor', (path, options) => {
    expect(() => new MailBroker({ hostname: 'client.test', profileFor: byTenant, ...options })).toThrow(
      expect.objectContaining({ code: 'MB_BROKER_OPTION', message: expect.stringContaining(path) }),
    );
  });

  it('PROF-11 a report counts for the profile whose message it is about, and for no other one', async () => {
    const store = new MemoryStore();
    await using lab = await startLab({ hosts, records, broker: { profileFor: byTenant, store } });
    for (const tenant of tenants) await lab.broker.enqueue(mailOf(tenant, 1), { tenant });
    lab.broker.start();
    await expect.poll(() => lab.hosts.mx1!.messages.length).toBe(3);
    await lab.broker.stop();
    const path = (tenant: string) => {
      return lab.hosts.mx1!.messages.find(({ from }) => from.endsWith(`@${tenant}.test`))!.from;
    };
    const complaint = await composeComplaint();
    const queue = new MailQueue({ store, profileFor: byTenant });
    const other = formatVerp(profiles.get('beta')!.verp!, /\+([\d.]+)-/.exec(path('alpha'))![1]!);
    for (const wrong of [other, path('alpha').replace('alpha.test', 'beta.test'), 'bounces@alpha.test']) {
      expect(await queue.receiveReport(complaint, wrong)).toMatchObject({
        recipients: [{ suppressed: false }],
      });
    }
    for (const tenant of tenants) {
      expect(await queue.receiveReport(complaint, path(tenant))).toMatchObject({
        kind: 'complaint',
        recipients: [{ address: 'u1@one.test', suppressed: true }],
      });
      expect((await queue.suppressions.list({ tenant })).rows).toHaveLength(1);
    }
    // The broker's own queue uses the same profiles.
    expect(await lab.broker.receiveReport(complaint, path('gamma'))).toMatchObject({
      recipients: [{ suppressed: true }],
    });
    await lab.broker.close();
  });

  it('PROF-12 PROF-19 a report whose profile is not available is refused, to be given again later', async () => {
    const store = new MemoryStore();
    const queue = new MailQueue({
      store,
      profileFor: () => {
        throw new Error('The database is down.');
      },
    });
    const { id } = await new MailQueue({ store }).enqueue(mailOf('alpha', 1), { tenant: 'alpha' });
    const complaint = await composeComplaint();
    const path = formatVerp(profiles.get('alpha')!.verp!, `${id}.0`);
    await expect(queue.receiveReport(complaint, path)).rejects.toMatchObject({
      code: 'MB_BROKER_PROFILE_FAILED',
      retryable: true,
    });
    expect((await queue.suppressions.list()).rows).toEqual([]);
  });
});
