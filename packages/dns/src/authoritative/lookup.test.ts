import { type DnsServer, type DnsZones, startDnsServer } from '@mb/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryZones } from '../memory.ts';
import { lookupAuthoritative } from './lookup.ts';

const name = 's1._domainkey.shop.test';
const key = 'v=DKIM1; k=rsa; p=AAAA';
const servers: DnsServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const zone = (text?: string): DnsZones => ({
  'shop.test': {
    records: text === undefined ? { '@': { A: '192.0.2.1' } } : { 's1._domainkey': { TXT: text } },
    negativeTtlSeconds: 300,
  },
});

/** One server for each zone set, on addresses of their own and one port. */
async function start(...contents: DnsZones[]): Promise<DnsServer[]> {
  for (const [index, zones] of contents.entries()) {
    const port = servers[0]?.port ?? 0;
    servers.push(
      await startDnsServer({ zones, address: `127.0.41.${index + 1}`, port, authoritative: true }),
    );
  }
  return servers;
}

const delegation: MemoryZones = {
  'shop.test': { NS: ['ns1.shop.test', 'ns2.shop.test'] },
  'ns1.shop.test': { A: '127.0.41.1' },
  'ns2.shop.test': { A: '127.0.41.2' },
};

function lookup(zones: MemoryZones = delegation, wanted = name) {
  const resolver = createMemoryResolver(zones);
  const answer = lookupAuthoritative(wanted, 'TXT', resolver, {
    zoneHint: () => 'shop.test',
    allowAddresses: ['127.0.0.0/8'],
    port: servers[0]!.port,
    timeoutMs: 400,
  });
  return Object.assign(answer, { resolver });
}

describe('lookupAuthoritative', () => {
  it('DOM-01 asks every server of the zone', async () => {
    const [one, two] = await start(zone(key), zone(key));
    expect(await lookup()).toMatchObject({ status: 'found', records: [[key]], zone: 'shop.test' });
    for (const server of [one!, two!]) expect(server.queries).toMatchObject([{ name, type: 'TXT' }]);
  });

  it('DOM-129 asks for no recursion', async () => {
    const [one, two] = await start(zone(key), zone(key));
    await lookup();
    for (const server of [one!, two!]) expect(server.queries).toMatchObject([{ recursionDesired: false }]);
  });

  it('DOM-101 never asks a resolver for the name itself', async () => {
    await start(zone(key), zone(key));
    const asked = lookup();
    await asked;
    // A resolver that is asked too early remembers for minutes that the name does not exist.
    expect(asked.resolver.calls.map((call) => call.name)).not.toContain(name);
  });

  it('DOM-130 says that a record is absent when every server says so', async () => {
    await start(zone(), zone());
    expect(await lookup()).toMatchObject({ status: 'absent', records: [] });
  });

  it('DOM-131 says how long resolvers may remember that a record is absent', async () => {
    await start(zone(), zone());
    expect(await lookup()).toMatchObject({ negativeTtlSeconds: 300 });
  });

  it('DOM-02 finds a contradiction between servers, whichever of them is behind', async () => {
    await start(zone(key), zone());
    expect(await lookup()).toMatchObject({ status: 'contradictory', records: [] });
  });

  it('DOM-132 names the servers of a contradiction', async () => {
    await start(zone(key), zone());
    const { reason } = await lookup();
    expect(reason).toContain('ns1.shop.test (127.0.41.1)');
    expect(reason).toContain('ns2.shop.test (127.0.41.2): none');
  });

  it('DOM-02 finds a contradiction between two texts', async () => {
    await start(zone(key), zone('v=DKIM1; k=rsa; p=BBBB'));
    expect(await lookup()).toMatchObject({ status: 'contradictory' });
  });

  it.each(['SERVFAIL', 'REFUSED', 'drop', 'garbage'] as const)(
    'DOM-03 concludes nothing while a server answers with %s',
    async (failure) => {
      const [, two] = await start(zone(key), zone(key));
      two!.fail('*', failure);
      const answer = await lookup();
      expect(answer).toMatchObject({ status: 'unknown', records: [] });
      expect(answer.reason).toContain('ns2.shop.test');
    },
  );

  it('DOM-03 concludes nothing from a server whose address is not public', async () => {
    await start(zone(key));
    const zones = { ...delegation, 'ns2.shop.test': { A: '10.0.0.1' } };
    const answer = await lookup(zones);
    expect(answer).toMatchObject({ status: 'unknown' });
    expect(answer.reason).toContain('10.0.0.1');
  });

  it('DOM-03 counts a server that one of its addresses answers for', async () => {
    await start(zone(key), zone(key));
    const zones = { ...delegation, 'ns2.shop.test': { A: ['127.0.41.2', '127.0.41.9'] } };
    expect(await lookup(zones)).toMatchObject({ status: 'found' });
  });

  it('DOM-04 follows an alias to all servers of the zone that it leads to', async () => {
    const alias: DnsZones = { 'shop.test': { records: { 's1._domainkey': { CNAME: 's1.keys.test' } } } };
    const target: DnsZones = { 'keys.test': { records: { s1: { TXT: key } } } };
    await start(alias, alias, target, { 'keys.test': { records: { '@': { A: '192.0.2.1' } } } });
    const zones = {
      ...delegation,
      'keys.test': { NS: ['ns3.keys.test', 'ns4.keys.test'] },
      'ns3.keys.test': { A: '127.0.41.3' },
      'ns4.keys.test': { A: '127.0.41.3' },
    };
    expect(await lookup(zones)).toMatchObject({ status: 'found', zone: 'keys.test', records: [[key]] });
    const behind = { ...zones, 'ns4.keys.test': { A: '127.0.41.4' } };
    expect(await lookup(behind)).toMatchObject({ status: 'contradictory', zone: 'keys.test' });
  });

  it('DOM-04 follows an alias that one of two addresses of a server gives, while the other is silent', async () => {
    const alias: DnsZones = { 'shop.test': { records: { 's1._domainkey': { CNAME: 's1.keys.test' } } } };
    await start(alias, alias, { 'keys.test': { records: { s1: { TXT: key } } } });
    const zones = {
      ...delegation,
      'ns2.shop.test': { A: ['127.0.41.2', '127.0.41.9'] },
      'keys.test': { NS: 'ns3.keys.test' },
      'ns3.keys.test': { A: '127.0.41.3' },
    };
    expect(await lookup(zones)).toMatchObject({ status: 'found', zone: 'keys.test', records: [[key]] });
    const silent = { ...zones, 'ns2.shop.test': { A: '127.0.41.9' } };
    expect(await lookup(silent)).toMatchObject({ status: 'unknown', zone: 'shop.test' });
  });

  it('DOM-04 ends a chain of aliases that goes round', async () => {
    const alias: DnsZones = { 'shop.test': { records: { 's1._domainkey': { CNAME: 's1.keys.test' } } } };
    const back: DnsZones = { 'keys.test': { records: { s1: { CNAME: name } } } };
    await start(alias, alias, back);
    const zones = {
      ...delegation,
      'keys.test': { NS: 'ns3.keys.test' },
      'ns3.keys.test': { A: '127.0.41.3' },
    };
    expect(await lookup(zones)).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('circular'),
    });
  });

  it('DOM-03 concludes nothing while the zone cannot be found', async () => {
    await start(zone(key));
    expect(await lookup({})).toMatchObject({ status: 'unknown', servers: [] });
  });
});
