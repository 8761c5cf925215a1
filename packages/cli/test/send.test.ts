import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, verifyMessage } from '@mb/dkim';
import { parseMessage } from '@mb/mime';
import {
  createCertificateAuthority,
  type DnsServer,
  type SmtpHost,
  type SmtpScript,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mb, type RunOptions } from './mb.ts';

const SCRIPT: SmtpScript = {
  recipients: {
    'full@example.org': '452 4.2.2 Mailbox full, come again',
    'nobody@example.org': '550-5.1.1 No such mailbox\n550 5.1.1 Ask the postmaster',
  },
};
const FROM = ['--from', 'Ann <ann@example.com>'];
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let folder: string;
let host: SmtpHost;
let dns: DnsServer;
let authority: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mb-cli-'));
  const ca = await createCertificateAuthority();
  authority = ca.root;
  const { key, cert } = await ca.issue({ names: ['mx.example.org'] });
  host = await startSmtpHost({ hostname: 'mx.example.org', tls: { key, cert }, script: SCRIPT });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records }, 'example.com': { records: {} } } });
});

beforeEach(() => {
  host.messages.length = 0;
});

afterEach(() => {
  host.setScript(SCRIPT);
});

afterAll(async () => {
  await host.close();
  await dns.close();
  rmSync(folder, { recursive: true });
});

/** A file below the test's folder. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** `mb send` against the lab. */
function send(args: readonly string[], { env, ...options }: RunOptions = {}) {
  const lab = {
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
  };
  return mb(['send', ...args], { env: { ...lab, ...env }, ...options });
}

const received = () => parseMessage(host.messages[0]!.content);

