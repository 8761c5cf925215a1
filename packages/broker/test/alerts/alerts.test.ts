import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, verifyMessage } from '@mb/dkim';
import { createMemoryResolver } from '@mb/dns/memory';
import { createSelfSignedCertificate } from '@mb/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AlertName, type AlertOptions, Alerts, alertNames, listAlerts } from '../../src/alerts/index.ts';
import { MailBroker, MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';
import { type AlertWorld, minute, startAlertWorld } from './alert-world.ts';

const day = 86_400_000;

/** One rule alone. */
const only = (...names: AlertName[]): AlertOptions['rules'] =>
  Object.fromEntries(alertNames.map((name) => [name, names.includes(name)]));

/** How each rule comes to hold, and no longer holds. */
interface Trouble {
  readonly options?: (world: { readonly folder: string }) => AlertOptions;
  begin(world: AlertWorld, folder: string): Promise<void>;
  end(world: AlertWorld, folder: string): Promise<void>;
  readonly says: RegExp;
}

let free = 0.5;
const keyName = 's1._domainkey.sender.test';
const certificate = async (validity: 'expired' | 'current') =>
  (await createSelfSignedCertificate({ names: ['mail.test'], validity })).cert;

const troubles: { readonly [Name in AlertName]: Trouble } = {
  'queue-age': {
    // No worker runs.
    async begin(w) {
      await w.stopBroker();
      await w.queue('one.test', 1);
      await w.clock.advance(20 * minute);
    },
    async end(w) {
      w.broker.start();
      await w.clock.advance(minute);
    },
    says: /due for 16 minutes/,
  },
  'bounce-rate': {
    async begin(w) {
      await w.queue('one.test', 80);
      await w.queue('one.test', 20, 'unknown-user');
      await w.clock.advance(minute);
    },
    end: (w) => w.clock.advance(20 * minute),
    says: /20 %.*20 of 100/,
  },
  'provider-blocked': {
    async begin(w) {
      w.trouble.faulty = true;
      await w.queue('gmail.test', 12, 'blocking');
      await w.queue('one.test', 100);
      await w.clock.advance(minute);
    },
    async end(w) {
      w.trouble.faulty = false;
      await w.clock.advance(20 * minute);
    },
    says: /google \(12 of 12\)/,
  },
  throttled: {
    async begin(w) {
      w.trouble.faulty = true;
      await w.queue('two.test', 60);
      await w.clock.advance(minute);
    },
    async end(w) {
      w.trouble.faulty = false;
      await w.clock.advance(20 * minute);
    },
    says: /100 %.*421/,
  },
  'port-blocked': {
    async begin(w) {
      w.trouble.silent = true;
      await w.queue('one.test', 1);
      await w.queue('two.test', 1);
      await w.clock.advance(2 * minute);
    },
    async end(w) {
      w.trouble.silent = false;
      await w.clock.advance(30 * minute);
    },
    says: /port 25/,
  },
  resolver: {
    async begin(w) {
      w.dns.fail('one.test', 'unreachable');
      await w.queue('one.test', 1);
      await w.clock.advance(minute);
    },
    async end(w) {
      w.dns.fail('one.test', undefined);
      await w.clock.advance(2 * minute);
    },
    says: /DNS resolver of this machine/,
  },
  'key-unpublished': {
    options: () => ({ keys: [{ domain: 'sender.test', selector: 's1' }] }),
    async begin(w) {
      w.dns.set(keyName, undefined);
    },
    async end(w) {
      w.dns.set(keyName, { TXT: 'v=DKIM1; p=x' });
    },
    says: /s1\._domainkey\.sender\.test/,
  },
  'certificate-expiring': {
    options: ({ folder }) => ({ certificates: [join(folder, 'cert.pem')] }),
    // It is renewed by one that ends two days later.
    async begin(w, folder) {
      const cert = await certificate('expired');
      await writeFile(join(folder, 'cert.pem'), cert);
      const endsAt = Date.parse(new X509Certificate(cert).validTo);
      w.clock.jump(endsAt - 13 * day - w.clock.now());
    },
    async end(_, folder) {
      await writeFile(join(folder, 'cert.pem'), await certificate('current'));
    },
    says: /cert\.pem/,
  },
  'disk-full': {
    options: () => ({
      disks: ['/var'],
      readDisks: async () => ({ found: [{ path: '/var', free }], failures: [] }),
    }),
    async begin() {
      free = 0.04;
    },
    async end() {
      free = 0.5;
    },
    says: /\/var \(4 % free\)/,
  },
};

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-alert-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('alerts', () => {
  it.each(Object.entries(troubles))(
    'ALR-01 ALR-38 ALR-39 %s fires once and recovers once, by webhook and by mail',
    async (name, { options, begin, end, says }) => {
      const folder = await makeFolder();
      await using w = await startAlertWorld({ rules: only(name as AlertName), ...options?.({ folder }) });
      w.broker.start();
      await w.check();
      expect(w.receiver.calls).toEqual([]);
      await begin(w, folder);
      await w.check(3);
      await w.receiver.until((calls) => calls.length === 1, 15_000);
      // A process that was restarted knows of what was told already.
      if (name !== 'queue-age') await w.restart();
      await w.check(2);
      await end(w, folder);
      await w.check(3);
      await w.receiver.until((calls) => calls.length === 2, 15_000);
      const [fired, recovered] = w.receiver.calls;
      expect(fired!.json).toMatchObject({
        type: 'alert-fired',
        data: { alert: name, detail: expect.stringMatching(says) },
      });
      expect(recovered!.json).toMatchObject({ type: 'alert-recovered', data: { alert: name } });
      await w.clock.advance(5 * minute);
      await w.check();
      expect(w.receiver.calls).toHaveLength(2);
      expect(w.mails()).toBe(2);
      expect(w.failures.map(String).filter((text) => !text.includes('cert.pem'))).toEqual([]);
    },
    60_000,
  );

  it('ALR-02 every rule is fired by a test', () => {
    expect(Object.keys(troubles).sort()).toEqual([...alertNames].sort());
  });

  it.each(['timeout', 'servfail'] as const)(
    'ALR-03 an answer of DNS that is missing or failed (%s) fires nothing',
    async (status) => {
      await using w = await startAlertWorld({
        rules: only('key-unpublished'),
        keys: () => [{ domain: 'sender.test', selector: 's1' }],
      });
      w.dns.fail(keyName, status);
      await w.check();
      expect((await w.alerts.list()).filter(({ firing }) => firing)).toEqual([]);
    },
  );

  it('ALR-05 what cannot be found out lets no alert recover', async () => {
    const folder = await makeFolder();
    const path = join(folder, 'cert.pem');
    await writeFile(path, await certificate('expired'));
    await using w = await startAlertWorld({
      rules: only('key-unpublished', 'certificate-expiring', 'bounce-rate'),
      keys: [{ domain: 'sender.test', selector: 's1' }],
      certificates: [path],
    });
    w.broker.start();
    w.clock.jump(2 * day);
    w.dns.set(keyName, undefined);
    await w.queue('one.test', 60, 'unknown-user');
    await w.clock.advance(minute);
    await w.check();
    const firing = async () => (await w.alerts.list()).filter((one) => one.firing).map(({ alert }) => alert);
    const all = ['bounce-rate', 'key-unpublished', 'certificate-expiring'];
    expect(await firing()).toEqual(all);
    w.dns.fail(keyName, 'servfail');
    await rm(path);
    // What was counted is gone with the process.
    await w.restart();
    await w.check(2);
    expect(await firing()).toEqual(all);
    expect(w.failures.map(String)).toEqual(
      expect.arrayContaining([expect.stringContaining('cert.pem'), expect.stringContaining(keyName)]),
    );
  });

  it('ALR-06 a failure in one rule holds up no other', async () => {
    await using w = await startAlertWorld({
      rules: only('disk-full', 'key-unpublished'),
      disks: ['/there/is/no/such/folder'],
      keys: [{ domain: 'sender.test', selector: 's1' }],
    });
    w.dns.set(keyName, undefined);
    await w.check();
    expect(await w.alerts.list()).toMatchObject([
      { alert: 'key-unpublished', firing: true },
      { alert: 'disk-full', firing: false },
    ]);
    // It stays the same trouble, and is said once.
    await w.check(2);
    expect(w.failures.filter((one) => String(one).includes('no/such/folder'))).toHaveLength(1);
  });

  it('ALR-24 an alert that fires for one thing is told again for another one, and recovers with the last', async () => {
    const full = { '/var': 0.5, '/srv': 0.5 };
    await using w = await startAlertWorld({
      rules: only('disk-full'),
      disks: ['/var', '/srv'],
      readDisks: async () => ({
        found: Object.entries(full).map(([path, free]) => ({ path, free })),
        failures: [],
      }),
    });
    const told = () => w.receiver.calls.map(({ json }) => `${json.type} ${json.data.detail}`);
    const check = async (changed: Partial<typeof full>, calls: number) => {
      Object.assign(full, changed);
      // Two changes in the same millisecond would be one event.
      await w.clock.advance(minute);
      await w.check(2);
      await w.receiver.until((all) => all.length >= calls, 15_000);
      expect(w.receiver.calls).toHaveLength(calls);
    };
    await check({ '/var': 0.04 }, 1);
    await check({ '/srv': 0.03 }, 2);
    // One that comes and goes while the alert fires is told once.
    await check({ '/var': 0.5 }, 2);
    await check({ '/var': 0.04 }, 2);
    await w.restart();
    await check({ '/var': 0.5, '/srv': 0.5 }, 3);
    await check({ '/var': 0.04 }, 4);
    expect(told()).toEqual([
      expect.stringMatching(/^alert-fired .*\/var \(4 % free\)\.$/),
      expect.stringMatching(/^alert-fired .*\/var \(4 % free\), \/srv \(3 % free\)/),
      expect.stringMatching(/^alert-recovered .*\/srv/),
      expect.stringMatching(/^alert-fired .*\/var \(4 % free\)\.$/),
    ]);
  });

  it('ALR-07 two processes of one name do not watch at the same time, and the other takes over', async () => {
    await using w = await startAlertWorld({ rules: only('queue-age') });
    await w.check();
    const failures: unknown[] = [];
    const other = new Alerts(w.broker, {
      clock: w.clock,
      name: 'mx1',
      rules: only('queue-age'),
      onError: (error) => failures.push(error),
    });
    await other.check();
    expect(failures.map(String)).toEqual([expect.stringContaining('Another process watches as "mx1"')]);
    await w.alerts.stop();
    await other.check();
    expect(failures).toHaveLength(1);
    expect(await other.list()).toMatchObject([{ alert: 'queue-age', checkedAt: w.clock.now() }]);
  });

  it('ALR-13 a process that died is followed by another after three intervals', async () => {
    await using w = await startAlertWorld({ rules: only('queue-age') });
    await w.check();
    await w.store.records.put('alert-watch', 'mx1', {
      owner: 'died',
      rules: ['queue-age'],
      everyMs: minute,
      checkedAt: w.clock.now(),
    });
    await w.clock.advance(2 * minute);
    expect(w.failures).toHaveLength(1);
    const seen = async () => (await listAlerts(w.store.records))[0]!.checkedAt;
    const before = await seen();
    await w.clock.advance(2 * minute);
    expect(await seen()).toBeGreaterThan(before!);
  });

  it('ALR-08 a change that was written down before a crash is told by one of two checks at once', async () => {
    await using w = await startAlertWorld({ rules: only('queue-age') });
    await w.check();
    await w.queue('one.test', 1);
    w.clock.jump(20 * minute);
    const at = w.clock.now() - 2 * minute;
    const notice = { firing: true, at, detail: 'Mail has been due.', to: ['webhooks', 'mail'] };
    const crashed = { firing: true, since: at, detail: notice.detail, notices: [notice], noticesAt: at };
    await w.store.records.put('alert', 'queue-age', crashed);
    const other = new Alerts(w.broker, { clock: w.clock, name: 'mx2', rules: only('queue-age') });
    await Promise.all([w.check(), other.check()]);
    await w.receiver.until((calls) => calls.length === 1, 15_000);
    expect(w.receiver.calls[0]!.json.data).toMatchObject({ alert: 'queue-age', detail: notice.detail });
    w.broker.start();
    await w.clock.advance(30_000);
    expect(w.mails()).toBe(1);
  });

  it('ALR-16 ALR-17 of two processes one tells of each key that is missing, and of its return', async () => {
    const keys = ['s1', 's2'].map((selector) => ({ domain: 'sender.test', selector }));
    await using w = await startAlertWorld({ rules: only('key-unpublished'), keys });
    const second = 's2._domainkey.sender.test';
    w.dns.set(keyName, undefined);
    w.dns.set(second, undefined);
    const other = new Alerts(w.broker, {
      clock: w.clock,
      name: 'mx2',
      rules: only('key-unpublished'),
      resolver: w.dns,
      keys,
    });
    await Promise.all([w.check(2), other.check(), other.check()]);
    await w.receiver.until((calls) => calls.length === 2, 15_000);
    const told = () => w.receiver.calls.map(({ json }) => [json.type, (json.data as { name: string }).name]);
    expect(told().sort()).toEqual([
      ['alert-fired', keyName],
      ['alert-fired', second],
    ]);
    w.dns.set(second, { TXT: 'v=DKIM1; p=x' });
    await Promise.all([w.check(2), other.check(), other.check()]);
    await w.receiver.until((calls) => calls.length === 3, 15_000);
    expect(told()[2]).toEqual(['alert-recovered', second]);
    expect(await w.alerts.list()).toMatchObject([
      { alert: 'key-unpublished', name: keyName, firing: true, checkedAt: w.clock.now() },
    ]);
    await other.stop();
  });

  it('ALR-18 a process whose resolver still knows a key lets no alert of another one recover', async () => {
    const options = { rules: only('key-unpublished'), keys: [{ domain: 'sender.test', selector: 's1' }] };
    await using w = await startAlertWorld(options);
    w.dns.set(keyName, undefined);
    await w.check();
    const remembering = createMemoryResolver({ [keyName]: { TXT: 'v=DKIM1; p=x' } });
    const other = new Alerts(w.broker, { ...options, clock: w.clock, name: 'mx2', resolver: remembering });
    await other.check();
    expect(await other.list()).toMatchObject([{ name: keyName, firing: true }]);
    // Without the process that saw it, the other one decides.
    await w.alerts.stop();
    await other.check();
    expect(await other.list()).toMatchObject([{ alert: 'key-unpublished', firing: false }]);
  });

  it('ALR-19 an alert about a key recovers when mail is no longer signed with it', async () => {
    let keys = [{ domain: 'sender.test', selector: 's1' }];
    await using w = await startAlertWorld({ rules: only('key-unpublished'), keys: () => keys });
    w.dns.set(keyName, undefined);
    await w.check();
    keys = [];
    await w.check();
    await w.receiver.until((calls) => calls.length === 2, 15_000);
    expect(w.receiver.calls[1]!.json).toMatchObject({ type: 'alert-recovered', data: { name: keyName } });
  });

  it('ALR-09 ALR-14 mail about an alert is delivered, signed, and marked as automatic', async () => {
    const { privateKey, dnsName, dnsRecord } = await generateKeyPair({
      domain: 'sender.test',
      selector: 's1',
      algorithm: 'ed25519-sha256',
    });
    const store = new MemoryStore();
    await store.open();
    await using lab = await startLab({
      hosts: { mx: { address: '127.0.0.4' } },
      records: {
        ops: { MX: '10 mx.test' },
        [dnsName.replace(/\.test$/, '')]: { TXT: dnsRecord },
      },
      broker: { store, dkim: { domain: 'sender.test', selector: 's1', privateKey } },
    });
    const { broker, hosts } = lab;
    broker.start();
    const alerts = new Alerts(broker, {
      name: 'mx1',
      rules: only('disk-full'),
      disks: ['/'],
      readDisks: async () => ({ found: [{ path: '/', free: 0.01 }], failures: [] }),
      mail: { from: 'Alerts <alerts@sender.test>', to: ['ann@ops.test', 'bob@ops.test'] },
    });
    await alerts.check();
    const host = hosts.mx!;
    await host.until(() => host.messages.flatMap(({ recipients }) => recipients).length === 2, 20_000);
    await alerts.stop();
    await broker.close();
    await store.close();
    const content = host.messages[0]!.content;
    const text = Buffer.from(content).toString();
    expect(text).toMatch(/^Subject: Alert fired: disk-full on mx1\r$/m);
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    const { signatures } = await verifyMessage(content, {
      resolveTxt: async (name: string) => (name === dnsName ? [[dnsRecord]] : []),
    });
    expect(signatures).toMatchObject([{ status: 'pass', domain: 'sender.test' }]);
  });

  it('ALR-10 the webhook of the options is called with its secret, and again until it takes the alert', async () => {
    const { startWebhookReceiver } = await import('@mb/testkit');
    const { Webhook } = await import('standardwebhooks');
    await using pager = await startWebhookReceiver({ answer: () => 500 });
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    await using w = await startAlertWorld({
      rules: only('disk-full'),
      disks: ['/'],
      readDisks: async () => ({ found: [{ path: '/', free: 0.01 }], failures: [] }),
      webhook: { url: pager.url, secret },
    });
    await w.check();
    expect(pager.calls).toHaveLength(1);
    expect(String(w.failures.at(-1))).toContain('It will be called again.');
    pager.answer = () => 204;
    w.clock.jump(minute);
    await w.check(2);
    expect(pager.calls).toHaveLength(2);
    const [first, second] = pager.calls;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.json).toMatchObject({ type: 'alert-fired', data: { alert: 'disk-full', name: 'mx1' } });
    const signed = new Webhook(secret).sign(
      String(second!.headers['webhook-id']),
      new Date(Number(second!.headers['webhook-timestamp']) * 1000),
      second!.body,
    );
    expect(second!.headers['webhook-signature']).toBe(signed);
    // Webhooks in the store were told once.
    await w.receiver.until((calls) => calls.length === 1, 15_000);
    // The secret is nowhere in the store.
    expect(JSON.stringify((await w.store.records.list('alert')).rows)).not.toContain(secret);
  });

  it('ALR-11 ALR-15 a test alert goes to all recipients of alerts, and changes none', async () => {
    await using w = await startAlertWorld({ rules: only('queue-age') });
    w.broker.start();
    expect(await w.alerts.test()).toEqual({ webhooks: 1, messageId: expect.any(String) });
    await w.receiver.until((calls) => calls.length === 1, 15_000);
    expect(w.receiver.calls[0]!.json).toMatchObject({
      type: 'alert-fired',
      data: { alert: 'test', name: 'mx1' },
    });
    await w.clock.advance(minute);
    expect(w.mails()).toBe(1);
    expect((await w.store.records.list('alert')).rows).toEqual([]);
  });

  it('ALR-12 a reload keeps what was counted and changes whom is told', async () => {
    await using w = await startAlertWorld({ rules: only('bounce-rate') });
    w.broker.start();
    await w.queue('one.test', 40, 'unknown-user');
    await w.clock.advance(minute);
    w.alerts.replace(w.broker, { rules: only('bounce-rate'), thresholds: { bounceRate: 0.5 } });
    await w.queue('one.test', 40, 'unknown-user');
    await w.clock.advance(minute);
    await w.check();
    expect(await w.alerts.list()).toMatchObject([
      { alert: 'bounce-rate', name: 'mx1', firing: true, detail: expect.stringContaining('80 of 80') },
    ]);
    await w.clock.advance(minute);
    // The mail of the options before the reload.
    expect(w.mails()).toBe(0);
    expect(() => w.alerts.replace(w.broker, { everyMs: 1 })).toThrow(/replace: options.everyMs must be/);
  });

  it.each([
    ['a rule that names nothing', { rules: { 'queue-agee': true } }, /did you mean "queue-age"/],
    ['a rule about no disk', { rules: { 'disk-full': true } }, /nothing for it to watch: give disks/],
    ['a rule about no key', { rules: { 'key-unpublished': true }, keys: [] }, /give keys/],
    [
      'a rule about no certificate',
      { rules: { 'certificate-expiring': true }, certificates: [] },
      /give certificates/,
    ],
    [
      'no rule at all',
      { rules: Object.fromEntries(alertNames.map((name) => [name, false])) },
      /rules must leave one rule/,
    ],
    ['a wrong threshold', { thresholds: { bounceRate: 5 } }, /bounceRate must be a number from 0 to 1/],
    ['a misspelt threshold', { thresholds: { queueAge: 5 } }, /did you mean "queueAgeMs"/],
    ['mail without a recipient', { mail: { from: 'a@b.test' } }, /mail.to is missing/],
    ['mail from no address', { mail: { from: 'nobody', to: 'a@b.test' } }, /mail.from must be an address/],
    ['an empty list of recipients', { mail: { from: 'a@b.test', to: [] } }, /mail.to must be/],
    [
      'a secret that is too short',
      { webhook: { url: 'https://pager.test/', secret: 'whsec_AAAA' } },
      /webhook.secret must have 24 to 64 octets/,
    ],
  ])('ALR-04 refuses %s', (_, options, message) => {
    const broker = new MailBroker({ hostname: 'mail.sender.test', dns: createMemoryResolver({}) });
    expect(() => new Alerts(broker, options as never)).toThrow(message);
  });
});
