import { expect, it } from 'vitest';
import { type DomainProfile, profilesByDomain } from './domain-profiles.ts';
import type { SendingProfile } from './sending-profile.ts';

const choose = (
  profiles: readonly DomainProfile[],
  authorDomain: string,
  tenant?: string,
): SendingProfile | Promise<SendingProfile> =>
  profilesByDomain(profiles)({ authorDomain, tenant, tag: undefined, sender: `ann@${authorDomain}` });

it('PROF-13 the nearest domain above the author decides, then "*"', () => {
  const profiles = [
    { domain: '*' },
    { domain: 'example.com' },
    { domain: 'news.example.com', hostname: 'news.example.com' },
    { domain: 'bücher.example' },
  ];
  expect(choose(profiles, 'example.com')).toMatchObject({ name: 'example.com' });
  expect(choose(profiles, 'shop.EXAMPLE.com')).toMatchObject({ name: 'example.com' });
  expect(choose(profiles, 'a.news.example.com')).toMatchObject({ hostname: 'news.example.com' });
  expect(choose(profiles, 'xn--bcher-kva.example')).toMatchObject({ name: 'xn--bcher-kva.example' });
  expect(choose(profiles, 'badexample.com')).toMatchObject({ name: '*' });
  expect(() => choose(profiles.slice(1), 'example.org')).toThrow(
    /^no profile is for this domain; .*example\.com/,
  );
});

it('PROF-14 a domain that belongs to tenants is not sent as by other ones, nor through a wider profile', () => {
  const profiles = [
    { domain: '*' },
    { domain: 'example.com', tenants: ['shop', 'club'] },
    { domain: 'example.org', tenants: ['shop'] },
    { domain: 'example.org', hostname: 'mail.example.org' },
  ];
  expect(choose(profiles, 'example.com', 'club')).toMatchObject({ name: 'example.com (shop, club)' });
  for (const tenant of [undefined, 'other', '']) {
    expect(() => choose(profiles, 'mail.example.com', tenant)).toThrow(
      'the profiles of example.com are for other tenants.',
    );
  }
  expect(choose(profiles, 'example.org', 'shop')).toMatchObject({ name: 'example.org (shop)' });
  expect(choose(profiles, 'example.org', 'other')).toMatchObject({ hostname: 'mail.example.org' });
  expect(choose(profiles, 'example.net', 'other')).toMatchObject({ name: '*' });
});

it('gives the same object each time, so that its keys are parsed once', () => {
  const profileFor = profilesByDomain([{ domain: 'example.com' }]);
  const message = { authorDomain: 'example.com', tenant: undefined, tag: undefined, sender: '' };
  expect(profileFor(message)).toBe(profileFor(message));
});

it.each<[string, readonly object[], RegExp]>([
  ['none', [], /must be an array of at least 1/],
  ['two alike', [{ domain: 'a.test' }, { domain: 'A.test', name: 'b' }], /\[1\].*two profiles for a\.test/],
  [
    'two for a tenant',
    [
      { domain: 'a.test', tenants: ['x', 'y'] },
      { domain: 'a.test', tenants: ['y'] },
    ],
    /two profiles for a\.test and tenant "y"/,
  ],
  [
    'two of a name',
    [
      { domain: 'a.test', name: 'x' },
      { domain: 'b.test', name: 'x' },
    ],
    /are called "x"/,
  ],
  ['no domain', [{}], /profiles\[0\]\.domain is missing/],
  ['an address', [{ domain: 'ann@a.test' }], /profiles\[0\]\.domain must be/],
  ['no domain name', [{ domain: 'a.test' }, { domain: 'b..test' }], /profiles\[1\]\.domain: .*mail domain/],
  ['a long domain', [{ domain: `${'x'.repeat(64)}.test` }], /profiles\[0\]\.domain: .*at most 63/],
  ['an empty list of tenants', [{ domain: 'a.test', tenants: [] }], /profiles\[0\]\.tenants must be/],
  ['a wrong route', [{ domain: 'a.test', routes: { 'a b': { type: 'mx' } } }], /profiles\[0\]\.routes/],
  [
    'a wrong return path',
    [{ domain: 'a.test', verp: { address: 'a@b@', secret: 'x'.repeat(16) } }],
    /verp\.address/,
  ],
])('PROF-15 says at which index a list of profiles is wrong: %s', (_what, profiles, words) => {
  expect(() => profilesByDomain(profiles as never)).toThrow(
    expect.objectContaining({ code: 'MB_BROKER_OPTION', message: expect.stringMatching(words) }),
  );
});

it('PROF-15 finds a key that cannot sign before any message', () => {
  const dkim = { domain: 'a.test', selector: 's', privateKey: 'none' };
  expect(() => profilesByDomain([{ domain: 'a.test', dkim }])).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^MB_DKIM_/) }),
  );
});
