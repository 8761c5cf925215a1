import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, verifyMessage } from '@mb/dkim';
import { parseMessage } from '@mb/mime';
import { type DnsServer, type SmtpHost, type SmtpScript, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mb, type RunOptions } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';

const SCRIPT: SmtpScript = {
  recipients: {
    'full@example.org': '452 4.2.2 Mailbox full, come again',
    'nobody@example.org': '550 5.1.1 No such mailbox',
  },
};

let folder: string;
let csv: string;
let results: string;
let host: SmtpHost;
let dns: DnsServer;
let lab: Record<string, string>;

beforeAll(async () => {
  host = await startSmtpHost({ hostname: 'mx.example.org', script: SCRIPT });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({
    zones: { 'example.org': { records }, 'example.net': { records }, 'example.com': { records: {} } },
  });
  lab = {
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
    MB_FROM: 'ann@example.com',
  };
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-merge-'));
  csv = join(folder, 'people.csv');
  results = join(folder, 'people.results.jsonl');
  host.messages.length = 0;
});

afterEach(() => {
  host.setScript(SCRIPT);
  rmSync(folder, { recursive: true });
});

afterAll(async () => {
  await host.close();
  await dns.close();
});

const people = (...rows: string[]) => writeFileSync(csv, `email,name,code\n${rows.join('\n')}\n`);
const send = (args: readonly string[], { env, ...options }: RunOptions = {}) =>
  mb(['send', '--to-file', csv, ...args], { env: { ...lab, ...env }, ...options });
const BODY = ['-s', 'Hi', '--text', 'Your code: {{code}}'];
const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const words = (text: string) => text.replaceAll(/\s+/g, ' ');
const addresses = () => host.messages.map(({ recipients }) => recipients[0]?.address).sort();
const many = (count: number) =>
  people(...Array.from({ length: count }, (_, n) => `p${n}@example.${n % 2 ? 'org' : 'net'},P${n},${n}`));

