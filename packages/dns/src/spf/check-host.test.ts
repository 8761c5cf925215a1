import { describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryResolverOptions, type MemoryZones } from '../memory.ts';
import type { Answer, Resolver } from '../resolver.ts';
import { type CheckHostOptions, checkHost } from './check-host.ts';

interface Case {
  readonly zones: MemoryZones;
  readonly ip?: string;
  readonly sender?: string;
  readonly helo?: string;
  readonly options?: CheckHostOptions;
  readonly dns?: MemoryResolverOptions;
}

function check({ zones, ip = '192.0.2.1', sender = 'ada@a.test', helo = 'mail.a.test', options, dns }: Case) {
  return checkHost({ ip, sender, helo }, createMemoryResolver(zones, dns), options);
}

const spf = (record: string, more: MemoryZones = {}): Case => ({
  zones: { 'a.test': { TXT: record }, ...more },
});

function chain(length: number): MemoryZones {
  const zones: Record<string, MemoryZones[string]> = { 'a.test': { TXT: 'v=spf1 include:i1.a.test -all' } };
  for (let i = 1; i <= length; i++) {
    zones[`i${i}.a.test`] = {
      TXT: i < length ? `v=spf1 include:i${i + 1}.a.test ?all` : 'v=spf1 ip4:192.0.2.1 -all',
    };
  }
  return zones;
}

