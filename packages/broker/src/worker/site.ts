import type { AttemptEnvironment } from '../delivery/attempt-scope.ts';
import { profileEnvironment } from '../delivery/profile-environment.ts';
import type { Profiles } from '../profiles.ts';
import { findNextHop } from '../route/next-hop.ts';
import { siteOfHop } from '../route/site.ts';
import { isProfileFailure } from '../sender/obtain.ts';
import type { Profile, ProfiledMessage } from '../sending-profile.ts';
import type { FoundSite, SiteOf } from './lease-run.ts';

/** Minimum and maximum time for which a route is used, whatever its TTL. */
const shortestMs = 60_000;
const longestMs = 24 * 3_600_000;

/** Creates the function that finds the site of a domain for a message; see {@link siteOfHop}. */
export function createSiteOf(broker: AttemptEnvironment, profiles: Profiles): SiteOf {
  /** Lookups under way, because many messages of one profile need the same domain at the same time. */
  const underWay = new Map<Profile, Map<string, Promise<FoundSite | undefined>>>();

  async function find(domain: string, profile: Profile, signal: AbortSignal): Promise<FoundSite | undefined> {
    const nextHop = await findNextHop(domain, profileEnvironment(broker, profile), signal);
    const { route } = nextHop;
    const site = siteOfHop(domain, nextHop);
    if (site === undefined || route.status !== 'found') return undefined;
    const ttlMs = Math.min(Math.max(route.ttlSeconds * 1000, shortestMs), longestMs);
    return { site, ttlMs, forAll: profiles.single };
  }

  return async (domain, message, signal) => {
    const profile = await profileOf(message, profiles, signal);
    if (!profile) return undefined;
    const ofProfile = underWay.get(profile) ?? new Map<string, Promise<FoundSite | undefined>>();
    underWay.set(profile, ofProfile);
    let found = ofProfile.get(domain);
    if (!found) {
      found = find(domain, profile, signal).finally(() => {
        ofProfile.delete(domain);
        if (ofProfile.size === 0) underWay.delete(profile);
      });
      ofProfile.set(domain, found);
    }
    return found;
  };
}

/**
 * Undefined when the profile is not available: the attempt asks again, and defers the message if there is still none.
 */
async function profileOf(
  message: ProfiledMessage,
  profiles: Profiles,
  signal: AbortSignal,
): Promise<Profile | undefined> {
  try {
    return await profiles.for(message, signal);
  } catch (error) {
    if (isProfileFailure(error)) return undefined;
    throw error;
  }
}
