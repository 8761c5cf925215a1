import { spawn } from 'node:child_process';
import { mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type DnsServer, type SmtpHost, startDnsServer, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { mb } from './mb.ts';

// Three processes each, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const binary = join(import.meta.dirname, '../src/index.ts');
let host: SmtpHost;
let dns: DnsServer;

beforeAll(async () => {
  host = await startSmtpHost({ script: { content: { code: 250, delayMs: 1000 } } });
  const records = { '@': { MX: '10 mx.example.org' }, mx: { A: host.address } };
  dns = await startDnsServer({ zones: { 'example.org': { records } } });
});
afterAll(async () => {
  await host.close();
  await dns.close();
});

type Stdout = 'pipe' | 'ignore' | number;

/** Queues a message, runs a worker until the message is under way, does something to it, and waits for its end. */
async function workerThat(
  stdout: Stdout,
  disturb: (worker: ReturnType<typeof spawn>, queue: string) => unknown,
) {
  const env = {
    ...process.env,
    MB_STORE: join(mkdtempSync(join(tmpdir(), 'mb-loss-')), 'queue.db'),
    MB_RESOLVER: dns.server,
    MB_PORT: String(host.port),
    MB_ALLOW: '127.0.0.0/8',
    MB_HOSTNAME: 'mail.example.com',
  };
  const queued = await mb(
    [
      '--no-config',
      'send',
      '--queue',
      '-f',
      'a@example.com',
      '-t',
      'b@example.org',
      '--text',
      'x',
      '--quiet',
    ],
    { env },
  );
  expect(queued.exitCode).toBe(0);
  const before = host.sessions.flatMap(({ transactions }) => transactions).length;
  const worker = spawn(process.execPath, ['--conditions=@mb/source', binary, '--no-config', 'work'], {
    env,
    stdio: ['ignore', stdout, 'pipe'],
    timeout: 20_000,
  });
  let stderr = '';
  worker.stderr!.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => worker.on('close', resolve));
  await host.until(() => host.sessions.flatMap(({ transactions }) => transactions).length > before, 15_000);
  await disturb(worker, env.MB_STORE);
  const exitCode = await ended;
  const listed = await mb(['--no-config', 'queue', 'ls', '--json'], { env });
  return { exitCode, stderr, rows: JSON.parse(listed.stdout).rows };
}

const delivered = [{ state: 'delivered', inFlight: false }];

it('SAFE-26 mb work whose log pipe closes ends what is under way and exits with 74', async () => {
  const { exitCode, stderr, rows } = await workerThat('pipe', (worker) => worker.stdout!.destroy());
  expect(rows).toMatchObject(delivered);
  expect([exitCode, stderr]).toEqual([
    74,
    expect.stringContaining('its reader has closed the pipe. Stopping.'),
  ]);
});

it('SAFE-66 mb work ends what is under way at SIGHUP, and exits with 129', async () => {
  const { exitCode, rows } = await workerThat('ignore', (worker) => worker.kill('SIGHUP'));
  expect(rows).toMatchObject(delivered);
  expect(exitCode).toBe(129);
});

it.skipIf(process.platform !== 'linux')(
  'SAFE-67 mb work delivers while its log is on a full disk, and exits with 74 when told to end',
  async () => {
    const { exitCode, stderr, rows } = await workerThat(openSync('/dev/full', 'w'), (worker) =>
      worker.kill('SIGTERM'),
    );
    expect(rows).toMatchObject(delivered);
    expect([exitCode, stderr]).toEqual([74, expect.stringContaining('(ENOSPC). Continuing without it.')]);
  },
);

it('SAFE-105 mb work goes on when its queue cannot be read or written for a while', async () => {
  let log = '';
  const { exitCode, rows } = await workerThat('pipe', async (worker, queue) => {
    worker.stdout!.on('data', (text) => {
      log += text;
    });
    const db = new DatabaseSync(queue, { timeout: 5_000 });
    db.exec('ALTER TABLE mb_event RENAME TO away');
    await expect.poll(() => log, { timeout: 10_000 }).toContain('MB_BROKER_STORE_FAILED');
    db.exec('ALTER TABLE away RENAME TO mb_event');
    db.close();
    await expect.poll(() => log, { timeout: 20_000 }).toContain('"delivered"');
    worker.kill('SIGTERM');
  });
  expect(rows).toMatchObject(delivered);
  expect(exitCode).toBe(0);
});
