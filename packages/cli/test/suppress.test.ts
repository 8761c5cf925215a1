import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mb } from './mb.ts';

let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-suppress-'));
  env = { MB_STORE: join(folder, 'queue.db') };
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => mb(['--no-config', ...args], { env });

it('SAFE-22 queues once when the same command with an idempotency key is repeated', async () => {
  const args = ['send', '--queue', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi'];
  const first = await run(...args, '--idempotency-key', 'k', '--json');
  const again = await run(...args, '--idempotency-key', 'k', '--json');
  expect([first.exitCode, again.exitCode]).toEqual([0, 0]);
  const [one, other] = [JSON.parse(first.stdout), JSON.parse(again.stdout)];
  expect([one.duplicate, other.duplicate, other.id, other.messageId]).toEqual([
    false,
    true,
    one.id,
    one.messageId,
  ]);
}, 240_000);

it('SAFE-23 SAFE-57 lists, adds, lifts, exports and imports suppressed addresses', async () => {
  await run('send', '--queue', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi');
  expect((await run('suppress', 'add', 'carol@example.org', '--reason', 'complaint')).exitCode).toBe(0);
  const exported = await run('suppress', 'export');
  expect(JSON.parse(exported.stdout)).toMatchObject({ address: 'carol@example.org', reason: 'complaint' });
  expect((await run('suppress', 'lift', 'carol@example.org')).exitCode).toBe(64);
  expect((await run('suppress', 'lift', 'carol@example.org', '--yes')).stdout).toBe(
    '1 address removed from the list.\n',
  );
  const file = join(folder, 'list.jsonl');
  writeFileSync(file, `${exported.stdout}no address\n`);
  expect((await run('suppress', 'import', file)).exitCode).toBe(64);
  expect((await run('suppress', 'ls')).exitCode).toBe(1);
  writeFileSync(file, exported.stdout);
  expect((await run('suppress', 'import', file)).exitCode).toBe(0);
  expect((await run('suppress', 'ls')).stdout).toContain('carol@example.org');
}, 240_000);

it('SAFE-53 takes, lifts and imports addresses that the standard forbids', async () => {
  await run('send', '--queue', '-f', 'ann@example.com', '-t', 'bob@example.org', '--text', 'Hi');
  const added = await run('suppress', 'add', 'a..b@example.com', '--json');
  expect(JSON.parse(added.stdout)).toEqual({ suppressed: ['a..b@example.com'] });
  expect((await run('suppress', 'lift', 'a..b@example.com', '--yes')).stdout).toBe(
    '1 address removed from the list.\n',
  );
  const file = join(folder, 'list.txt');
  writeFileSync(file, 'end.@example.com\n');
  expect((await run('suppress', 'import', file)).exitCode).toBe(0);
  expect((await run('suppress', 'ls')).stdout).toContain('end.@example.com');
  expect((await run('suppress', 'add', 'no address')).exitCode).toBe(64);
}, 240_000);
