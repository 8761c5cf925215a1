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

  it('DNS-02 asks again over TCP when the answer is truncated', async () => {
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

  it('DNS-01 believes AD from loopback, and not when told not to', async () => {
    const server = await serve((query) => ({
      flags: authentic,
      answers: [{ type: 'A', name: query.questions![0]!.name, ttl: 5, data: '192.0.2.1' }],
    }));
    expect((await createResolver({ servers: [server.address] }).query('a.test', 'A')).authentic).toBe(true);
    const wary = createResolver({ servers: [server.address], trustAuthenticData: false });
    expect((await wary.query('a.test', 'A')).authentic).toBe(false);
    expect(server.queries[0]!.query.flag_ad).toBe(true);
  });

  it('DNS-02 names the server that cannot be reached, within the deadline', async () => {
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
      reason: expect.stringContaining(server.address),
    });
  });
});
