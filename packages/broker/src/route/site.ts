import { createHash } from 'node:crypto';
import type { NextHop } from './next-hop.ts';

/** Longer lists of host names are named by their digest. */
const maxSiteLength = 200;

/**
 * Names the destination that the hosts of a next hop are, so that all domains with the same hosts share their limits
 * as those hosts see it: the whole set of mail exchangers, the relay, or the domain.
 *
 * @returns undefined when the route is not known now.
 */
export function siteOfHop(domain: string, { route, port, protocol }: NextHop): string | undefined {
  if (route.status !== 'found') return undefined;
  if (route.via === 'smarthost') return `${protocol}:${route.hosts[0]!.name}:${port}`;
  if (route.via !== 'mx') return domain;
  // Hosts left out now (too many, no answer for their addresses) may be used the next time: it is the same site.
  const everyHost = [...route.hosts, ...route.skipped].map(({ name }) => name.toLowerCase());
  const names = [...new Set(everyHost)].sort().join(',');
  const digest = () => `mx:${createHash('sha256').update(names).digest('hex').slice(0, 32)}`;
  return names.length > maxSiteLength ? digest() : names;
}