describe('mb send --to-file', () => {
  it('merges each row into subject, bodies, header fields and the name, and each where it is safe', async () => {
    people('bob@example.org,"Müller, ""Bob""",<b>&\'', 'carol@example.net,,{{name}}');
    const run = await send([
      ...['-s', 'Hi {{ Name | friend }}', '--text', 'Code {{code}}, \\{{ no gap }}'],
      ...['--html', '<a title="{{code}}">{{name|}}</a>', '-H', 'X-Code: c-{{CODE}}'],
      ...['--unsubscribe', 'https://example.com/u/{{email}}', '--one-click'],
    ]);
    expect([run.exitCode, words(run.stderr)]).toEqual([0, expect.stringContaining('not signed')]);
    expect(run.stdout).toBe(`2 delivered\nResults: ${results}\n`);
    const byRecipient = new Map(host.messages.map((one) => [one.recipients[0]?.address, one]));
    expect([...byRecipient.keys()].sort()).toEqual(['bob@example.org', 'carol@example.net']);
    const bob = await parseMessage(byRecipient.get('bob@example.org')!.content);
    expect(bob.subject).toBe('Hi Müller, "Bob"');
    expect(bob.to).toMatchObject([{ name: 'Müller, "Bob"', address: 'bob@example.org' }]);
    expect(bob.text).toBe("Code <b>&', {{ no gap }}");
    expect(bob.html).toBe('<a title="&#60;b&#62;&#38;&#39;">Müller, &#34;Bob&#34;</a>');
    expect(bob.headers.get('X-Code')).toBe("c-<b>&'");
    expect(bob.headers.get('List-Unsubscribe')).toBe('<https://example.com/u/bob%40example.org>');
    const carol = await parseMessage(byRecipient.get('carol@example.net')!.content);
    expect(carol.subject).toBe('Hi friend');
    // A value is never read as a template.
    expect(carol.text).toContain('Code {{name}}');
    expect(carol.headers.get('To')).toBe('carol@example.net');
  });

  it('reads what spreadsheets write: semicolons, a mark of UTF-8, CRLF, quoted line breaks, empty rows', async () => {
    writeFileSync(
      csv,
      '\ufeffVorname;Nachname;Adresse;Text\r\nBob;Baumeister;bob@example.org;"a\r\nb;c"\r\n;;;\r\n\r\nEva;Ä;eva@example.org;x\r\n',
    );
    const args = ['--to', '{{vorname}} {{nachname}} <{{adresse}}>', '-s', 'x', '--text', '{{Text}}'];
    expect((await send(args)).exitCode).toBe(0);
    const [bob, eva] = host.messages.toSorted((one, other) =>
      one.recipients[0]!.address < other.recipients[0]!.address ? -1 : 1,
    );
    expect((await parseMessage(bob!.content)).text).toBe('a\nb;c\n');
    expect((await parseMessage(bob!.content)).headers.get('To')).toBe('Bob Baumeister <bob@example.org>');
    expect((await parseMessage(eva!.content)).to).toMatchObject([{ name: 'Eva Ä' }]);
    expect(lines(readFileSync(results, 'utf8')).at(-1)).toMatchObject({ status: 'delivered' });
    const rows = lines(readFileSync(results, 'utf8')).map(({ row }) => row);
    // As spreadsheets count them.
    expect(new Set(rows.slice(1))).toEqual(new Set([2, 5]));
  });

  it('tells each result, and skips on the next run what is done', async () => {
    people('bob@example.org,Bob,1', 'full@example.org,F,2', 'nobody@example.org,N,3', 'x@gone.test,X,4');
    const run = await send([...BODY, '--json']);
    expect([run.exitCode, run.stderr]).toEqual([2, '']);
    const said = lines(run.stdout);
    expect(said.at(-1)).toEqual({
      exitCode: 2,
      rows: 4,
      counts: { delivered: 1, deferred: 1, failed: 2 },
      before: { done: 0, failed: 0, unknown: 0 },
      left: 0,
      results,
    });
    const byRow = new Map(said.slice(0, -1).map((line) => [line.row, line]));
    expect(byRow.get(2)).toMatchObject({
      address: 'bob@example.org',
      status: 'delivered',
      host: 'mx.example.org',
    });
    expect(byRow.get(3)).toMatchObject({ status: 'deferred', reply: '452 4.2.2 Mailbox full, come again' });
    expect(byRow.get(4)).toMatchObject({ status: 'failed', category: 'bad-mailbox', enhanced: '5.1.1' });
    expect(byRow.get(5)).toMatchObject({ status: 'failed', category: 'bad-domain' });
    host.setScript({});
    host.messages.length = 0;
    const again = await send(BODY);
    expect(again.exitCode).toBe(2);
    expect(words(again.stderr)).toContain(
      '4 rows; 1 to send (1 of them again), 1 done before, 2 refused before.',
    );
    expect(again.stdout).toContain('1 delivered, 1 done before, 2 refused before');
    expect(addresses()).toEqual(['full@example.org']);
    const third = await send([...BODY, '-q']);
    expect([third.exitCode, third.stdout, host.messages.length]).toEqual([2, '', 1]);
  });

  it.for([
    [['bob@example.org,Bob,1', 'eve@example.org,Eve,'], 'row 3: no value for {{code}}, which the text needs'],
    [['bob@example.org,Bob,1', 'not an address,Eve,2'], 'row 3: '],
    [['bob@example.org,Bob,1', ',Eve,2'], 'row 3: there is no address'],
    [['bob@example.org,Bob,1', '"a@example.org, b@example.org",Eve,2'], 'is not one address'],
    [['bob@example.org,Bob,1', 'eve@example.org,Eve'], 'row 3: 2 values for 3 columns'],
    [
      ['bob@example.org,Bob,1', 'eve@example.org,"Eve\nBcc: x@example.org",2'],
      'row 3: name contains a line break',
    ],
    [['bob@example.org,Bob,1', '"eve@example.org\r\nBcc: x@example.org",E,2'], 'row 3: the address contains'],
  ] as const)('sends nothing when a row is bad: %j', async ([rows, problem]) => {
    people(...rows);
    const run = await send(BODY);
    expect([run.exitCode, run.stdout, host.messages]).toEqual([64, '', []]);
    expect(words(run.stderr)).toContain(words(problem));
    expect(run.stderr).toContain('MB_CLI_RECIPIENTS');
    expect(existsSync(results)).toBe(false);
    const skipping = await send([...BODY, '--on-bad-row', 'skip']);
    expect([skipping.exitCode, addresses()]).toEqual([2, ['bob@example.org']]);
    expect(words(skipping.stdout)).toContain('1 delivered, 1 skipped');
    expect(lines(readFileSync(results, 'utf8'))).toContainEqual(
      expect.objectContaining({ row: 3, status: 'skipped' }),
    );
  });

  it('lets no value of a row become a header field or another recipient', async () => {
    const evil = '"x\r\nBcc: eve@example.org"';
    people(`bob@example.org,Bob,${evil}`);
    for (const gap of [
      ['-s', '{{code}}', '--text', 'x'],
      ['-s', 'x', '--text', 'x', '-H', 'X-Code: {{code}}'],
      ['-s', 'x', '--text', 'x', '--to', '{{code}} <{{email}}>'],
    ]) {
      const run = await send(gap);
      expect([run.exitCode, words(run.stderr)]).toEqual([64, expect.stringContaining('line break')]);
    }
    expect(host.messages).toEqual([]);
    const uri = ['--unsubscribe', 'https://example.com/{{code}}'];
    const body = await send(['-s', 'x', '--text', '{{code}}', '--html', '{{code}}', ...uri]);
    expect(body.exitCode).toBe(0);
    const message = await parseMessage(host.messages[0]!.content);
    expect(message.headers.get('Bcc')).toBe(undefined);
    expect(message.headers.get('List-Unsubscribe')).toBe(
      '<https://example.com/x%0D%0ABcc%3A%20eve%40example.org>',
    );
    expect(host.messages.map(({ recipients }) => recipients.length)).toEqual([1]);
  });

  it.for([
    ['name,code\nBob,1\n', BODY, 'there is no column called email or to'],
    ['email,name\nbob@example.org,B\n', BODY, 'There is no column "code", which the text uses as {{code}}'],
    ['email,code\nbob@example.org,"1\n', BODY, 'it is not CSV: Quote Not Closed'],
    ['email,code,Email\nbob@example.org,1,2\n', BODY, 'two columns are called "Email"'],
    ['', BODY, 'it is empty'],
    [Buffer.from('email,code\nm\xfcller@example.org,1\n', 'latin1'), BODY, 'not UTF-8'],
    ['email,code\nbob@example.org,1\n', [...BODY, '--to', 'bob@example.org'], '--to may only name columns'],
    ['email,code\nbob@example.org,1\n', [...BODY, '--cc', 'eve@example.org'], 'cannot be used with'],
    ['email,code\nbob@example.org,1\n', ['--text', '{{code'], 'For a literal {{ write \\{{'],
    ['email,code\nbob@example.org,1\n', ['--text', '{{{code}}}'], '{{'],
    ['email,code\nbob@example.org,1\n', [...BODY, '--tag', 'x'], 'add --queue'],
  ] as const)('%j is refused with words', async ([content, args, problem]) => {
    writeFileSync(csv, content);
    const run = await send(args);
    expect([run.exitCode, run.stdout, host.messages]).toEqual([64, '', []]);
    expect(words(run.stderr)).toContain(problem);
    expect(run.stderr).not.toMatch(/\bat .*\.ts:\d/);
  });

  it('signs every message, and sends none that the key is not for', async () => {
    people('bob@example.org,Bob,1', 'eve@example.org,Eve,2');
    const key = await generateKeyPair({ domain: 'example.com', selector: 's1' });
    dns.setRecords('example.com', 's1._domainkey', { TXT: key.dnsRecord });
    const env = { MB_DKIM_KEY: key.privateKey, MB_DKIM_SELECTOR: 's1' };
    const foreign = await send(BODY, { env: { ...env, MB_DKIM_DOMAIN: 'example.net' } });
    expect([foreign.exitCode, host.messages]).toEqual([64, []]);
    const run = await send(BODY, { env });
    expect([run.exitCode, words(run.stderr)]).toEqual([0, expect.not.stringContaining('warning')]);
    expect(host.messages).toHaveLength(2);
    for (const { content } of host.messages) {
      const { status } = await verifyMessage(content, { resolveTxt: async () => [[key.dnsRecord]] });
      expect(status).toBe('pass');
    }
  });

  it('takes defaults from a configuration, which other messages are free of', async () => {
    people('bob@example.org,Bob,1', 'bad,B,2');
    const config = join(folder, 'mb.config.json');
    writeFileSync(config, JSON.stringify({ send: { onBadRow: 'skip', results: 'all.jsonl' } }));
    const run = (args: readonly string[]) => mb(['--config', config, 'send', ...args], { env: lab });
    expect((await run(['--to-file', csv, ...BODY])).exitCode).toBe(2);
    expect(existsSync(join(folder, 'all.jsonl'))).toBe(true);
    expect((await run(['-t', 'bob@example.org', '--text', 'x'])).exitCode).toBe(0);
    const flag = await run(['-t', 'bob@example.org', '--text', 'x', '--on-bad-row', 'skip']);
    expect([flag.exitCode, flag.stderr]).toEqual([64, expect.stringContaining('add --to-file')]);
  });

  it('refuses to go on with another file or message, unless told', async () => {
    people('bob@example.org,Bob,1', 'full@example.org,F,2');
    expect((await send(BODY)).exitCode).toBe(1);
    host.setScript({});
    const changed = ['-s', 'Hi again', '--text', '{{code}}'];
    const message = await send(changed);
    expect([message.exitCode, words(message.stderr)]).toEqual([
      64,
      expect.stringContaining('the message changed'),
    ]);
    people('bob@example.org,Bob,1', 'full@example.org,F,2', 'new@example.org,N,3');
    const both = await send(changed);
    expect(words(both.stderr)).toContain('people.csv and the message changed');
    host.messages.length = 0;
    expect((await send([...changed, '--accept-changes'])).exitCode).toBe(0);
    expect(addresses()).toEqual(['full@example.org', 'new@example.org']);
    people('new@example.org,N,3', 'bob@example.org,Bob,1');
    const moved = await send([...changed, '--accept-changes']);
    expect([moved.exitCode, words(moved.stderr)]).toEqual([64, expect.stringContaining('another address')]);
    writeFileSync(results, 'something else\n');
    expect((await send(BODY)).stderr).toContain('MB_CLI_RESULTS');
    // Results of a development inbox are others.
    expect((await send([...BODY, '--dev', `127.0.0.1:${host.port}`])).exitCode).toBe(0);
    expect(existsSync(join(folder, 'people.dev-results.jsonl'))).toBe(true);
  });

  it('names the rows that are unknown after it was killed, and sends none twice', async () => {
    many(300);
    let heard = 0;
    const killed = await send(BODY, {
      during: async (child) => {
        await host.until(() => host.messages.length >= 40, 20_000);
        child.kill('SIGKILL');
      },
    });
    expect(killed.exitCode).toBe(null);
    heard = host.messages.length;
    const started = lines(readFileSync(results, 'utf8').replace(/[^\n]*$/, '') || '{}');
    const open = new Set(started.filter(({ status }) => status === 'started').map(({ row }) => row));
    for (const { row, status } of started) if (status === 'delivered') open.delete(row);
    // Every message that the host accepted is in the results, as delivered or as begun.
    expect(started.filter(({ status }) => status === 'delivered').length + open.size).toBeGreaterThanOrEqual(
      heard,
    );
    const again = await send(BODY);
    expect(again.exitCode).toBe(open.size > 0 ? 3 : 0);
    if (open.size > 0) {
      expect(words(again.stderr)).toContain(`${open.size} with an unknown outcome, not sent again`);
      expect(words(again.stdout)).toContain('--resend-unknown');
    }
    const sent = addresses();
    expect(new Set(sent).size).toBe(sent.length);
    expect((await send([...BODY, '--resend-unknown'])).exitCode).toBe(0);
    expect(new Set(addresses()).size).toBe(300);
  });

  it('takes a cut line off, and lets one process at a time write', async () => {
    people('bob@example.org,Bob,1');
    expect((await send(BODY)).exitCode).toBe(0);
    writeFileSync(results, `${readFileSync(results, 'utf8')}{"row":3,"addr`);
    expect((await send(BODY)).stdout).toContain('1 done before');
    expect(readFileSync(results, 'utf8').trimEnd()).toMatch(/\}$/);
    writeFileSync(`${results}.lock`, String(process.pid));
    const locked = await send(BODY);
    expect([locked.exitCode, words(locked.stderr)]).toEqual([
      64,
      expect.stringContaining(`Process ${process.pid}`),
    ]);
    writeFileSync(`${results}.lock`, '999999999');
    expect((await send(BODY)).exitCode).toBe(0);
    expect(existsSync(`${results}.lock`)).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')(
    'stops when the results cannot be written, as on a full disk',
    async () => {
      many(300);
      const binary = join(import.meta.dirname, '../src/index.ts');
      const script = `trap "" XFSZ; ulimit -f 16; exec "$0" --conditions=@mb/source "$1" send --to-file "$2" -s Hi --text x`;
      const env = { ...process.env, ...lab };
      const child = spawn('bash', ['-c', script, process.execPath, binary, csv], { env });
      let output = '';
      child.stderr.on('data', (data) => {
        output += data;
      });
      const exitCode = await new Promise((resolve) => child.on('close', resolve));
      expect([exitCode, words(output)]).toEqual([130, expect.stringContaining('cannot be written')]);
      expect(output).not.toContain('defect');
      expect((await send(['-s', 'Hi', '--text', 'x', '--resend-unknown'])).exitCode).toBe(0);
      expect(new Set(addresses()).size).toBe(300);
    },
  );

  it('ends what is under way at Ctrl-C, and says how to go on', async () => {
    many(200);
    host.setScript({ content: { code: 250, delayMs: 50 } });
    const run = await send([...BODY, '--concurrency', '2'], {
      during: async (child) => {
        await host.until(() => host.messages.length >= 4, 20_000);
        child.kill('SIGINT');
      },
    });
    expect(run.exitCode).toBe(130);
    expect(words(run.stderr)).toContain('Stopping after the rows in progress');
    const [, count, left] = /(\d+) delivered[\s\S]*?(\d+) not started/.exec(run.stdout) ?? [];
    expect(Number(count)).toBe(host.messages.length);
    expect(words(run.stdout)).toMatch(/run the same command again/);
    expect(words(run.stdout)).not.toContain('--resend-unknown');
    expect(Number(left)).toBeGreaterThan(0);
    host.setScript({});
    expect((await send(BODY)).exitCode).toBe(0);
    expect(new Set(addresses()).size).toBe(200);
    expect(host.messages.length).toBe(200);
  });

  it('shares connections, and keeps to the limits of a destination', async () => {
    people(...Array.from({ length: 200 }, (_, n) => `p${n}@example.org,P,${n}`));
    const before = host.sessions.length;
    let most = 0;
    const count = setInterval(() => {
      most = Math.max(most, host.sessions.slice(before).filter((one) => !one.closed).length);
    }, 5);
    expect((await send(BODY)).exitCode).toBe(0);
    clearInterval(count);
    expect(host.messages.length).toBe(200);
    expect(host.sessions.length - before).toBeLessThan(100);
    // A session that says QUIT may still be seen beside the next one.
    expect(most).toBeLessThanOrEqual(25);
  });

  it('reads an attachment once, and defers who cannot be reached now', async () => {
    people(...Array.from({ length: 30 }, (_, n) => `p${n}@example.org,P,${n}`));
    const file = join(folder, 'report.pdf');
    writeFileSync(file, Buffer.alloc(100_000, 'x'));
    const away = await send([...BODY, '-a', file], { env: { MB_PORT: '9' } });
    expect([away.exitCode, words(away.stdout)]).toEqual([1, expect.stringContaining('30 deferred')]);
    expect(words(away.stdout)).toContain('sends only the 30 that remain');
    const sent = await send([...BODY, '-a', file, '--concurrency', '1'], {
      during: async () => {
        await host.until(() => host.messages.length > 0, 20_000);
        rmSync(file);
      },
    });
    expect(sent.exitCode).toBe(0);
    for (const { content } of host.messages) {
      const { attachments } = await parseMessage(content);
      expect(attachments.map((one) => one.filename)).toEqual(['report.pdf']);
    }
    expect(host.messages.length).toBe(30);
  });

  it('waits for a host that asks for less, and says so', async () => {
    people(...Array.from({ length: 40 }, (_, n) => `p${n}@example.org,P,${n}`));
    host.setScript({ rcpt: '450 4.7.1 Too many messages, try again in 3 seconds' });
    const before = host.sessions.length;
    const asked = () =>
      host.sessions.slice(before).some(({ commands }) => commands.some((one) => one.startsWith('RCPT')));
    const run = await send([...BODY, '--concurrency', '1'], {
      during: async () => {
        await host.until(asked, 20_000);
        setTimeout(() => host.setScript({}), 200);
      },
    });
    expect(run.exitCode).toBe(1);
    expect(words(run.stderr)).toMatch(/ asks for less mail; nothing is sent to it until \d\d:\d\d:\d\d\./);
    const [, delivered, deferred] = /(\d+) delivered, (\d+) deferred/.exec(run.stdout) ?? [];
    expect(Number(delivered) + Number(deferred)).toBe(40);
    expect(Number(delivered)).toBeGreaterThan(10);
  });

  it('shows the first messages and the plan of a dry run', async () => {
    people('bob@example.org,Bob,1', 'x@gone.test,X,2', 'eve@example.org,,3', 'bad,B,4');
    const before = host.sessions.length;
    const args = ['-s', 'Hi {{name|you}}', '--text', 'Code {{code}}', '--on-bad-row', 'skip', '--dry-run'];
    const run = await send([...args, '--preview', '2']);
    expect(run.exitCode).toBe(2);
    expect(words(run.stdout)).toContain('4 rows; 3 to send, 1 left out. row 5: ');
    expect(run.stdout).toMatch(
      /\nRow 2\nTo: Bob <bob@example\.org>\nSubject: Hi Bob\n\n {2}Code 1\n[\s\S]*1\. mx\.example\.org \(10\)[\s\S]*Row 3\n/,
    );
    expect(run.stdout).not.toContain('Row 4');
    const json = lines((await send([...args, '--json'])).stdout);
    expect(json.map(({ row, subject }) => [row, subject])).toEqual([
      [2, 'Hi Bob'],
      [3, 'Hi X'],
      [4, 'Hi you'],
      [undefined, undefined],
    ]);
    expect(json.at(-1)).toMatchObject({ exitCode: 2, toSend: 3, bad: 1 });
    expect([host.sessions.length, existsSync(results)]).toEqual([before, false]);
  });
});

