import { X509Certificate } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import type { Resolver } from '@mb/dns';

/** A key that mail is signed with. */
export interface WatchedKey {
  readonly domain: string;
  readonly selector: string;
}

/**
 * Names of keys that are not in DNS. An answer that is missing or failed says nothing: only the name server's own "there
 * is no such record" counts.
 */
export async function findUnpublished(keys: readonly WatchedKey[], resolver: Resolver): Promise<string[]> {
  const names = keys.map(({ domain, selector }) => `${selector}._domainkey.${domain}`);
  const answers = await Promise.all(names.map((name) => resolver.query(name, 'TXT')));
  return names.filter((_, index) => ['nodata', 'nxdomain'].includes(answers[index]!.status));
}

/** The ends of the first certificates of files. A file that cannot be read is none that ends. */
export async function readCertificates(paths: readonly string[]) {
  const read = await Promise.all(
    paths.map(async (path) => {
      try {
        const { validTo } = new X509Certificate(await readFile(path));
        return [{ name: path, endsAt: Date.parse(validTo) }];
      } catch {
        return [];
      }
    }),
  );
  return read.flat();
}

/** The share of each file system that is free for us. */
export async function readDisks(paths: readonly string[]) {
  return Promise.all(
    paths.map(async (path) => {
      const { bavail, blocks } = await statfs(path);
      return { path, free: blocks === 0 ? 1 : bavail / blocks };
    }),
  );
}
