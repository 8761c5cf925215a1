import { afterEach, describe, expect, it } from 'vitest';
import { createResolver } from '../../src/index.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const open: ScriptedServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  open.push(server);
  return server;
}

const truncated = 0x0200;
const authentic = 0x20;

describe('createResolver', () => {
  it('DNS-01 reads every record type that mail needs', async () => {
    const data: Record<string, unknown[]> = {
      A: ['192.0.2.1'],
      AAAA: ['2001:db8::1'],
      MX: [{ preference: 10, exchange: 'mx.example.test' }],
      TXT: [[Buffer.from('v=spf1 '), Buffer.from([0xff, 0x00])]],
      PTR: ['host.example.test'],
      NS: ['ns.example.test'],
      TLSA: [{ usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from([1, 2, 3]) }],
    };
    const server = await serve((query) => {
      const { type, name } = query.questions![0]!;
      return { answers: (data[type] ?? []).map((item) => ({ type, name, ttl: 60, data: item })) as never };
    });
    const resolver = createResolver({ servers: [server.address] });
    const expected = {
      A: ['192.0.2.1'],
      AAAA: ['2001:db8::1'],
      MX: [{ preference: 10, exchange: 'mx.example.test' }],
      TXT: [['v=spf1 ', '\u00ff\u0000']],
      PTR: ['host.example.test'],
      NS: ['ns.example.test'],
      TLSA: [{ usage: 3, selector: 1, matchingType: 1, data: new Uint8Array([1, 2, 3]) }],
    } as const;
    for (const [type, records] of Object.entries(expected)) {
      const answer = await resolver.query('example.test', type as keyof typeof expected);
      expect(answer).toMatchObject({ status: 'found', records, ttlSeconds: 60, authentic: false });
    }
  });

  it('DNS-68 asks again over TCP when the answer is truncated', async () => {
    const server = await serve((query, transport) => {
      if (transport === 'udp') return { flags: truncated };
      const { name } = query.questions![0]!;
      return {
        answers: Array.from({ length: 200 }, (_, i) => ({ type: 'A', name, ttl: 5, data: `192.0.2.${i}` })),
      };
    });
    const answer = await createResolver({ servers: [server.address] }).query('big.test', 'A');
    expect(answer.status === 'found' && answer.records.length).toBe(200);
    expect(server.queries.map((query) => query.transport)).toEqual(['udp', 'tcp']);
  });

  it('DNS-64 believes AD from loopback, and not when told not to', async () => {
    const server = await serve((query) => ({
      flags: authentic,
      answers: [{ type: 'A', name: query.questions![0]!.name, ttl: 5, data: '192.0.2.1' }],
    }));
    expect((await createResolver({ servers: [server.address] }).query('a.test', 'A')).authentic).toBe(true);
    const wary = createResolver({ servers: [server.address], trustAuthenticData: false });
    expect((await wary.query('a.test', 'A')).authentic).toBe(false);
    expect(server.queries[0]!.query.flag_ad).toBe(true);
  });

  it('DNS-69 names the server that cannot be reached, within the deadline', async () => {
    const server = await serve(() => undefined);
    const silent = await createResolver({
      servers: [server.address],
      timeoutMs: 300,
      attemptTimeoutMs: 100,
    }).query('a.test', 'A');
    expect(silent).toMatchObject({
      status: 'timeout',
      cause: 'deadline',
      reason: expect.stringContaining(server.address),
    });
    expect(server.queries.length).toBeGreaterThan(1);
    await server.close();
    open.length = 0;
    const dead = await createResolver({ servers: [server.address], timeoutMs: 1000 }).query('a.test', 'A');
    expect(dead).toMatchObject({
      status: 'servfail',
      cause: 'network',
      scope: 'local',
      reason: expect.stringContaining(server.address),
    });
  });

  it('DNS-65 calls silence our own trouble until the same server has answered for another name', async () => {
    let aheadMs = 0;
    const clock = {
      now: () => Date.now() + aheadMs,
      setTimer(callback: () => void, delayMs: number) {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const server = await serve((query) => {
      const { name } = query.questions![0]!;
      if (name.startsWith('silent')) return undefined;
      return { answers: [{ type: 'A', name, ttl: 5, data: '192.0.2.1' }] };
    });
    const resolver = createResolver({ servers: [server.address], timeoutMs: 50, clock, cache: false });
    const silence = () => resolver.query('silent.test', 'A');
    expect(await silence()).toMatchObject({ status: 'timeout', scope: 'local' });
    expect(await resolver.query('a.test', 'A')).toMatchObject({ status: 'found' });
    expect(await silence()).toMatchObject({ status: 'timeout', scope: 'domain' });
    aheadMs = 60_000;
    expect(await silence()).toMatchObject({ status: 'timeout', scope: 'local' });
  });

  it('DNS-67 asks each time from another port', async () => {
    const server = await serve(answerA);
    const resolver = createResolver({ servers: [server.address], cache: false });
    await Promise.all(Array.from({ length: 50 }, (_, index) => resolver.query(`h${index}.test`, 'A')));
    expect(new Set(server.queries.map(({ port }) => port)).size).toBeGreaterThan(45);
  });

  it('DNS-93 asks each time under another id', async () => {
    const server = await serve(answerA);
    const resolver = createResolver({ servers: [server.address], cache: false });
    await Promise.all(Array.from({ length: 50 }, (_, index) => resolver.query(`h${index}.test`, 'A')));
    const ids = server.queries.map(({ query }) => query.id!);
    expect(new Set(ids).size).toBeGreaterThan(45);
    // Ids that count up would have all differences equal.
    expect(new Set(ids.slice(1).map((id, at) => id - ids[at]!)).size).toBeGreaterThan(40);
  });

  it('DNS-69 goes on to the next server', async () => {
    const silent = await serve(() => undefined);
    const refusing = await serve(() => ({ flags: 5 }));
    const good = await serve(answerA);
    const servers = [silent.address, refusing.address, good.address];
    const resolver = createResolver({ servers, attemptTimeoutMs: 50, trustAuthenticData: false });
    expect(await resolver.query('a.test', 'A')).toMatchObject({ status: 'found' });
    expect(refusing.queries).toHaveLength(1);
  });

  it('DNS-71 ends at once by its signal, and only for the caller who gave it', async () => {
    const server = await serve(() => undefined);
    const resolver = createResolver({ servers: [server.address], timeoutMs: 400, attemptTimeoutMs: 400 });
    const controller = new AbortController();
    const first = resolver.query('a.test', 'A', { signal: controller.signal });
    const second = resolver.query('a.test', 'A');
    controller.abort(new Error('enough'));
    await expect(first).rejects.toMatchObject({ code: 'MB_DNS_ABORTED', cause: new Error('enough') });
    expect(await second).toMatchObject({ status: 'timeout' });
    await expect(resolver.query('a.test', 'A', { signal: controller.signal })).rejects.toMatchObject({
      code: 'MB_DNS_ABORTED',
    });
    const alone = new AbortController();
    const last = resolver.query('b.test', 'A', { signal: alone.signal });
    alone.abort();
    await expect(last).rejects.toMatchObject({ code: 'MB_DNS_ABORTED' });
  });

  it('DNS-03 DNS-80 shares one exchange among equal questions, and the cache answers later ones', async () => {
    let now = 0;
    const server = await serve(answerA);
    const clock = {
      now: () => now,
      setTimer(callback: () => void, delayMs: number) {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const resolver = createResolver({ servers: [server.address], clock });
    await Promise.all(Array.from({ length: 20 }, () => resolver.query('A.test.', 'A')));
    expect(server.queries).toHaveLength(1);
    now = 59_000;
    expect(await resolver.query('a.test', 'A')).toMatchObject({ ttlSeconds: 1 });
    expect(server.queries).toHaveLength(1);
    now = 60_000;
    await resolver.query('a.test', 'A');
    expect(server.queries).toHaveLength(2);
    resolver.clearCache();
    await resolver.query('a.test', 'A');
    expect(server.queries).toHaveLength(3);
  });

  it('DNS-79 DNS-77 keeps negative answers by their SOA, and does not keep failures', async () => {
    const soa = {
      mname: 'ns.test',
      rname: 'h.test',
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum: 40,
    };
    const server = await serve((query) => {
      const { name } = query.questions![0]!;
      if (name === 'fails.test') return { flags: 5 };
      if (name === 'plain.test') return { flags: 3 };
      return { flags: 3, authorities: [{ type: 'SOA', name: 'test', ttl: 9_000, data: soa }] };
    });
    const resolver = createResolver({ servers: [server.address] });
    for (const [name, status, ttlSeconds, queries] of [
      ['gone.test', 'nxdomain', 40, 1],
      ['plain.test', 'nxdomain', 0, 2],
      ['fails.test', 'servfail', 0, 2],
    ] as const) {
      expect(await resolver.query(name, 'A')).toMatchObject({ status, ttlSeconds });
      await resolver.query(name, 'A');
      expect(server.queries.splice(0)).toHaveLength(queries);
    }
  });

  it('DNS-04 makes garbage a failure with a reason', async () => {
    const garbage: Record<string, (id: number) => Uint8Array> = {
      zeroes: () => new Uint8Array(65_000),
      cut: (id) => header(id, [1, 9, 9, 9]),
      pointer: (id) => Buffer.concat([header(id, [1, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    };
    for (const [name, make] of Object.entries(garbage)) {
      const server = await serve((query) => make(query.id ?? 0));
      const resolver = createResolver({ servers: [server.address], timeoutMs: 200, attemptTimeoutMs: 100 });
      const answer = await resolver.query('a.test', 'A');
      expect(answer.status, name).toMatch(/^(servfail|timeout)$/);
      expect(answer, name).toMatchObject({ reason: expect.stringContaining('a.test A') });
    }
  });

  it('DNS-05 follows alias chains to a limit, within answers and across them', async () => {
    const alias = (name: string, data: string) => ({ type: 'CNAME' as const, name, ttl: 30, data });
    const server = await serve((query) => {
      const { name } = query.questions![0]!;
      const step = /^s(\d+)\.test$/.exec(name);
      if (step !== null) return { answers: [alias(name, `s${Number(step[1]) + 1}.test`)] };
      if (name === 'loop.test')
        return { answers: [alias('loop.test', 'pool.test'), alias('pool.test', 'loop.test')] };
      if (name === 'one.test')
        return { answers: [alias('one.test', 'Two.test'), alias('two.test', 'end.test')] };
      return answerA(query, 'udp');
    });
    const resolver = createResolver({ servers: [server.address] });
    expect(await resolver.query('one.test', 'A')).toMatchObject({
      status: 'found',
      canonicalName: 'end.test',
      ttlSeconds: 30,
    });
    expect(await resolver.query('one.test', 'CNAME')).toMatchObject({
      status: 'found',
      records: ['Two.test'],
    });
    for (const name of ['loop.test', 's0.test']) {
      expect(await resolver.query(name, 'A')).toMatchObject({ status: 'servfail', cause: 'cname-loop' });
    }
    expect(server.queries.length).toBeLessThan(30);
  });

  it('answers from the cache past the TTL when no server answers, if configured', async () => {
    let now = 0;
    let up = true;
    const server = await serve((query, transport) => (up ? answerA(query, transport) : { flags: 5 }));
    const clock = { now: () => now, setTimer: () => () => {} };
    const resolver = createResolver({
      servers: [server.address],
      clock,
      trustAuthenticData: false,
      cache: { staleSeconds: 3_600 },
    });
    await resolver.query('a.test', 'A');
    up = false;
    now = 120_000;
    expect(await resolver.query('a.test', 'A')).toMatchObject({
      status: 'found',
      stale: true,
      ttlSeconds: 30,
    });
    now = 60_000 + 3_600_000;
    expect(await resolver.query('a.test', 'A')).toMatchObject({ status: 'servfail' });
  });

  it('keeps no more sockets open than it may, and loses nothing', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWrap').length;
    let most = 0;
    const server = await serve((query, transport) => {
      most = Math.max(most, sockets());
      return answerA(query, transport);
    });
    const before = sockets();
    const resolver = createResolver({ servers: [server.address], maxConcurrent: 8, cache: false });
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, index) => resolver.query(`h${index}.test`, 'A')),
    );
    expect(answers.every((answer) => answer.status === 'found')).toBe(true);
    expect(most).toBeGreaterThan(before);
    // Beside the eight, sockets that are being closed in this turn.
    expect(most - before).toBeLessThanOrEqual(16);
  });

  it('refuses wrong options and names', async () => {
    const codes = (options: object) => {
      try {
        createResolver(options);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return undefined;
    };
    expect(codes({ server: '127.0.0.1' })).toBe('MB_DNS_OPTION');
    expect(codes({ servers: [] })).toBe('MB_DNS_NO_SERVERS');
    for (const server of [
      '',
      'ns.test',
      '127.0.0.1:0',
      '127.0.0.1:99999',
      '[127.0.0.1',
      'http://dns.test/',
    ]) {
      expect(codes({ servers: [server] }), server).toBe('MB_DNS_OPTION');
    }
    for (const server of ['127.0.0.1', '[::1]:53', '::1', '[::1]', 'https://dns.test/dns-query']) {
      expect(codes({ servers: [server] }), server).toBeUndefined();
    }
    expect(codes({ timeoutMs: 0 })).toBe('MB_DNS_OPTION');
    expect(codes({ cache: { maxEntries: -1 } })).toBe('MB_DNS_OPTION');
    await expect(createResolver({ servers: ['127.0.0.1'] }).query('a..b', 'A')).rejects.toMatchObject({
      code: 'MB_DNS_NAME_INVALID',
    });
  });
});

function answerA(query: Parameters<Script>[0], _transport: string) {
  return { answers: [{ type: 'A' as const, name: query.questions![0]!.name, ttl: 60, data: '192.0.2.1' }] };
}

function header(id: number, counts: readonly number[]): Buffer {
  const octets = Buffer.alloc(12);
  octets.writeUInt16BE(id);
  octets.writeUInt16BE(0x8180, 2);
  for (const [index, count] of counts.entries()) octets.writeUInt16BE(count, 4 + 2 * index);
  return octets;
}