describe('checkHost', () => {
  it('SPF-07 SPF-14 chooses the record by its exact version', async () => {
    const zone = (TXT: readonly (string | readonly string[])[]) => check({ zones: { 'a.test': { TXT } } });
    expect(await zone(['v=spf10 -all', 'v=spf1', 'other'])).toMatchObject({ result: 'neutral' });
    expect(await zone([['v=sp', 'f1 +a', 'll']])).toMatchObject({ result: 'pass' });
    expect(await zone(['v=spf1 -all', 'V=SPF1 +all'])).toMatchObject({
      result: 'permerror',
      problem: 'several-records',
    });
    expect(await zone(['v=spf2.0/pra +all'])).toMatchObject({ result: 'none', problem: 'no-record' });
  });

  const explained = (text: string, options?: CheckHostOptions) =>
    check({
      ...spf('v=spf1 -all exp=why.a.test', { 'why.a.test': { TXT: text } }),
      ...(options && { options }),
    });

  it('SPF-08 gives the explanation of the owner of a fail', async () => {
    expect((await explained('%{i} is not ours, %{s}. See %{R}', { receiver: 'mx b' })).explanation).toBe(
      '192.0.2.1 is not ours, ada@a.test. See mx%20b',
    );
    expect(await explained('broken %{')).not.toHaveProperty('explanation');
    expect(await explained('x', { explain: false })).not.toHaveProperty('explanation');
  });

  it('SPF-16 gives no explanation with control characters', async () => {
    expect(await explained('bell \u0007')).not.toHaveProperty('explanation');
  });

  it('SPF-02 allows ten lookups and no more', async () => {
    expect(await check({ zones: chain(10) })).toMatchObject({ result: 'pass', lookups: 10 });
    expect(await check({ zones: chain(11) })).toMatchObject({ result: 'permerror', problem: 'lookup-limit' });
    const many = `v=spf1 ${Array.from({ length: 11 }, (_, i) => `a:x${i}.a.test`).join(' ')} -all`;
    const hosts = Object.fromEntries(
      Array.from({ length: 11 }, (_, i) => [`x${i}.a.test`, { A: '192.0.2.77' }]),
    );
    expect(await check(spf(many, hosts))).toMatchObject({ result: 'permerror', problem: 'lookup-limit' });
  });

  it('SPF-09 allows two lookups that give nothing', async () => {
    expect(await check(spf('v=spf1 a:x.a.test a:y.a.test ip4:192.0.2.1'))).toMatchObject({
      result: 'pass',
      voidLookups: 2,
    });
    expect(await check(spf('v=spf1 a:x.a.test a:y.a.test exists:z.a.test ip4:192.0.2.1'))).toMatchObject({
      result: 'permerror',
      problem: 'void-limit',
    });
  });

  it('SPF-10 refuses more than ten names of one mx', async () => {
    const mx = (count: number) => ({
      'mx.a.test': { MX: Array.from({ length: count }, (_, i) => [i, `h${i}.a.test`] as const) },
    });
    const hosts = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`h${i}.a.test`, { A: `192.0.2.${i + 100}` }]),
    );
    const record = 'v=spf1 mx:mx.a.test ip4:192.0.2.1 -all';
    expect(await check(spf(record, { ...mx(10), ...hosts }))).toMatchObject({ result: 'pass' });
    expect(await check(spf(record, { ...mx(11), ...hosts }))).toMatchObject({
      result: 'permerror',
      problem: 'mx-limit',
    });
  });

  it('SPF-17 looks at ten names of a ptr', async () => {
    const names = (count: number) => ({
      '1.2.0.192.in-addr.arpa': {
        PTR: [...Array.from({ length: count }, (_, i) => `no${i}.b.test`), 'yes.a.test'],
      },
      'yes.a.test': { A: '192.0.2.1' },
    });
    expect(await check(spf('v=spf1 ptr -all', names(9)))).toMatchObject({ result: 'pass' });
    expect(await check(spf('v=spf1 ptr -all', names(10)))).toMatchObject({ result: 'fail' });
  });

  it('SPF-11 ends after its time with temperror, and by the signal with an error', async () => {
    let fire = () => {};
    const clock = {
      now: () => 0,
      setTimer(callback: () => void) {
        fire = callback;
        return () => {};
      },
    };
    const hanging: Resolver = {
      query: (_name, _type, options) =>
        new Promise<Answer<never>>((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    };
    const request = { ip: '192.0.2.1', sender: 'a@a.test', helo: 'h.a.test' };
    const late = checkHost(request, hanging, { clock });
    fire();
    expect(await late).toMatchObject({ result: 'temperror', problem: 'time-limit' });
    const controller = new AbortController();
    const aborted = checkHost(request, hanging, { clock, signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toThrow();
  });

  it('SPF-12 calls failing DNS temperror', async () => {
    for (const status of ['servfail', 'bogus', 'timeout'] as const) {
      expect(
        await check({ ...spf('v=spf1 a:x.a.test -all'), dns: { failures: { 'x.a.test': status } } }),
      ).toMatchObject({
        result: 'temperror',
        problem: 'dns-failure',
      });
    }
  });

  it('SPF-03 writes an IPv6 address as nibbles and compares it with prefixes', async () => {
    const nibbles = '2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1';
    const zone = { [`${nibbles}.ip6.a.test`]: { A: '127.0.0.2' } };
    expect(
      await check({ ...spf('v=spf1 exists:%{i}.%{v}.a.test -all', zone), ip: '2001:db8::1' }),
    ).toMatchObject({ result: 'pass' });
    for (const [record, result] of [
      ['ip6:2001:db8::/32', 'pass'],
      ['ip6:2001:db8:8000::/33', 'fail'],
      ['ip6:2001:db8::2/127', 'fail'],
      ['ip6:2001:db8::/127', 'pass'],
      ['ip6:::/0', 'pass'],
    ] as const) {
      expect(await check({ ...spf(`v=spf1 ${record} -all`), ip: '2001:db8::1' }), record).toMatchObject({
        result,
      });
    }
  });

  it('SPF-03 cuts a name over 253 octets from the left', async () => {
    const label = 'x'.repeat(60);
    const helo = `${label}.${label}.${label}.b.test`;
    // 386 characters; three labels of 60 have to go.
    const expected = `b.test.${helo}.b.test`;
    const outcome = await check({
      ...spf('v=spf1 exists:%{h}.%{h}.b.test -all', { [expected]: { A: '127.0.0.2' } }),
      helo,
    });
    expect(outcome.result).toBe('pass');
  });

  it('SPF-04 checks postmaster at the HELO name for a null sender', async () => {
    const zones = {
      'helo.test': { TXT: 'v=spf1 exists:%{l}.%{o}.yes.test -all' },
      'postmaster.helo.test.yes.test': { A: '127.0.0.2' },
    };
    expect(await check({ zones, sender: '', helo: 'helo.test' })).toMatchObject({
      result: 'pass',
      domain: 'helo.test',
    });
  });

  it('SPF-13 gives none for anything that is not a domain, and asks nothing', async () => {
    for (const sender of [
      'a@localhost',
      'a@',
      'a@a..test',
      'a@[192.0.2.1]',
      `a@${'x'.repeat(64)}.test`,
      `a@${'x.'.repeat(127)}test`,
      'a@b c.test',
    ]) {
      const resolver = createMemoryResolver({});
      const outcome = await checkHost({ ip: '192.0.2.1', sender, helo: 'h.test' }, resolver);
      expect(outcome, sender).toMatchObject({ result: 'none', problem: 'bad-domain' });
      expect(resolver.calls).toEqual([]);
    }
    await expect(check({ zones: {}, ip: 'mail.test' })).rejects.toMatchObject({
      code: 'MB_DNS_ADDRESS_INVALID',
    });
  });

  it('SPF-05 SPF-15 tells which term of which record matched, and what it cost', async () => {
    const outcome = await check({
      zones: {
        'a.test': { TXT: 'v=spf1 a:other.test include:b.test -all' },
        'other.test': { A: '192.0.2.200' },
        'b.test': { TXT: 'v=spf1 redirect=c.test' },
        'c.test': { TXT: 'v=spf1 ip4:192.0.2.0/24 ~all' },
      },
    });
    expect(outcome).toMatchObject({
      result: 'pass',
      match: { domain: 'a.test', term: 'include:b.test' },
      lookups: 3,
      voidLookups: 0,
    });
    expect(outcome.trace).toEqual([
      { domain: 'a.test', depth: 0, term: 'a:other.test', effect: 'no-match', lookups: 1 },
      { domain: 'a.test', depth: 0, term: 'include:b.test', effect: 'follow', lookups: 2 },
      { domain: 'b.test', depth: 1, term: 'redirect=c.test', effect: 'follow', lookups: 3 },
      { domain: 'c.test', depth: 2, term: 'ip4:192.0.2.0/24', effect: 'match', lookups: 3 },
      { domain: 'a.test', depth: 0, term: 'include:b.test', effect: 'match', lookups: 3 },
    ]);
  });

  it('SPF-18 names the reason of each permerror', async () => {
    for (const [record, problem] of [
      ['v=spf1 ip4:1.2.3 -all', 'syntax'],
      ['v=spf1 include:none.test', 'include-without-record'],
      ['v=spf1 redirect=none.test', 'redirect-without-record'],
      ['v=spf1 include:a.test', 'lookup-limit'],
    ] as const) {
      const outcome = await check(spf(record));
      expect(outcome).toMatchObject({ result: 'permerror', problem, reason: expect.any(String) });
    }
  });

  it('SPF-06 takes only ::ffff:0:0/96 for IPv4', async () => {
    const ask = async (ip: string, term: string) => {
      const resolver = createMemoryResolver({ 'example.com': { TXT: `v=spf1 ${term} -all` } });
      return (await checkHost({ ip, sender: 'a@example.com', helo: 'x' }, resolver)).result;
    };
    for (const ip of [
      '::192.0.2.1',
      '::c000:201',
      '0:0:0:0:0:0:192.0.2.1',
      '64:ff9b::192.0.2.1',
      '::ffff:0:192.0.2.1',
    ]) {
      expect(await ask(ip, 'ip4:192.0.2.1'), ip).toBe('fail');
      expect(await ask(ip, `ip6:${ip}`), ip).toBe('pass');
    }
    expect(await ask('::192.0.2.1', 'ip6:::c000:201/128')).toBe('pass');
    for (const ip of ['::ffff:192.0.2.1', '::FFFF:c000:0201', '0:0:0:0:0:ffff:192.0.2.1'])
      expect(await ask(ip, 'ip4:192.0.2.1'), ip).toBe('pass');
  });
});