describe('mb send --to-file --queue', () => {
  it('queues each row once, however often it is offered', async () => {
    many(120);
    const env = { MB_STORE: join(folder, 'queue.db') };
    const args = [...BODY, '--queue', '--tag', 'spring'];
    const killed = await send(args, {
      env,
      during: async (child) => {
        while (!existsSync(results) || !readFileSync(results, 'utf8').includes('queued')) {
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        child.kill('SIGKILL');
      },
    });
    expect(killed.exitCode).toBe(null);
    const again = await send(args, { env });
    expect([again.exitCode, words(again.stdout)]).toEqual([0, expect.stringContaining('queued')]);
    const { rows } = JSON.parse(
      (await mb(['queue', 'ls', '--tag', 'spring', '--limit', '1000', '--json'], { env })).stdout,
    );
    expect(rows.length).toBe(120);
    expect(new Set(rows.map(({ address }: { address: string }) => address)).size).toBe(120);
    expect((await send(args, { env })).stdout).toContain('120 done before');
    expect(host.messages).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('on a terminal', () => {
  it('has a bar with rate and estimate within narrow columns, and leaves only the result', async () => {
    many(150);
    host.setScript({ content: { code: 250, delayMs: 30 } });
    const output = await onTerminal(
      `send --to-file "${csv}" -s Hi --text "{{code}}" --concurrency 3 --results "${results}"`,
      lab,
    );
    expect(output).toMatch(/█+░* {2}\d+ % {2}\d+ of 150 {2}[\d.]+\/s/);
    expect(output).toMatch(/ s left/);
    // biome-ignore lint/complexity/useRegexLiterals: control characters
    const painted = output.split(new RegExp('\\r|\\n|\\x1b\\[[\\d;?]*[A-Za-z]|\\x1b[78]'));
    for (const line of painted.filter((one) => /[█░]/.test(one))) expect(line.length).toBeLessThanOrEqual(48);
    expect(screen(output)).toContain('150 delivered');
  });

  it('ends gracefully at Ctrl-C typed there, and says how to go on', async () => {
    many(150);
    host.setScript({ content: { code: 250, delayMs: 60 } });
    let typed = false;
    const output = await onTerminal(
      `send --to-file "${csv}" -s Hi --text "{{code}}" --concurrency 2`,
      lab,
      (child, soFar) => {
        if (typed || !/\b\d+ of 150/.test(soFar) || host.messages.length < 6) return;
        typed = true;
        child.stdin?.write('\x03');
      },
    );
    const shown = screen(output);
    expect(words(shown)).toContain('Stopping after the rows in progress; Ctrl-C again stops at once.');
    const [, delivered, left] = /(\d+) delivered, (\d+) not started/.exec(words(shown)) ?? [];
    expect([Number(delivered), Number(delivered) + Number(left)]).toEqual([host.messages.length, 150]);
    expect(words(shown)).toContain(`sends only the ${left} that remain.`);
    const report = output.slice(output.lastIndexOf('\x1b[2K') + 4);
    // A path cannot be broken.
    const lines = screen(report)
      .split('\n')
      .filter((line) => !line.includes(folder));
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(48);
  });

  it('shows a plan, bad rows and a result that fit', async () => {
    people('bob@example.org,Bob,1', 'nobody@example.org,Somebody Who Has A Long Name,2');
    const output = screen(await onTerminal(`send --to-file "${csv}" -s Hi --text "{{code}}"`, lab));
    expect(output).toMatch(/✗ row 3 {2}nobody@example\.org failed\n {4}550 5\.1\.1 No such mailbox\n/);
    expect(output).toContain('1 delivered, 1 failed');
  });
});