describe('mb send', () => {
  it('sends a body from standard input and prints a receipt', async () => {
    const run = await send([...FROM, '-t', 'bob@example.org', '-s', 'Grüße 📈'], { input: 'Hello Bob\n' });
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/^✓ bob@example\.org {2}delivered\n {4}mx\.example\.org at 127\.0\.0\.1:\d+/);
    expect(run.stdout).toMatch(/TLSv1\.3 \w+,\s+certificate\s+not verified/);
    expect(run.stdout).toContain('    250 2.0.0 Message accepted\n');
    expect(run.stdout).toMatch(/\n1 delivered\nMessage-ID <\S+@example\.com>\n$/);
    expect(run.stderr).toContain('not signed');
    const message = await received();
    expect(message.headers.get('Subject')).toContain('=?');
    expect(message.text).toBe('Hello Bob\n');
    expect(host.sessions.at(-1)?.clientName).toBe('mail.example.com');
  });

  it('says the truth about each recipient, in order, and exits with the gravest', async () => {
    const to = ['-t', 'bob@example.org, full@example.org', '-c', 'nobody@example.org', '-b', 'x@gone.test'];
    const run = await send([...FROM, ...to, '--text', 'Hi', '--json']);
    expect(run.exitCode).toBe(2);
    const result = JSON.parse(run.stdout);
    expect(result).toMatchObject({ exitCode: 2, counts: { delivered: 1, deferred: 1, failed: 2 } });
    expect(result.recipients).toMatchObject([
      { recipient: 'bob@example.org', status: 'delivered', reply: { code: 250 }, host: 'mx.example.org' },
      { recipient: 'full@example.org', status: 'deferred', category: 'mailbox-full', reply: { code: 452 } },
      {
        recipient: 'nobody@example.org',
        status: 'failed',
        category: 'bad-mailbox',
        reply: { enhanced: '5.1.1' },
      },
      { recipient: 'x@gone.test', status: 'failed', category: 'bad-domain', stage: 'route' },
    ]);
    expect(run.stdout).not.toContain('transcript');
    expect(run.stderr).toBe('');
    const receipt = await send([...FROM, '-t', 'nobody@example.org', '--text', 'Hi']);
    expect(receipt.stdout).toContain(
      '    550 5.1.1 No such mailbox\n    5.1.1 Ask the postmaster\n    Not delivered. Trying again does not help. (bad-mailbox, 5.1.1, at rcpt)\n',
    );
  });

  it('has exit codes of their own for deferred and unknown', async () => {
    expect((await send([...FROM, '-t', 'full@example.org', '--text', 'Hi', '-q'])).exitCode).toBe(1);
    host.setScript({ content: { after: 'reset' } });
    const run = await send([...FROM, '-t', 'bob@example.org', '--text', 'Hi']);
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toMatch(
      /^\? bob@example\.org {2}unknown\n[\s\S]* {4}Possibly delivered\. Sending again may deliver it twice\.\n/,
    );
  });

  it('has flags for every field', async () => {
    const page = file('page.html', '<p>Hi <img src="cid:dot.png"><img src="cid:second"></p>');
    const run = await send([
      ...['-f', 'Ann <ann@example.com>, Ben <ben@example.com>', '--sender', 'ann@example.com'],
      ...['-t', 'bob@example.org', '-t', '"Doe, Jane" <jane@example.org>', '-c', 'team: cy@example.org;'],
      ...['-b', 'secret@example.org', '--reply-to', 'office@example.com', '-s', 'All'],
      ...['--text', 'plain', '--html-file', page, '-a', file('März.csv', 'a;b\n')],
      ...['--inline', file('dot.png', PNG), '--inline', `${file('two.png', PNG)}=second`],
      ...[
        '--alternative',
        `text/calendar; method=REQUEST:${file('i.ics', 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n')}`,
      ],
      ...[
        '-H',
        'X-Campaign: spring: 1',
        '--message-id',
        '<fixed@example.com>',
        '--in-reply-to',
        '<a@example.org>',
      ],
      ...[
        '--references',
        '<a@example.org>',
        '--references',
        '<b@example.org>',
        '--date',
        '2026-01-02T03:04:05Z',
      ],
      ...['--priority', 'high', '--auto-submitted', 'auto-generated'],
      ...['--unsubscribe', 'https://example.com/u/1', '--unsubscribe', 'mailto:u@example.com', '--one-click'],
      ...['--envelope-from', 'bounces@example.com', '--json'],
    ]);
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout)).toMatchObject({ exitCode: 0, messageId: '<fixed@example.com>' });
    const [{ from, recipients, content } = host.messages[0]!] = host.messages;
    expect(from).toBe('bounces@example.com');
    const expected = ['bob@example.org', 'jane@example.org', 'cy@example.org', 'secret@example.org'];
    expect(recipients.map(({ address }) => address)).toEqual(expected);
    const { headers, text, html, attachments } = await received();
    expect(content.toString()).not.toContain('secret@');
    expect(headers.get('From')).toBe('Ann <ann@example.com>, Ben <ben@example.com>');
    expect(headers.get('Sender')).toBe('ann@example.com');
    expect(headers.get('To')).toContain('"Doe, Jane" <jane@example.org>');
    expect(headers.get('Cc')).toBe('team: cy@example.org;');
    expect(headers.get('Reply-To')).toBe('office@example.com');
    expect(headers.get('X-Campaign')).toBe('spring: 1');
    expect(headers.get('Message-ID')).toBe('<fixed@example.com>');
    expect(headers.get('In-Reply-To')).toBe('<a@example.org>');
    expect(headers.get('References')).toBe('<a@example.org> <b@example.org>');
    expect(headers.get('Auto-Submitted')).toBe('auto-generated');
    expect(headers.get('List-Unsubscribe')).toBe('<https://example.com/u/1>, <mailto:u@example.com>');
    expect(headers.get('List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
    expect(headers.get('Date')).toBe('Fri, 02 Jan 2026 03:04:05 +0000');
    expect([text, html]).toEqual(['plain', '<p>Hi <img src="cid:dot.png"><img src="cid:second"></p>']);
    expect(content.toString()).toContain('Content-Type: text/calendar; method=REQUEST');
    expect(attachments.map((part) => part.filename)).toContain('März.csv');
    for (const id of ['dot.png', 'second']) expect(content.toString()).toContain(`Content-ID: <${id}>`);
  });

  it('signs with a key file, and warns when others may read it', async () => {
    const key = await generateKeyPair({ domain: 'example.com', selector: 's1' });
    const path = file('dkim.pem', key.privateKey);
    const args = [
      ...FROM,
      '-t',
      'bob@example.org',
      '--text',
      'Hi',
      '--dkim-key',
      path,
      '--dkim-selector',
      's1',
    ];
    dns.setRecords('example.com', 's1._domainkey', { TXT: key.dnsRecord });
    chmodSync(path, 0o644);
    const open = await send(args);
    expect(open.stderr).toContain(`chmod 600 ${path}`);
    expect(open.stderr).not.toContain('not signed');
    chmodSync(path, 0o600);
    const closed = await send(args);
    expect([closed.exitCode, closed.stderr]).toEqual([0, '']);
    for (const { content } of host.messages) {
      const { status } = await verifyMessage(content, { resolveTxt: async () => [[key.dnsRecord]] });
      expect(status).toBe('pass');
    }
    const env = { MB_DKIM_KEY: key.privateKey, MB_DKIM_SELECTOR: 's1' };
    expect((await send([...FROM, '-t', 'bob@example.org', '--text', 'Hi'], { env })).stderr).toBe('');
    expect(host.messages.at(-1)?.content.toString()).toMatch(/^DKIM-Signature: /);
    // A key that DNS does not know: receivers will find the signature worthless.
    dns.setRecords('example.com', 's1._domainkey', {});
    const unpublished = await send([...FROM, '-t', 'bob@example.org', '--text', 'Hi'], { env });
    expect(unpublished.stderr).toMatch(/^warning: DKIM key s1\._domainkey\.example\.com: /);
    expect(unpublished.exitCode).toBe(0);
  });

  it('prints the plan of a dry run and connects to no host', async () => {
    const before = host.sessions.length;
    const to = ['-t', 'bob@example.org'];
    const run = await send([...FROM, ...to, '--text', 'Hi', '--dry-run']);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(
      /example\.org: bob@example\.org \(by mx, SMTP port \d+\)\n {2}1\. mx\.example\.org \(10\)/,
    );
    const gone = await send([...FROM, ...to, '-t', 'x@gone.test', '--text', 'Hi', '--dry-run', '--json']);
    expect(gone.exitCode).toBe(2);
    expect(JSON.parse(gone.stdout)).toMatchObject({
      exitCode: 2,
      deliveries: [{ hosts: [{ name: 'mx.example.org' }] }, { hosts: [], failure: { status: 'permanent' } }],
    });
    expect(host.sessions.length).toBe(before);
  });

  it('never sends unsigned what was to be signed', async () => {
    const to = [...FROM, '-t', 'bob@example.org', '--text', 'Hi'];
    for (const [args, words] of [
      [['--dkim-selector', 's1'], '--dkim-key FILE'],
      [['--dkim-key', file('any.pem', 'x')], '--dkim-selector NAME'],
      [['--dkim-key', file('bad.pem', 'no key'), '--dkim-selector', 's1'], 'MB_DKIM_KEY'],
      [['--dkim-key', '/nowhere.pem', '--dkim-selector', 's1'], 'there is no such file'],
    ] as const) {
      const run = await send([...to, ...args]);
      expect([run.exitCode, run.stdout]).toEqual([64, '']);
      expect(run.stderr).toContain(words);
    }
    const { privateKey } = await generateKeyPair({
      domain: 'example.net',
      selector: 's1',
      algorithm: 'ed25519-sha256',
    });
    const other = [
      '--dkim-key',
      file('other.pem', privateKey),
      '--dkim-selector',
      's1',
      '--dkim-domain',
      'example.net',
    ];
    expect((await send([...to, ...other])).exitCode).toBe(64);
    expect(host.messages).toEqual([]);
  });

  it('asks of TLS what it is told', async () => {
    const args = [...FROM, '-t', 'bob@example.org', '--text', 'Hi', '--tls', 'verified'];
    const refused = await send(args);
    expect([refused.exitCode, host.messages.length]).toEqual([1, 0]);
    const trusted = await send([...args, '--ca', file('ca.pem', authority)]);
    expect(trusted.exitCode).toBe(0);
    expect(trusted.stdout).toMatch(/verified\s+by\s+pkix/);
  });

  it('goes through a relay with a password from the environment, never from a flag', async () => {
    const ca = await createCertificateAuthority();
    const { key, cert } = await ca.issue({ names: ['127.0.0.1'] });
    await using relay = await startSmtpHost({ tls: { key, cert }, auth: { users: { ann: 'sesame' } } });
    const url = `${relay.address}:${relay.port}`;
    const args = [...FROM, '-t', 'bob@far.test', '--text', 'Hi'];
    const trusted = ['--ca', file('relay.pem', ca.root)];
    const env = { MB_RELAY_USER: 'ann', MB_RELAY_PASSWORD: 'sesame' };
    const untrusted = await send([...args, '--relay', url], { env });
    expect([untrusted.exitCode, relay.sessions.some(({ user }) => user)]).toEqual([1, false]);
    const run = await send([...args, '--relay', url, ...trusted], { env });
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('bob@far.test  delivered') });
    expect(relay.sessions.at(-1)).toMatchObject({ user: 'ann', tls: { protocol: 'TLSv1.3' } });
    for (const [relayFlag, words, extra] of [
      ['smtp://ann:sesame@relay.example.net', 'MB_RELAY_PASSWORD', {}],
      ['relay.example.net/x', 'relay.example.net:587', {}],
      [url, 'Set both MB_RELAY_USER', { MB_RELAY_USER: 'ann' }],
    ] as const) {
      const wrong = await send([...args, '--relay', relayFlag], { env: extra });
      expect([wrong.exitCode, wrong.stderr]).toEqual([64, expect.stringContaining(words)]);
      expect(wrong.stderr).not.toContain('sesame');
    }
  });

  it('connects from the address that it is told, and keeps REQUIRETLS', async () => {
    const args = [...FROM, '-t', 'bob@example.org', '--text', 'Hi'];
    expect((await send([...args, '--local-address', '127.0.0.77'])).exitCode).toBe(0);
    expect(host.sessions.at(-1)?.remoteAddress).toBe('127.0.0.77');
    const required = await send([...args, '--require-tls', '--ca', file('ca.pem', authority)]);
    expect(required.exitCode).not.toBe(0);
    expect(required.stdout).toContain('REQUIRETLS');
  });

  it('shows the sessions as they happen', async () => {
    const run = await send([...FROM, '-t', 'bob@example.org', '--text', 'secret words', '--watch']);
    expect(run.stderr).toMatch(/mx\.example\.org ← 220 mx\.example\.org ESMTP\n/);
    expect(run.stderr).toMatch(/→ RCPT TO:<bob@example\.org>/);
    expect(run.stderr).not.toContain('secret words');
    const json = await send([...FROM, '-t', 'bob@example.org', '--text', 'Hi', '--watch', '--json']);
    expect(JSON.parse(json.stdout).recipients[0].transcript.length).toBeGreaterThan(5);
  });

  it('gives up after the time it is given, and on Ctrl-C, with a truthful receipt', async () => {
    host.setScript({ ehlo: { after: 'hang' } });
    const args = [...FROM, '-t', 'bob@example.org', '--text', 'Hi'];
    const late = await send([...args, '--timeout', '1']);
    expect(late.exitCode).toBe(1);
    expect(late.stdout).toContain('… bob@example.org  deferred');
    const before = host.sessions.length;
    const interrupted = await send(args, {
      during: async (child) => {
        await host.until(() => host.sessions.length > before, 15_000);
        await host.until(() => host.sessions.at(-1)!.events.at(-1)!.kind === 'host-hung');
        child.kill('SIGINT');
      },
    });
    expect(interrupted.exitCode).toBe(1);
    expect(interrupted.stdout).toContain('… bob@example.org  deferred');
  });
});

