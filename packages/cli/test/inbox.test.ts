import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@mb/dkim';
import { type DnsServer, startDnsServer } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mb, type Run } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

let folder: string;
let dns: DnsServer;
let privateKey: string;
let inbox: Inbox | undefined;

beforeAll(async () => {
  const key = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  privateKey = key.privateKey;
  const records = {
    '@': { TXT: 'v=spf1 ip4:192.0.2.25 -all' },
    's1._domainkey': { TXT: key.dnsRecord },
    _dmarc: { TXT: 'v=DMARC1; p=reject' },
  };
  dns = await startDnsServer({ zones: { 'example.com': { records }, 'example.org': { records: {} } } });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-inbox-'));
});

afterEach(async () => {
  inbox?.child.kill('SIGTERM');
  await inbox?.ended;
  inbox = undefined;
  rmSync(folder, { recursive: true });
});

afterAll(() => dns.close());

interface Inbox {
  readonly child: ChildProcess;
  readonly port: number;
  /** Resolves with the lines as soon as there are this many. */
  lines(count: number): Promise<{ type: string; [name: string]: unknown }[]>;
  readonly ended: Promise<Run>;
}

/** Starts `mb inbox` on a free port. */
async function startInbox(...args: string[]): Promise<Inbox> {
  let child: ChildProcess | undefined;
  let output = '';
  const ended = mb(['inbox', '--port', '0', '--folder', join(folder, 'mail'), ...args], {
    env: { MB_RESOLVER: dns.server },
    during: (process) => {
      child = process;
      process.stdout?.on('data', (data) => {
        output += data;
      });
    },
  });
  const lines = async (count: number) => {
    const complete = () => output.split('\n').slice(0, -1);
    for (let turn = 0; turn < 400 && complete().length < count; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return complete().map((line) => JSON.parse(line));
  };
  const [listening] = await lines(1);
  inbox = { child: child!, port: Number(listening?.port), lines, ended };
  return inbox;
}

const MESSAGE = ['-f', 'ann@example.com', '-t', 'bob@example.org', '-s', 'Grüße', '--text', 'Hi'];

describe('mb inbox', () => {
  it('takes a signed message from mb send --dev, tells who vouches for it, and saves it', async () => {
    const { port, lines } = await startInbox('--ip', '192.0.2.25');
    const env = { MB_DKIM_KEY: privateKey, MB_DKIM_SELECTOR: 's1', MB_RELAY: 'relay.example.net' };
    const run = await mb(['send', '--dev', `127.0.0.1:${port}`, ...MESSAGE, '--html', '<p>Hi'], { env });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(/^✓ bob@example\.org {2}delivered\n/);
    const [, message] = await lines(2);
    expect(message).toMatchObject({
      type: 'message',
      sender: 'ann@example.com',
      recipients: ['bob@example.org'],
      subject: 'Grüße',
      body: ['text', 'html'],
      defects: [],
      verdicts: [
        { method: 'dkim', result: 'pass' },
        { method: 'spf', result: 'pass' },
        { method: 'dmarc', result: 'pass' },
      ],
    });
    const [name] = readdirSync(join(folder, 'mail'));
    expect(message?.file).toBe(join(folder, 'mail', name!));
    expect(statSync(String(message?.file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(String(message?.file), 'utf8')).toMatch(
      /^Return-Path: <ann@example\.com>\r\nDelivered-To: bob@example\.org\r\nDKIM-Signature: /,
    );
    const shown = await mb(['message', 'show', String(message?.file)], { env: { MB_RESOLVER: dns.server } });
    expect(shown.stdout).toContain('dkim=pass');
  });

  it('makes no lookups and saves nothing on request, and ends gracefully', async () => {
    const { port, lines, child, ended } = await startInbox('--no-dns', '--no-save');
    expect((await mb(['send', '--dev', `localhost:${port}`, ...MESSAGE])).exitCode).toBe(0);
    const [listening, message] = await lines(2);
    expect(listening).toEqual({ type: 'listening', host: '127.0.0.1', port });
    expect(message).toMatchObject({ verdicts: [] });
    expect(message).not.toHaveProperty('file');
    expect(readdirSync(folder)).toEqual([]);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('takes logins of any kind, and refuses what is too large', async () => {
    const { port, lines } = await startInbox('--no-dns', '--max-size', '1');
    const say = async (text: string) => {
      const socket = connect(port, '127.0.0.1');
      let heard = '';
      socket.on('data', (data) => {
        if (heard === '') socket.write(text);
        heard += data;
      });
      await new Promise((resolve) => socket.on('close', resolve));
      return heard;
    };
    const login = Buffer.from('\0ann\0anything').toString('base64');
    const envelope = 'MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n';
    const heard = await say(
      `EHLO app.test\r\nAUTH PLAIN ${login}\r\n${envelope}Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n`,
    );
    expect(heard).toMatch(/\n235 [\s\S]*\n250 [\s\S]*\n221 /);
    expect((await lines(2))[1]).toMatchObject({ sender: '', user: 'ann', size: 17 });
    const large = `${'x'.repeat(998)}\r\n`.repeat(1100);
    expect(await say(`EHLO app.test\r\n${envelope}${large}.\r\nQUIT\r\n`)).toMatch(/\n552 /);
    expect(readdirSync(join(folder, 'mail')).length).toBe(1);
  });

  it('says why it cannot listen', async () => {
    const { port } = await startInbox();
    const run = await mb(['inbox', '--port', String(port)]);
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
    expect(run.stderr).toMatch(/another\s+program\s+listens\s+there;\s+give\s+another\s+--port/);
  });

  it('refuses an --ip that is none', async () => {
    const run = await mb(['inbox', '--port', '0', '--ip', 'nonsense']);
    expect([run.exitCode, run.stderr]).toEqual([64, expect.stringContaining('192.0.2.1')]);
  });

  it.skipIf(process.platform !== 'linux')(
    'tells on a terminal how to point an application at it',
    async () => {
      let step = 0;
      let sending: Promise<Run> | undefined;
      const env = { MB_RESOLVER: dns.server };
      const output = await onTerminal(`inbox --port 0 --folder ${folder}/mail`, env, (child, soFar) => {
        const port = /smtp:\/\/127\.0\.0\.1:(\d+)\r?\n/.exec(soFar)?.[1];
        if (step === 0 && port !== undefined) {
          step = 1;
          sending = mb(['send', '--dev', `127.0.0.1:${port}`, ...MESSAGE]);
        } else if (step === 1 && soFar.includes('dmarc: ')) {
          step = 2;
          child.stdin?.write('\x03');
        }
      });
      expect((await sending)?.exitCode).toBe(0);
      expect(screen(output)).toMatch(
        /Listening on 127\.0\.0\.1:\d+, saving to[\s\S]*any user and password[\s\S]*\d Grüße\n {4}<ann@example\.com> → bob@example\.org\n {4}\d+ octets, text\n {4}dkim=none dmarc=fail\n/,
      );
    },
  );
});

describe('--dev', () => {
  it('reaches no other host, by IPv6 too, and takes no nonsense', async () => {
    const { port, lines } = await startInbox('--host', '::1', '--no-dns');
    const run = await mb(['send', '--dev', `[::1]:${port}`, ...MESSAGE, '-t', 'x@nowhere.test']);
    expect(run.exitCode).toBe(0);
    // Two domains are delivered to side by side, so either may come first.
    const arrived = (await lines(3)).slice(1).flatMap((line) => line.recipients as string[]);
    expect(arrived.sort()).toEqual(['bob@example.org', 'x@nowhere.test']);
    expect(run.stdout).not.toMatch(/(?<!x@)nowhere\.test \[/);
    const env = { MB_DEV: '127.0.0.1:9' };
    const closed = await mb(['send', ...MESSAGE], { env });
    expect([closed.exitCode, closed.stdout]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    const empty = await mb(['send', '--dev', '', ...MESSAGE]);
    expect([empty.exitCode, empty.stderr]).toEqual([64, expect.stringContaining('must not be empty')]);
    for (const value of ['a b', 'ann@127.0.0.1:25', '127.0.0.1/x']) {
      const wrong = await mb(['send', '--dev', value, ...MESSAGE]);
      expect([wrong.exitCode, wrong.stderr]).toEqual([64, expect.stringContaining('127.0.0.1:2525')]);
    }
  });
});
