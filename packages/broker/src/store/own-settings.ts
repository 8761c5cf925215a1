import type { Pacing, SiteLimits } from './pacing.ts';

/**
 * Whether a site has settings of its own: an operator has suspended or paused it, or given it limits.
 *
 * The recipients of a domain with settings of its own belong to the site of that name, not to the site of its mail
 * exchangers, so that the settings apply to no other domain with the same hosts.
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
