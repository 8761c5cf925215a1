import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, signMessage } from '@mb/dkim';
import { composeMessage, type Message } from '@mb/mime';
import { type DnsServer, startDnsServer } from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mb } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

let folder: string;
let dns: DnsServer;
let privateKey: string;

const MESSAGE: Message = {
  from: 'Ann <ann@example.com>',
  to: 'bob@example.org',
  subject: 'Grüße',
  text: 'Hello',
  html: '<p>Hello</p>',
  list: { unsubscribe: ['https://example.com/leave'], oneClick: true },
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mb-message-'));
  const key = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  privateKey = key.privateKey;
  const published = { 's1._domainkey': { TXT: key.dnsRecord } };
  dns = await startDnsServer({
    zones: {
      'example.com': {
        records: {
          ...published,
          '@': { TXT: 'v=spf1 ip4:192.0.2.25 -all' },
          _dmarc: { TXT: 'v=DMARC1; p=reject' },
        },
      },
      'example.net': { records: published },
      'example.org': { records: {} },
    },
  });
});

afterAll(async () => {
  await dns.close();
  rmSync(folder, { recursive: true });
});

/** A file below the test's folder, named after what it holds. */
function file(content: string | Uint8Array): string {
  const path = join(folder, `${createHash('sha256').update(content).digest('hex').slice(0, 16)}.eml`);
  writeFileSync(path, content);
  return path;
}

async function compose(message: Message, signer?: string): Promise<string> {
  const octets = await composeMessage(message).bytes();
  if (signer === undefined) return file(octets);
  const field = await signMessage(octets, { domain: signer, selector: 's1', privateKey });
  return file(Buffer.concat([Buffer.from(field), octets]));
}

const message = (...args: string[]) => mb(['message', ...args], { env: { MB_RESOLVER: dns.server } });