describe('mb send --eml', () => {
  const EML =
    'From: Ann <ann@example.com>\nTo: bob@example.org\nBcc: eve@example.org\nSubject: x\nMessage-ID: <e@example.com>\n\nHi\n';

  it('takes the envelope from the header and leaves Bcc out', async () => {
    const run = await send(['--eml', file('m.eml', EML)]);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain('2 delivered\nMessage-ID <e@example.com>');
    expect(host.messages[0]?.from).toBe('ann@example.com');
    expect(host.messages[0]?.recipients.map(({ address }) => address)).toEqual([
      'bob@example.org',
      'eve@example.org',
    ]);
    expect(host.messages[0]?.content.toString()).toBe(
      EML.replace('Bcc: eve@example.org\n', '').replaceAll('\n', '\r\n'),
    );
  });

  it('takes the envelope from flags and the message from standard input', async () => {
    const env = { MB_FROM: 'other@example.com' };
    const envelope = ['--envelope-from', '', '--envelope-to', 'Zed <zed@example.org>'];
    const run = await send(['--eml', '-', ...envelope], { input: EML, env });
    expect(run.exitCode).toBe(0);
    expect(host.messages[0]).toMatchObject({ from: '', recipients: [{ address: 'zed@example.org' }] });
  });

  it('refuses what contradicts it or is no message', async () => {
    const path = file('m.eml', EML);
    for (const [args, words] of [
      [['--eml', path, '--subject', 'y'], 'cannot be used with'],
      [['--eml', path, '--from', 'a@example.com'], '--envelope-from'],
      [['--eml', file('none.eml', 'Hello\n')], 'not a message'],
      [['--eml', file('nobody.eml', 'From: a@example.com\n\n')], '--envelope-to'],
      [['--eml', file('anon.eml', 'To: a@example.com\n\n')], '--envelope-from'],
      [['--eml', file('anon2.eml', 'To: a@example.com\n\n'), '--envelope-from', 'a@example.com'], 'From'],
    ] as const) {
      const run = await send(args);
      expect([run.exitCode, run.stderr]).toEqual([64, expect.stringContaining(words)]);
    }
    expect(host.messages).toEqual([]);
  });
});

