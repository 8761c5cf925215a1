import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { optionError } from '../errors.ts';
import { checkText } from '../option-table.ts';
import type { MtaStsStore, StoredMtaStsPolicy } from './cache.ts';

/**
 * Keeps policies as files in a folder, one each, so that they outlive the program (RFC 8461 §10.2).
 *
 * A file appears whole or not at all, also when the machine loses power; one that cannot be read counts as absent.
 * Files have mode 0600 and a folder that is made 0700. Nothing is read or written through a symbolic link, and a folder
 * that other users may write to is refused: a user who can change a policy can switch TLS off.
 *
 * @param folder  made when it does not exist.
 * @throws {DnsError} MB_DNS_OPTION when `folder` is no path. `set` rejects with MB_DNS_OPTION for a folder that is a
 *   link or open to others, and with what the file system says.
 */
export function createMtaStsFileStore(folder: string): MtaStsStore {
  if (checkText(folder, 'createMtaStsFileStore: folder') === '') {
    throw optionError('createMtaStsFileStore: folder must be the path of a folder, not an empty string.');
  }
  // Domain names come from strangers, so the file's name is a digest of it.
  const pathOf = (domain: string) =>
    join(folder, `${createHash('sha256').update(domain).digest('hex')}.json`);
  return {
    async get(domain) {
      try {
        await checkFolder(folder);
        const entry = JSON.parse(await readRegularFile(pathOf(domain))) as StoredMtaStsPolicy;
        return isStoredPolicy(entry, domain) ? entry : undefined;
      } catch {
        return undefined;
      }
    },
    async set(entry) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await checkFolder(folder);
      const draft = join(folder, `${randomUUID()}.draft`);
      try {
        // `wx` neither follows a link nor opens what is there already.
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(JSON.stringify(entry));
          await file.sync();
        } finally {
          await file.close();
        }
        // An existing link of this name is replaced, not followed.
        await rename(draft, pathOf(entry.domain));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
    async delete(domain) {
      await rm(pathOf(domain), { force: true });
    },
  };
}

async function checkFolder(folder: string): Promise<void> {
  const facts = await lstat(folder);
  const open = process.platform !== 'win32' && (facts.mode & 0o022) !== 0;
  if (facts.isDirectory() && !open) return;
  throw optionError(
    'createMtaStsFileStore: the folder must be a folder, no symbolic link, and writable for its owner only (chmod go-w).',
  );
}

async function readRegularFile(path: string): Promise<string> {
  // O_NONBLOCK: a pipe at this name must not hold the caller up.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('It is no file.');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function isStoredPolicy(entry: StoredMtaStsPolicy, domain: string): boolean {
  const { policy } = entry;
  return (
    entry.domain === domain &&
    typeof entry.id === 'string' &&
    Number.isFinite(entry.fetchedAt) &&
    Number.isFinite(policy?.maxAgeSeconds) &&
    ['enforce', 'testing', 'none'].includes(policy.mode) &&
    Array.isArray(policy.mx)
  );
}
