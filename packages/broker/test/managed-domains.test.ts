import { generateKeyPairSync } from 'node:crypto';
import { createMemoryResolver } from '@mb/dns/memory';
import { VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import {
  createMasterKeyVault,
  generateMasterKey,
  ManagedDomains,
  type ManagedDomainsOptions,
  parseMasterKeys,
} from '../src/domains/index.ts';
import { MemoryStore } from '../src/index.ts';
import type { SendingProfile } from '../src/sending-profile.ts';
import { FakeZone } from './fake-zone.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

interface LabOptions extends Partial<ManagedDomainsOptions> {
  readonly store?: MemoryStore;
  readonly zone?: FakeZone;
  readonly clock?: VirtualClock;
}

/** Managed domains on a store in memory, a fake zone and a clock of their own; Ed25519 alone, since RSA keys take long. */
async function lab({
  store = new MemoryStore(),
  zone = new FakeZone(),
  clock = new VirtualClock(),
  ...more
}: LabOptions = {}) {
  await store.open();
  const errors: unknown[] = [];
  const domains = new ManagedDomains({
    records: store.records,
    vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
    dns: createMemoryResolver({ 'mail.shop.test': { A: '192.0.2.1' } }),
    ask: zone.ask,
    hostname: 'mail.shop.test',
    clock,
    onError: (error) => errors.push(error),
    ...more,
  });
  const add = (domain: string, tenant?: string) =>
    domains.add({ domain, algorithms: ['ed25519-sha256'], ...(tenant !== undefined && { tenant }) });
  return { store, zone, clock, errors, domains, add };
}

const message = (authorDomain: string, tenant?: string) => ({
  authorDomain,
  tenant,
  tag: undefined,
  sender: '',
});
const selectors = ({ dkim }: SendingProfile) =>
  (dkim as readonly { readonly selector: string }[]).map(({ selector }) => selector);

const ed25519Pem = () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

describe('adding a domain', () => {
  it.each([
    ['a public suffix', 'co.uk', /public suffix/],
    ['a private suffix', 'github.io', /public suffix/],
    ['an IPv4 address', '192.0.2.1', /address/],
    ['an IPv6 address', '2001:db8::1', /not a domain|address/],
    ['a single label', 'localhost', /single label/],
    ['a reserved name', 'host.local', /reserved/],
    ['a name with an underscore', '_dmarc.shop.test', /not a domain/],
    ['nothing', '', /not a domain/],
    ['white space', 'shop .test', /not a domain/],
    ['a mailbox', 'ann@shop.test', /not a domain/],
  ])('DOM-30 refuses %s', async (_, domain, reason) => {
    const { domains } = await lab();
    await expect(domains.add({ domain })).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN',
      kind: 'invalid-input',
      message: expect.stringMatching(reason),
    });
  });

  it('DOM-31 refuses a domain that is there, and one below a domain of another tenant', async () => {
    const { domains, add } = await lab();
    await add('shop.test', 'shop');
    await expect(add('SHOP.test.', 'shop')).rejects.toMatchObject({ code: 'MB_BROKER_DOMAIN_TAKEN' });
    await expect(add('news.shop.test', 'bank')).rejects.toMatchObject({ code: 'MB_BROKER_DOMAIN_TAKEN' });
    await expect(add('news.shop.test')).rejects.toMatchObject({ code: 'MB_BROKER_DOMAIN_TAKEN' });
    expect(await add('news.shop.test', 'shop')).toMatchObject({ domain: 'news.shop.test', tenant: 'shop' });
    expect((await domains.list()).rows).toHaveLength(2);
  });

  it('DOM-31 of two processes that add the same domain at once one is refused', async () => {
    const one = await lab();
    const two = await lab({ store: one.store });
    const results = await Promise.allSettled([one.add('shop.test', 'shop'), two.add('shop.test', 'bank')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('DOM-32 without a master key nothing is added, and domains can be looked at', async () => {
    const { store, add } = await lab();
    await add('shop.test');
    const keyless = new ManagedDomains({ records: store.records, dns: createMemoryResolver({}) });
    await expect(keyless.add({ domain: 'other.test' })).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
    });
    await expect(keyless.rotate('shop.test')).rejects.toMatchObject({ code: 'MB_BROKER_MASTER_KEY' });
    expect(() => keyless.profileFor()).toThrow(expect.objectContaining({ code: 'MB_BROKER_MASTER_KEY' }));
    expect(await keyless.get('shop.test')).toMatchObject({ ready: false });
  });

  it('DOM-33 no private key is shown, and none is stored in clear', async () => {
    const { domains, store } = await lab();
    const added = await domains.add({ domain: 'shop.test', returnPath: 'bounces.shop.test' });
    const stored = await store.records.get('domain', 'shop.test');
    for (const shown of [added, await domains.get('shop.test'), (await domains.list()).rows, stored]) {
      expect(JSON.stringify(shown)).not.toMatch(/PRIVATE KEY/);
    }
    expect(JSON.stringify(added)).not.toMatch(/handle|nonce|Secret/);
  });

  it('DOM-34 keys that a domain has already can be brought along, and sign when their record is theirs', async () => {
    const { domains, zone } = await lab();
    const pem = ed25519Pem;
    const added = await domains.add({ domain: 'shop.test', keys: [{ selector: 's1', privateKey: pem() }] });
    expect(added.keys).toMatchObject([{ selector: 's1', algorithm: 'ed25519-sha256', state: 'next' }]);
    // The record of another key.
    const other = await domains.add({ domain: 'other.test', keys: [{ selector: 's1', privateKey: pem() }] });
    zone.texts.set('s1._domainkey.shop.test', [other.keys[0]!.record.value]);
    const wrong = await domains.check('shop.test');
    expect(wrong.domain).toMatchObject({ ready: false, keys: [{ state: 'next', seen: 'different' }] });
    expect(wrong.records[0]).toMatchObject({ status: 'different', fix: expect.stringContaining('Replace') });
    zone.publish(added.records);
    expect((await domains.check('shop.test')).domain).toMatchObject({
      ready: true,
      keys: [{ state: 'active' }],
    });
  });

  it.each([
    ['another key', 1, /does not match what is published as s1\._domainkey\.shop\.test: .+ another selector/],
    ['several records', 2, /There are 2 TXT records/],
  ])(
    'DOM-113 a key is refused when its selector has %s in DNS, and nothing is kept',
    async (_, count, reason) => {
      const { domains, zone, store, add } = await lab();
      const other = await add('other.test');
      const texts = Array.from({ length: count }, () => other.keys[0]!.record.value);
      zone.texts.set('s1._domainkey.shop.test', texts);
      const adding = domains.add({
        domain: 'shop.test',
        keys: [{ selector: 's1', privateKey: ed25519Pem() }],
      });
      await expect(adding).rejects.toMatchObject({
        code: 'MB_BROKER_DOMAIN_KEY',
        message: expect.stringMatching(reason),
      });
      expect(await store.records.get('domain', 'shop.test')).toBeNull();
    },
  );

  it('DOM-34 a key that cannot sign is refused', async () => {
    const { domains } = await lab();
    const keys = [
      { selector: 's1', privateKey: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' },
    ];
    await expect(domains.add({ domain: 'shop.test', keys })).rejects.toMatchObject({
      code: 'MB_DKIM_KEY_INVALID',
    });
    expect((await domains.list()).rows).toEqual([]);
  });

  it('DOM-34 two keys whose selectors differ in case alone are refused, and none of them is kept', async () => {
    const kept: string[] = [];
    const vault = createMasterKeyVault(parseMasterKeys(generateMasterKey()));
    const { domains } = await lab({
      vault: {
        ...vault,
        keep: (privateKey, name) => {
          kept.push(name.selector);
          return vault.keep!(privateKey, name);
        },
      },
    });
    const keys = ['s1', 'S1'].map((selector) => ({
      selector,
      privateKey: generateKeyPairSync('ed25519').privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }) as string,
    }));
    await expect(domains.add({ domain: 'shop.test', keys })).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
      message: expect.stringContaining('same selector'),
    });
    expect(kept).toEqual([]);
  });

  it('DOM-30 refuses a return path that is not below the domain', async () => {
    const { domains } = await lab();
    for (const returnPath of ['shop.test', 'bounces.other.test', 'x']) {
      await expect(domains.add({ domain: 'shop.test', returnPath })).rejects.toMatchObject({
        code: 'MB_BROKER_DOMAIN',
      });
    }
  });
});

