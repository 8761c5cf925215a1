import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const folder = import.meta.dirname;

const WITH_THE_TRANSACTION =
  /^after a commit: 1 message\n(?:The card was refused\.\n)?after a rollback: 1 message$/m;

/** What the output of each example holds. */
const EXPECTED: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  'compose.ts': [
    "to: [ 'alice@example.org', 'archive@example.com' ]",
    /^From: =\?UTF-8\?Q\?Zo=C3=AB_M=C3=BCller\?= <zoe@example.com>\r?$/m,
    // Bcc is no field: the name is only in the envelope.
    /^(?![\s\S]*^Bcc)/m,
    "filename*=utf-8''M%C3%A4rz.csv",
    'bW9udGg7c3VtCjM7NDIK',
  ],
  'sign.ts': [
    'r2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=',
    'e2026._domainkey.example.com. IN TXT "v=DKIM1; k=ed25519; p=',
    /^DKIM-Signature: v=1; a=rsa-sha256;/m,
    /^DKIM-Signature: v=1; a=ed25519-sha256;/m,
  ],
  'verify.ts': [/^pass: s1\._domainkey\.example\.com/m, /^fail: .* body-hash-mismatch$/m],
  'mail-route.ts': [
    'example.org: mx.example.org 198.51.100.1 2001:db8::1, then backup.example.org 198.51.100.2',
    'example.net: permanent',
    'nothing.test: permanent',
  ],
  'spf.ts': ['198.51.100.7: pass', '203.0.113.7: fail'],
  'deliver.ts': [
    'alice@example.org delivered 250',
    'nobody@example.org failed 550 5.1.1 No such mailbox',
    /^\.A line with a dot\.\r?$/m,
  ],
  'enqueue-pg.ts': [WITH_THE_TRANSACTION],
  'enqueue-kysely.ts': [WITH_THE_TRANSACTION],
  'enqueue-drizzle.ts': [WITH_THE_TRANSACTION],
  'enqueue-prisma.ts': [WITH_THE_TRANSACTION],
  'smtp-message-port.ts': ["[ 'delivered', 'failed' ]"],
  'nodemailer.ts': ['accepted: bob@example.org, carol@example.org', 'carol@example.org: delivered'],
  'express.ts': [
    'bob@example.org: 202',
    'not an address: 400',
    'link: https://app.example.com/reset?token=1',
  ],
  'fastify.ts': [/^202 \{ id: '\d+', duplicate: true \}$/m, 'code: 123456'],
  'hono.ts': ['202', 'Welcome, <b>Bob</b>', 'Hello &#60;b&#62;Bob&#60;/b&#62;,'],
  'next-route.ts': ['202', 'code: 123456'],
  'nestjs.ts': [/^queued: \d+$/m, 'code: 123456'],
  'send.ts': ['alice@example.org: delivered', 'bob@gone.test: failed The domain gone.test does not exist.'],
};

const files = readdirSync(folder).filter((name) => /^[\w-]+\.ts$/.test(name) && !name.endsWith('.config.ts'));

it.for(files)('%s runs and shows what it says', async (file) => {
  const output = await run(file);
  expect(output.trim()).not.toBe('');
  for (const part of EXPECTED[file] ?? []) expect(output).toMatch(part);
});

it('expects output of no example that is gone', () => {
  expect(Object.keys(EXPECTED).filter((name) => !files.includes(name))).toEqual([]);
});

it('demo delivers to both servers, passes everywhere, and names what it saved', async () => {
  const output = await run('demo/main.ts');
  expect(output).toMatch(/← 220 Ready to start TLS\n[\s\S]*→ MAIL FROM:<zoe@example\.com>/);
  expect(output.match(/✓ \w+@\w+\.test delivered/g)).toHaveLength(2);
  expect(output.match(/TLSv1\.3 \w+, certificate verified/g)).toHaveLength(2);
  for (const check of ['SPF', 'DKIM', 'DMARC']) {
    expect(output.match(new RegExp(`^  ${check} +PASS`, 'gm'))).toHaveLength(2);
  }
  expect(output).toMatch(/message \d+, by HTTP\n(?:.*\n)*? +\d+ ms delivered ann@north\.test/);
  expect(output).toMatch(/message \d+, by SMTP submission\n(?:.*\n)*? +\d+ ms delivered bob@south\.test/);
  // No colour where the output is not a terminal.
  expect(output).not.toContain('\x1b');
  const saved = [...output.matchAll(/Saved +(\S+) \((\d+) octets\)/g)];
  expect(saved).toHaveLength(2);
  for (const [, file = '', size] of saved) {
    const octets = readFileSync(join(folder, file));
    expect(octets.length).toBe(Number(size));
    expect(octets.toString()).toMatch(/^DKIM-Signature: /);
  }
});

/** Runs an example as a reader would; rejects when it exits with an error. */
async function run(file: string): Promise<string> {
  // The test runner asks for colour; a reader who pipes does not.
  const { FORCE_COLOR: _, ...env } = process.env;
  const NODE_COMPILE_CACHE = join(tmpdir(), 'mb-examples-compile-cache');
  const options = { cwd: folder, timeout: 55_000, env: { ...env, NODE_COMPILE_CACHE } };
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@mb/source', file], options);
  return stdout;
}
