import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@mb/dkim';
import { afterAll, describe, expect, it } from 'vitest';
import { startNode } from '../../../vitest.process.ts';
import { createProgram } from '../src/program.ts';
import { mb } from './mb.ts';

const folder = mkdtempSync(join(tmpdir(), 'mb-slips-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { privateKey } = await generateKeyPair({
  domain: 'sender.test',
  selector: 's',
  algorithm: 'ed25519-sha256',
});
const hostname = ['--hostname', 'client.test'];
const message = ['--from', 'ann@sender.test', '--to', 'bob@one.test'];

/** Flags whose empty value is a value. */
const mayBeEmpty = ['--subject', '--text', '--html', '--envelope-from', '--note'];

it('SAFE-45 every flag and variable that takes a value refuses an empty one, but for texts', async () => {
  const program = await createProgram();
  const accepted: string[] = [];
  const variables = new Set<string>();
  const walk = (command: typeof program) => {
    for (const option of command.options) {
      if (option.envVar) variables.add(option.envVar);
      // A flag without a value must not be given by a variable: MB_X=0 would be a yes.
      if (!option.required && !option.optional) {
        expect(option.envVar, option.long).toBeUndefined();
        continue;
      }
      if (mayBeEmpty.includes(option.long ?? '')) continue;
      try {
        (option.parseArg as (text: string, before: unknown) => unknown)('  ', undefined);
        accepted.push(`${command.name()} ${option.long}`);
      } catch {
        // Refused.
      }
    }
    for (const child of command.commands) walk(child as typeof program);
  };
  walk(program);
  expect(accepted).toEqual([]);
  expect([...variables]).toEqual(expect.arrayContaining(['MB_CONFIG', 'MB_STORE', 'MB_FROM', 'MB_RELAY']));
});

describe('SAFE-45 variables that no flag reads', () => {
  it.each([
    ['MB_CONFIG', ['queue', 'ls', '--store', 'q.db'], { MB_CONFIG: '' }],
    ['MB_DKIM_KEY', ['send', ...message, '--text', 'x', ...hostname], { MB_DKIM_KEY: '' }],
    [
      'MB_RELAY_USER',
      ['send', ...message, '--text', 'x', '--relay', '127.0.0.1:1', ...hostname],
      { MB_RELAY_USER: '', MB_RELAY_PASSWORD: 'x' },
    ],
    [
      'MB_RELAY_PASSWORD',
      ['send', ...message, '--text', 'x', '--relay', '127.0.0.1:1', ...hostname],
      { MB_RELAY_USER: 'x', MB_RELAY_PASSWORD: '' },
    ],
    [
      'MB_MASTER_KEY',
      ['webhook', 'add', 'https://app.example.com/', '--store', 'q.db'],
      { MB_MASTER_KEY: '' },
    ],
    [
      'MB_ALERT_WEBHOOK_SECRET',
      ['work', '--store', 'q.db', '--alert-webhook', 'https://app.example.com/', ...hostname],
      { MB_ALERT_WEBHOOK_SECRET: '' },
    ],
  ])('SAFE-45 an empty %s is refused', async (variable, args, env) => {
    const run = await mb(args, { env, cwd: folder });
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
    expect(run.stderr).toContain(variable);
  });
});

it('SAFE-46 mb explain works beside a key in the environment, which it does not need', async () => {
  const run = await mb(['explain', 'bob@one.test', '--resolver', '127.0.0.1:1', ...hostname], {
    env: { MB_DKIM_KEY: privateKey },
  });
  expect([run.exitCode, run.stderr]).toEqual([1, '']);
  expect(run.stdout).toContain('one.test');
});

it.each(['work', 'serve'])('SAFE-47 mb %s asks for the domain of a key', async (command) => {
  const args = [command, '--store', join(folder, 'key.db'), '--dkim-selector', 's', ...hostname];
  const run = await mb(args, { env: { MB_DKIM_KEY: privateKey } });
  expect(run.exitCode).toBe(64);
  expect(run.stderr).toContain('The domain of the DKIM key is missing. Give --dkim-domain example.com.');
});

it.each([
  ['no body', []],
  ['a text from standard input', ['--text-file', '-']],
  ['HTML from standard input', ['--html-file', '-']],
])('SAFE-48 mb send refuses an empty standard input: %s', async (_, args) => {
  const run = await mb([
    'send',
    '--queue',
    '--store',
    join(folder, 'in.db'),
    ...message,
    ...args,
    ...hostname,
  ]);
  expect([run.exitCode, run.stdout]).toEqual([64, '']);
  expect(run.stderr).toContain('Standard input is empty.');
});

it('SAFE-49 SAFE-60 a second worker on a queue file says which process was there first', async () => {
  const path = join(await mkdtemp(join(folder, 'two-')), 'queue.db');
  const args = ['work', '--store', path, '--resolver', '127.0.0.1:1', '--json', ...hostname];
  const program = join(import.meta.dirname, '../src/index.ts');
  const first = startNode(['--conditions=@mb/source', program, ...args]);
  await new Promise((resolve) => first.stdout.once('data', resolve));
  const second = await mb(args, {
    during: (child) => child.stdout?.once('data', () => child.kill('SIGTERM')),
  });
  expect(second.exitCode).toBe(0);
  expect(second.stderr.replaceAll(/\s+/g, ' ')).toContain(
    `Process ${first.pid} has been delivering the mail of this queue since `,
  );
  // One that was killed is none.
  first.kill('SIGKILL');
  await new Promise((resolve) => first.once('close', resolve));
  const third = await mb(args, {
    during: (child) => child.stdout?.once('data', () => child.kill('SIGTERM')),
  });
  expect([third.exitCode, third.stderr]).toEqual([0, '']);
});
