import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from './memory.ts';

describe('createMemoryResolver', () => {
  it('DNS-01 tells all outcomes apart', async () => {
    const resolver = createMemoryResolver(
      { 'a.test': { A: '192.0.2.1' }, 'deep.below.b.test': { TXT: 'x' }, 'empty.test': {} },
      {
        failures: { 'dead.test': 'timeout', 'TXT a.test': 'servfail', 'MX a.test': 'bogus' },
        authentic: ['b.test'],
        ttlSeconds: 7,
      },
    );
    const status = async (name: string, type: 'A' | 'MX' | 'TXT') =>
      (await resolver.query(name, type)).status;
    expect(await status('A.test.', 'A')).toBe('found');
    expect(await status('below.b.test', 'A')).toBe('nodata');
    expect(await status('empty.test', 'A')).toBe('nodata');
    expect(await status('other.test', 'A')).toBe('nxdomain');
    expect(await status('dead.test', 'A')).toBe('timeout');
    expect(await status('a.test', 'TXT')).toBe('servfail');
    expect(await status('a.test', 'MX')).toBe('bogus');
    expect(await resolver.query('deep.below.b.test', 'TXT')).toMatchObject({
      authentic: true,
      ttlSeconds: 7,
      records: [['x']],
    });
    expect(resolver.calls.at(0)).toEqual({ name: 'a.test', type: 'A' });
    expect(resolver.calls).toHaveLength(8);
  });

  it('DNS-05 DNS-73 follows aliases, and calls a loop a failure', async () => {
    const resolver = createMemoryResolver(
      {
        'a.test': { CNAME: 'b.test' },
        'b.test': { CNAME: 'c.test' },
        'c.test': { A: '192.0.2.1' },
        'x.test': { CNAME: 'y.test' },
        'y.test': { CNAME: 'x.test' },
      },
      { authentic: ['a.test', 'b.test'] },
    );
    expect(await resolver.query('a.test', 'A')).toMatchObject({
      status: 'found',
      canonicalName: 'c.test',
      authentic: false,
    });
    expect(await resolver.query('a.test', 'CNAME')).toMatchObject({
      status: 'found',
      records: ['b.test'],
      authentic: true,
    });
    expect(await resolver.query('x.test', 'A')).toMatchObject({ status: 'servfail', cause: 'cname-loop' });
  });

  it('answers by the wildcard of the closest encloser only', async () => {
    const resolver = createMemoryResolver({ '*.w.test': { A: '192.0.2.1' }, 'b.w.test': { TXT: 'x' } });
    expect((await resolver.query('any.w.test', 'A')).status).toBe('found');
    expect((await resolver.query('two.labels.w.test', 'A')).status).toBe('found');
    expect((await resolver.query('b.w.test', 'A')).status).toBe('nodata');
    expect((await resolver.query('c.b.w.test', 'A')).status).toBe('nxdomain');
  });

  it('changes while it is in use', async () => {
    const resolver = createMemoryResolver({ 'a.test': { A: '192.0.2.1' } });
    resolver.fail('A a.test', 'servfail');
    expect((await resolver.query('a.test', 'A')).status).toBe('servfail');
    resolver.fail('A a.test', undefined);
    resolver.set('a.test', { A: ['192.0.2.2', '192.0.2.3'] });
    expect((await resolver.query('a.test', 'A')).records).toEqual(['192.0.2.2', '192.0.2.3']);
    resolver.set('a.test', undefined);
    expect((await resolver.query('a.test', 'A')).status).toBe('nxdomain');
    await expect(resolver.query('a..b', 'A')).rejects.toMatchObject({ code: 'MB_DNS_NAME_INVALID' });
  });
});
