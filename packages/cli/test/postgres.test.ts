import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from '../../queue-postgres/test/server.ts';
import { mb } from './mb.ts';
import { onTerminal, screen } from './on-terminal.ts';
import { startWorker } from './worker.ts';

let folder: string;
let host: SmtpHost;
let dns: DnsServer;
let server: Awaited<ReturnType<typeof startServer>> | undefined;
let base: URL;
let env: Record<string, string>;
let schemas = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mb-postgres-cli-'));
  host = await startSmtpHost({
    hostname: 'mx.example.org',
    script: { recipients: { 'nobody@example.org': '550 5.1.1 No such mailbox' } },
  });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records }, 'example.com': { records: {} } } });
  const given = process.env.MB_POSTGRES_URL;
  if (!given) server = await startServer(['-c', 'fsync=off']);
  base = new URL(given ?? server!.url);
});

beforeEach(() => {
  schemas += 1;
  const url = new URL(base);
  url.password = '';
  url.searchParams.set('schema', `mb_cli_${process.pid}_${schemas}`);
  env = {
    MB_STORE: url.href,
    PGPASSWORD: base.password,
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
  };
  host.messages.length = 0;
});

afterAll(async () => {
  await host.close();
  await dns.close();
  await server?.server.stop();
  server?.remove();
  rmSync(folder, { recursive: true });
});

const queue = (...args: string[]) => mb(['queue', ...args], { env });
const enqueue = (to: string, ...more: string[]) =>
  mb(['send', '--queue', '-f', 'ann@example.com', '-t', to, '--text', 'Hi', ...more], { env });

describe('mb queue on PostgreSQL', () => {
  it('is created by migrate, which reports both versions, and not by commands that only read', async () => {
    const early = await queue('ls');
    expect([early.exitCode, early.stderr]).toEqual([64, expect.stringContaining('MB_BROKER_STORE_SCHEMA')]);
    const made = await queue('migrate', '--json');
    expect([made.exitCode, JSON.parse(made.stdout)]).toMatchObject([0, { from: 0, to: 3 }]);
    expect((await queue('migrate')).stdout).toBe('The queue has schema 3, which is current.\n');
    expect((await queue('ls')).stdout).toBe('No recipients match.\n');
  });

  it('lists, shows, exports, counts and changes while a worker runs', async () => {
    const queued = await enqueue('bob@example.org', '--json');
    expect(queued).toMatchObject({ exitCode: 0, stderr: '' });
    const { id } = JSON.parse(queued.stdout);
    expect((await queue('hold', id, '--yes')).stdout).toBe('1 recipient held.\n');
    const other = JSON.parse((await enqueue('dan@example.net', '--tag', 'news', '--json')).stdout).id;
    expect((await queue('suspend', 'example.net', '--note', 'Monday')).stdout).toContain('is suspended');
    const worker = await startWorker(env);
    const second = await startWorker(env, ['--concurrency', '1']);
    expect(JSON.parse((await queue('show', id, '--json')).stdout)).toMatchObject({
      recipients: [{ address: 'bob@example.org', state: 'held' }],
    });
    expect((await queue('show', id, '--content')).stdout).toContain('\r\n\r\nHi');
    expect((await queue('stats')).stdout).toMatch(/1 held[\s\S]*example\.net[\s\S]*suspended: Monday/);
    expect((await queue('ls', '--tag', 'news', '--json')).stdout).toContain('dan@example.net');
    expect((await queue('release', id, '--yes')).stdout).toBe('1 recipient released.\n');
    await worker.until('"delivered"');
    expect((await queue('retry', other, '--yes')).stdout).toBe('1 recipient due now.\n');
    expect((await queue('cancel', '--domain', 'example.net', '--yes')).stdout).toBe(
      '1 recipient cancelled.\n',
    );
    expect((await queue('resume', 'example.net')).stdout).toBe('example.net is resumed.\n');
    expect((await queue('cancel', 'nonesuch', '--yes')).exitCode).toBe(1);
    // Accepted by another process while the workers sleep: they hear of it at once.
    await enqueue('nobody@example.org');
    await worker.until('"failed"');
    const rows = (await queue('export')).stdout.trimEnd().split('\n');
    const states = rows.map((row) => JSON.parse(row)).map(({ address, state }) => [address, state]);
    expect(states).toEqual(
      expect.arrayContaining([
        ['bob@example.org', 'delivered'],
        ['dan@example.net', 'cancelled'],
        ['nobody@example.org', 'failed'],
      ]),
    );
    expect((await queue('export', '--state', 'failed', '--format', 'csv')).stdout).toMatch(
      /^message,address[\s\S]*nobody@example\.org,failed/,
    );
    for (const { child, ended } of [worker, second]) {
      child.kill('SIGTERM');
      expect((await ended).exitCode).toBe(0);
    }
    expect(host.messages.map(({ recipients }) => recipients[0]?.address)).toContain('bob@example.org');
  });
});