describe('the profiles of managed domains', () => {
  it('DOM-40 mail waits until every server has the first keys, and is signed from then on', async () => {
    const { domains, zone, clock, add } = await lab();
    const profileFor = domains.profileFor();
    const added = await add('shop.test');
    await expect(profileFor(message('shop.test'))).rejects.toThrow(
      /no key of shop.test is seen .* publish mb/,
    );
    zone.publish(added.records);
    zone.trouble = 'contradictory';
    await domains.check('shop.test');
    await expect(profileFor(message('shop.test'))).rejects.toThrow(/no key/);
    zone.trouble = undefined;
    expect((await domains.check('shop.test')).domain.ready).toBe(true);
    await clock.advance(1000);
    expect(selectors(await profileFor(message('shop.test')))).toEqual([added.keys[0]!.selector]);
  });

  it('DOM-91 a process knows of a change within a second, and asks the store once for many messages', async () => {
    const { domains, zone, clock, store, add } = await lab();
    const profileFor = domains.profileFor();
    zone.publish((await add('shop.test')).records);
    await domains.check('shop.test');
    let reads = 0;
    const changes = store.records.changes.bind(store.records);
    store.records.changes = (...args) => {
      reads += 1;
      return changes(...args);
    };
    const profiles = await Promise.all(Array.from({ length: 100 }, () => profileFor(message('shop.test'))));
    expect(new Set(profiles).size).toBe(1);
    expect(reads).toBe(1);
    await domains.remove('shop.test');
    await clock.advance(1000);
    await expect(profileFor(message('shop.test'))).rejects.toThrow(/managed domains/);
    expect(reads).toBe(2);
  });

  it('DOM-41 while the store cannot be read there is no profile', async () => {
    const { domains, zone, clock, store, add } = await lab();
    const profileFor = domains.profileFor();
    zone.publish((await add('shop.test')).records);
    await domains.check('shop.test');
    await profileFor(message('shop.test'));
    store.records.changes = () => Promise.reject(new Error('disk'));
    await clock.advance(1000);
    await expect(profileFor(message('shop.test'))).rejects.toThrow('disk');
  });

  it('DOM-42 DOM-92 the nearest domain decides, and one of another tenant is not sent as', async () => {
    const { domains, zone, add } = await lab();
    zone.publish((await add('shop.test')).records);
    zone.publish((await add('news.shop.test', 'news')).records);
    await domains.check('shop.test');
    await domains.check('news.shop.test');
    const profileFor = domains.profileFor();
    const name = async (...of: Parameters<typeof message>) => (await profileFor(message(...of))).name;
    expect(await name('shop.test', 'any')).toBe('shop.test (managed)');
    expect(await name('a.b.shop.test')).toBe('shop.test (managed)');
    expect(await name('x.news.shop.test', 'news')).toBe('news.shop.test (managed)');
    await expect(profileFor(message('news.shop.test', 'other'))).rejects.toThrow(/another tenant/);
    await expect(profileFor(message('news.shop.test'))).rejects.toThrow(/another tenant/);
  });

  it('DOM-43 a domain of the configuration wins where it is as near, and other mail goes where it went before', async () => {
    const { domains, zone, add } = await lab();
    zone.publish((await add('shop.test')).records);
    zone.publish((await add('bank.test')).records);
    await domains.check('shop.test');
    await domains.check('bank.test');
    const profileFor = domains.profileFor({
      configured: ['shop.test', 'eu.bank.test'],
      otherwise: ({ authorDomain }) => ({ name: `configured ${authorDomain}` }),
    });
    const name = async (domain: string) => (await profileFor(message(domain))).name;
    expect(await name('shop.test')).toBe('configured shop.test');
    expect(await name('bank.test')).toBe('bank.test (managed)');
    expect(await name('eu.bank.test')).toBe('configured eu.bank.test');
    expect(await name('elsewhere.test')).toBe('configured elsewhere.test');
  });

  it('DOM-44 a profile has the settings of its domain', async () => {
    const { domains, zone } = await lab();
    const added = await domains.add({
      domain: 'shop.test',
      hostname: 'out.shop.test',
      returnPath: 'bounces.shop.test',
      tls: 'required',
      algorithms: ['ed25519-sha256'],
    });
    zone.publish(added.records);
    await domains.check('shop.test');
    const sources = [{ name: 'a', localAddresses: ['192.0.2.7'] }];
    const profile = await domains.profileFor({ defaults: { sources } })(message('shop.test'));
    expect(profile).toMatchObject({
      hostname: 'out.shop.test',
      verp: { address: 'bounces@bounces.shop.test', secret: expect.stringMatching(/^.{32}$/) },
      tls: { minimum: 'required' },
      sources,
    });
  });
});

