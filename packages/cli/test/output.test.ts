import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@mb/dkim';
import {
  createCertificateAuthority,
  type DnsServer,
  type SmtpHost,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatReceipt } from '../src/send/receipt.ts';
import { mb } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

const onLinux = process.platform === 'linux';
const folder = mkdtempSync(join(tmpdir(), 'mb-output-'));
const key = join(folder, 'key.pem');
let dns: DnsServer;
let host: SmtpHost;
let env: Record<string, string>;

beforeAll(async () => {
  const ca = await createCertificateAuthority();
  const certificate = await ca.issue({ names: ['mx.example.org'] });
  host = await startSmtpHost({
    hostname: 'mx.example.org',
    tls: { key: certificate.key, cert: certificate.cert },
  });
  const pair = await generateKeyPair({ domain: 'example.com', selector: 's1', algorithm: 'ed25519-sha256' });
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  const many = Array.from({ length: 12 }, (_, index) => `mx${index}`);
  dns = await startDnsServer({
    zones: {
      'example.org': { records: { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } } },
      'example.com': {
        records: {
          '@': { A: '203.0.113.3', TXT: 'v=spf1 +all', MX: '10 mx.example.com' },
          mx: { A: '203.0.113.4' },
          's1._domainkey': { TXT: pair.dnsRecord },
          's2._domainkey': { TXT: pair.dnsRecord },
          _dmarc: { TXT: `v=DMARC1; p=none; ${'sp=none; '.repeat(12)}rua=mailto:reports@example.com` },
        },
      },
      'many.test': {
        records: {
          '@': { MX: many.map((name, index) => `${index} ${name}.many.test`) },
          ...Object.fromEntries(many.map((name, index) => [name, { A: `10.0.0.${index + 1}` }])),
        },
      },
      'slow.test': { records: { '@': { MX: '10 mx.slow.test' } } },
      'half.test': { records: { '@': { MX: '10 mx.half.test' }, mx: { A: '203.0.113.9' } } },
    },
  });
  dns.fail('slow.test', 'drop');
  dns.fail('_mta-sts.half.test', 'drop');
  env = { MB_RESOLVER: dns.server, MB_HOSTNAME: 'mail.example.com' };
});

afterAll(async () => {
  await dns.close();
  await host.close();
});

/** Lines that may be broken: a DNS record and a Message-ID stay in one piece, so that they can be copied. */
const breakable = (output: string) =>
  screen(output)
    .split('\n')
    .filter((line) => !/^Message-ID|\. (?:TXT|PTR|MX|A|AAAA) |_domainkey.*p=/.test(line));

