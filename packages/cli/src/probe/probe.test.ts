import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryResolver, type MemoryZones } from '@mb/dns/memory';
import { createCertificateAuthority, type SmtpHostOptions, startSmtpHost } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import type { ProbeReport } from './examine.ts';
import { probeCommand } from './index.ts';

const name = 'mx.example.test';
const ca = await createCertificateAuthority();
const certificate = await ca.issue({ names: [name] });
const caFile = join(mkdtempSync(join(tmpdir(), 'probe-')), 'ca.pem');
writeFileSync(caFile, ca.root);
const tlsa = (text: string) => {
  const [usage, selector, matchingType, data] = text.split(' ');
  return {
    usage: Number(usage),
    selector: Number(selector),
    matchingType: Number(matchingType),
    data: Buffer.from(data!, 'hex'),
  };
};

/** Runs `mb probe` against a scripted host and a DNS in memory. */
async function probe(
  host: SmtpHostOptions,
  args: readonly string[] = [],
  zones: MemoryZones = {},
): Promise<{ output: string; exitCode: number | undefined; messages: number; port: number }> {
  await using server = await startSmtpHost(host);
  let output = '';
  let exitCode: number | undefined;
  const records: MemoryZones = {
    'example.test': { MX: [[10, name]] },
    [name]: { A: server.address },
    ...Object.fromEntries(
      Object.entries(zones).map(([key, value]) => [key.replace('PORT', String(server.port)), value]),
    ),
  };
  const command = probeCommand({
    write: (text) => {
      output += text;
    },
    setExitCode: (code) => {
      exitCode = code;
    },
    makeResolver: () => createMemoryResolver(records, { authentic: true }),
  });
  const domain = ['--domain', 'example.test'];
  await command.parseAsync([name, '--port', String(server.port), ...domain, ...args], { from: 'user' });
  return { output, exitCode, messages: server.messages.length, port: server.port };
}

const secure: SmtpHostOptions = { tls: { key: certificate.key, cert: certificate.cert } };

describe('mb probe', () => {
  it('tells what a host offers, its certificate and what each policy says, and offers no mail', async () => {
    const { output, exitCode, messages } = await probe(secure, ['--json', '--ca', caFile], {
      [`_PORT._tcp.${name}`]: { TLSA: [tlsa(certificate.tlsa())] },
    });
    const report = JSON.parse(output) as ProbeReport;
    expect(report).toMatchObject({ host: name, reachable: true, tls: { secure: true, verifiedBy: 'pkix' } });
    expect(report.offers.clear.map(({ keyword }) => keyword)).toContain('STARTTLS');
    expect(report.offers.tls?.map(({ keyword }) => keyword)).not.toContain('STARTTLS');
    expect(report.certificates[0]).toMatchObject({
      names: [name],
      subject: `CN=${name}`,
      key: 'ec prime256v1',
    });
    expect(Object.fromEntries(report.policies.map(({ policy, verdict }) => [policy, verdict]))).toEqual({
      opportunistic: 'accepts',
      pkix: 'accepts',
      'mta-sts': 'none',
      dane: 'accepts',
    });
    expect([exitCode, messages]).toEqual([0, 0]);
  });

  it('says when DANE would refuse it', async () => {
    const { output, exitCode } = await probe(secure, ['--verbose'], {
      [`_PORT._tcp.${name}`]: { TLSA: [tlsa(ca.tlsa())] },
    });
    expect(output).toMatch(/dane\s+refuses/);
    expect(output).toMatch(/pkix\s+refuses/);
    expect(output).toMatch(/^> EHLO /m);
    expect(exitCode).toBe(1);
  });

  it('refuses a file of authorities that is not there', async () => {
    await expect(probe({}, ['--ca', '/nonexistent/ca.pem'])).rejects.toMatchObject({ code: 'MB_CLI_FILE' });
  });

  it('tells a host without TLS and one that is not there', async () => {
    const plain = await probe({ keywords: ['SIZE 1000'] });
    expect(plain.output).toMatch(/SIZE 1000/);
    expect(plain.output).toMatch(/TLS\s+none/);
    expect(plain.exitCode).toBe(0);
    const refused = await probe({ script: { greeting: '554 5.7.1 \u001b[2Jgo away' } }, ['--verbose']);
    expect(refused.output).toMatch(/MB_SMTP_GREETING_REFUSED/);
    expect(refused.output).not.toContain('\u001b[2J');
    expect(refused.exitCode).toBe(2);
    const nowhere = await probe({}, ['--address', '127.0.0.77']);
    expect(nowhere.output).toMatch(/unreachable/);
    expect(nowhere.exitCode).toBe(2);
  });
});