describe('bad input', () => {
  it.concurrent.for([
    [[], '--from "Ann <ann@example.com>"'],
    [['--from', 'ann'], 'MB_MIME_ADDRESS_SYNTAX'],
    [['--from', 'a@example.com', '--text', 'x'], '--to "Bob <bob@example.org>"'],
    [
      [
        '--from',
        'a@example.com',
        '--to',
        'b@example.org',
        '--subject',
        'x\nBcc: c@example.org',
        '--text',
        'x',
      ],
      'MB_MIME_',
    ],
    [
      ['--from', 'a@example.com', '--to', 'b@example.org', '--header', 'nonsense', '--text', 'x'],
      'a name, a colon',
    ],
    [
      ['--from', 'a@example.com', '--to', 'b@example.org', '--attach', '/nope', '--text', 'x'],
      '--attach: cannot read /nope',
    ],
    [['--from', 'a@example.com', '--to', 'b@example.org', '--attach', '/tmp', '--text', 'x'], 'directory'],
    [
      ['--from', 'a@example.com', '--to', 'b@example.org', '--text-file', '-', '--html-file', '-'],
      'cannot both be',
    ],
    [
      ['--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x', '--hostname', 'bad name'],
      'hostname',
    ],
    [
      ['--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x', '--resolver', 'not/a/server'],
      'MB_DNS_',
    ],
    [['--alternative', 'x', '--from', 'a@example.com', '--to', 'b@example.org'], 'text/calendar:'],
    [['--port', '70000'], 'whole number from 1 to 65535'],
    [['--date', 'someday'], '2026-01-31'],
    [['--frob'], "unknown option '--frob'"],
  ] as const)('%j ends with 64 and says what to do', async ([args, words]) => {
    const run = await send(args);
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
    expect(run.stderr).toContain(words);
    expect(run.stderr.trim().split('\n').length).toBeLessThan(5);
    expect(run.stderr).not.toMatch(/\bat .*\.ts:\d/);
  });

  it('is an object with --json', async () => {
    const run = await send(['--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({
      exitCode: 64,
      error: { code: 'MB_CLI_USAGE', kind: 'invalid-input', message: expect.stringContaining('--from') },
    });
  });

  it('defers when the resolver or the port does not answer', async () => {
    const args = [...FROM, '-t', 'bob@example.org', '--text', 'Hi'];
    const silent = await send([...args, '--resolver', '127.0.0.1:9', '--timeout', '15']);
    expect(silent.exitCode).toBe(1);
    expect(silent.stdout).toContain('deferred');
    const closed = await send([...args, '--port', '9']);
    expect(closed.exitCode).toBe(1);
    expect(closed.stdout).toContain('ECONNREFUSED');
  });
});