it('queues the rows of a file once, and workers deliver them', async () => {
  const csv = join(folder, 'people.csv');
  const rows = Array.from({ length: 60 }, (_, n) => `p${n}@example.org,${n}`);
  writeFileSync(csv, `email,code\n${rows.join('\n')}\n`);
  const args = [
    'send',
    '--to-file',
    csv,
    '--queue',
    '-f',
    'ann@example.com',
    '-s',
    'Hi',
    '--text',
    '{{code}}',
  ];
  const killed = await mb(args, {
    env,
    during: (child) => {
      child.stderr?.on('data', () => setTimeout(() => child.kill('SIGKILL'), 60));
    },
  });
  expect([0, null]).toContain(killed.exitCode);
  expect((await mb(args, { env })).exitCode).toBe(0);
  const listed = JSON.parse((await queue('ls', '--limit', '500', '--json')).stdout);
  expect(listed.rows).toHaveLength(60);
  const worker = await startWorker(env);
  await host.until(() => host.messages.length === 60, 20_000);
  worker.child.kill('SIGTERM');
  expect((await worker.ended).exitCode).toBe(0);
  expect(new Set(host.messages.map(({ recipients }) => recipients[0]?.address)).size).toBe(60);
});

describe('the URL of a queue', () => {
  it('may hold a password, which is warned of on the command line and shown nowhere', async () => {
    const url = new URL(env.MB_STORE!);
    url.password = base.password;
    const withPassword = { ...env, MB_STORE: url.href, PGPASSWORD: '' };
    const fromEnvironment = await mb(['queue', 'migrate', '--json'], { env: withPassword });
    expect(fromEnvironment).toMatchObject({ exitCode: 0, stderr: '' });
    const passwords = join(folder, 'pgpass');
    writeFileSync(passwords, `*:*:*:*:${base.password}\n`, { mode: 0o600 });
    const { MB_STORE = '', PGPASSWORD: _, ...rest } = env;
    const fromFile = await mb(['queue', 'ls'], { env: { ...rest, MB_STORE, PGPASSFILE: passwords } });
    expect(fromFile).toMatchObject({ exitCode: 0, stderr: '' });
    const flag = await mb(['queue', 'stats', '--store', url.href], { env: rest });
    expect(flag.exitCode).toBe(0);
    expect(flag.stderr.replaceAll(/\s+/g, ' ')).toMatch(/^warning: The URL has a password .* PGPASSWORD/);
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ store: url.href }), { mode: 0o600 });
    const help = await mb(['--config', config, 'queue', 'ls', '--help'], { env: rest });
    expect(help.stdout).toMatch(/default:\s+"postgres:\/\//);
    const used = await mb(['--config', config, 'queue', 'ls'], { env: rest });
    expect([used.exitCode, used.stderr]).toEqual([0, expect.stringContaining('in a file')]);
    const worker = await startWorker(withPassword);
    worker.child.kill('SIGTERM');
    const worked = await worker.ended;
    expect(worked.stdout).toContain(`postgres://${base.username}@${base.host}`);
    const secret = `:${base.password}@`;
    for (const run of [fromEnvironment, flag, help, used, worked]) {
      expect(run.stdout + run.stderr).not.toContain(secret);
    }
  });

  it.for([
    ['mysql://ann:sesame@db.example.com/mail', 'postgres://mail@db.example.com', 64],
    ['postgres://ann:sesame@[db/mail', 'postgres://mail@db.example.com', 64],
    ['postgres://ann:sesame@localhost:1/mail', 'ECONNREFUSED', 69],
    ['postgres://ann:sesame@127.0.0.1:1/mail?password=sesame', 'ECONNREFUSED', 69],
  ] as const)('%s is refused without repeating the password', async ([store, words, exitCode]) => {
    for (const json of [[], ['--json']]) {
      const run = await mb(['queue', 'ls', ...json], { env: { ...env, MB_STORE: store } });
      expect([run.exitCode, run.stdout + run.stderr]).toEqual([exitCode, expect.stringContaining(words)]);
      expect(run.stdout + run.stderr).not.toContain('sesame');
    }
  });

  it('says what to install when the package was left out', async () => {
    const hooks = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name !== '@mb/queue-postgres') return next(name, context);
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      } });`;
    const options = `--import=data:text/javascript;base64,${Buffer.from(hooks).toString('base64')}`;
    const run = await mb(['queue', 'ls'], { env: { ...env, NODE_OPTIONS: options } });
    expect([run.exitCode, run.stderr]).toEqual([64, expect.stringContaining('MB_CLI_PACKAGE')]);
    expect(run.stderr.replaceAll(/\s+/g, ' ')).toContain('npm install');
    // A queue in a file does not need it.
    const file = join(folder, 'queue.db');
    const other = { ...env, NODE_OPTIONS: options, MB_STORE: file };
    expect((await mb(['queue', 'ls'], { env: other })).stderr).toContain('there is no queue');
  });
});

it.skipIf(process.platform !== 'linux')('shows a queue on PostgreSQL in a narrow terminal', async () => {
  await enqueue('bob@example.org', '--not-before', '2099-01-01');
  const listed = screen(await onTerminal('queue ls', env));
  expect(listed).toMatch(/RECIPIENT +bob@example\.org\n/);
  const stats = screen(await onTerminal('queue stats', env));
  expect(stats).toContain('1 queued');
  const migrated = screen(await onTerminal('queue migrate', env));
  expect(migrated).toBe('The queue has schema 3, which is current.\n');
  for (const line of [listed, stats].join('\n').split('\n')) expect(line.length).toBeLessThanOrEqual(48);
});
