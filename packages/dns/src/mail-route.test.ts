import { describe, expect, it } from 'vitest';
import { findMailRoute, findSmarthostRoute, type MailRouteOptions } from './mail-route.ts';
import { createMemoryResolver, type MemoryResolverOptions, type MemoryZones } from './memory.ts';

function route(
  domain: string,
  zones: MemoryZones,
  options: MailRouteOptions = {},
  dns: MemoryResolverOptions = {},
) {
  return findMailRoute(domain, createMemoryResolver(zones, dns), { random: () => 0, ...options });
}

const a = (last: number) => `192.0.2.${last}`;

describe('findMailRoute', () => {
  it('MX-01 sorts by preference', async () => {
    const found = await route('example.test', {
      'example.test': {
        MX: [
          [20, 'b.example.test'],
          [10, 'c.example.test'],
          [30, 'a.example.test'],
        ],
      },
      'a.example.test': { A: a(1) },
      'b.example.test': { A: a(2) },
      'c.example.test': { A: a(3) },
    });
    expect(found.status === 'found' && found.hosts.map(({ preference }) => preference)).toEqual([10, 20, 30]);
  });

  it('MX-19 takes each name and each address once', async () => {
    const found = await route('example.test', {
      'example.test': {
        MX: [
          [20, 'b.example.test'],
          [10, 'A.example.test'],
          [30, 'a.example.test'],
          [40, 'same.example.test'],
        ],
      },
      'a.example.test': { A: a(1) },
      'b.example.test': { A: [a(1), a(2)] },
      'same.example.test': { A: a(2) },
    });
    expect(found).toMatchObject({
      status: 'found',
      via: 'mx',
      hosts: [
        { name: 'a.example.test', preference: 10, addresses: [{ address: a(1), family: 4 }] },
        { name: 'b.example.test', preference: 20, addresses: [{ address: a(2), family: 4 }] },
      ],
      skipped: [{ name: 'same.example.test', reason: expect.stringContaining('same addresses') }],
    });
  });

  it('MX-18 puts equal preferences in every order, each about as often', async () => {
    const resolver = createMemoryResolver({
      'example.test': { MX: ['x', 'y', 'z'].map((label) => [10, `${label}.example.test`] as const) },
      'x.example.test': { A: a(1) },
      'y.example.test': { A: a(2) },
      'z.example.test': { A: a(3) },
    });
    let state = 1;
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const counts = new Map<string, number>();
    for (let i = 0; i < 1200; i++) {
      const found = await findMailRoute('example.test', resolver, { random });
      if (found.status !== 'found') throw new Error(found.reason);
      const order = found.hosts.map((host) => host.name[0]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(count).toBeGreaterThan(140);
  });

  it('MX-20 cuts what is beyond maxHosts and asks nothing about it', async () => {
    const zones: Record<string, MemoryZones[string]> = {
      'example.test': { MX: Array.from({ length: 50 }, (_, i) => [i, `mx${i}.example.test`] as const) },
    };
    for (let i = 0; i < 50; i++) zones[`mx${i}.example.test`] = { A: a(i) };
    const resolver = createMemoryResolver(zones);
    const found = await findMailRoute('example.test', resolver);
    expect(found.status === 'found' && found.hosts.length).toBe(10);
    expect(found.skipped).toHaveLength(40);
    expect(resolver.calls).toHaveLength(21);
  });

  it('MX-02 takes the domain itself only when there is no MX record', async () => {
    expect(await route('example.test', { 'example.test': { A: a(1) } })).toMatchObject({
      status: 'found',
      via: 'implicit',
      hosts: [{ name: 'example.test', preference: 0, addresses: [{ address: a(1) }] }],
    });
    expect(
      await route('example.test', { 'example.test': { A: a(1), MX: [[10, 'gone.example.test']] } }),
    ).toMatchObject({ status: 'permanent', cause: 'hosts-unusable', enhancedCode: '5.4.4' });
    expect(await route('example.test', { 'example.test': { TXT: 'no addresses' } })).toMatchObject({
      status: 'permanent',
      cause: 'no-mail-host',
    });
  });

  it('MX-10 is temporary when nothing is usable and any lookup may yet succeed', async () => {
    const zones = {
      'example.test': { MX: [[10, 'gone.example.test'] as const, [20, 'slow.example.test'] as const] },
      'slow.example.test': { A: a(1) },
    };
    const failures = { 'slow.example.test': 'servfail' } as const;
    expect(await route('example.test', zones, {}, { failures })).toMatchObject({
      status: 'temporary',
      enhancedCode: '4.4.3',
    });
    // One family is enough to deliver.
    const oneFamily = { 'AAAA slow.example.test': 'timeout' } as const;
    expect(await route('example.test', zones, {}, { failures: oneFamily })).toMatchObject({
      status: 'found',
      hosts: [{ name: 'slow.example.test' }],
    });
  });

  it('MX-11 MX-21 says whether the domain or our own resolver failed, and ours first', async () => {
    const zones = {
      'example.test': { MX: [[10, 'broken.example.test'] as const, [20, 'mx.example.test'] as const] },
      'mx.example.test': { A: a(1) },
    };
    const scope = async (failures: MemoryResolverOptions['failures']) => {
      const found = await route('example.test', zones, {}, { failures: failures! });
      return found.status === 'found' ? found.status : [found.status, found.scope];
    };
    expect(await scope({ 'example.test': 'servfail' })).toEqual(['temporary', 'domain']);
    expect(await scope({ 'example.test': 'unreachable' })).toEqual(['temporary', 'local']);
    const broken = { 'broken.example.test': 'servfail' } as const;
    expect(await scope({ ...broken, 'mx.example.test': 'servfail' })).toEqual(['temporary', 'domain']);
    expect(await scope({ ...broken, 'mx.example.test': 'unreachable' })).toEqual(['temporary', 'local']);
    expect(await scope({ ...broken, 'AAAA mx.example.test': 'unreachable' })).toBe('found');
    expect(await route('nowhere.test', {})).toMatchObject({ status: 'permanent', scope: 'domain' });
  });

  it('MX-03 MX-12 refuses a sole null MX with 556 5.1.10 and ignores one among others', async () => {
    const resolver = createMemoryResolver({ 'example.test': { MX: [[0, '.']], A: a(1) } });
    expect(await findMailRoute('example.test', resolver)).toMatchObject({
      status: 'permanent',
      cause: 'null-mx',
      replyCode: 556,
      enhancedCode: '5.1.10',
    });
    expect(resolver.calls).toEqual([{ name: 'example.test', type: 'MX' }]);
    expect(
      await route('example.test', {
        'example.test': {
          MX: [
            [0, '.'],
            [10, 'mx.example.test'],
          ],
        },
        'mx.example.test': { A: a(1) },
      }),
    ).toMatchObject({ status: 'found', hosts: [{ name: 'mx.example.test' }], skipped: [{ name: '.' }] });
  });

  it('MX-04 MX-13 returns mail for a name that does not exist and keeps it for every failed lookup', async () => {
    expect(await route('nowhere.test', {})).toMatchObject({
      status: 'permanent',
      cause: 'no-such-domain',
      enhancedCode: '5.1.2',
      replyCode: 550,
    });
    for (const status of ['servfail', 'bogus', 'timeout'] as const) {
      const zones = { 'example.test': { A: a(1) } };
      expect(
        await route('example.test', zones, {}, { failures: { 'MX example.test': status } }),
      ).toMatchObject({
        status: 'temporary',
        enhancedCode: '4.4.3',
        replyCode: 451,
      });
    }
  });

  it('MX-05 MX-15 MX-14 passes over literals, single labels and localhost, follows aliases and takes underscores', async () => {
    const found = await route('example.test', {
      'example.test': {
        MX: [
          [1, '192.0.2.9'],
          [2, 'mail'],
          [3, 'localhost'],
          [4, 'x.localhost'],
          [5, 'alias.example.test'],
          [6, 'under_score.example.test'],
        ],
      },
      mail: { A: a(7) },
      'alias.example.test': { CNAME: 'real.example.test' },
      'real.example.test': { A: a(1) },
      'under_score.example.test': { A: a(2) },
    });
    expect(found).toMatchObject({
      status: 'found',
      hosts: [
        { name: 'alias.example.test', canonicalName: 'real.example.test' },
        { name: 'under_score.example.test' },
      ],
    });
    expect(found.skipped.map((host) => host.name)).toEqual(['192.0.2.9', 'mail', 'localhost', 'x.localhost']);
  });

  it('MX-06 never routes to an address of this machine or its network unless a block is opened', async () => {
    const zones = {
      'example.test': { MX: [[10, 'mx.example.test'] as const] },
      'mx.example.test': { A: ['127.0.0.1', '10.1.2.3', '169.254.169.254'], AAAA: ['::1', '64:ff9b::a00:1'] },
    };
    expect(await route('example.test', zones)).toMatchObject({
      status: 'permanent',
      cause: 'hosts-unusable',
      reason: expect.stringContaining('127.0.0.1 is loopback'),
    });
    expect(await route('example.test', zones, { allowAddresses: ['127.0.0.0/8'] })).toMatchObject({
      status: 'found',
      hosts: [{ addresses: [{ address: '127.0.0.1', family: 4 }] }],
    });
    expect(await route('[127.0.0.1]', {})).toMatchObject({ status: 'permanent', cause: 'hosts-unusable' });
    expect(await route('10.test', { '10.test': { A: '10.0.0.1' } })).toMatchObject({
      cause: 'hosts-unusable',
    });
  });

  it('MX-07 MX-16 cuts itself and everything less preferred, by name, alias and address', async () => {
    const zones = {
      'example.test': {
        MX: [
          [10, 'first.example.test'] as const,
          [20, 'us.example.test'] as const,
          [30, 'last.example.test'] as const,
        ],
      },
      'first.example.test': { A: a(1) },
      'us.example.test': { CNAME: 'host.example.test' },
      'host.example.test': { A: [a(2), '10.0.0.2'], AAAA: '2001:db8:0::2' },
      'last.example.test': { A: a(3) },
    };
    for (const self of [
      { names: ['US.example.test'] },
      { names: ['host.example.test.'] },
      { addresses: [a(2)] },
      { addresses: ['2001:DB8::2'] },
      { addresses: ['10.0.0.2'] },
    ]) {
      const found = await route('example.test', zones, { self });
      expect(found.status === 'found' && found.hosts.map((host) => host.name)).toEqual([
        'first.example.test',
      ]);
      expect(found.skipped).toHaveLength(2);
    }
    expect(await route('example.test', zones, { self: { names: ['first.example.test'] } })).toMatchObject({
      status: 'permanent',
      cause: 'loop',
      enhancedCode: '5.4.6',
    });
  });

  it('MX-08 uses an address literal without asking DNS', async () => {
    const resolver = createMemoryResolver({});
    expect(await findMailRoute('[192.0.2.1]', resolver)).toMatchObject({
      status: 'found',
      via: 'literal',
      hosts: [{ name: '192.0.2.1', addresses: [{ address: '192.0.2.1', family: 4 }] }],
    });
    expect(await findMailRoute('[ipv6:2001:DB8:0::1]', resolver)).toMatchObject({
      hosts: [{ addresses: [{ address: '2001:db8::1', family: 6 }] }],
    });
    for (const wrong of ['[192.0.2]', '[2001:db8::1]', '[IPv6:192.0.2.1]', '[example.test]', '[', '[]']) {
      expect(await findMailRoute(wrong, resolver)).toMatchObject({
        status: 'permanent',
        cause: 'invalid-domain',
      });
    }
    expect(resolver.calls).toEqual([]);
  });

  it('MX-09 MX-17 says how the route was found and alternates the families of each host', async () => {
    const zones = {
      'example.test': { A: [a(1), a(2), a(3)], AAAA: ['2001:db8::1', '2001:db8::2'] },
    };
    const addresses = async (options: MailRouteOptions) => {
      const found = await route('example.test', zones, options);
      return found.status === 'found' ? found.hosts[0]!.addresses.map(({ family }) => family) : [];
    };
    expect(await addresses({})).toEqual([4, 6, 4, 6, 4]);
    expect(await addresses({ families: [6, 4] })).toEqual([6, 4, 6, 4, 4]);
    expect(await addresses({ families: [6] })).toEqual([6, 6]);
    const resolver = createMemoryResolver({ ...zones, 'relay.test': { A: a(9), MX: [[1, 'example.test']] } });
    expect(await findSmarthostRoute('relay.test', resolver)).toMatchObject({
      via: 'smarthost',
      hosts: [{ name: 'relay.test', addresses: [{ address: a(9) }] }],
    });
    expect(await findSmarthostRoute('[192.0.2.8]', resolver)).toMatchObject({ via: 'smarthost' });
  });

  it('DANE-01 reports the authenticity of the MX answer and of each host apart', async () => {
    const zones = {
      'signed.test': { MX: [[10, 'mx.signed.test'] as const, [20, 'mx.plain.test'] as const] },
      'mx.signed.test': { A: a(1) },
      'mx.plain.test': { A: a(2) },
      'bare.signed.test': { A: a(3) },
    };
    const dns = { authentic: ['signed.test'] };
    expect(await route('signed.test', zones, {}, dns)).toMatchObject({
      authentic: true,
      hosts: [{ authentic: true }, { authentic: false }],
    });
    expect(await route('bare.signed.test', zones, {}, dns)).toMatchObject({
      via: 'implicit',
      authentic: true,
    });
  });

  it('refuses names that are no domains, and options that do not exist', async () => {
    for (const wrong of ['', '.', 'a..b', 'a b', `${'x'.repeat(64)}.test`, '192.0.2.1', '１２７.0.0.1']) {
      expect(await route(wrong, {})).toMatchObject({ status: 'permanent', cause: 'invalid-domain' });
    }
    await expect(route('example.test', {}, { maxHost: 1 } as MailRouteOptions)).rejects.toMatchObject({
      code: 'MB_DNS_OPTION',
    });
    await expect(route('example.test', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'MB_DNS_ABORTED',
    });
  });

  it('DNS-06 names no exchanger with control octets, and says so in printable text', async () => {
    for (const exchange of ['a\u001b[8m.test', 'a\r\nX-Evil: y.test', 'a\\027.test', 'a\0.test']) {
      const resolver = createMemoryResolver({ 'evil.test': { MX: [[5, exchange]] } });
      const route = await findMailRoute('evil.test', resolver);
      expect(route).toMatchObject({ status: 'permanent', cause: 'hosts-unusable' });
      expect(JSON.stringify(route)).not.toMatch(/\\u00|\\r|\\n/);
      expect(resolver.calls.filter(({ type }) => type !== 'MX')).toEqual([]);
    }
  });
});
