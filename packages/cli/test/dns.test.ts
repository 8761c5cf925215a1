import { type DnsServer, startDnsServer } from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mb } from './mb.ts';

let dns: DnsServer;

beforeAll(async () => {
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: '203.0.113.1' } };
  dns = await startDnsServer({ zones: { 'example.org': { records } } });
});

afterAll(() => dns.close());

it('asks the servers of --resolver, --server or the environment alike', async () => {
  const args = ['dns', 'mx', 'example.org', '--json'];
  const runs = [
    await mb([...args, '--resolver', dns.server]),
    await mb([...args, '--server', dns.server]),
    await mb([...args, '--resolver', `${dns.server},127.0.0.1:9`]),
    await mb(args, { env: { MB_RESOLVER: dns.server } }),
  ];
  for (const run of runs) {
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toBe(runs[0]?.stdout);
  }
  expect(runs[0]?.stdout).toContain('mx.example.org');
});

it('ends with 64 at wrong use, and gives up after the seconds given', async () => {
  for (const args of [
    ['--resolver', 'not/a/server'],
    ['--timeout', '0.5'],
    ['--port', '25'],
  ]) {
    const run = await mb(['dns', 'mx', 'example.org', ...args]);
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
  }
  const silent = await mb(['dns', 'mx', 'example.org', '--resolver', '127.0.0.1:9', '--timeout', '1']);
  expect(silent.exitCode).toBe(2);
});
