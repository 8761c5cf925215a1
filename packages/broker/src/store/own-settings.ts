import type { Pacing, SiteLimits } from './pacing.ts';

/**
 * Whether an operator gave a site settings of its own: it is suspended, paused by hand, or has limits of its own.
 *
 * The recipients of a domain with settings of its own belong to the site of that name, not to the site that its mail
 * exchangers are: the settings hold for this domain, and for no other domain with the same hosts.
 */
export function hasOwnSettings(
  site: {
    readonly suspended: boolean;
    readonly limits: Partial<SiteLimits>;
    readonly pacing: Pick<Pacing, 'pausedUntil' | 'pauseReason'>;
  },
  now: number,
): boolean {
  const { suspended, limits, pacing } = site;
  const pausedByHand = pacing.pauseReason === 'operator' && pacing.pausedUntil > now;
  return suspended || pausedByHand || Object.keys(limits).length > 0;
}
