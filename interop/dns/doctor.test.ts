import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '@mb/dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../lab/folder.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { runCommand } from '../lab/process.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';

const program = new URL('../../packages/cli/src/index.ts', import.meta.url).pathname;
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');

let dns: SignedDns;
let postfix: Postfix;
let keyFile: string;

beforeAll(async () => {
  dns = await startSignedDns([
    {
      name: 'example.com',
      records: [
        '@ MX 10 mx',
        'mx A 127.0.1.25',
        'mail A 127.0.9.9',
        '@ TXT "v=spf1 ip4:127.0.9.9 -all"',
        `s1._domainkey TXT "v=DKIM1; k=ed25519; p=${key}"`,
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"',
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@example.com"',
      ],
    },
    {
      name: '9.0.127.in-addr.arpa',
      records: ['9 PTR mail.example.com.', '8 PTR mail.example.com.'],
      signed: false,
    },
  ]);
  postfix = await startPostfix({
    hostname: 'mx.example.com',
    addresses: ['127.0.1.25'],
    mailboxes: ['ada@example.com'],
  });
  keyFile = join(makeFolder('doctor'), 'key.pem');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
}, 300_000);

afterAll(async () => {
  await postfix?.stop();
  await dns?.stop();
});

async function doctor(...args: string[]): Promise<{ code: number; findings: Finding[] }> {
  const flags = [
    '--conditions=@mb/source',
    program,
    'doctor',
    'example.com',
    '--allow',
    '127.0.0.0/8',
    '--json',
  ];
  const { code, stdout, stderr } = await runCommand(process.execPath, [...flags, ...args]);
  if (stdout === '') throw new Error(stderr);
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

const summary = (findings: readonly Finding[]) =>
  findings.map(({ check, severity }) => `${check} ${severity}`).sort();

describe('mb doctor', () => {
  it('DIAG-01 finds no problem with a correctly configured sender, and reaches port 25', async () => {
    const { code, findings } = await doctor(
      '--ip',
      '127.0.9.9',
      '--helo',
      'mail.example.com',
      '--dkim',
      `s1:${keyFile}`,
    );
    expect(summary(findings)).toEqual([
      'dkim ok',
      'dmarc ok',
      'helo ok',
      'mta-sts info',
      'mx ok',
      'port-25 ok',
      'ptr ok',
      'spf ok',
      'tls-rpt ok',
    ]);
    expect(code).toBe(0);
  });

  it('DIAG-02 reports what is wrong with another address, and what to publish', async () => {
    const { code, findings } = await doctor(
      '--ip',
      '127.0.9.8',
      '--helo',
      'mail.example.com',
      '--dkim',
      's2',
    );
    expect(summary(findings)).toEqual([
      'dkim error',
      'dmarc ok',
      'helo warning',
      'mta-sts info',
      'mx ok',
      'port-25 ok',
      'ptr error',
      'spf error',
      'tls-rpt ok',
    ]);
    expect(findings.find(({ check }) => check === 'spf')?.publish?.value).toBe(
      'v=spf1 ip4:127.0.9.9 ip4:127.0.9.8 -all',
    );
    expect(code).toBe(2);
  });

  it('DIAG-04 detects quickly that port 25 is blocked', async () => {
    await postfix.stop();
    const start = performance.now();
    const { findings } = await doctor('--ip', '127.0.9.9');
    expect(findings.find(({ check }) => check === 'port-25')).toMatchObject({ severity: 'warning' });
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
