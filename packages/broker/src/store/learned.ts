/**
 * How fast a site answers, according to the latest attempt; `new` before the first.
 *
 * A worker reserves at least half of its slots for `fast` sites.
 */
export type SiteSpeed = 'fast' | 'new' | 'slow';

/** Speeds from fast to slow; SQLite and PostgreSQL store the index in this list. */
export const siteSpeeds: readonly SiteSpeed[] = ['fast', 'new', 'slow'];

/** What deliveries have shown about a site; stored with the site, so that all workers share it. */
export interface Learned {
  readonly speed: SiteSpeed;
  /** Facts about its hosts as JSON, by host name; opaque to stores. */
  readonly hosts: Readonly<Record<string, object>>;
}

/** What is known of a site that was never attempted. */
export const nothingLearned: Learned = { speed: 'new', hosts: {} };

/** Maximum number of hosts of a site with stored facts. */
export const maxLearnedHosts = 100;

/** Adds a report to what is known: hosts that it names are replaced, the others stay. */
export function mergeLearned(known: Learned, report: Partial<Learned>): Learned {
  const kept = Object.entries(known.hosts).filter(([name]) => !report.hosts || !(name in report.hosts));
  const hosts: Record<string, object> = { ...Object.fromEntries(kept), ...report.hosts };
  const names = Object.keys(hosts);
  // A site is a set of hosts; more names accumulate only when its DNS changes all the time.
  for (const name of names.slice(0, Math.max(0, names.length - maxLearnedHosts))) delete hosts[name];
  return { speed: report.speed ?? known.speed, hosts };
}

/** Whether a site of this speed is at least as fast as `slowest`. */
export function isAllowedSpeed(speed: SiteSpeed, slowest: SiteSpeed = 'slow'): boolean {
  return siteSpeeds.indexOf(speed) <= siteSpeeds.indexOf(slowest);
}