describe('a rotation', () => {
  /** A domain with an active key, and the profile source of another process. */
  async function rotating() {
    const one = await lab();
    const added = await one.add('shop.test');
    one.zone.publish(added.records);
    await one.domains.check('shop.test');
    const profileFor = one.domains.profileFor();
    const signer = async () => {
      await one.clock.advance(1000);
      return selectors(await profileFor(message('shop.test')))[0]!;
    };
    return { ...one, first: added.keys[0]!.selector, signer };
  }

  it('DOM-50 DOM-105 DOM-104 the watch switches when all servers have had the keys for long enough, and says when the old ones may go', async () => {
    const { domains, clock, zone, first, signer } = await rotating();
    domains.start();
    const rotated = await domains.rotate('shop.test');
    const second = rotated.keys[1]!.selector;
    expect(second).not.toBe(first);
    await clock.advance(day);
    // Not published: nothing happens.
    expect(await signer()).toBe(first);
    zone.publish(rotated.records.filter(({ name }) => name.startsWith(second)));
    await clock.advance(4 * minute);
    expect(await signer()).toBe(first);
    await clock.advance(4 * minute);
    expect(await signer()).toBe(second);
    const switched = await domains.get('shop.test');
    expect(switched.keys).toMatchObject([
      { state: 'retiring', signs: false },
      { state: 'active', signs: true },
    ]);
    await expect(domains.removeKey('shop.test', first)).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
    });
    await clock.advance(7 * day + 20 * minute);
    expect(await domains.get('shop.test')).toMatchObject({
      status: `The record of ${first} may go.`,
      keys: [{ state: 'removable' }, { state: 'active' }],
    });
    zone.texts.delete(`${first}._domainkey.shop.test`);
    await clock.advance(20 * minute);
    expect((await domains.get('shop.test')).keys.map(({ selector }) => selector)).toEqual([second]);
    await domains.stop();
  });

  it('DOM-51 keys that are withdrawn before they sign set the rotation back', async () => {
    const { domains, clock, zone, first, signer } = await rotating();
    const rotated = await domains.rotate('shop.test');
    const second = rotated.keys[1]!.record;
    domains.start();
    for (let n = 0; n < 20; n++) {
      zone.publish([second]);
      await clock.advance(3 * minute);
      zone.texts.delete(second.name);
      await clock.advance(2 * minute);
      expect(await signer()).toBe(first);
    }
    await domains.stop();
  });

  it.each(['contradictory', 'unknown'] as const)(
    'DOM-106 servers whose answers are %s switch nothing and take nothing out of use',
    async (trouble) => {
      const { domains, clock, zone, first, signer } = await rotating();
      zone.publish((await domains.rotate('shop.test')).records);
      domains.start();
      zone.trouble = trouble;
      await clock.advance(day);
      expect(await signer()).toBe(first);
      await domains.stop();
    },
  );

  it('DOM-52 one rotation at a time; removing its keys ends it', async () => {
    const { domains, first } = await rotating();
    const rotated = await domains.rotate('shop.test');
    const second = rotated.keys[1]!.selector;
    await expect(domains.rotate('shop.test')).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
      message: expect.stringContaining(second),
    });
    await expect(domains.removeKey('shop.test', first)).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
    });
    await expect(domains.removeKey('shop.test', 'nope')).rejects.toMatchObject({
      code: 'MB_BROKER_NOT_FOUND',
    });
    expect((await domains.removeKey('shop.test', second)).keys.map(({ selector }) => selector)).toEqual([
      first,
    ]);
    await domains.rotate('shop.test');
  });

  it('DOM-93 a retiring key can be removed by force alone, as after it was stolen', async () => {
    const { domains, clock, zone, first } = await rotating();
    zone.publish((await domains.rotate('shop.test')).records);
    await domains.check('shop.test');
    await clock.advance(5 * minute);
    await domains.check('shop.test');
    await expect(domains.removeKey('shop.test', first)).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
    });
    expect((await domains.removeKey('shop.test', first, { force: true })).keys).toHaveLength(1);
  });

  it('DOM-96 an active key is not removed, even by force', async () => {
    const { domains, first } = await rotating();
    for (const force of [false, true]) {
      await expect(domains.removeKey('shop.test', first, { force })).rejects.toMatchObject({
        code: 'MB_BROKER_DOMAIN_KEY',
      });
    }
  });

  it('DOM-53 DOM-107 of several processes one looks at a domain, and after one that died another does', async () => {
    const store = new MemoryStore();
    const clock = new VirtualClock();
    const zone = new FakeZone();
    const labs = await Promise.all(Array.from({ length: 5 }, () => lab({ store, clock, zone })));
    await labs[0]!.add('shop.test');
    await Promise.all(labs.map(({ domains }) => domains.advance()));
    expect(zone.asked).toHaveLength(1);
    // A check that never ends is that of a process which died.
    const dead = await lab({ store, clock, ask: () => new Promise(() => {}) });
    await clock.advance(minute);
    void dead.domains.advance();
    await clock.advance(minute);
    await labs[0]!.domains.advance();
    expect(zone.asked).toHaveLength(1);
    await clock.advance(minute);
    await labs[0]!.domains.advance();
    expect(zone.asked).toHaveLength(2);
  });

  it('DOM-94 a domain that cannot be looked at keeps no other one back, and the failure is told', async () => {
    const zone = new FakeZone();
    const { domains, add, errors } = await lab({
      ask: (name, type) =>
        name.endsWith('.bad.test') ? Promise.reject(new Error('resolver')) : zone.ask(name, type),
    });
    await add('bad.test');
    zone.publish((await add('shop.test')).records);
    await domains.advance();
    expect(errors).toMatchObject([{ message: 'resolver' }]);
    expect(await domains.get('shop.test')).toMatchObject({ ready: true });
  });

  it('DOM-54 when the record of the active key is gone, mail waits instead of failing to verify', async () => {
    const { domains, clock, zone, signer, first } = await rotating();
    domains.start();
    const record = (await domains.get('shop.test')).keys[0]!.record;
    zone.texts.delete(record.name);
    await clock.advance(16 * minute);
    await expect(signer()).rejects.toThrow(/publish .* again/);
    expect(await domains.get('shop.test')).toMatchObject({
      ready: false,
      status: expect.stringContaining('gone'),
    });
    zone.publish([record]);
    await clock.advance(2 * minute);
    expect(await signer()).toBe(first);
    await domains.stop();
  });
});

