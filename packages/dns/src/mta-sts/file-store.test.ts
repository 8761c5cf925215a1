import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createMtaStsFileStore } from './file-store.ts';

let base: string;
const entry = {
  domain: 'example.com',
  id: '1',
  policy: { mode: 'enforce', mx: ['mx.example.com'], maxAgeSeconds: 86_400 },
  fetchedAt: 1,
} as const;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sts-store-'));
});
afterEach(() => rm(base, { recursive: true }));

it('STS-04 writes files for the owner only', async () => {
  const folder = join(base, 'a', 'b');
  const store = createMtaStsFileStore(folder);
  await store.set(entry);
  await store.set({ ...entry, id: '2' });
  const files = await readdir(folder);
  expect(files).toHaveLength(1);
  expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  expect((await lstat(join(folder, files[0]!))).mode & 0o777).toBe(0o600);
  expect(await store.get('example.com')).toEqual({ ...entry, id: '2' });
});

it('STS-18 is read whole while it is written, and leaves no other file', async () => {
  const folder = join(base, 'policies');
  const store = createMtaStsFileStore(folder);
  const mx = Array.from({ length: 500 }, (_, n) => `mx${n}.example.com`);
  const version = (id: number) => ({
    ...entry,
    id: String(id),
    policy: { ...entry.policy, mx: mx.slice(id) },
  });
  await store.set(version(0));
  let last = 0;
  const writing = (async () => {
    for (let id = 1; id <= 50; id++) await store.set(version(id));
    last = 50;
  })();
  while (last === 0) {
    const found = await store.get('example.com');
    expect(found).toEqual(version(Number(found?.id)));
  }
  await writing;
  expect(await readdir(folder)).toHaveLength(1);
});

it('STS-14 neither reads nor writes through a symbolic link', async () => {
  const folder = join(base, 'policies');
  const store = createMtaStsFileStore(folder);
  await store.set(entry);
  const [name] = await readdir(folder);
  const path = join(folder, name!);
  const victim = join(base, 'victim');
  await writeFile(victim, await readFile(path));
  await rm(path);
  await symlink(victim, path);
  expect(await store.get('example.com')).toBeUndefined();
  await store.set({ ...entry, id: '9' });
  expect(JSON.parse(await readFile(victim, 'utf8'))).toEqual(entry);
  expect((await lstat(path)).isFile()).toBe(true);

  await symlink(folder, join(base, 'link'));
  const linked = createMtaStsFileStore(join(base, 'link'));
  await expect(linked.set(entry)).rejects.toMatchObject({ code: 'MB_DNS_OPTION' });
  expect(await linked.get('example.com')).toBeUndefined();
});

it('STS-15 refuses a folder that others may write to', async () => {
  const folder = join(base, 'open');
  await mkdir(folder);
  await chmod(folder, 0o777);
  const store = createMtaStsFileStore(folder);
  await expect(store.set(entry)).rejects.toMatchObject({ code: 'MB_DNS_OPTION' });
  expect(await readdir(folder)).toEqual([]);
});

it.each([undefined, 5, '', {}])('STS-15 refuses %j as folder', (folder) => {
  expect(() => createMtaStsFileStore(folder as never)).toThrowError(
    expect.objectContaining({ code: 'MB_DNS_OPTION' }),
  );
});
