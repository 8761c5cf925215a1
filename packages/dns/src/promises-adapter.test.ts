import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from './memory.ts';
import { toNodeDns } from './promises-adapter.ts';

const dns = toNodeDns(
  createMemoryResolver(
    {
      'a.test': {
        A: '192.0.2.1',
        AAAA: '2001:db8::1',
        MX: [[10, 'mx.a.test']],
        TXT: [['v=DKIM1; ', 'p=x'], 'other'],
        NS: 'ns.a.test',
        TLSA: [{ usage: 3, selector: 1, matchingType: 1, data: new Uint8Array([1, 2]) }],
        SRV: [{ priority: 1, weight: 2, port: 3, target: 't.test' }],
        SOA: {
          mname: 'ns.a.test',
          rname: 'h.a.test',
          serial: 1,
          refresh: 2,
          retry: 3,
          expire: 4,
          minimum: 5,
        },
      },
      'alias.test': { CNAME: 'a.test' },
      '1.2.0.192.in-addr.arpa': { PTR: 'a.test' },
      'null.test': { MX: [[0, '.']] },
    },
    { failures: { 'servfail.test': 'servfail', 'bogus.test': 'bogus', 'slow.test': 'timeout' } },
  ),
);

describe('toNodeDns', () => {
  it('has the shapes of node:dns/promises', async () => {
    expect(await dns.resolve4('a.test')).toEqual(['192.0.2.1']);
    expect(await dns.resolve6('a.test')).toEqual(['2001:db8::1']);
    expect(await dns.resolveMx('a.test')).toEqual([{ priority: 10, exchange: 'mx.a.test' }]);
    expect(await dns.resolveMx('null.test')).toEqual([{ priority: 0, exchange: '' }]);
    expect(await dns.resolveTxt('alias.test')).toEqual([['v=DKIM1; ', 'p=x'], ['other']]);
    expect(await dns.resolveCname('alias.test')).toEqual(['a.test']);
    expect(await dns.resolveNs('a.test')).toEqual(['ns.a.test']);
    expect(await dns.resolveSrv('a.test')).toEqual([{ priority: 1, weight: 2, port: 3, name: 't.test' }]);
    expect(await dns.resolveSoa('a.test')).toEqual({
      nsname: 'ns.a.test',
      hostmaster: 'h.a.test',
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minttl: 5,
    });
    const [tlsa] = await dns.resolveTlsa('a.test');
    expect({ ...tlsa, data: [...new Uint8Array(tlsa!.data)] }).toEqual({
      certUsage: 3,
      selector: 1,
      match: 1,
      data: [1, 2],
    });
    expect(await dns.resolve('a.test')).toEqual(['192.0.2.1']);
    expect(await dns.resolve('a.test', 'TXT')).toHaveLength(2);
    expect(await dns.reverse('192.0.2.1')).toEqual(['a.test']);
  });

  it('rejects with the codes of node:dns', async () => {
    for (const [name, code] of [
      ['nowhere.test', 'ENOTFOUND'],
      ['alias.test', 'ENODATA'],
      ['servfail.test', 'ESERVFAIL'],
      ['bogus.test', 'ESERVFAIL'],
      ['slow.test', 'ETIMEOUT'],
      ['a..b', 'EBADNAME'],
    ] as const) {
      await expect(dns.resolvePtr(name)).rejects.toMatchObject({ code, syscall: 'queryPtr', hostname: name });
    }
    await expect(dns.reverse('a.test')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(dns.resolve('a.test', 'HINFO')).rejects.toThrow(TypeError);
  });
});
