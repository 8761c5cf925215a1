import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

const othersMayWrite = 0o002;
const membersMayWrite = 0o020;
const sticky = 0o1000;

/**
 * Returns why other users can create or replace files in a folder; undefined when they cannot.
 *
 * @param strict  Also refuse a shared folder in which users may delete only their own files, such as /tmp: any user can
 *   create a file that does not exist yet.
 */
export async function sharedFolder(path: string, strict = false): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const facts = await stat(path);
  if (!strict && (facts.mode & sticky) !== 0) return undefined;
  if ((facts.mode & othersMayWrite) !== 0)
    return `every user of this machine can write to the folder ${path}`;
  return undefined;
}

/** Whether the group of a file may write to it and has members other than this user and root. */
async function groupMayWrite({ mode, gid }: Stats): Promise<boolean> {
  return (mode & membersMayWrite) !== 0 && (await hasOtherMembers(gid));
}

/** Whether /etc/group and /etc/passwd list other members; true for a group that they do not list. */
async function hasOtherMembers(gid: number): Promise<boolean> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [groups, users] = await Promise.all([read('/etc/group'), read('/etc/passwd')]);
  const ours = [0, process.getuid?.()].map(String);
  const rows = users.split('\n').map((line) => line.split(':'));
  const trusted = new Set(rows.filter(([, , uid = '']) => ours.includes(uid)).map(([name = '']) => name));
  const group = groups.split('\n').map((line) => line.split(':'));
  const listed = group.find(([, , id]) => id === String(gid));
  if (!listed) return true;
  const members = (listed[3] ?? '').split(',').filter((name) => name !== '');
  const primary = rows.filter(([, , , id]) => id === String(gid)).map(([name = '']) => name);
  return [...members, ...primary].some((name) => !trusted.has(name));
}

/** Returns why other users can change a file or a folder on the path to it; undefined when they cannot. */
export async function foreignInfluence(path: string, facts: Stats): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const trusted = (uid: number) => uid === 0 || uid === process.getuid?.();
  if (!trusted(facts.uid)) return 'it belongs to another user';
  if ((facts.mode & othersMayWrite) !== 0) return 'every user can write to it';
  if (await groupMayWrite(facts)) return 'a group of users can write to it';
  // For a symbolic link, both the folder of the link and that of its target are checked.
  for (const start of new Set([await realpath(dirname(resolve(path))), dirname(await realpath(path))])) {
    for (let folder = start, first = true; ; folder = dirname(folder), first = false) {
      const place = await stat(folder);
      if (!trusted(place.uid)) return `the folder ${folder} belongs to another user`;
      const shared = await sharedFolder(folder, first);
      if (shared !== undefined) return shared;
      const keepsOthersFiles = !first && (place.mode & sticky) !== 0;
      if (!keepsOthersFiles && (await groupMayWrite(place)))
        return `a group of users can write to the folder ${folder}`;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

/**
 * Writes a new file that only this user may read. It appears complete or not at all, is on the disk when this resolves,
 * and never replaces a file or symbolic link: that is EEXIST.
 */
export async function writeNewFile(path: string, content: string | Uint8Array): Promise<void> {
  const target = resolve(path);
  const shared = await sharedFolder(dirname(target));
  if (shared !== undefined) throw new Error(shared);
  const draft = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike rename(), link() replaces nothing.
    await link(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(target));
}

/** Opens a file of this user to read and append, and creates it if missing. A symbolic link is ELOOP. */
export async function openPrivateFile(path: string): Promise<FileHandle> {
  const target = resolve(path);
  const shared = await sharedFolder(dirname(target));
  if (shared !== undefined) throw new Error(shared);
  // Without O_NOFOLLOW (Windows), check for a link first.
  if (constants.O_NOFOLLOW === undefined && (await isLink(target))) throw new Error('it is a symbolic link');
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const handle = await open(target, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is not a file');
    // A file that an earlier version or the user made may be readable by others.
    await handle.chmod(0o600);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() ?? false;
}

/** Syncs a folder, so that the name of a new file is on the disk. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
