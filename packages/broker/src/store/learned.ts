/**
 * How fast a site answers, as the latest attempt there showed: `new` until there was one.
 *
 * A worker keeps at least half of its slots for sites that are `fast`.
 */
export type SiteSpeed = 'fast' | 'new' | 'slow';

/** Speeds from fast to slow; stores that keep numbers keep the place in this list. */
export const siteSpeeds: readonly SiteSpeed[] = ['fast', 'new', 'slow'];

/** What deliveries taught about a site; kept with the site, so that all workers share it. */
export interface Learned {
  readonly speed: SiteSpeed;
  /** Facts about its hosts as JSON, by host name; opaque to stores. */
  readonly hosts: Readonly<Record<string, object>>;
}

/** What is known of a site that was never attempted. */
export const nothingLearned: Learned = { speed: 'new', hosts: {} };

/** Most hosts of a site that facts are kept of. */
export const maxLearnedHosts = 100;

/** What is known after one more report: hosts that it names are replaced, the others stay. */
export function mergeLearned(known: Learned, report: Partial<Learned>): Learned {
  const kept = Object.entries(known.hosts).filter(([name]) => !report.hosts || !(name in report.hosts));
  const hosts: Record<string, object> = { ...Object.fromEntries(kept), ...report.hosts };
  const names = Object.keys(hosts);
  // A site is a set of hosts; more names than that only pile up when its DNS changes all the time.
  for (const name of names.slice(0, Math.max(0, names.length - maxLearnedHosts))) delete hosts[name];
  return { speed: report.speed ?? known.speed, hosts };
}

/** Whether a site of this speed may be claimed when `slowest` is the slowest that may. */
export function isAllowedSpeed(speed: SiteSpeed, slowest: SiteSpeed = 'slow'): boolean {
  return siteSpeeds.indexOf(speed) <= siteSpeeds.indexOf(slowest);
}
