import { findNextHop, type NextHopEnvironment } from '../route/next-hop.ts';
import { siteOfHop } from '../route/site.ts';
import type { SiteOf } from './worker.ts';

/** A route is believed at least and at most this long, whatever its TTL. */
const shortestMs = 60_000;
const longestMs = 24 * 3_600_000;

/** Finds the site of a domain; see {@link siteOfHop}. */
export function createSiteOf(environment: NextHopEnvironment): SiteOf {
  return async (domain, signal) => {
    const nextHop = await findNextHop(domain, environment, signal);
    const { route } = nextHop;
    const site = siteOfHop(domain, nextHop);
    if (site === undefined || route.status !== 'found') return undefined;
    return { site, ttlMs: Math.min(Math.max(route.ttlSeconds * 1000, shortestMs), longestMs) };
  };
}