describe('master keys of domains', () => {
  it('DOM-22 renewKeys() encrypts every private key again', async () => {
    const [old, fresh] = [generateMasterKey(), generateMasterKey()];
    const vault = (...keys: string[]) => createMasterKeyVault(parseMasterKeys(keys.join(' ')));
    const store = new MemoryStore();
    const before = await lab({ store, vault: vault(old) });
    const zone = before.zone;
    for (const name of ['a.test', 'b.test', 'shop.test']) zone.publish((await before.add(name)).records);
    await before.domains.check('shop.test');
    await before.domains.rotate('shop.test');
    const both = await lab({ store, zone, vault: vault(fresh, old) });
    expect(await both.domains.renewKeys()).toBe(4);
    expect(await both.domains.renewKeys()).toBe(0);
    const after = await lab({ store, zone, vault: vault(fresh) });
    expect(selectors(await after.domains.profileFor()(message('shop.test')))).toHaveLength(1);
    const late = await lab({ store, zone, vault: vault(old) });
    await expect(late.domains.profileFor()(message('shop.test'))).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
    });
  });

  it('DOM-22 a key that is encrypted twice, since another process changed its domain, counts once', async () => {
    const [old, fresh] = [generateMasterKey(), generateMasterKey()];
    const before = await lab({ vault: createMasterKeyVault(parseMasterKeys(old)) });
    await before.add('shop.test');
    const { store } = before;
    const put = store.records.put.bind(store.records);
    let puts = 0;
    store.records.put = async (...args) => {
      puts += 1;
      if (puts === 1)
        await put('domain', 'shop.test', (await store.records.get('domain', 'shop.test'))!.value);
      return put(...args);
    };
    const both = await lab({ store, vault: createMasterKeyVault(parseMasterKeys(`${fresh} ${old}`)) });
    expect(await both.domains.renewKeys()).toBe(1);
    expect(puts).toBe(2);
  });
});

