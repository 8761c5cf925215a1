import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver, VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { type AlertName, type AlertOptions, alertNames, startAlerts } from '../../src/alerts/index.ts';
import { type Health, type MailBroker, MailQueue, MemoryStore, type Observation } from '../../src/index.ts';

const minute = 60_000;

/** A world with a clock of its own: a queue, a webhook for alerts, and a broker whose state the test decides. */
async function world(options: AlertOptions) {
  const clock = new VirtualClock();
  const receiver = await startWebhookReceiver();
  const store = new MemoryStore();
  await store.open();
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
  });
  await queue.webhooks.add({ url: receiver.url, types: ['alert-fired', 'alert-recovered'] });
  queue.webhooks.start();
  let health: Partial<Health> = {};
  const listeners = new Set<(seen: Observation) => void>();
  const broker = {
    observe(listener: (seen: Observation) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    health: async () => ({ sites: [], queued: 0, ...health }) as never,
    records: queue.records,
    enqueue: queue.enqueue.bind(queue),
    webhooks: queue.webhooks,
  } as unknown as MailBroker;
  const start = () => startAlerts(broker, { clock, name: 'mx1', ...options });
  let alerts = start();
  return {
    clock,
    receiver,
    queue,
    set: (next: Partial<Health>) => {
      health = next;
    },
    attempts(count: number, host: string, outcome: object) {
      for (const listener of listeners) {
        for (let i = 0; i < count; i++) {
          listener({ type: 'attempt', outcomes: [{ recipient: 'x@y.test', host, ...outcome }] } as never);
        }
      }
    },
    look: () => alerts.look(),
    async restart() {
      await alerts.stop();
      alerts = start();
    },
    async [Symbol.asyncDispose]() {
      await alerts.stop();
      await queue.close();
      await store.close();
      await receiver.close();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** How each rule comes to hold, and no longer holds. */
interface Trouble {
  readonly options?: AlertOptions;
  begin(world: World): void;
  end(world: World): void;
  readonly says: RegExp;
}

let free = 0.5;
let published = true;
const key = 's1._domainkey.sender.test';
const quarter = (w: World) => w.clock.jump(16 * minute);

const troubles: { readonly [Name in Exclude<AlertName, 'certificate-expiring'>]: Trouble } = {
  'queue-age': {
    begin: (w) => w.set({ oldestDueAt: w.clock.now() - 20 * minute }),
    end: (w) => w.set({}),
    says: /due for 20 minutes/,
  },
  'bounce-rate': {
    begin(w) {
      w.attempts(80, 'mx.one.test', { status: 'delivered' });
      w.attempts(20, 'mx.one.test', { status: 'failed', category: 'bad-mailbox' });
    },
    end: quarter,
    says: /20 %.*20 of 100/,
  },
  'provider-blocked': {
    begin(w) {
      w.attempts(12, 'aspmx.l.google.com', { status: 'deferred', category: 'blocked' });
      w.attempts(100, 'mx.one.test', { status: 'delivered' });
    },
    end: quarter,
    says: /google \(12 of 12\)/,
  },
  throttled: {
    begin: (w) => w.attempts(60, 'mx.one.test', { status: 'deferred', reply: { code: 421, lines: [] } }),
    end: quarter,
    says: /100 %.*421/,
  },
  'port-blocked': {
    begin: (w) => w.set({ portBlocked: 'Nothing answers on port 25.' }),
    end: (w) => w.set({}),
    says: /port 25/,
  },
  resolver: {
    begin: (w) => w.set({ resolverTrouble: 'No DNS server answers.' }),
    end: (w) => w.set({}),
    says: /No DNS server/,
  },
  'key-unpublished': {
    options: {
      keys: [{ domain: 'sender.test', selector: 's1' }],
      resolver: {
        query: (name: string, type: 'TXT') =>
          createMemoryResolver(
            published ? { [key]: { TXT: 'v=DKIM1; p=x' } } : { 'sender.test': { A: '192.0.2.1' } },
          ).query(name, type),
      } as never,
    },
    begin: () => {
      published = false;
    },
    end: () => {
      published = true;
    },
    says: /s1\._domainkey\.sender\.test/,
  },
  'disk-full': {
    options: { disks: ['/var'], readDisks: async () => [{ path: '/var', free }] },
    begin: () => {
      free = 0.04;
    },
    end: () => {
      free = 0.5;
    },
    says: /\/var \(4 % free\)/,
  },
};

describe('alerts', () => {
  it.each(Object.entries(troubles))(
    'ALR-01 %s fires once and recovers once, by webhook and by mail',
    async (name, { options, begin, end, says }) => {
      await using w = await world({
        rules: [name as AlertName],
        mail: { from: 'alerts@sender.test', to: 'ops@sender.test' },
        ...options,
      });
      await w.look();
      expect(w.receiver.calls).toEqual([]);
      begin(w);
      for (let i = 0; i < 3; i++) await w.look();
      await w.receiver.until((calls) => calls.length === 1, 15_000);
      // A process that was restarted knows that it was told already.
      await w.restart();
      end(w);
      for (let i = 0; i < 3; i++) await w.look();
      await w.receiver.until((calls) => calls.length === 2, 15_000);
      const [fired, recovered] = w.receiver.calls;
      expect(fired!.json).toMatchObject({
        type: 'alert-fired',
        data: { alert: name, detail: expect.stringMatching(says) },
      });
      expect(recovered!.json).toMatchObject({ type: 'alert-recovered', data: { alert: name } });
      const { rows } = await w.queue.control.list({});
      expect(rows.map(({ address }) => address)).toEqual(['ops@sender.test', 'ops@sender.test']);
    },
  );

  it('ALR-01 certificate-expiring fires before the end of a certificate', async () => {
    const { createSelfSignedCertificate } = await import('@mb/testkit');
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const folder = await mkdtemp(join(tmpdir(), 'mb-alert-'));
    const path = join(folder, 'cert.pem');
    await writeFile(path, (await createSelfSignedCertificate({ names: ['mail.test'] })).cert);
    const { X509Certificate } = await import('node:crypto');
    const { readFile } = await import('node:fs/promises');
    const endsAt = Date.parse(new X509Certificate(await readFile(path)).validTo);
    await using w = await world({ rules: ['certificate-expiring'], certificates: [path] });
    w.clock.jump(endsAt - 15 * 86_400_000 - w.clock.now());
    await w.look();
    expect(w.receiver.calls).toEqual([]);
    w.clock.jump(2 * 86_400_000);
    for (let i = 0; i < 3; i++) await w.look();
    await w.receiver.until((calls) => calls.length === 1, 15_000);
    expect(w.receiver.calls[0]!.json).toMatchObject({
      type: 'alert-fired',
      data: { alert: 'certificate-expiring' },
    });
    await rm(folder, { recursive: true });
  });

  it('ALR-01 a change that was not reported before a crash is reported by one of two checks at once', async () => {
    await using w = await world({ rules: ['queue-age', 'resolver'] });
    const crashed = { firing: true, since: 0, detail: 'Mail has been due.', told: false };
    await w.queue.records.put('alert', 'queue-age', crashed);
    w.set({ oldestDueAt: w.clock.now() - 20 * minute, resolverTrouble: 'No DNS server answers.' });
    await Promise.all([w.look(), w.look()]);
    await w.receiver.until((calls) => calls.length === 2, 15_000);
    expect(w.receiver.calls.map(({ json }) => json.data.alert).sort()).toEqual(['queue-age', 'resolver']);
  });

  it('ALR-02 every rule is fired by a test', () => {
    expect([...Object.keys(troubles), 'certificate-expiring'].sort()).toEqual([...alertNames].sort());
  });

  it('ALR-03 an answer of DNS that is missing or failed fires nothing', async () => {
    await using w = await world({
      rules: ['key-unpublished'],
      keys: () => [{ domain: 'sender.test', selector: 's1' }],
      resolver: createMemoryResolver({}, { failures: { [key]: 'timeout' } }),
    });
    await w.look();
    const { rows } = await w.queue.records.list('alert');
    expect(rows).toEqual([]);
  });

  it.each([
    ['a rule that names nothing', { rules: ['queue-agee'] }, /rules\[0\] must be one of "queue-age"/],
    ['no rule at all', { rules: [] }, /rules must be an array of at least 1/],
    [
      'a threshold that is none',
      { thresholds: { bounceRate: 5 } },
      /bounceRate must be a number from 0 to 1/,
    ],
    ['a misspelt threshold', { thresholds: { queueAge: 5 } }, /did you mean "queueAgeMs"/],
    ['mail to nobody', { mail: { from: 'a@b.test' } }, /mail must be an object with from and to/],
  ])('ALR-04 refuses %s', (_, options, message) => {
    expect(() => startAlerts({ observe: () => () => {} } as never, options as never)).toThrow(message);
  });
});
