import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyMessage } from '@mb/dkim';
import { startSmtpHost } from '@mb/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { mb } from './mb.ts';

const folder = mkdtempSync(join(tmpdir(), 'mb-streaming-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `MB_STREAM_MEBIBYTES=1024` for a long run. */
const mebibytes = Number(process.env.MB_STREAM_MEBIBYTES ?? 112);
const mebibyte = 1024 * 1024;
/** What the collector leaves lying about; the larger message alone is more. In KiB. */
const slack = 64 * 1024;

const pem = join(folder, 'key.pem');
const keys = generateKeyPairSync('ed25519');
writeFileSync(pem, keys.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });

/** A message with LF line ends of about this many octets. */
function makeMessage(size: number): string {
  const path = join(folder, `${size}.eml`);
  const file = openSync(path, 'w');
  writeSync(file, 'From: ann@example.com\nTo: bob@example.org\nSubject: large\n\n');
  const block = `${'x'.repeat(75)}\n`.repeat(10_000);
  for (let written = 0; written < size; written += block.length) writeSync(file, block);
  closeSync(file);
  return path;
}

const smallMessage = makeMessage(16 * mebibyte);
const largeMessage = makeMessage(mebibytes * mebibyte);

const tellMemory =
  '--import=data:text/javascript,process.on("exit",()=>process.stderr.write("maxRSS=".concat(process.resourceUsage().maxRSS)))';

/** Runs mb; returns a digest of what it printed, and the most memory that it used, in KiB. */
async function measure(args: readonly string[], input?: string) {
  const child = spawn(
    process.execPath,
    ['--conditions=@mb/source', tellMemory, join(import.meta.dirname, '../src/index.ts'), ...args],
    { stdio: [input === undefined ? 'ignore' : openSync(input, 'r'), 'pipe', 'pipe'] },
  );
  const hash = createHash('sha256');
  let size = 0;
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    size += chunk.length;
  });
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  const maxRss = Number(/maxRSS=(\d+)/.exec(said)?.[1]);
  return { exitCode, said, size, digest: hash.digest('hex'), maxRss };
}

const sign = ['dkim', 'sign', '--domain', 'example.com', '--key', `s:${pem}`];

describe('SAFE-30 messages of any size go through in constant memory', () => {
  it('mb dkim sign, from a file and from standard input', { timeout: 600_000 }, async () => {
    const small = await measure([...sign, smallMessage]);
    const path = largeMessage;
    const large = await measure([...sign, path]);
    const piped = await measure([...sign, '-'], path);
    expect([small.exitCode, large.exitCode, piped.exitCode], large.said).toEqual([0, 0, 0]);
    expect(large.size).toBeGreaterThan(mebibytes * mebibyte);
    expect(piped.size).toBe(large.size);
    for (const { maxRss } of [large, piped]) expect(maxRss - small.maxRss).toBeLessThan(slack);
  });

  it('mb dkim verify', { timeout: 600_000 }, async () => {
    const lookUp = ['--resolver', '127.0.0.1:1'];
    const small = await measure(['dkim', 'verify', smallMessage, ...lookUp]);
    const large = await measure(['dkim', 'verify', largeMessage, ...lookUp]);
    expect([small.exitCode, large.exitCode], large.said).toEqual([1, 1]);
    expect(large.maxRss - small.maxRss).toBeLessThan(slack);
  });

  it('mb send --eml', { timeout: 600_000 }, async () => {
    const host = await startSmtpHost({
      hostname: 'mx.example.org',
      keywords: ['PIPELINING', '8BITMIME', 'CHUNKING', 'SIZE 2000000000'],
      keepOctets: false,
    });
    try {
      const send = (path: string) =>
        measure(['--no-config', 'send', '--eml', path, '--dev', `${host.address}:${host.port}`, '--quiet']);
      const small = await send(smallMessage);
      const large = await send(largeMessage);
      expect([small.exitCode, large.exitCode], large.said).toEqual([0, 0]);
      expect(large.maxRss - small.maxRss).toBeLessThan(slack);
      expect(host.messages).toHaveLength(2);
    } finally {
      await host.close();
    }
  });

  it('what is signed is what is printed, octet for octet', async () => {
    const body = 'a\nb\r\nc\rd\n\n';
    const path = join(folder, 'small.eml');
    writeFileSync(path, `From: ann@example.com\nSubject: x\n\n${body}`);
    const { stdout, exitCode } = await mb([...sign, path]);
    expect(exitCode).toBe(0);
    expect(stdout.endsWith('\r\nFrom: ann@example.com\r\nSubject: x\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\n')).toBe(
      true,
    );
    const record = `v=DKIM1; k=ed25519; p=${keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
    const outcome = await verifyMessage(Buffer.from(stdout, 'latin1'), {
      resolveTxt: async () => [[record]],
    });
    expect(outcome.status).toBe('pass');
  });
});

describe('SAFE-31 SAFE-80 a lone CR in the header of a message is refused by every command that signs or sends it', () => {
  const forged =
    'From: ann@example.com\r\nSubject: x\rFrom: ceo@example.net\r\nTo: bob@example.org\r\n\r\nbody\r\n';
  it.each([
    ['mb dkim sign', [...sign, '-']],
    ['mb send --eml', ['--no-config', 'send', '--eml', '-', '--dev', '127.0.0.1:9']],
    ['mb send --queue', ['--no-config', 'send', '--eml', '-', '--queue', '--store', join(folder, 'q.db')]],
  ])('%s', async (_, args) => {
    for (const input of [forged, forged.replaceAll('\r\n', '\n')]) {
      const { exitCode, stdout, stderr } = await mb(args, { input });
      expect([exitCode, stdout], stderr).toEqual([64, '']);
      expect(stderr).toMatch(/carriage return|CR/);
    }
  });

  it('mb message lint names it, and mb message show lists it as a defect', async () => {
    const path = join(folder, 'forged.eml');
    writeFileSync(path, forged);
    const lint = await mb(['message', 'lint', '--no-dns', path]);
    expect(lint.exitCode).not.toBe(0);
    expect(lint.stdout).toContain('header-line-break');
    const show = await mb(['message', 'show', '--no-dns', path]);
    expect(show.exitCode).toBe(1);
    expect(readFileSync(path, 'latin1')).toBe(forged);
  });
});

it('SAFE-32 a file without an end is refused where it is read into memory', {
  timeout: 120_000,
}, async () => {
  const { exitCode, stderr } = await mb(
    ['dkim', 'sign', '-', '--domain', 'example.com', '--key', 's:/dev/zero'],
    {
      input: 'From: ann@example.com\r\n\r\n',
    },
  );
  expect([exitCode, stderr]).toEqual([64, expect.stringContaining('more than')]);
});
