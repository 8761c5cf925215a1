import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MtaStsStore, StoredMtaStsPolicy } from './cache.ts';

/**
 * Keeps policies as files in a folder, one each, so that they outlive the program (RFC 8461 §10.2).
 *
 * A file appears whole or not at all; one that cannot be read counts as absent.
 *
 * @param folder  made when it does not exist.
 */
export function createMtaStsFileStore(folder: string): MtaStsStore {
  // Domain names come from strangers, so the file's name is a digest of it.
  const pathOf = (domain: string) =>
    join(folder, `${createHash('sha256').update(domain).digest('hex')}.json`);
  return {
    async get(domain) {
      try {
        const entry = JSON.parse(await readFile(pathOf(domain), 'utf8')) as StoredMtaStsPolicy;
        return isStoredPolicy(entry, domain) ? entry : undefined;
      } catch {
        return undefined;
      }
    },
    async set(entry) {
      await mkdir(folder, { recursive: true });
      const draft = join(folder, `${randomUUID()}.draft`);
      await writeFile(draft, JSON.stringify(entry));
      await rename(draft, pathOf(entry.domain));
    },
    async delete(domain) {
      await rm(pathOf(domain), { force: true });
    },
  };
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
