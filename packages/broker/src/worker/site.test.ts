import { createMemoryResolver, type MemoryResolver, type MemoryZones } from '@mb/dns/memory';
import { createSeededRandom } from '@mb/testkit';
import { expect, it } from 'vitest';
import { resolveSenderOptions } from '../options.ts';
import { createSendingParts } from '../sending-parts.ts';
import { createSiteOf } from './site.ts';

const { signal } = new AbortController();
const message = { tenant: undefined, tag: undefined, authorDomain: 'sender.test', sender: '' };

function siteOf(resolver: MemoryResolver, random = () => 0) {
  const { environment, profiles } = createSendingParts(
    resolveSenderOptions({ hostname: 'mail.example.com', dns: resolver, runtime: { random } }, 'options'),
  );
  const find = createSiteOf(environment, profiles);
  return async (domain: string) => (await find(domain, message, signal))?.site;
}

/** A domain with the given number of exchangers of equal preference. */
function farm(count: number): MemoryZones {
  const names = Array.from({ length: count }, (_, index) => `mx${index}.example.org`);
  return {
    'example.org': { MX: names.map((name) => [10, name] as const) },
    ...Object.fromEntries(names.map((name, index) => [name, { A: `192.0.2.${index + 1}` }])),
  };
}

it('Q-39 keeps a domain at its site while the addresses of one of its exchangers are not available', async () => {
  const resolver = createMemoryResolver(farm(3));
  const site = siteOf(resolver);
  expect(await site('example.org')).toBe('mx0.example.org,mx1.example.org,mx2.example.org');
  resolver.fail('mx1.example.org', 'servfail');
  expect(await site('example.org')).toBe('mx0.example.org,mx1.example.org,mx2.example.org');
  resolver.fail('example.org', 'servfail');
  expect(await site('example.org')).toBeUndefined();
});

it('Q-39 has one site for a domain with more exchangers than are tried, whichever are drawn', async () => {
  const site = siteOf(createMemoryResolver(farm(12)), createSeededRandom(1).random);
  const sites = new Set<string | undefined>();
  for (let look = 0; look < 20; look++) sites.add(await site('example.org'));
  expect(sites.size).toBe(1);
});

it('Q-39 has one site for all domains with the same exchangers, in whatever order and case', async () => {
  const site = siteOf(
    createMemoryResolver({
      'one.example.org': {
        MX: [
          [10, 'a.example.net'],
          [20, 'b.example.net'],
        ],
      },
      'two.example.org': {
        MX: [
          [5, 'B.example.net'],
          [5, 'A.example.net'],
        ],
      },
      'a.example.net': { A: '192.0.2.1' },
      'b.example.net': { A: '192.0.2.2' },
    }),
  );
  expect(await site('one.example.org')).toBe('a.example.net,b.example.net');
  expect(await site('two.example.org')).toBe('a.example.net,b.example.net');
});
