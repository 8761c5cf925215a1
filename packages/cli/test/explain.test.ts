import { type DnsServer, startDnsServer } from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mb } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

let dns: DnsServer;
let env: Record<string, string>;

beforeAll(async () => {
  dns = await startDnsServer({
    zones: {
      'example.org': {
        records: {
          '@': { MX: ['10 mx1.example.org', '20 mx2.example.org', '30 inside.example.org'] },
          mx1: { A: '203.0.113.1', AAAA: '2001:db8::1' },
          mx2: { A: '203.0.113.2' },
          inside: { A: '10.0.0.1' },
        },
      },
      'example.net': { records: { '@': { MX: '0 .' } } },
      'example.com': { records: { '@': { A: '203.0.113.3' } } },
    },
  });
  // Addresses for documentation are not public; here they stand for some that are.
  env = { MB_RESOLVER: dns.server, MB_ALLOW: '203.0.113.0/24,2001:db8::/32' };
});

afterAll(() => dns.close());

const explain = (...args: string[]) => mb(['explain', ...args], { env });

it('tells route, hosts and TLS of an address, and which hosts are left out', async () => {
  const run = await explain('bob@example.org');
  expect([run.exitCode, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(/^example\.org\n {2}by its mail exchangers, SMTP port 25\n/);
  expect(run.stdout).toMatch(
    / {2}1\. mx1\.example\.org \(10\)\n {5}TLS opportunistic by default\n {5}203\.0\.113\.1 2001:db8::1\n {5}\S/,
  );
  expect(run.stdout).toContain('  2. mx2.example.org (20)');
  expect(run.stdout).toContain('  not used: inside.example.org:');
});

it('takes domains, and tells the end of each by the exit code', async () => {
  const null_ = await explain('example.com', 'bob@example.net');
  expect(null_.exitCode).toBe(2);
  expect(null_.stdout).toContain('example.com\n  by its own address, since it has no mail exchanger');
  expect(null_.stdout).toMatch(/example\.net\n {2}SMTP port 25\n {2}✗ [\s\S]*\(5\.1\.10\)/);
  const silent = await mb(['explain', 'example.org', '--resolver', '127.0.0.1:9']);
  expect([silent.exitCode, silent.stdout]).toEqual([1, expect.stringContaining('…')]);
});

it('is one object with --json', async () => {
  const run = await explain('bob@example.org', '--tls', 'verified', '--json');
  expect(JSON.parse(run.stdout)).toMatchObject({
    exitCode: 0,
    deliveries: [
      {
        domain: 'example.org',
        recipients: ['bob@example.org'],
        via: 'mx',
        hosts: [{ name: 'mx1.example.org', security: { usable: true, tls: { level: 'verified' } } }, {}],
      },
    ],
  });
});

it('refuses what is no address', async () => {
  for (const args of [[], ['bob@@example.org'], ['bob@example.org\r\nX: y']]) {
    const run = await explain(...args);
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
  }
});

it.skipIf(process.platform !== 'linux')('keeps to the columns of a narrow terminal', async () => {
  const output = await onTerminal('explain bob@example.org', env);
  expect(output).toContain('\x1b[32mTLS opportunistic');
  for (const line of screen(output).split('\n')) expect(line.length).toBeLessThanOrEqual(48);
  expect(await onTerminal('explain bob@example.org', { ...env, NO_COLOR: '1' })).not.toContain('\x1b[3');
});
