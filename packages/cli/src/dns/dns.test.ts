import { createMemoryResolver, type MemoryResolverOptions, type MemoryZones } from '@mb/dns/memory';
import { describe, expect, it } from 'vitest';
import { doctorCommand } from '../doctor/index.ts';
import { dnsCommand } from './index.ts';
import type { Terminal } from './terminal.ts';

async function run(
  make: (terminal: Terminal) => ReturnType<typeof dnsCommand>,
  line: string,
  zones: MemoryZones,
  options: MemoryResolverOptions = {},
) {
  let output = '';
  let exitCode = 0;
  const command = make({
    write: (text) => {
      output += text;
    },
    setExitCode: (code) => {
      exitCode = code;
    },
    makeResolver: () => createMemoryResolver(zones, options),
  });
  const all = [command, ...command.commands];
  for (const part of all) {
    part.exitOverride((error) => {
      throw error;
    });
    part.configureOutput({
      writeErr: (text) => {
        output += text;
      },
    });
  }
  try {
    await command.parseAsync(line.split(' '), { from: 'user' });
  } catch (error) {
    output += (error as Error).message;
    return { output, exitCode, error: (error as { code: string }).code };
  }
  return { output, exitCode };
}

const dns = (line: string, zones: MemoryZones, options?: MemoryResolverOptions) =>
  run(dnsCommand, line, zones, options);

const zones: MemoryZones = {
  'example.test': {
    MX: [
      [10, 'mx.example.test'],
      [20, 'gone.example.test'],
    ],
    TXT: 'v=spf1 mx include:b.test -all',
  },
  'mx.example.test': { A: '192.0.2.1' },
  'b.test': { TXT: 'v=spf1 ip4:192.0.2.7 ~all' },
  '_dmarc.example.test': { TXT: 'v=DMARC1; p=reject; rua=mailto:d@example.test' },
  '_smtp._tls.example.test': { TXT: 'v=TLSRPTv1; rua=mailto:t@example.test' },
  '1.2.0.192.in-addr.arpa': { PTR: ['mx.example.test', 'evil\u001b[31m.test'] },
  '_25._tcp.mx.example.test': {
    TLSA: [{ usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32).fill(171) }],
  },
};

describe('mb dns', () => {
  it('prints a mail route and exits by how it ended', async () => {
    expect(await dns('mx example.test', zones)).toEqual({
      output:
        'example.test by mx, for 300 s\n   10 mx.example.test  192.0.2.1\n  not used: gone.example.test: gone.example.test has no address.\n',
      exitCode: 0,
    });
    expect(await dns('mx nowhere.test', zones)).toEqual({
      output: 'The domain nowhere.test does not exist. (550 5.1.2)\n',
      exitCode: 1,
    });
    expect(await dns('mx a.test', zones, { failures: { 'a.test': 'servfail' } })).toMatchObject({
      exitCode: 2,
    });
  });

  it('prints the tree of an SPF record, and the result for a sender', async () => {
    const { output, exitCode } = await dns('spf example.test --ip 192.0.2.7', zones);
    expect(output).toContain(
      'example.test: 2 lookups\n  mx  [1]\n  include:b.test  [1]\n    b.test: 0 lookups\n',
    );
    expect(output).toContain(
      'pass: example.test says pass for 192.0.2.7 by "include:b.test". (2 lookups, 1 void)',
    );
    expect(exitCode).toBe(0);
    expect(await dns('spf example.test --ip 192.0.2.8', zones)).toMatchObject({ exitCode: 1 });
    expect(await dns('spf example.test --ip nonsense', zones)).toMatchObject({
      error: expect.stringMatching(/^MB_DNS_/),
    });
  });

  it('prints DMARC, TLS-RPT and reverse names, with control characters made visible', async () => {
    expect((await dns('dmarc sub.example.test', zones)).output).toContain(
      'p=reject by _dmarc.example.test; the organisation is example.test',
    );
    expect((await dns('tls-rpt example.test', zones)).output).toBe('mailto:t@example.test\n');
    const { output } = await dns('ptr 192.0.2.1', zones);
    expect(output).toContain('192.0.2.1: confirmed\nmx.example.test\n');
    expect(output).toContain('evil\ufffd[31m.test (does not resolve to it)');
    expect(await dns('mta-sts example.test', zones)).toEqual({
      output: 'example.test has no MTA-STS record.\n',
      exitCode: 1,
    });
  });

  it('prints what DANE asks for, and JSON', async () => {
    expect(await dns('tlsa example.test', zones)).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining('not authenticated'),
    });
    expect(await dns('tlsa example.test', zones, { authentic: true })).toEqual({
      output: `mx.example.test: 3 1 1 ${'ab'.repeat(32)}\n`,
      exitCode: 0,
    });
    const { output } = await dns('tlsa example.test --json', zones, { authentic: true });
    expect(JSON.parse(output)[0].tlsa.records[0].data).toBe('ab'.repeat(32));
    expect(await dns('tlsa example.test --port x', zones)).toMatchObject({
      error: 'commander.invalidArgument',
      output: expect.stringContaining('whole number from 1'),
    });
  });
});

describe('mb doctor', () => {
  const doctor = (line: string) => run(doctorCommand, line, zones);

  it('reports the gravest first, with fix and record, and exits by severity', async () => {
    const { output, exitCode } = await doctor(
      'example.test --ip 192.0.2.9 --helo mail.example.test --no-probe',
    );
    expect(exitCode).toBe(2);
    expect(output).toContain('9.2.0.192.in-addr.arpa. PTR mail.example.test.');
    expect(output).toContain('example.test. TXT "v=spf1 mx include:b.test ip4:192.0.2.9 -all"');
    expect(output.indexOf('error')).toBeLessThan(output.indexOf('info'));
    expect(output).toMatch(/\n3 errors, 0 warnings, \d+ remarks?, \d+ passed\n$/);
  });

  it('prints JSON, and refuses what it cannot use', async () => {
    const { output, exitCode } = await doctor('example.test --no-probe --json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(output).map(({ check }: { check: string }) => check)).toContain('mx');
    expect(await doctor('example.test --dkim s1:/nonexistent.pem --no-probe')).toMatchObject({
      error: 'MB_CLI_FILE',
      output: expect.stringContaining('there is no such file'),
    });
    expect(await doctor('localhost --no-probe')).toMatchObject({ error: expect.stringMatching(/^MB_DNS_/) });
  });
});
