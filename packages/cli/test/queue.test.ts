import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '@mb/broker/sqlite';
import { generateKeyPair } from '@mb/dkim';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { mb, type Run } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';
import { startWorker as start } from './worker.ts';

let folder: string;
let store: string;
let host: SmtpHost;
let dns: DnsServer;
let env: Record<string, string>;

const SCRIPT = {
  recipients: {
    'full@example.org': '452 4.2.2 Mailbox full, come again',
    'nobody@example.org': '550 5.1.1 No such mailbox',
  },
};

beforeAll(async () => {
  host = await startSmtpHost({ hostname: 'mx.example.org', script: SCRIPT });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records }, 'example.com': { records: {} } } });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-queue-'));
  store = join(folder, 'queue.db');
  env = {
    MB_STORE: store,
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
  };
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

const queue = (...args: string[]) => mb(['queue', ...args], { env });

/** Queues a message; gives its id. */
async function enqueue(to: string, ...more: string[]): Promise<string> {
  const args = ['send', '--queue', '-f', 'ann@example.com', '-t', to, '--text', 'Hi', '--json', ...more];
  const run = await mb(args, { env });
  expect([run.exitCode, run.stderr]).toEqual([0, '']);
  return JSON.parse(run.stdout).id;
}

const startWorker = (...args: string[]) => start(env, args);

