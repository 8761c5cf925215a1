import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { mb } from './mb.ts';

const scripts: Record<string, string> = {};

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const run = await mb(['completion', shell]);
    expect([run.exitCode, run.stderr]).toEqual([0, '']);
    scripts[shell] = run.stdout;
  }
});

const installed = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

/** What each shell offers for a line; the cursor is at its end. */
const offers: Record<string, (line: string) => string[]> = {
  bash(line) {
    const words = line.split(' ').map((word) => `'${word}'`);
    const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _mb; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['--norc', '-c', `${scripts.bash}\n${ask}`]);
  },
  fish(line) {
    return run('fish', ['--no-config', '-c', `${scripts.fish}\ncomplete -C '${line}'`]).map(
      (offer) => offer.split('\t')[0] ?? '',
    );
  },
};

function run(shell: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

describe.each(['bash', 'fish'])('%s', (shell) => {
  it.skipIf(!installed(shell))('offers commands, flags of each, and the choices of flags', () => {
    const offered = offers[shell]!;
    expect(offered('mb ')).toEqual(expect.arrayContaining(['send', 'queue', 'inbox', 'completion']));
    expect(offered('mb queue re')).toEqual(expect.arrayContaining(['release', 'retry', 'resume']));
    expect(offered('mb queue ls --st')).toEqual(expect.arrayContaining(['--state', '--store']));
    expect(offered('mb queue ls --store q.db --state h')).toEqual(['held']);
    expect(offered('mb send --tl')).toEqual(['--tls']);
    expect(offered('mb send --to-')).toEqual(expect.arrayContaining(['--to-file', '--to-column']));
    expect(offered('mb send --on-bad-row s').sort()).toEqual(['skip', 'stop']);
    expect(offered('mb send --tls ')).toEqual(
      expect.arrayContaining(['opportunistic', 'required', 'verified']),
    );
  });
});

it.skipIf(!installed('zsh'))('is valid zsh that knows where it is', () => {
  const spy = `compdef() { :; }; _describe() { print -l -- "\${(@P)2}"; }; _files() { print files; }`;
  const ask = (line: string) =>
    run('zsh', [
      '-f',
      '-c',
      `${spy}\n${scripts.zsh}\nwords=(${line}); CURRENT=\${#words}; compadd() { shift; print -l -- "$@"; }; _mb`,
    ]);
  expect(ask("mb queue ''")).toEqual(expect.arrayContaining(['ls:list recipients']));
  expect(ask("mb send --tls ''")).toEqual(['opportunistic', 'required', 'verified']);
  expect(ask("mb send --eml ''")).toEqual(['files']);
});

it('refuses other shells', async () => {
  const wrong = await mb(['completion', 'tcsh']);
  expect([wrong.exitCode, wrong.stderr]).toEqual([64, expect.stringContaining('bash, zsh, fish')]);
});
