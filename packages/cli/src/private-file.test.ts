import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from './config/file.ts';
import { ResultsFile } from './merge/results-file.ts';
import { openPrivateFile, writeNewFile } from './private-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mb-private-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.skipIf(process.platform === 'win32')('files that hold mail, keys or results are private', () => {
  it('SAFE-18 a new file has mode 0600, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const path = join(folder, 'key.pem');
      await writeNewFile(path, 'secret');
      expect([statSync(path).mode & 0o777, readFileSync(path, 'utf8')]).toEqual([0o600, 'secret']);
    } finally {
      process.umask(before);
    }
  });

  it('SAFE-96 a new file replaces no other, a symbolic link neither', async () => {
    const path = join(folder, 'key.pem');
    await writeNewFile(path, 'secret');
    await expect(writeNewFile(path, 'other')).rejects.toMatchObject({ code: 'EEXIST' });
    const link = join(folder, 'link.pem');
    symlinkSync(join(folder, 'target'), link);
    await expect(writeNewFile(link, 'other')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readdirSync(folder).sort()).toEqual(['key.pem', 'link.pem']);
    expect(readFileSync(path, 'utf8')).toBe('secret');
  });

  it('SAFE-18 a file that is appended to is made 0600', async () => {
    const path = join(folder, 'results.jsonl');
    writeFileSync(path, '', { mode: 0o644 });
    await (await openPrivateFile(path)).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('SAFE-97 a file that is appended to is not opened through a link', async () => {
    const path = join(folder, 'results.jsonl');
    writeFileSync(path, '');
    symlinkSync(path, join(folder, 'link'));
    await expect(openPrivateFile(join(folder, 'link'))).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(ResultsFile.open(join(folder, 'link'))).rejects.toMatchObject({ code: 'MB_CLI_RESULTS' });
    await expect(openPrivateFile(folder)).rejects.toThrow();
  });

  it('SAFE-98 no file is written where every user may exchange it', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    await expect(writeNewFile(join(shared, 'key.pem'), 'x')).rejects.toThrow(/every user/);
    await expect(openPrivateFile(join(shared, 'results'))).rejects.toThrow(/every user/);
  });
});

/** A group that /etc/group does not list: anyone may be in it. */
const unlistedGroup = 54_321;

describe.skipIf(process.platform === 'win32')(
  'SAFE-19 a configuration that others may change is refused',
  () => {
    const refused: Readonly<Record<string, (path: string) => void>> = {
      'its file': (path) => chmodSync(path, 0o666),
      'its folder': () => chmodSync(join(folder, 'a'), 0o777),
      'its folder, as in /tmp': () => chmodSync(join(folder, 'a'), 0o1777),
      'a folder above': () => chmodSync(folder, 0o777),
      ...(process.getuid?.() === 0 && {
        'its file, by a group': (path: string) => {
          chownSync(path, 0, unlistedGroup);
          chmodSync(path, 0o660);
        },
        'its folder, by a group': () => {
          chownSync(join(folder, 'a'), 0, unlistedGroup);
          chmodSync(join(folder, 'a'), 0o770);
        },
        'the folder of the file that it is a link to': (path: string) => {
          const other = join(folder, 'b');
          mkdirSync(other, { recursive: true });
          renameSync(path, join(other, basename(path)));
          symlinkSync(join(other, basename(path)), path);
          chmodSync(other, 0o777);
        },
        'the folder of the link': (path: string) => {
          const other = join(folder, 'b');
          mkdirSync(other, { recursive: true, mode: 0o700 });
          chmodSync(other, 0o700);
          renameSync(path, join(other, basename(path)));
          symlinkSync(join(other, basename(path)), path);
          chmodSync(join(folder, 'a'), 0o777);
        },
      }),
    };
    for (const [name, act] of Object.entries(refused)) {
      it(name, async () => {
        mkdirSync(join(folder, 'a'));
        for (const file of ['mb.config.json', 'mb.config.js']) {
          const path = join(folder, 'a', file);
          writeFileSync(
            path,
            file.endsWith('js')
              ? 'export default { from: "ann@example.com" };'
              : '{"from":"ann@example.com"}',
          );
          expect((await readConfig(path)).content).toEqual({ from: 'ann@example.com' });
          act(path);
          await expect(readConfig(path)).rejects.toMatchObject({
            code: 'MB_CLI_CONFIG',
            message: expect.stringMatching(/others can change it/),
          });
          for (const place of [folder, join(folder, 'a')]) chmodSync(place, 0o700);
          rmSync(path);
        }
      });
    }
  },
);
