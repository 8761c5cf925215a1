import { wrongTypeCases } from '@mb/testkit/wrong-types';
import { expect, it } from 'vitest';
import { DnsError, evaluateDmarc, lookupDmarc } from './index.ts';
import { createMemoryResolver } from './memory.ts';
import * as publicSuffix from './public-suffix.ts';
import { isPublicSuffix, organizationalDomain, publicSuffixDiscovery } from './public-suffix.ts';

const options = { discovery: publicSuffixDiscovery };

it.each([
  ['example.com', 'example.com'],
  ['a.b.example.com', 'example.com'],
  ['news.example.co.uk', 'example.co.uk'],
  ['co.uk', 'co.uk'],
  ['com', 'com'],
  ['user.github.io', 'user.github.io'],
  ['mail.user.github.io', 'user.github.io'],
  ['a.b.c.kobe.jp', 'b.c.kobe.jp'],
  ['a.city.kobe.jp', 'city.kobe.jp'],
  ['www.ck', 'www.ck'],
  ['mail.xn--85x722f.xn--55qx5d.cn', 'xn--85x722f.xn--55qx5d.cn'],
  ['mail.食狮.公司.cn', '食狮.公司.cn'],
  ['_dmarc.mail_host.example.org', 'example.org'],
  ['host.example.unknown-suffix', 'example.unknown-suffix'],
])('DMARC-04 the organization of %s is %s', (domain, organization) => {
  expect(organizationalDomain(domain)).toBe(organization);
});

it('DMARC-04 takes the record of the domain, or that of its organization and of no domain between', async () => {
  const resolver = createMemoryResolver({
    '_dmarc.example.co.uk': { TXT: ['v=DMARC1; p=reject; sp=quarantine'] },
    '_dmarc.b.example.co.uk': { TXT: ['v=DMARC1; p=none'] },
    '_dmarc.co.uk': { TXT: ['v=DMARC1; p=none; psd=y'] },
    'a.b.example.co.uk': { A: '192.0.2.1' },
  });
  expect(await lookupDmarc('a.b.example.co.uk', resolver, options)).toMatchObject({
    status: 'found',
    recordDomain: 'example.co.uk',
    organizationalDomain: 'example.co.uk',
    policy: 'quarantine',
    policyTag: 'sp',
  });
  expect(await lookupDmarc('b.example.co.uk', resolver, options)).toMatchObject({ policy: 'none' });
  // RFC 7489 §6.6.3 knows no record above the organization.
  expect(await lookupDmarc('other.co.uk', resolver, options)).toMatchObject({ status: 'none' });
  expect(resolver.calls.map(({ name }) => name)).toEqual([
    '_dmarc.a.b.example.co.uk',
    '_dmarc.example.co.uk',
    '_dmarc.b.example.co.uk',
    '_dmarc.other.co.uk',
  ]);
});

it('DMARC-04 aligns two domains of one organization, and none of two', async () => {
  const resolver = createMemoryResolver({
    '_dmarc.example.co.uk': { TXT: ['v=DMARC1; p=reject'] },
    '_dmarc.user.github.io': { TXT: ['v=DMARC1; p=reject'] },
  });
  const evaluate = (domain: string, signer: string) =>
    evaluateDmarc({ domain, dkim: [{ result: 'pass', domain: signer }] }, resolver, options);
  expect(await evaluate('news.example.co.uk', 'mail.example.co.uk')).toMatchObject({ result: 'pass' });
  expect(await evaluate('example.co.uk', 'other.co.uk')).toMatchObject({ result: 'fail' });
  expect(await evaluate('user.github.io', 'other.github.io')).toMatchObject({ result: 'fail' });
});

it.each([
  ['com', true],
  ['co.uk', true],
  ['github.io', true],
  ['example.co.uk', false],
  ['example.com', false],
  ['xn--p1ai', true],
])('DNS-62 says whether anyone may register below %s', (domain, expected) => {
  expect(isPublicSuffix(domain)).toBe(expected);
});

const cases = wrongTypeCases(
  publicSuffix,
  {
    organizationalDomain: { parameters: [['x', 'string']] },
    isPublicSuffix: { parameters: [['x', 'string']] },
  },
  DnsError.isInstance,
);
it.each(cases)('OPT-06 $name', ({ check }) => check());
