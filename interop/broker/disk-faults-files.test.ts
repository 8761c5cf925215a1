import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SmtpHost, startSmtpHost } from '@mb/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun, runCommand } from '../lab/process.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const cli = here('../../packages/cli/src/index.ts');

/** Numbers of errors of Linux. */
const errors = [
  ['EIO', 5],
  ['EROFS', 30],
  ['ENOSPC', 28],
  ['EDQUOT', 122],
  ['EMFILE', 24],
] as const;

let folder: string;
let library: string;
let host: SmtpHost;

beforeAll(async () => {
  await ensureDebianPackages(['gcc', 'libc6-dev']);
  folder = makeFolder('disk-faults-files');
  library = join(folder, 'fail_writes.so');
  const compile = ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library];
  await mustRun('cc', [...compile, here('../lab/fail_writes.c'), '-ldl']);
  host = await startSmtpHost({ address: '127.0.37.1', hostname: 'mx.test' });
}, 300_000);

afterAll(() => host?.close());

/** Runs `mb` with a disk that fails below a folder while `errno` is given. */
function mb(failing: string, errno: number | undefined, args: readonly string[]) {
  const switchFile = join(folder, 'errno');
  if (errno === undefined) rmSync(switchFile, { force: true });
  else writeFileSync(switchFile, String(errno));
  return runCommand(process.execPath, ['--conditions=@mb/source', cli, '--no-config', ...args], {
    env: { LD_PRELOAD: library, MB_FAIL_FOLDER: failing, MB_FAIL_ERRNO: switchFile, NODE_OPTIONS: '' },
  });
}

describe('files of mb on a disk that fails', () => {
  it.each(errors)('SAFE-51 %s: no part of a key is left, and mb says which file', async (name, errno) => {
    const keys = makeFolder(`keys-${name}`);
    const out = join(keys, 'key.pem');
    const args = ['dkim', 'keygen', 'example.com', 's1', '--out', out];
    const failed = await mb(keys, errno, args);
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain(out);
    expect(failed.stderr).toMatch(/\(MB_CLI_[A-Z]+\)/);
    expect(readdirSync(keys)).toEqual([]);
    expect((await mb(keys, undefined, args)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toContain('PRIVATE KEY');
  });

  it.each(errors)(
    'SAFE-52 SAFE-72 %s: a mail merge sends no row whose result it could not note',
    async (name, errno) => {
      const results = makeFolder(`results-${name}`);
      const rows = join(folder, `people-${name}.csv`);
      writeFileSync(rows, `email\n${[1, 2, 3].map((n) => `${name.toLowerCase()}-${n}@one.test\n`).join('')}`);
      const args = [
        ...['send', '--to-file', rows, '--results', join(results, 'results.jsonl')],
        ...[
          '--from',
          'ann@sender.test',
          '--subject',
          name,
          '--text',
          'Hello',
          '--dev',
          `${host.address}:${host.port}`,
        ],
      ];
      const arrived = () =>
        host.messages
          .flatMap(({ recipients }) => recipients.map(({ address }) => address))
          .filter((one) => one.startsWith(name.toLowerCase()));
      const failed = await mb(results, errno, args);
      expect(failed.code).not.toBe(0);
      expect(failed.stderr).toMatch(/results\.jsonl[\s\S]*\(MB_CLI_RESULTS\)/);
      expect(arrived()).toEqual([]);
      const sent = await mb(results, undefined, args);
      expect(sent.code, sent.stderr).toBe(0);
      expect([...arrived()].sort()).toEqual([1, 2, 3].map((n) => `${name.toLowerCase()}-${n}@one.test`));
      // What is noted is not sent again.
      expect((await mb(results, undefined, args)).code).toBe(0);
      expect(arrived()).toHaveLength(3);
      expect(existsSync(join(results, 'results.jsonl'))).toBe(true);
    },
  );
});
