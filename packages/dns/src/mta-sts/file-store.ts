import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { optionError } from '../errors.ts';
import { checkText } from '../option-table.ts';
import type { MtaStsStore, StoredMtaStsPolicy } from './cache.ts';

/**
 * Stores policies as files in a folder, so that they survive a restart (RFC 8461 §10.2).
 *
 * A file appears complete or not at all, even after a power failure; one that cannot be read counts as absent. Files have
 * mode 0600, and a new folder has mode 0700. Symbolic links are not followed, and a folder that other users can write to
 * is refused: a user who can change a policy can disable TLS.
 *
 * @param folder  Created if it does not exist.
 * @throws {DnsError} MB_DNS_OPTION when `folder` is not a path. `set` rejects with MB_DNS_OPTION for a folder that is a
 *   link or writable by others, and with errors of the file system.
 */
export function createMtaStsFileStore(folder: string): MtaStsStore {
  if (checkText(folder, 'createMtaStsFileStore: folder') === '') {
    throw optionError('createMtaStsFileStore: folder must be the path of a folder, not an empty string.');
  }
  // Domain names are untrusted, so the name of a file is a digest.
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
        // `wx` neither follows a link nor opens an existing file.
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
    'createMtaStsFileStore: folder must be a folder, not a symbolic link, and writable only by its owner (chmod go-w).',
  );
}

async function readRegularFile(path: string): Promise<string> {
  // O_NONBLOCK: opening a pipe must not block the caller.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('It is not a file.');
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
