import { createMemoryResolver } from '@mb/dns/memory';
import { describe, expect, it } from 'vitest';
import {
  createMasterKeyVault,
  formatZoneFile,
  generateMasterKey,
  ManagedDomains,
  parseMasterKeys,
} from '../src/domains/index.ts';
import { MemoryStore } from '../src/index.ts';
import { FakeZone } from './fake-zone.ts';

/** A domain with a return path, all of its records published, and what the resolver knows besides. */
async function lab(addresses: readonly string[] = []) {
  const store = new MemoryStore();
  await store.open();
  const zone = new FakeZone();
  const dns = createMemoryResolver({ 'mail.shop.test': { A: '192.0.2.1' }, 'shop.test': { A: '192.0.2.1' } });
  const domains = new ManagedDomains({
    ...{ records: store.records, dns, ask: zone.ask, hostname: 'mail.shop.test', addresses },
    vault: createMasterKeyVault(parseMasterKeys(generateMasterKey())),
  });
  const added = await domains.add({
    ...{ domain: 'shop.test', returnPath: 'bounces.shop.test', algorithms: ['ed25519-sha256'] },
  });
  zone.publish(added.records);
  const check = async (purpose: string) => {
    const { records, ok } = await domains.check('shop.test');
    return { ...records.find((record) => record.purpose === purpose)!, ok };
  };
  return { domains, zone, dns, added, check };
}

describe('the records of a domain', () => {
  it('DOM-56 everything that is suggested counts as seen once it is published as it is', async () => {
    for (const addresses of [[], ['192.0.2.1', '2001:db8::1']]) {
      const { domains } = await lab(addresses);
      const { ok, records } = await domains.check('shop.test');
      expect(records.map(({ purpose, status }) => `${purpose} ${status}`)).toEqual([
        ...['dkim seen', 'spf seen', 'return-path seen', 'dmarc seen', 'mta-sts seen', 'tls-rpt seen'],
      ]);
      expect(ok).toBe(true);
    }
  });

  it.each([
    ['spf', 'bounces.shop.test', ['v=spf1 -all'], 'different'],
    ['spf', 'bounces.shop.test', ['v=spf1 a:mail.shop.test ~all', 'v=spf1 -all'], 'contradictory'],
    ['spf', 'bounces.shop.test', [], 'missing'],
    ['dmarc', '_dmarc.shop.test', ['v=DMARC1; p=none', 'v=DMARC1; p=reject'], 'contradictory'],
    ['dmarc', '_dmarc.shop.test', ['v=DMARC1; p=reject'], 'seen'],
    ['dmarc', '_dmarc.shop.test', [], 'missing'],
    ['mta-sts', '_mta-sts.bounces.shop.test', ['v=STSv1; id=another'], 'seen'],
    ['tls-rpt', '_smtp._tls.bounces.shop.test', [], 'missing'],
  ] as const)('DOM-57 of %s at %s, %j is %s, with what to do', async (purpose, name, texts, status) => {
    const { zone, check } = await lab();
    zone.texts.set(name, texts);
    const found = await check(purpose);
    expect(found.status).toBe(status);
    expect(found.fix === undefined).toBe(
      status === 'seen' || (purpose === 'tls-rpt' && status === 'missing'),
    );
    expect(found.ok).toBe(status === 'seen' || purpose !== 'spf');
  });

  it('DOM-57 a return path that leads elsewhere is said, and what keeps SPF from passing', async () => {
    const { zone, check } = await lab(['192.0.2.9']);
    zone.exchangers.set('bounces.shop.test', 'mx.other.test');
    expect(await check('return-path')).toMatchObject({ status: 'different', ok: false });
    zone.texts.set('bounces.shop.test', ['v=spf1 a:mail.shop.test ~all']);
    expect(await check('spf')).toMatchObject({
      status: 'different',
      detail: expect.stringContaining('192.0.2.9 gets softfail'),
      fix: expect.stringContaining('ip4:192.0.2.9'),
    });
  });

  it.each(['contradictory', 'unknown'] as const)(
    'DOM-57 no record is seen while the servers are %s',
    async (trouble) => {
      const { zone, domains } = await lab();
      zone.trouble = trouble;
      const { records, ok } = await domains.check('shop.test');
      expect(new Set(records.map(({ status }) => status))).toEqual(new Set([trouble]));
      expect(ok).toBe(false);
    },
  );

  it('DOM-57 the DMARC policy of a domain above counts', async () => {
    const { zone, dns, check } = await lab();
    zone.texts.set('_dmarc.shop.test', []);
    dns.set('_dmarc.test', { TXT: 'v=DMARC1; p=reject; psd=n' });
    expect(await check('dmarc')).toMatchObject({ status: 'seen', detail: expect.stringContaining('reject') });
  });

  it('DOM-58 DOM-112 cuts a text into strings of at most 255 octets, and comments out what may go', async () => {
    const { added } = await lab();
    const [key] = added.records;
    const long = { ...key!, value: `v=DKIM1; p=${'A'.repeat(400)}"\\` };
    const text = formatZoneFile([long, { ...key!, need: 'remove' }]);
    const strings = [...text.matchAll(/^ {2}"((?:[^"\\]|\\.)*)"$/gm)].map(([, part]) =>
      part!.replace(/\\(.)/g, '$1'),
    );
    expect(strings.join('')).toBe(long.value);
    expect(strings.every((part) => part.length <= 255)).toBe(true);
    const lines = text.split('\n').filter((line) => line !== '');
    expect(lines.slice(-1)[0]).toMatch(/^; remove: /);
  });
});
