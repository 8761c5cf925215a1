import { execFile, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { mb } from './mb.ts';

it('shows its commands and exit codes', async () => {
  const run = await mb(['--help']);
  expect(run.exitCode).toBe(0);
  for (const word of [
    'send',
    'queue',
    'work',
    'explain',
    'explain-reply',
    'message',
    'inbox',
    'completion',
    'dkim',
    'dns',
    'doctor',
    'probe',
    '64  a flag',
    'NO_COLOR',
  ])
    expect(run.stdout).toContain(word);
});

it('shows the help on standard error when no command is given', async () => {
  const run = await mb([]);
  expect([run.exitCode, run.stdout]).toEqual([64, '']);
  expect(run.stderr).toContain('Usage: mb');
});

it('tells its version', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  expect(await mb(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

it.each([['--version'], ['--help'], ['send', '--help']])(
  'CLI-63 mb %s loads neither the broker nor a database',
  async (...args) => {
    const record = `
      import { registerHooks } from 'node:module';
      const load = (url, context, next) => (console.error(url), next(url, context));
      registerHooks({ load });`;
    const watch = `--import=data:text/javascript,${encodeURIComponent(record)}`;
    const loaded = async (command: readonly string[]) => {
      const { stderr } = await mb(command, { env: { NODE_OPTIONS: watch } });
      return stderr.match(/broker\/src\/index\.ts|node:sqlite/g) ?? [];
    };
    expect(await loaded(args)).toEqual([]);
    expect(await loaded(['queue', 'ls', '--store', 'mb-absent.db'])).toContain('broker/src/index.ts');
  },
);

it('refuses unknown commands and flags of every command alike', async () => {
  for (const args of [
    ['frobnicate'],
    ['send', '--frob'],
    ['dns', 'mx', '--frob'],
    ['doctor'],
    ['dkim', 'check'],
    ['probe'],
  ]) {
    const run = await mb(args);
    expect([run.exitCode, run.stdout]).toEqual([64, '']);
    expect(run.stderr).toMatch(/error: .*\n(.*\n)?Try --help\.\n/);
  }
});

it.each(['serve', 'work', 'key new', 'key revoke', 'suppress import'])(
  'shows the help of %s in 100 columns',
  async (name) => {
    const run = await mb([...name.split(' '), '--help']);
    expect(Math.max(...run.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  },
);

it('shows help with examples, in no more columns than the terminal has', async () => {
  const run = await mb(['send', '--help']);
  expect(run.stdout).toContain('mb send --eml message.eml --watch');
  expect(run.stdout).toMatch(/Exit codes[\s\S]*3 {3}unknown for some/);
  expect(Math.max(...run.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

it('is coloured when asked, and never in a pipe otherwise', async () => {
  expect((await mb(['send'])).stderr).not.toContain('\x1b');
  expect((await mb(['send'], { env: { FORCE_COLOR: '1' } })).stderr).toContain('\x1b');
  expect((await mb(['send'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stderr).not.toContain('\x1b');
});

/** Runs `mb --version` with folders below a new one, and gives that one. */
async function runIn(...environments: readonly Record<string, string>[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mb-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const each of ['tmp', 'foreign']) mkdirSync(join(folder, each));
  if (process.getuid?.() === 0) chownSync(join(folder, 'foreign'), 65_534, 65_534);
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: _xdg, ...env } = process.env;
  const args = ['--conditions=@mb/source', join(import.meta.dirname, '../src/index.ts'), '--version'];
  for (const each of environments) {
    const places = Object.entries(each).map(([name, value]) => [name, value.replace('FOLDER', folder)]);
    const given = { ...env, HOME: folder, TMPDIR: join(folder, 'tmp'), ...Object.fromEntries(places) };
    await promisify(execFile)(process.execPath, args, { env: given });
  }
  return folder;
}

it.skipIf(process.platform === 'win32')(
  'SAFE-110 compiled code is kept in a folder of the user, not below /tmp',
  async () => {
    // A service may have no home.
    const folder = await runIn(
      {},
      { XDG_CACHE_HOME: 'FOLDER/xdg' },
      { HOME: '/dev/null', XDG_CACHE_HOME: 'relative' },
    );
    expect(readdirSync(folder).sort()).toEqual(['.cache', 'foreign', 'tmp', 'xdg']);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    for (const cache of ['.cache/mb', 'xdg/mb']) expect(readdirSync(join(folder, cache))).toHaveLength(1);
  },
);

it.skipIf(process.getuid?.() !== 0)(
  'SAFE-111 root keeps no compiled code in the home of another user',
  async () => {
    const folder = await runIn({ HOME: 'FOLDER/foreign' }, { XDG_CACHE_HOME: 'FOLDER/foreign' });
    expect(readdirSync(join(folder, 'foreign'))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['foreign', 'tmp']);
  },
);

it('ends quietly when its output is closed', async () => {
  const binary = join(import.meta.dirname, '../src/index.ts');
  const script = `"$0" --conditions=@mb/source "$1" send --help | head -1; exit "\${PIPESTATUS[0]}"`;
  const child = spawn('bash', ['-c', script, process.execPath, binary]);
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  expect([exitCode, output]).toEqual([0, 'Usage: mb send [options]\n']);
});