describe('mb message show', () => {
  it('shows the tree with types, encodings and sizes, and who vouches for the message', async () => {
    const withFile: Message = {
      ...MESSAGE,
      attachments: [{ filename: 'a.bin', content: new Uint8Array(1000), contentType: 'application/x-a' }],
    };
    const run = await message('show', await compose(withFile, 'example.com'));
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toMatch(
      /^From: +Ann <ann@example\.com>\n[\s\S]*\nSubject: +Grüße\nSize: +\d+ octets\n/,
    );
    expect(run.stdout).toContain(
      [
        'multipart/mixed',
        '├ 1 multipart/alternative',
        '│ ├ 1.1 text/plain  utf-8, 7bit, 5 octets',
        '│ └ 1.2 text/html  utf-8, 7bit, 12 octets',
        '└ 2 application/x-a  base64, 1000 octets, attachment, "a.bin"',
      ].join('\n'),
    );
    expect(run.stdout).toMatch(/\ndkim=pass\n {4}example\.com s1: /);
    expect(run.stdout).toMatch(/\ndmarc=pass\n {4}DKIM passed for example\.com/);
    expect(run.stdout).not.toContain('spf=');
  });

  it('AUTHOR-03 lets no stranger pass whose address is before the angle brackets', async () => {
    const octets = Buffer.from(
      'From: joe@example.net <ceo@example.com>\r\nTo: bob@example.org\r\n\r\nhi\r\n',
    );
    const field = await signMessage(octets, { domain: 'example.net', selector: 's1', privateKey });
    const path = file(Buffer.concat([Buffer.from(field), octets]));
    const { authentication } = JSON.parse((await message('show', path, '--json')).stdout);
    expect(authentication).toMatchObject({
      dkim: { status: 'pass' },
      author: { status: 'none', reason: 'ambiguous' },
      dmarc: { result: 'fail', disposition: 'reject' },
    });
    expect((await message('lint', path)).stdout).toMatch(/✗ alignment: /);
  });

  it('checks SPF for the session that it is told', async () => {
    const path = file('Return-Path: <ann@example.com>\nFrom: ann@example.com\n\nHi\n');
    const good = await message('show', path, '--ip', '192.0.2.25');
    expect(good.stdout).toContain('spf=pass');
    const data = JSON.parse((await message('show', path, '--ip', '192.0.2.26', '--json')).stdout);
    expect(data.authentication).toMatchObject({
      dkim: { status: 'none' },
      spf: { result: 'fail' },
      dmarc: { result: 'fail', disposition: 'reject' },
    });
    const other = await message('show', path, '--ip', '192.0.2.25', '--mail-from', 'x@example.org');
    expect(other.stdout).toContain('spf=none');
  });

  it('tells defects, by part, with exit code 1; and lets nothing drive the terminal', async () => {
    const inner = 'Content-Type: text/plain; charset=x-none\r\n\r\nH\xff\r\n';
    const odd = `From: \x1b[31m <a@example.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${inner}`;
    const run = await mb(['message', 'show', '-', '--no-dns'], { input: Buffer.from(odd, 'latin1') });
    expect([run.exitCode, run.stderr]).toEqual([1, '']);
    expect(run.stdout).toContain('defect  multipart-unterminated\n');
    expect(run.stdout).not.toContain('\x1b');
    expect(run.stdout).not.toContain('dkim=');
    const data = JSON.parse(
      (await mb(['message', 'show', '--no-dns', '--json'], { input: Buffer.from(odd, 'latin1') })).stdout,
    );
    expect(data).toMatchObject({ root: { parts: [{ path: '1', charset: 'x-none', encoding: '7bit' }] } });
    expect(data.authentication).toBeUndefined();
  });

  it('says which file it cannot read', async () => {
    const run = await message('show', join(folder, 'none.eml'));
    expect([run.exitCode, run.stderr]).toEqual([64, expect.stringContaining('there is no such file')]);
  });

  it.skipIf(process.platform !== 'linux')('keeps to the columns of a narrow terminal', async () => {
    const path = await compose({ ...MESSAGE, subject: 'many words '.repeat(12) }, 'example.com');
    const output = await onTerminal(`message show ${path}`, { MB_RESOLVER: dns.server });
    expect(output).toMatch(/dkim=\x1b\[32mpass/);
    for (const line of screen(output).split('\n')) {
      if (!/Message-ID|<.*@/.test(line)) expect(line.length).toBeLessThanOrEqual(48);
    }
  });
});

describe('mb message lint', () => {
  it('finds nothing wrong with a signed newsletter that can be left by one click', async () => {
    const run = await message('lint', await compose(MESSAGE, 'example.com'));
    expect(run.stdout).not.toMatch(/[✗!]/);
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toMatch(/\n0 errors, 0 warnings, \d+ passed\n$/);
  });

  it('asks for a signature of the domain of From', async () => {
    const unsigned = await message('lint', await compose(MESSAGE));
    expect([unsigned.exitCode, unsigned.stdout]).toEqual([
      2,
      expect.stringContaining('✗ dkim: The message is not signed.'),
    ]);
    const foreign = await message('lint', await compose(MESSAGE, 'example.net'));
    expect(foreign.exitCode).toBe(2);
    expect(foreign.stdout).toMatch(/✗ alignment: example\.net signed, but the author is of example\.com\./);
    const broken = await message('lint', await compose(MESSAGE, 'example.org'));
    expect(broken.stdout).toContain('✗ dkim: No signature verifies.');
    const noPolicy = await message(
      'lint',
      await compose({ ...MESSAGE, from: 'a@example.net' }, 'example.net'),
    );
    expect([noPolicy.exitCode, noPolicy.stdout]).toEqual([
      1,
      expect.stringMatching(/! alignment: example\.net publishes no DMARC policy/),
    ]);
  });

  it('asks for one-click unsubscribe, signed, unless the mail is transactional', async () => {
    const { list: _, ...plain } = MESSAGE;
    const path = await compose(plain, 'example.com');
    expect((await message('lint', path)).stdout).toContain('✗ unsubscribe: There is no List-Unsubscribe');
    expect((await message('lint', path, '--transactional')).exitCode).toBe(0);
    const byMail = await compose({ ...plain, list: { unsubscribe: ['mailto:leave@example.com'] } });
    expect((await message('lint', byMail, '--no-dns')).stdout).toContain('no https URI');
    const noPost = await compose({ ...plain, list: { unsubscribe: ['https://example.com/leave'] } });
    expect((await message('lint', noPost, '--no-dns')).stdout).toContain('List-Unsubscribe=One-Click');
    const octets = await composeMessage(plain).bytes();
    const field = await signMessage(octets, {
      domain: 'example.com',
      selector: 's1',
      privateKey,
      headers: ['from', 'subject'],
      oversign: [],
    });
    const added =
      'List-Unsubscribe: <https://example.com/leave>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';
    const unsigned = file(Buffer.concat([Buffer.from(field + added), octets]));
    expect((await message('lint', unsigned)).stdout).toMatch(
      /No valid signature covers\s+list-unsubscribe\s+and\s+list-unsubscribe-post/,
    );
  });

  it.concurrent.for([
    ['To: b@example.org\n\nHi', ['from: There is no From', 'date: There is no', 'message-id: There is no']],
    ['From: a@example.com\nFrom: b@example.com\n\nHi', ['several From fields']],
    ['From: a@localhost\n\nHi', ['a@localhost cannot receive answers']],
    ['From: a@example.com\nDate: soon\n\nHi', ['Date cannot be read']],
    ['From: a@example.com\nDate: 1 Jan 2020 00:00:00 +0000\n\nHi', ['! date: Date is ']],
    ['From: a@example.com\nMessage-ID: 17\n\nHi', ['not one identifier']],
    ['From: a@example.com\nBcc: eve@example.org\n\nHi', ['Bcc field is still in the message']],
    ['From: a@example.com\nSubject: x\nSubject: y\n\nHi', ['Subject appears 2 times']],
    ['From: a@example.com\n\n', ['! text: The body is empty', '! subject:', '! recipients:']],
    [`From: a@example.com\n\n${'x'.repeat(998)}\n${'y'.repeat(999)}\n`, ['Line 4 is longer']],
    [
      'From: a@example.com\nContent-Type: text/html\n\n<p>Hi',
      ['! text: The HTML has no plain text alternative'],
    ],
    [`From: a@example.com\nContent-Type: text/html\n\n${'<p>Hi\n'.repeat(20_000)}`, ['Gmail hides']],
    [`From: a@example.com\n\n${'Hi\n'.repeat(9_000_000)}`, ['✗ size: The message has 25.7 MiB.']],
    [
      'From: a@example.com\nContent-Type: application/x\nContent-Disposition: attachment; filename=a.EXE\n\nHi',
      ['✗ attachments: Large receivers refuse files such as "a.EXE".'],
    ],
    ['From: a@example.com\nContent-Type: multipart/mixed\n\nHi', ['✗ mime:', 'multipart-without-boundary']],
  ] as const)('%#: finds $1', async ([text, words]) => {
    const run = await mb(['message', 'lint', file(text), '--no-dns']);
    for (const one of words) expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(one);
    expect([1, 2]).toContain(run.exitCode);
  });

  it('is one object with --json', async () => {
    const run = await message('lint', await compose(MESSAGE, 'example.com'), '--json');
    const { exitCode, findings } = JSON.parse(run.stdout);
    expect(exitCode).toBe(0);
    expect(findings.map((one: { check: string }) => one.check)).toEqual(
      expect.arrayContaining(['dkim', 'alignment', 'from', 'unsubscribe', 'lines', 'size', 'text']),
    );
  });
});
