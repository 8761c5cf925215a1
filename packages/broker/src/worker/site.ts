import { createHash } from 'node:crypto';
import { findNextHop, type NextHopEnvironment } from '../route/next-hop.ts';
import type { SiteOf } from './worker.ts';

/** Longer lists of host names are named by their digest. */
const maxSiteLength = 200;
/** A route is believed at least and at most this long, whatever its TTL. */
const shortestMs = 60_000;
const longestMs = 24 * 3_600_000;

/**
 * Finds the site of a domain: the whole set of its mail exchangers, or the relay that it is routed to, so that all domains
 * behind the same hosts share their limits, as those hosts see it.
 */
export function createSiteOf(environment: NextHopEnvironment): SiteOf {
  return async (domain, signal) => {
    const { route, port, protocol } = await findNextHop(domain, environment, signal);
    if (route.status !== 'found') return undefined;
    const ttlMs = Math.min(Math.max(route.ttlSeconds * 1000, shortestMs), longestMs);
    if (route.via === 'smarthost') return { site: `${protocol}:${route.hosts[0]!.name}:${port}`, ttlMs };
    if (route.via !== 'mx') return { site: domain, ttlMs };
    // Hosts left out now (too many, no answer for their addresses) may be used the next time: it is the same site.
    const everyHost = [...route.hosts, ...route.skipped].map(({ name }) => name.toLowerCase());
    const names = [...new Set(everyHost)].sort().join(',');
    const digest = () => `mx:${createHash('sha256').update(names).digest('hex').slice(0, 32)}`;
    return { site: names.length > maxSiteLength ? digest() : names, ttlMs };
  };
}
