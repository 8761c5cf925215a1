import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer } from '@mb/server';
import { startWebhookReceiver } from '@mb/testkit';
import { expect, it } from 'vitest';
import { mb } from './mb.ts';

const allow = ['--webhook-allow', '127.0.0.0/8'];

/** Runs the commands from adding a webhook to removing it. */
async function live(where: readonly string[], env: Record<string, string>): Promise<void> {
  await using receiver = await startWebhookReceiver();
  const run = (...args: string[]) => mb(['webhook', ...args, ...where], { env });
  const inside = await run('add', 'https://10.0.0.1/hook');
  expect(inside).toMatchObject({ stdout: '', stderr: expect.stringContaining('10.0.0.1 is private') });
  expect(inside.exitCode).toBeGreaterThan(0);
  const own = where.includes('--server') ? [] : allow;
  const added = await run('add', receiver.url, '--type', 'failed,bounced', '--tag', 'news', ...own);
  expect(added).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^whsec_\S+\n$/) });
  const [, id = ''] = /Webhook (\w{16})/.exec(added.stderr) ?? [];
  const list = await run('ls');
  expect(list.stdout).toContain(receiver.url);
  expect(list.stdout).toContain('failed,bounced; tag news');
  expect(await run('test', id, ...own)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('204'),
  });
  const shown = await run('show', id);
  expect(shown.stdout).toMatch(/Delivered +0 calls, 0 failed/);
  expect(shown.stdout).toMatch(/ test +evt_\S+ +1 +204/);
  expect((await run('disable', id)).exitCode).toBe(0);
  expect(JSON.parse((await run('show', id, '--json')).stdout)).toMatchObject({ enabled: false });
  expect((await run('enable', id)).exitCode).toBe(0);
  const rotated = await run('rotate-secret', id, '--overlap', '1');
  expect(rotated.stdout).not.toBe(added.stdout);
  expect(JSON.parse((await run('show', id, '--json')).stdout).secrets).toHaveLength(2);
  expect(await run('replay', id)).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('--all') });
  const replayed = await run('replay', id, '--all', '--json');
  expect([replayed.exitCode, JSON.parse(replayed.stdout)]).toEqual([1, { replayed: 0 }]);
  expect((await run('rm', id, '--yes')).exitCode).toBe(0);
  expect(await run('show', id)).toMatchObject({ exitCode: 1, stdout: 'There is no such webhook.\n' });
  expect((await run('ls')).exitCode).toBe(1);
}

it('WHK-20 mb webhook works against a store', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-webhook-'));
  try {
    await live(['--store', join(folder, 'queue.db')], {});
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

it('WHK-20 mb webhook works against a server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mb-webhook-'));
  const store = new SqliteStore(join(folder, 'queue.db'));
  await store.open();
  const webhooks = { allowAddresses: ['127.0.0.0/8'] };
  const broker = new MailBroker({ hostname: 'mail.test', store, webhooks });
  const server = createServer({ broker });
  const { port } = await server.listen({ port: 0 });
  const { token } = await server.keys.create({ name: 'ops', scopes: ['read', 'operate', 'admin'] });
  try {
    await live(['--server', `http://127.0.0.1:${port}`], { MB_API_KEY: token });
  } finally {
    await server.close({ graceMs: 100 });
    await broker.close();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}, 120_000);
