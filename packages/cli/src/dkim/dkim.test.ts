import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryResolver, type MemoryZones } from '@mb/dns/memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInput } from '../send/file.ts';
import { openInput } from '../spooled-input.ts';
import { dkimCommand } from './index.ts';
import type { DkimTerminal } from './terminal.ts';

const message = 'From: Ada <ada@example.com>\nTo: bob@example.org\nSubject: caf\xe9\n\nHello\n';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mb-dkim-'));
  await writeFile(join(folder, 'message.eml'), message, 'latin1');
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs `mb dkim …` with files in the folder and DNS in memory. */
async function run(args: string[], zones: MemoryZones = {}, passphrase?: string) {
  const output: Buffer[] = [];
  let exitCode = 0;
  const terminal: DkimTerminal = {
    write: (text) => output.push(Buffer.from(text, 'latin1')),
    writeOctets: async (octets) => void output.push(Buffer.from(octets)),
    read: readInput,
    open: openInput,
    setExitCode: (code) => {
      exitCode = code;
    },
    makeResolver: () => createMemoryResolver(zones),
    passphrase,
  };
  const command = dkimCommand(terminal);
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: 'user' });
  return { text: Buffer.concat(output).toString('latin1'), exitCode };
}

const file = (name: string) => join(folder, name);

async function keygen(selector: string, algorithm = 'ed25519') {
  const { text } = await run([
    'keygen',
    'example.com',
    selector,
    '--algorithm',
    algorithm,
    '--out',
    file(selector),
    '--json',
  ]);
  const pair = JSON.parse(text) as { dnsName: string; dnsStrings: string[] };
  return { [pair.dnsName]: { TXT: [pair.dnsStrings] } };
}

describe('mb dkim', () => {
  it('DKIM-17 prints the record of a new key', async () => {
    const { text } = await run(['keygen', 'example.com', '2026', '--out', file('key.pem')]);
    expect(text).toContain(`Private key: ${file('key.pem')}`);
    expect(text).toMatch(/^2026\._domainkey\.example\.com\. IN TXT "v=DKIM1; k=rsa; p=/m);
    expect(text).not.toContain('PRIVATE');
    expect((await run(['keygen', 'example.com', '2026', '--out', '-'])).text).toContain('BEGIN PRIVATE KEY');
    await expect(run(['keygen', 'example.com', 's', '--bits', '512', '--out', '-'])).rejects.toMatchObject({
      code: 'MB_DKIM_OPTION',
    });
  });

  it('SAFE-18 SAFE-96 writes a key with mode 0600, and never over another', async () => {
    const keygen = ['keygen', 'example.com', '2026', '--algorithm', 'ed25519', '--out', file('own.pem')];
    await run(keygen);
    expect((await stat(file('own.pem'))).mode & 0o777).toBe(0o600);
    const before = await readFile(file('own.pem'));
    await expect(run(keygen)).rejects.toMatchObject({ code: 'MB_CLI_FILE' });
    expect(await readFile(file('own.pem'))).toEqual(before);
  });

  it('signs a message with several keys, and verifies it', async () => {
    const zones = { ...(await keygen('rsa', 'rsa')), ...(await keygen('ed')) };
    const keys = ['--domain', 'example.com', '--key', `rsa:${file('rsa')}`, '--key', `ed:${file('ed')}`];
    const signed = await run([
      'sign',
      file('message.eml'),
      ...keys,
      '--expires-after',
      '60',
      '--identity',
      '@example.com',
    ]);
    expect(signed.text.endsWith(message.replaceAll('\n', '\r\n'))).toBe(true);
    await writeFile(file('signed.eml'), signed.text, 'latin1');
    const verified = await run(['verify', file('signed.eml'), '--authserv', 'mx.example.org'], zones);
    expect(verified.exitCode).toBe(0);
    expect(verified.text).toMatch(/pass +example\.com rsa \(rsa-sha256, 2048 bits, relaxed\/relaxed\)/);
    expect(verified.text).toMatch(/pass +example\.com ed \(ed25519-sha256/);
    expect(verified.text).toContain('Authentication-Results: mx.example.org;\n\tdkim=pass (2048-bit key)');
    const json = JSON.parse((await run(['verify', file('signed.eml'), '--json'], zones)).text);
    expect(json.dkim.signatures.map((one: { status: string }) => one.status)).toEqual(['pass', 'pass']);
    expect(json.arc.status).toBe('none');
    expect((await run(['verify', file('signed.eml')])).exitCode).toBe(1);
    expect((await run(['verify', file('message.eml')])).text).toMatch(
      /none +The message has no DKIM signature/,
    );
  });

  it('prints fields only, or JSON, when asked', async () => {
    await keygen('ed');
    const args = [
      'sign',
      file('message.eml'),
      '--domain',
      'example.com',
      '--key',
      `ed:${file('ed')}`,
      '--no-oversign',
      '--headers',
      'from, subject',
    ];
    const { text } = await run([...args, '--fields']);
    expect(text).toMatch(/^DKIM-Signature: /);
    expect(text).toContain('h=from:subject;');
    expect(text).not.toContain('Ada');
    expect(JSON.parse((await run([...args, '--json'])).text)).toMatchObject({ warnings: [] });
  });

  it('prints nothing when the signature does not verify against DNS', async () => {
    const zones = await keygen('ed');
    await keygen('other');
    const sign = (path: string) => [
      'sign',
      file('message.eml'),
      '--domain',
      'example.com',
      '--key',
      `ed:${file(path)}`,
      '--check',
    ];
    expect((await run(sign('ed'), zones)).text).toContain('DKIM-Signature');
    await expect(run(sign('other'), zones)).rejects.toMatchObject({ code: 'MB_DKIM_SELF_CHECK_MISMATCH' });
  });

  it('DKIM-46 checks a published record against a private key', async () => {
    const zones = await keygen('ed');
    await keygen('other');
    const check = (...key: string[]) => run(['check', 'example.com', 'ed', ...key], zones);
    expect(await check('--key', file('ed'))).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('belongs to the private key'),
    });
    expect(await check()).toMatchObject({ exitCode: 0 });
    const mismatch = await check('--key', file('other'));
    expect(mismatch.exitCode).toBe(1);
    expect(mismatch.text).toMatch(/expected record:\nv=DKIM1; k=ed25519; p=/);
    expect(await run(['check', 'example.com', 'none'], zones)).toMatchObject({ exitCode: 1 });
    expect(JSON.parse((await check('--json')).text)).toMatchObject({ status: 'match', keyBits: 256 });
  });

  it('shows octets of strangers without letting them act', async () => {
    await writeFile(file('odd.eml'), 'DKIM-Signature: v=1; d=\x1b[31m; s=a\nFrom: a\n\n');
    expect((await run(['verify', file('odd.eml')])).text.replaceAll(/\x1b\[\d+m/g, '')).not.toContain('\x1b');
  });

  it('refuses a key without a selector and a file that is not there', async () => {
    const sign = (key: string) => run(['sign', file('message.eml'), '--domain', 'example.com', '--key', key]);
    await expect(sign('no-colon')).rejects.toMatchObject({ code: 'commander.invalidArgument' });
    await expect(sign(`s:${file('absent')}`)).rejects.toMatchObject({ code: 'MB_CLI_FILE' });
  });
});