describe.skipIf(!onLinux)('on a terminal', () => {
  it.each([80, 200])(
    'CLI-01 reports keep to %i columns',
    async (columns) => {
      const commands = [
        'doctor example.com --ip 192.0.2.1 --helo mail.example.com --no-probe --dkim s1',
        'dns mx many.test',
        'dns dmarc example.com',
        'dns spf example.com',
        `probe mx.example.org --port ${host.port}`,
        'send --dry-run -f ann@example.com -t bob@many.test --text Hi',
        'explain bob@many.test',
      ];
      for (const command of commands) {
        const output = await onTerminal(command, env, undefined, columns);
        expect(output.length).toBeGreaterThan(100);
        for (const line of breakable(output))
          expect(line.length, `${command}: ${line}`).toBeLessThanOrEqual(columns);
      }
    },
    60_000,
  );

  it('CLI-01 wide reports use the width that there is', async () => {
    const output = await onTerminal('doctor example.com --no-probe', env, undefined, 200);
    expect(breakable(output).some((line) => line.length > 100)).toBe(true);
  });

  it('CLI-02 a warning replaces the status line instead of following it', async () => {
    const flags = `--dkim-key ${key} --dkim-selector s9 --port ${host.port} --allow 127.0.0.0/8`;
    const output = await onTerminal(`send -f ann@example.com -t bob@example.org --text Hi ${flags}`, env);
    expect(output).toMatch(/looking up mail hosts[^\n]*\r\x1b\[K[^\n]*warning/);
    const lines = screen(output).split('\n');
    expect(lines.filter((line) => line.includes('warning'))).toEqual([
      expect.stringMatching(/^warning: DKIM key s9/),
    ]);
  });
});

it('CLI-03 explain names the level of TLS once, and what asks for it', async () => {
  const permit = ['--allow', '203.0.113.0/24'];
  const byDefault = await mb(['explain', 'example.com', ...permit], { env });
  expect(byDefault.stdout).toContain('     TLS opportunistic by default\n');
  const configured = await mb(['explain', 'example.com', '--tls', 'verified', ...permit], { env });
  expect(configured.stdout).toContain('     TLS verified by configuration\n');
});

it('CLI-04 counts agree with their nouns', async () => {
  const doctor = await mb(
    ['doctor', 'example.com', '--no-probe', '--dkim', 's3', '--allow', '203.0.113.0/24'],
    { env },
  );
  const counts = /\n((?:\d+ \w+, )+\d+ passed)\n$/.exec(doctor.stdout)?.[1] ?? '';
  expect(counts).toMatch(/\d+ errors?, \d+ warnings?, \d+ remarks?, \d+ passed/);
  expect(counts).not.toMatch(/\b1 \w+s,|\b(?:0|[2-9]|\d\d+) (?:error|warning|remark),/);
  expect(doctor.stdout).toContain('1 usable mail exchanger.');
  const spf = await mb(['dns', 'spf', 'example.com'], { env });
  expect(spf.stdout).toMatch(/^example\.com: 0 lookups\n/);
  const store = join(folder, 'plural.db');
  await mb(
    ['send', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'x', '--queue', '--store', store],
    { env },
  );
  const held = await mb(['queue', 'hold', '--all', '--yes', '--store', store]);
  expect(held.stdout).toBe('1 recipient held.\n');
  await mb(['suppress', 'add', 'bob@example.org', '--store', store]);
  const asked = await mb(['suppress', 'lift', 'bob@example.org', '--store', store]);
  expect(asked.stderr).toContain('1 address will get mail again.');
});

it('CLI-05 doctor names the selector of each key', async () => {
  const run = await mb(['doctor', 'example.com', '--no-probe', '--dkim', 's1', 's2', 's3'], { env });
  expect(run.stdout).toContain('The DKIM key of selector s1 is published.');
  expect(run.stdout).toContain('The DKIM key of selector s2 is published.');
  expect(run.stdout).toContain('No DKIM key is published for selector s3.');
});

it('CLI-06 an IPv6 address has one pair of brackets', () => {
  const receipt = formatReceipt(
    {
      recipient: 'bob@example.org',
      status: 'delivered',
      host: 'mx.example.org',
      address: '[2001:db8::25]:25',
    } as unknown as Parameters<typeof formatReceipt>[0],
    80,
  );
  expect(receipt).toContain('mx.example.org at [2001:db8::25]:25');
  expect(receipt).not.toContain('[[');
});

describe('CLI-07 explain with a timeout', () => {
  it('CLI-07 says what is known in time, and what is not', async () => {
    const args = ['explain', 'example.com', 'slow.test', '--timeout', '2', '--allow', '203.0.113.0/24'];
    const run = await mb(args, { env });
    expect([run.exitCode, run.stderr]).toEqual([1, '']);
    expect(run.stdout).toContain('203.0.113.4');
    expect(run.stdout).toMatch(/slow\.test\n {2}SMTP port 25\n {2}… Not known: .* within 2 s\. \(4\.4\.3\)/);
    const json = JSON.parse((await mb([...args, '--json'], { env })).stdout);
    expect(json).toMatchObject({
      exitCode: 1,
      deliveries: [{ hosts: [{}] }, { failure: { status: 'temporary' } }],
    });
  });

  it('CLI-07 shows the hosts of a domain whose policy is not known in time', async () => {
    const run = await mb(['explain', 'half.test', '--timeout', '2', '--allow', '203.0.113.0/24'], { env });
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toMatch(
      /1\. mx\.half\.test \(10\)\n {5}TLS not known\n {5}203\.0\.113\.9\n {5}Not known/,
    );
  });

  it('CLI-07 does the same with --dry-run', async () => {
    const args = [
      'send',
      '--dry-run',
      '-f',
      'ann@example.com',
      '-t',
      'bob@slow.test',
      '--text',
      'Hi',
      '--timeout',
      '2',
    ];
    const run = await mb(args, { env });
    expect([run.exitCode, run.stderr]).toEqual([1, '']);
    expect(run.stdout).toContain('waits: Not known:');
  });
});

describe('CLI-08 an address that is not public', () => {
  it.each([
    ['send', ['send', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi']],
    ['explain', ['explain', 'bob@example.org']],
  ])('CLI-08 %s names the option and the flag that permit it', async (_, args) => {
    const { stdout } = await mb(args, { env });
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain('127.0.0.1 is loopback.');
    expect(text).toContain('list 127.0.0.1 or its network in delivery.allowAddresses (--allow of mb).');
  });

  it.each([
    ['dns mx', ['dns', 'mx', 'example.org']],
    ['dns tlsa', ['dns', 'tlsa', 'example.org']],
    ['doctor', ['doctor', 'example.org', '--no-probe']],
  ])('CLI-08 %s names --allow, which it takes', async (_, args) => {
    expect((await mb(args, { env })).stdout).toContain('--allow');
    const permitted = await mb([...args, '--allow', '127.0.0.0/8'], { env });
    expect(permitted.stdout).not.toContain('loopback');
  });

  it('CLI-08 probe takes --allow for the policies of the domain', async () => {
    const run = await mb(['probe', 'mx.example.org', '--port', String(host.port), '--allow', '127.0.0.0/8'], {
      env,
    });
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
  });
});

it('CLI-09 dns mx says why no host is used, not how many there are', async () => {
  const { stdout } = await mb(['dns', 'mx', 'many.test'], { env });
  expect(stdout).toMatch(/^No mail exchanger of many\.test can be used: 10\.0\.0\.1 is private/);
  expect(stdout).toContain('  not used: mx10.many.test, mx11.many.test: Only the 10 most preferred');
});

it('TLS-18 a certificate that is not trusted is explained in words', async () => {
  const flags = ['--port', String(host.port), '--allow', '127.0.0.0/8', '--tls', 'verified'];
  const run = await mb(['send', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi', ...flags], {
    env,
  });
  const text = run.stdout.replaceAll(/\s+/g, ' ');
  expect(text).toContain('the authority that signed the certificate is not trusted');
  expect(text).toContain('(UNABLE_TO_VERIFY_LEAF_SIGNATURE)');
});

it.skipIf(!onLinux)('CLI-10 every command that only reads works on a read-only queue', async () => {
  const place = mkdtempSync(join(tmpdir(), 'mb-read-only-'));
  const store = join(place, 'queue.db');
  await mb(
    ['send', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'x', '--queue', '--store', store],
    { env },
  );
  chmodSync(store, 0o444);
  chmodSync(place, 0o555);
  try {
    for (const command of ['queue ls', 'queue stats', 'queue show 1', 'queue export', 'suppress ls']) {
      const run = await mb([...command.split(' '), '--store', store]);
      expect(run.stderr, command).toBe('');
      if (command !== 'suppress ls') expect(run.stdout, command).toMatch(/bob@example\.org|1 queued/);
    }
  } finally {
    chmodSync(place, 0o755);
  }
});
