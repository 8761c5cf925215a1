import { X509Certificate } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import type { Resolver } from '@mb/dns';
import { forEachLimit } from '../for-each-limit.ts';

/** A key that mail is signed with. */
export interface WatchedKey {
  readonly domain: string;
  readonly selector: string;
  /** Whether its record was seen, as managed domains know. Default: it is looked up. */
  readonly seen?: 'seen' | 'absent' | 'unknown' | undefined;
}

/** Facts about some items, and the items about which nothing is known. */
export interface Findings<Found> {
  readonly found: readonly Found[];
  /** One error for each item that could not be checked; nothing is known about it. */
  readonly failures: readonly Error[];
}

/** Keys that are looked up at the same time. */
const lookups = 20;

/** A key, and whether its record is in DNS; undefined where that is not known. */
export interface KeyState {
  /** Where the record belongs, such as `s1._domainkey.example.com`. */
  readonly name: string;
  readonly isPublished: boolean | undefined;
}

/**
 * Whether keys are in DNS. An answer that is missing or failed says nothing: only the name server's own "there is no such
 * record" counts.
 */
export async function lookUpKeys(
  keys: readonly WatchedKey[],
  resolver: Resolver | undefined,
): Promise<Findings<KeyState>> {
  const found: KeyState[] = [];
  const failures: Error[] = [];
  await forEachLimit(keys, lookups, async ({ domain, selector, seen }) => {
    const name = `${selector}._domainkey.${domain}`;
    const status = seen ?? (await resolver?.query(name, 'TXT'))?.status;
    const isPublished =
      status === 'seen' || status === 'found'
        ? true
        : status === 'absent' || status === 'nodata' || status === 'nxdomain'
          ? false
          : undefined;
    found.push({ name, isPublished });
    if (isPublished === undefined) failures.push(new Error(`DNS does not say whether ${name} is there.`));
  });
  return { found, failures };
}

/** The ends of the first certificates of files. */
export async function readCertificates(
  paths: readonly string[],
): Promise<Findings<{ readonly name: string; readonly endsAt: number }>> {
  return examine(paths, async (name) => {
    const { validTo } = new X509Certificate(await readFile(name));
    return { name, endsAt: Date.parse(validTo) };
  });
}

/** The free share of each file system. */
export async function readDisks(
  paths: readonly string[],
): Promise<Findings<{ readonly path: string; readonly free: number }>> {
  return examine(paths, async (path) => {
    const { bavail, blocks } = await statfs(path);
    return { path, free: blocks === 0 ? 1 : bavail / blocks };
  });
}

async function examine<Found>(
  paths: readonly string[],
  look: (path: string) => Promise<Found>,
): Promise<Findings<Found>> {
  const settled = await Promise.allSettled(paths.map(look));
  const failures = settled.flatMap((one, index) =>
    one.status === 'rejected'
      ? [new Error(`${paths[index]}: ${String(one.reason?.message)}`, { cause: one.reason })]
      : [],
  );
  return { found: settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])), failures };
}
