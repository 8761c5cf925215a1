import { describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryZones } from '../memory.ts';
import { type DmarcLookupOptions, lookupDmarc } from './lookup.ts';

function zone(records: Record<string, string | string[]>, more: MemoryZones = {}) {
  const zones: Record<string, MemoryZones[string]> = { ...more };
  for (const [domain, TXT] of Object.entries(records)) zones[`_dmarc.${domain}`] = { TXT };
  return createMemoryResolver(zones);
}

const lookup = (
  domain: string,
  records: Record<string, string | string[]>,
  options?: DmarcLookupOptions,
  more?: MemoryZones,
) => lookupDmarc(domain, zone(records, more), options);

describe('lookupDmarc', () => {
  it('DMARC-01 walks up the tree in the sequence of RFC 9989 §4.10', async () => {
    const resolver = zone({ 'example.com': 'v=DMARC1; p=none' });
    await lookupDmarc('a.b.c.d.e.f.g.h.i.j.k.example.com', resolver);
    expect(resolver.calls.map(({ name }) => name)).toEqual([
      '_dmarc.a.b.c.d.e.f.g.h.i.j.k.example.com',
      '_dmarc.g.h.i.j.k.example.com',
      '_dmarc.h.i.j.k.example.com',
      '_dmarc.i.j.k.example.com',
      '_dmarc.j.k.example.com',
      '_dmarc.k.example.com',
      '_dmarc.example.com',
      '_dmarc.com',
    ]);
  });

  it('DMARC-01 finds the organisation by psd=n, by psd=y, or by the shortest name with a record', async () => {
    expect(
      await lookup('a.b.example.com', {
        'b.example.com': 'v=DMARC1; p=reject; psd=n',
        'example.com': 'v=DMARC1; p=none',
      }),
    ).toMatchObject({
      organizationalDomain: 'b.example.com',
      policy: 'reject',
    });
    expect(
      await lookup('a.b.example.com', {
        'b.example.com': 'v=DMARC1; p=none',
        'example.com': 'v=DMARC1; p=reject',
      }),
    ).toMatchObject({
      organizationalDomain: 'example.com',
      recordDomain: 'example.com',
      policy: 'reject',
    });
    const bank = { 'bank.test': 'v=DMARC1; p=reject; sp=quarantine; psd=y' };
    expect(await lookup('mail.giant.bank.test', bank)).toMatchObject({
      organizationalDomain: 'giant.bank.test',
      recordDomain: 'bank.test',
      policy: 'quarantine',
      policyTag: 'sp',
    });
    expect(await lookup('giant.bank.test', { ...bank, 'giant.bank.test': 'v=DMARC1; p=none' })).toMatchObject(
      { recordDomain: 'giant.bank.test', policy: 'none' },
    );
    expect(await lookup('bank.test', bank)).toMatchObject({
      organizationalDomain: 'bank.test',
      policy: 'reject',
      policyTag: 'p',
    });
    expect(await lookup('nobody.test', {})).toMatchObject({
      status: 'none',
      organizationalDomain: 'nobody.test',
    });
  });

  it('DMARC-07 takes several records for none, and stops at one without a valid policy', async () => {
    expect(
      await lookup('mail.example.com', {
        'mail.example.com': ['v=DMARC1; p=reject', 'v=DMARC1; p=none'],
        'example.com': 'v=DMARC1; p=none; sp=quarantine',
      }),
    ).toMatchObject({
      status: 'found',
      policy: 'quarantine',
      problems: [expect.stringContaining('2 DMARC records')],
    });
    expect(
      await lookup('mail.example.com', {
        'mail.example.com': 'v=DMARC1; adkim=s',
        'example.com': 'v=DMARC1; p=reject',
      }),
    ).toMatchObject({
      status: 'none',
      problems: ['The tag p is missing.'],
    });
  });

  it('DMARC-09 takes np for names that do not exist, sp for others, p when there is neither', async () => {
    const record = { 'example.com': 'v=DMARC1; p=reject; sp=none; np=quarantine' };
    expect(await lookup('sub.example.com', record)).toMatchObject({ policy: 'quarantine', policyTag: 'np' });
    expect(
      await lookup('sub.example.com', record, {}, { 'sub.example.com': { MX: [[1, 'm.test']] } }),
    ).toMatchObject({ policy: 'none', policyTag: 'sp' });
    expect(await lookup('example.com', record)).toMatchObject({ policy: 'reject', policyTag: 'p' });
    expect(await lookup('sub.example.com', { 'example.com': 'v=DMARC1; p=reject' })).toMatchObject({
      policy: 'reject',
      policyTag: 'p',
    });
  });

  it('DMARC-05 goes by the older rule when asked to', async () => {
    const discovery = { organizationalDomain: (domain: string) => domain.split('.').slice(-2).join('.') };
    const resolver = zone({ 'b.example.com': 'v=DMARC1; p=none', 'example.com': 'v=DMARC1; p=reject' });
    expect(await lookupDmarc('a.b.example.com', resolver, { discovery })).toMatchObject({
      recordDomain: 'example.com',
      policy: 'reject',
    });
    expect(resolver.calls).toHaveLength(2);
  });

  it('DMARC-10 says that DNS failed rather than that there is no policy', async () => {
    const resolver = zone({ 'example.com': 'v=DMARC1; p=reject; np=none' });
    resolver.fail('_dmarc.example.com', 'servfail');
    expect(await lookupDmarc('mail.example.com', resolver)).toMatchObject({ status: 'temporary' });
    resolver.fail('_dmarc.example.com', undefined);
    resolver.fail('A mail.example.com', 'timeout');
    expect(await lookupDmarc('mail.example.com', resolver)).toMatchObject({ status: 'temporary' });
    resolver.fail('_dmarc.com', 'servfail');
    expect(await lookupDmarc('example.com', resolver)).toMatchObject({ status: 'found', policy: 'reject' });
    expect(await lookupDmarc('[192.0.2.1]', resolver)).toMatchObject({ status: 'none' });
    expect(await lookupDmarc(`${'a.'.repeat(124)}test`, resolver)).toMatchObject({ status: 'none' });
  });
});