const logOf = (run: Run) =>
  run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('mb send --queue', () => {
  it('makes a message durable and sends nothing', async () => {
    const args = ['send', '--queue', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi'];
    const run = await mb(args, { env });
    expect(run).toEqual({
      exitCode: 0,
      stdout: '✓ bob@example.org  queued\n\nQueued as message 1; "mb work" delivers it.\n',
      stderr: '',
    });
    expect(host.messages).toEqual([]);
    const shown = JSON.parse((await queue('show', '1', '--json')).stdout);
    expect(shown).toMatchObject({ sender: 'ann@example.com', recipients: [{ state: 'queued' }] });
  });

  it('queues the same message under one key once, and refuses another under it', async () => {
    const message = join(folder, 'm.eml');
    writeFileSync(message, 'From: ann@example.com\nTo: bob@example.org\nSubject: x\n\nHi\n');
    const args = ['send', '--queue', '--eml', message, '--idempotency-key', 'order-17'];
    expect((await mb(args, { env })).stdout).toContain('Queued as message 1');
    const again = await mb(args, { env });
    expect([again.exitCode, again.stdout]).toEqual([
      0,
      '✓ bob@example.org  already queued\n\nMessage 1 with this idempotency key is already in the queue.\n',
    ]);
    writeFileSync(message, 'From: ann@example.com\nTo: bob@example.org\nSubject: y\n\nHi\n');
    const other = await mb(args, { env });
    expect([other.exitCode, other.stderr]).toEqual([
      64,
      expect.stringContaining('MB_BROKER_IDEMPOTENCY_CONFLICT'),
    ]);
  });

  it('keeps the moment, the tenant and the tag', async () => {
    const id = await enqueue(
      'bob@example.org',
      '--not-before',
      '2099-01-01',
      '--tenant',
      't1',
      '--tag',
      'news',
    );
    const { rows } = JSON.parse((await queue('ls', '--tag', 'news', '--tenant', 't1', '--json')).stdout);
    expect(rows).toMatchObject([{ messageId: id, tenant: 't1', tag: 'news', dueAt: Date.UTC(2099, 0) }]);
    expect((await queue('ls', '--tag', 'other')).stdout).toBe('No recipients match.\n');
  });

  it('signs now when it has the key', async () => {
    const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
    Object.assign(env, { MB_DKIM_KEY: privateKey, MB_DKIM_SELECTOR: 's1' });
    const id = await enqueue('bob@example.org');
    expect((await queue('show', id, '--content')).stdout).toMatch(/^DKIM-Signature: [\s\S]*\r\n\r\nHi\r\n$/);
  });

  it.for([
    [['--queue', '--dry-run'], 'cannot be used with'],
    [['--tag', 'x'], 'add --queue'],
    [['--idempotency-key', 'x'], 'add --queue'],
  ] as const)('%j is refused', async ([args, words]) => {
    const flags = ['send', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi', ...args];
    const run = await mb(flags, { env });
    expect([run.exitCode, run.stdout, existsSync(store)]).toEqual([64, '', false]);
    expect(run.stderr).toContain(words);
  });
});

describe('mb queue', () => {
  it('never creates a queue, nor tables in a foreign database', async () => {
    for (const command of ['ls', 'stats', 'export']) {
      const run = await queue(command);
      expect([run.exitCode, run.stdout, existsSync(store)]).toEqual([64, '', false]);
      expect(run.stderr).toContain(`there is no queue ${store}`);
    }
    writeFileSync(store, '');
    expect((await queue('ls')).stderr).toContain('MB_BROKER_STORE_SCHEMA');
    writeFileSync(store, 'This is no database, only a text that is somewhat long.');
    expect((await queue('ls')).exitCode).not.toBe(0);
    const none = await mb(['queue', 'ls']);
    expect([none.exitCode, none.stderr]).toEqual([64, expect.stringContaining('MB_STORE')]);
  });

  it('brings tables up to date when told, in a file that is there', async () => {
    expect((await queue('migrate')).exitCode).toBe(64);
    expect(existsSync(store)).toBe(false);
    writeFileSync(store, '');
    expect((await queue('stats')).exitCode).toBe(64);
    expect(await queue('migrate')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^A queue was created with schema \d+\.\n$/),
    });
    expect((await queue('stats')).exitCode).toBe(0);
  });

  it('lists, page after page, and says when there is more', async () => {
    await enqueue('bob@example.org,carol@example.org,dan@example.net');
    const all = await queue('ls');
    expect(all.stdout).toMatch(/^MESSAGE +RECIPIENT +STATE +TRIES +NEXT/);
    expect(all.stdout).toMatch(/\n1 +carol@example\.org +queued +0 +now\n/);
    const some = await queue('ls', '--limit', '2', '--json');
    expect(JSON.parse(some.stdout)).toMatchObject({
      rows: [{ address: 'bob@example.org' }, { address: 'carol@example.org' }],
      more: true,
    });
    const net = JSON.parse((await queue('ls', '--domain', 'EXAMPLE.net', '--json')).stdout);
    expect(net).toMatchObject({ rows: [{ address: 'dan@example.net' }], more: false });
    expect((await queue('ls', '--limit', '2')).stdout).toContain('There are more');
  });

  it('shows a message, and ends with 1 when there is none', async () => {
    const id = await enqueue('bob@example.org', '--tag', 'news');
    const run = await queue('show', id);
    expect(run.stdout).toMatch(/Message {3}1\nFrom {6}<ann@example\.com>\nSize {6}\d+ octets\n/);
    expect(run.stdout).toMatch(/Expires {3}.*\(in [45] d\)\nTag {7}news\n/);
    const none = await queue('show', '4711');
    expect([none.exitCode, none.stdout, none.stderr]).toEqual([
      1,
      '',
      'There is no message 4711 in this queue.\n',
    ]);
  });

  it('holds, releases and cancels what is chosen, and nothing by mistake', async () => {
    const first = await enqueue('bob@example.org,dan@example.net');
    const second = await enqueue('carol@example.org');
    const states = async () =>
      JSON.parse((await queue('ls', '--json')).stdout).rows.map((row: { state: string }) => row.state);
    expect((await queue('hold', '--yes')).exitCode).toBe(64);
    expect((await queue('cancel', first, '--all', '--yes')).exitCode).toBe(64);
    expect(await queue('hold', first, '--domain', 'example.org', '--yes')).toEqual({
      exitCode: 0,
      stdout: '1 recipient held.\n',
      stderr: '',
    });
    expect(await states()).toEqual(['held', 'queued', 'queued']);
    expect(JSON.parse((await queue('hold', '--all', '--json', '--yes')).stdout)).toEqual({ changed: 2 });
    expect((await queue('release', first, second, '--yes')).stdout).toBe('3 recipients released.\n');
    expect((await queue('cancel', '--domain', 'example.net', '--yes')).exitCode).toBe(0);
    expect(await states()).toEqual(['queued', 'cancelled', 'queued']);
    const nothing = await queue('release', '--state', 'held');
    expect([nothing.exitCode, nothing.stdout]).toEqual([1, '0 recipients released.\n']);
  });

  it('SAFE-02 SAFE-63 SAFE-54 asks on a terminal before recipients change, and needs --yes without one', async () => {
    const id = await enqueue('bob@example.org,dan@example.net');
    for (const change of ['hold', 'cancel', 'retry']) {
      const refused = await queue(change, '--domain', 'example.org');
      expect([refused.exitCode, refused.stdout]).toEqual([64, '']);
      expect(refused.stderr.replaceAll('\n', ' ')).toMatch(/1 recipient of 1 message will be .*add --yes/);
    }
    const answer = (text: string) => {
      let asked = false;
      return onTerminal(`queue cancel ${id}`, env, (child, soFar) => {
        if (asked || !soFar.includes('[y/N]')) return;
        asked = true;
        child.stdin!.write(`${text}\n`);
      });
    };
    expect(await answer('n')).toContain('Nothing was changed.');
    expect((await queue('ls', '--state', 'cancelled')).stdout).toBe('No recipients match.\n');
    const confirmed = await answer('y');
    expect(confirmed).toContain('2 recipients of 1 message will be cancelled');
    expect(confirmed).toContain('2 recipients cancelled.');
  });

  it('SAFE-03 refuses an empty value of every flag and argument that selects something', async () => {
    await enqueue('bob@example.org');
    for (const args of [
      ['cancel', '--tenant', ''],
      ['cancel', '--domain', ''],
      ['cancel', '--site', ' '],
      ['cancel', '--tag', ''],
      ['cancel', '--state', ''],
      ['cancel', ''],
      ['suspend', ''],
      ['ls', '--tenant', ''],
      ['ls', '--store', ''],
      ['export', '--tag', ''],
    ]) {
      const run = await queue(...args, ...(args[0] === 'cancel' ? ['--yes'] : []));
      expect([args, run.exitCode, run.stdout]).toEqual([args, 64, '']);
    }
    const unset = await mb(['queue', 'ls'], { env: { ...env, MB_STORE: '' } });
    expect([unset.exitCode, unset.stderr]).toEqual([64, expect.stringContaining('must not be empty')]);
    expect((await queue('ls', '--state', 'cancelled')).stdout).toBe('No recipients match.\n');
    expect((await queue('ls', '--no-tenant', '--json')).stdout).toContain('bob@example.org');
  });

  it('suspends and resumes destinations, and tells the depth of each', async () => {
    await enqueue('bob@example.org,carol@example.org,dan@example.net');
    expect((await queue('suspend', 'example.org', '--note', 'Until Monday.')).stdout).toBe(
      'example.org is suspended.\n',
    );
    const stats = await queue('stats');
    expect(stats.stdout).toMatch(/^3 queued, 0 in flight, 0 held, 0 unknown; next attempt now\n/);
    expect(stats.stdout).toMatch(/\nexample\.org +2 +0 of \d+ +now +suspended: Until Monday\.\n/);
    await queue('resume', 'example.org');
    const { sites } = JSON.parse((await queue('stats', '--json')).stdout);
    expect(sites[0]).toMatchObject({ site: 'example.org', queued: 2, suspended: false });
  });

  it('exports as JSON lines and as CSV that no spreadsheet runs', async () => {
    await enqueue('=cmd@example.org,bob@example.org', '--tag', '=1+1,"x"');
    const lines = (await queue('export')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).address)).toEqual(['=cmd@example.org', 'bob@example.org']);
    const csv = (await queue('export', '--format', 'csv')).stdout.split('\r\n');
    expect(csv[0]).toBe(
      'message,address,state,attempts,site,tenant,tag,accepted,due,expires,finished,latest',
    );
    expect(csv[1]).toMatch(/^1,'=cmd@example\.org,queued,0,example\.org,,"'=1\+1,""x""",20\d\d-/);
    expect(csv.length).toBe(4);
  });

  it.skipIf(process.platform !== 'linux')('turns wide tables into lists on a narrow terminal', async () => {
    await enqueue('somebody.with.a.long.name@example.org');
    const output = screen(await onTerminal('queue ls', env));
    expect(output).toMatch(/^RECIPIENT +somebody\.with\.a\.long\.name@example\.org$/m);
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(52);
  });
});

describe('mb work', () => {
  it('delivers, logs every event as JSON, and ends gracefully when told', async () => {
    await enqueue('bob@example.org,full@example.org,nobody@example.org');
    const worker = await startWorker();
    await worker.until('"delivered"');
    await worker.until('"deferred"');
    await worker.until('"failed"');
    // Others look and act while it works.
    expect((await queue('ls', '--state', 'queued')).stdout).toMatch(
      /full@example\.org +queued +1 +in [3-5] min +mx\.example\.org: 452 4\.2\.2 Mailbox full/,
    );
    const later = await enqueue('carol@example.org');
    await worker.until(`"messageId":"${later}","tenant":"","recipientId":"${later}.0","address":"carol`);
    worker.child.kill('SIGTERM');
    const run = await worker.ended;
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
    const log = logOf(run);
    expect(log[0]).toMatchObject({ type: 'worker-started', store, hostname: 'mail.example.com' });
    expect(log.at(-1)).toMatchObject({ type: 'worker-stopped' });
    const of = (type: string) => log.filter((line) => line.type === type).map(({ address }) => address);
    expect(of('delivered')).toEqual(expect.arrayContaining(['bob@example.org', 'carol@example.org']));
    expect(of('failed')).toContain('nobody@example.org');
    expect(host.messages.map(({ recipients }) => recipients[0]?.address)).toContain('carol@example.org');
  });

  it('CLI-167 counts the results of TLS in its sessions, for the servers of the queue', async () => {
    await enqueue('bob@example.org');
    const worker = await startWorker();
    await worker.until('"delivered"');
    worker.child.kill('SIGTERM');
    expect((await worker.ended).exitCode).toBe(0);
    const opened = new SqliteStore(store);
    await opened.open();
    onTestFinished(() => opened.close());
    const { rows } = await opened.records.list('tls-result');
    expect(rows.map(({ value }) => value)).toMatchObject([
      {
        failed: 1,
        domains: [{ domain: 'example.org', failures: [{ resultType: 'starttls-not-supported' }] }],
      },
    ]);
  });

  it('waits for what is under way, and ends at once on a second signal, with nothing lost', async () => {
    await enqueue('bob@example.org');
    host.setScript({ ehlo: { after: 'hang' } });
    const before = host.sessions.length;
    const worker = await startWorker('--grace', '60');
    await host.until(() => host.sessions.length > before, 15_000);
    worker.child.kill('SIGINT');
    await worker.until('worker-stopping');
    expect((await queue('ls', '--json')).stdout).toContain('"inFlight": true');
    worker.child.kill('SIGINT');
    expect((await worker.ended).exitCode).toBe(130);
    expect(JSON.parse((await queue('ls', '--json')).stdout).rows[0]).toMatchObject({ state: 'queued' });
  });

  it('gives up what is under way after the time given', async () => {
    await enqueue('bob@example.org');
    host.setScript({ ehlo: { after: 'hang' } });
    const before = host.sessions.length;
    const worker = await startWorker('--grace', '0');
    await host.until(() => host.sessions.length > before, 15_000);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).exitCode).toBe(0);
    const { rows } = JSON.parse((await queue('ls', '--json')).stdout);
    expect(rows[0]).toMatchObject({ state: 'queued', inFlight: false });
  });

  it('attempts nothing that is held or suspended', async () => {
    const held = await enqueue('bob@example.org');
    await queue('hold', held, '--yes');
    await enqueue('dan@example.net');
    await queue('suspend', 'example.net');
    const worker = await startWorker();
    await queue('release', held, '--yes');
    await worker.until('"delivered"');
    worker.child.kill('SIGTERM');
    await worker.ended;
    const { rows } = JSON.parse((await queue('ls', '--json')).stdout);
    expect(rows).toMatchObject([{ state: 'delivered' }, { state: 'queued', attempts: 0 }]);
  });

  it('wants to know whose key it signs with', async () => {
    const run = await mb(['work', '--dkim-key', 'x.pem', '--dkim-selector', 's1'], { env });
    expect([run.exitCode, run.stderr]).toEqual([64, expect.stringContaining('--dkim-domain')]);
    expect(existsSync(store)).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')('has a log for people on a terminal', async () => {
    await enqueue('bob@example.org');
    let interrupted = false;
    const output = await onTerminal('work', env, (child, soFar) => {
      if (interrupted || !soFar.includes('delivered')) return;
      interrupted = true;
      child.stdin?.write('\x03');
    });
    expect(output).toContain('\x1b[32m✓');
    expect(screen(output)).toMatch(
      /\d\d:\d\d:\d\d · worker started[\s\S]*✓ 1 bob@example\.org delivered: mx\.example\.org: 250[\s\S]*worker stopped\n/,
    );
  });
});