describe('changing a domain', () => {
  it('DOM-114 settings count for the next message, and null goes back to the default', async () => {
    const { clock, domains, zone, add } = await lab();
    zone.publish((await add('shop.test')).records);
    await domains.check('shop.test');
    const profileFor = domains.profileFor();
    expect(await profileFor(message('shop.test'))).not.toHaveProperty('verp');
    const settings = {
      returnPath: 'Bounces.shop.test',
      hostname: 'mx.shop.test',
      tls: 'required',
      tenant: 'shop',
    } as const;
    const changed = await domains.change('shop.test', settings);
    expect(changed).toMatchObject({ ...settings, returnPath: 'bounces.shop.test' });
    expect(changed.records).toContainEqual(
      expect.objectContaining({ purpose: 'return-path', value: '10 mx.shop.test' }),
    );
    await clock.advance(1001);
    const profile = await profileFor(message('shop.test', 'shop'));
    expect(profile).toMatchObject({
      hostname: 'mx.shop.test',
      tls: { minimum: 'required' },
      verp: { address: 'bounces@bounces.shop.test' },
    });
    await expect(profileFor(message('shop.test'))).rejects.toThrow('another tenant');
    const back = await domains.change('shop.test', {
      returnPath: null,
      hostname: null,
      tls: null,
      tenant: null,
    });
    for (const name of Object.keys(settings)) expect(back).not.toHaveProperty(name);
    await domains.change('shop.test', { returnPath: 'bounces.shop.test' });
    await clock.advance(1001);
    // Bounces of mail from before are still known to be ours.
    expect((await profileFor(message('shop.test'))).verp).toEqual(profile.verp);
  });

  it('DOM-115 a change with the version of before is refused', async () => {
    const { domains, add } = await lab();
    const { version } = await add('shop.test');
    const { version: next } = await domains.change('shop.test', { tls: 'verified' }, { ifVersion: version });
    expect(next).toBeGreaterThan(version);
    await expect(
      domains.change('shop.test', { tls: 'required' }, { ifVersion: version }),
    ).rejects.toMatchObject({ code: 'MB_BROKER_RECORD_CONFLICT' });
    expect(await domains.get('shop.test')).toMatchObject({ tls: 'verified', version: next });
  });

  it('DOM-116 of changes at the same time none is lost', async () => {
    const one = await lab();
    const two = await lab({ store: one.store });
    await one.add('shop.test');
    await Promise.all([
      one.domains.change('shop.test', { tls: 'verified' }),
      two.domains.change('shop.test', { hostname: 'mx.shop.test' }),
      one.domains.change('shop.test', { returnPath: 'bounces.shop.test' }),
    ]);
    const expected = { tls: 'verified', hostname: 'mx.shop.test', returnPath: 'bounces.shop.test' };
    expect(await two.domains.get('shop.test')).toMatchObject(expected);
  });

  it.each([
    ['a return path elsewhere', { returnPath: 'bounces.other.test' }, 'MB_BROKER_DOMAIN'],
    ['an EHLO name that is none', { hostname: 'mx' }, 'MB_BROKER_OPTION'],
    ['no change', {}, 'MB_BROKER_OPTION'],
    ['an unknown setting', { returnpath: 'bounces.news.shop.test' }, 'MB_BROKER_OPTION'],
    ['the tenant of a domain below that of another', { tenant: 'bank' }, 'MB_BROKER_DOMAIN_TAKEN'],
  ])('DOM-117 refuses %s, and changes nothing', async (_, changes, code) => {
    const { domains, add } = await lab();
    await add('shop.test', 'shop');
    const before = await add('news.shop.test', 'shop');
    await expect(domains.change('news.shop.test', changes as object)).rejects.toMatchObject({ code });
    expect(await domains.get('news.shop.test')).toEqual(before);
  });

  it('DOM-118 the file of MTA-STS names the hosts that bounces come to', async () => {
    const dns = createMemoryResolver({
      'shop.test': { MX: [[10, 'mx1.mail.test'] as const, [20, 'MX2.mail.test'] as const] },
      'other.test': { A: '192.0.2.1' },
    });
    const { domains, add } = await lab({ dns });
    await add('shop.test');
    expect(await domains.mtaSts('shop.test')).toMatchObject({
      url: 'https://mta-sts.shop.test/.well-known/mta-sts.txt',
      policy:
        'version: STSv1\r\nmode: testing\r\nmx: mx1.mail.test\r\nmx: mx2.mail.test\r\nmax_age: 604800\r\n',
    });
    const idOf = ({ records }: Awaited<ReturnType<typeof add>>) =>
      records.find(({ purpose }) => purpose === 'mta-sts')!.value;
    const before = idOf(await domains.get('shop.test'));
    const changed = await domains.change('shop.test', { returnPath: 'bounces.shop.test' });
    // RFC 8461 §3.1: the id changes with the policy.
    expect(idOf(changed)).not.toBe(before);
    expect(await domains.mtaSts('shop.test')).toMatchObject({
      url: 'https://mta-sts.bounces.shop.test/.well-known/mta-sts.txt',
      policy: expect.stringContaining('mx: mail.shop.test\r\n'),
    });
    await add('other.test');
    const none = await domains.mtaSts('other.test');
    expect(none).not.toHaveProperty('policy');
    expect(none.detail).toContain('has no MX records');
  });
});
