import { type DnsServer, reverseName, startDnsServer } from '@mb/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { runCommand } from '../lab/process.ts';

/** The test kit's DNS server, read by BIND's `dig`, which complains about every malformed message. */
let server: DnsServer;

beforeAll(async () => {
  await ensureDebianPackages(['bind9-dnsutils']);
  server = await startDnsServer({
    zones: {
      'example.com': {
        authentic: true,
        records: {
          '@': {
            MX: ['10 mx1.example.com', '20 mx2.example.com'],
            TXT: 'v=spf1 mx -all',
            NS: 'ns.example.com',
          },
          mx1: { A: '192.0.2.1', AAAA: '2001:db8::1', ttlSeconds: 77 },
          www: { CNAME: 'mx1.example.com' },
          loop: { CNAME: 'loop.example.com' },
          '_25._tcp.mx1': { TLSA: `3 1 1 ${'0a'.repeat(32)}` },
          big: { TXT: Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(250)}`) },
          '*.wild': { A: '192.0.2.9' },
          null: { MX: '0 .' },
        },
      },
      '2.0.192.in-addr.arpa': { records: { [reverseName('192.0.2.1')]: { PTR: 'mx1.example.com' } } },
    },
  });
});
afterAll(() => server?.close());

async function dig(...question: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand('dig', [
    `@${server.address}`,
    '-p',
    String(server.port),
    '+tries=1',
    '+time=3',
    ...question,
  ]);
  expect(code).toBe(0);
  expect(stdout + stderr).not.toMatch(/malformed|warning|extra bytes|mismatch|unexpected/i);
  return stdout;
}

it('answers every record type as dig writes it', async () => {
  const short = (...question: string[]) => dig('+short', ...question);
  expect(await short('example.com', 'MX')).toBe('10 mx1.example.com.\n20 mx2.example.com.\n');
  expect(await short('null.example.com', 'MX')).toBe('0 .\n');
  expect(await short('mx1.example.com', 'A')).toBe('192.0.2.1\n');
  expect(await short('mx1.example.com', 'AAAA')).toBe('2001:db8::1\n');
  expect(await short('www.example.com', 'A')).toBe('mx1.example.com.\n192.0.2.1\n');
  expect(await short('a.wild.example.com', 'A')).toBe('192.0.2.9\n');
  expect(await short('example.com', 'TXT')).toBe('"v=spf1 mx -all"\n');
  expect(await short('example.com', 'NS')).toBe('ns.example.com.\n');
  expect(await short('example.com', 'SOA')).toMatch(/^ns\.example\.com\. hostmaster\.example\.com\. 1 /);
  expect(await short('-x', '192.0.2.1')).toBe('mx1.example.com.\n');
  const tlsa = await short('_25._tcp.mx1.example.com', 'TLSA');
  expect(tlsa.replaceAll(' ', '')).toBe(`311${'0A'.repeat(32)}\n`);
  expect(await dig('mx1.example.com', 'A')).toMatch(/^mx1\.example\.com\.\s+77\s+IN\s+A\s+192\.0\.2\.1$/m);
});

it('distinguishes NODATA, NXDOMAIN and failures', async () => {
  expect(await dig('mx1.example.com', 'MX')).toMatch(/status: NOERROR[\s\S]*AUTHORITY SECTION[\s\S]*SOA/);
  expect(await dig('no.example.com', 'MX')).toMatch(/status: NXDOMAIN[\s\S]*AUTHORITY SECTION[\s\S]*SOA/);
  expect(await dig('loop.example.com', 'A')).toContain('status: SERVFAIL');
  server.fail('example.com', 'REFUSED', { times: 1 });
  expect(await dig('example.com', 'MX')).toContain('status: REFUSED');
});

it('sets AD where the zone is authentic, and truncates what TCP then gives in full', async () => {
  expect(await dig('example.com', 'MX', '+adflag')).toMatch(/flags: qr rd ra ad;/);
  expect(await dig('example.com', 'MX', '+dnssec', '+noadflag')).toMatch(/flags: qr rd ra ad;/);
  expect(await dig('-x', '192.0.2.1', '+adflag')).toMatch(/flags: qr rd ra;/);
  expect(await dig('big.example.com', 'TXT', '+ignore')).toMatch(/flags: qr (aa )?tc rd/);
  expect(await dig('big.example.com', 'TXT')).toMatch(/ANSWER: 60,/);
  expect(await dig('big.example.com', 'TXT', '+tcp', '+noedns')).toMatch(/ANSWER: 60,/);
});
