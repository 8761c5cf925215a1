import {
  allowedConnections,
  type Learned,
  type Pacing,
  type QueueStats,
  type SiteLimits,
  type SiteView,
  siteSpeeds,
} from '@mb/broker/store';
import type { Database } from './database.ts';

const mostSites = 1000;

interface SiteRow {
  readonly name: string;
  readonly suspended: boolean;
  readonly speed: number;
  readonly learned: Learned['hosts'];
  readonly note: string | null;
  readonly limits: Partial<SiteLimits> | null;
  readonly concurrency: number | null;
  readonly paused_until: string;
  readonly pause_reason: Pacing['pauseReason'];
  readonly now: string;
  readonly queued: string | null;
  readonly due: string | null;
  readonly connections: string | null;
}

/** The queue at a glance. Counts what waits by an index alone; with a million recipients that takes a moment. */
export async function queueStats(
  db: Database,
  schema: string,
  limits: SiteLimits,
  now: number | null,
): Promise<QueueStats> {
  const [counts] = await db.query<{
    queued: string;
    in_flight: string;
    held: string;
    unknown: string;
    oldest: string | null;
  }>(
    `SELECT (SELECT count(*) FROM ${schema}.recipient WHERE state = 0 AND due >= 0) AS queued,
       (SELECT count(*) FROM ${schema}.recipient WHERE lease IS NOT NULL) AS in_flight,
       (SELECT count(*) FROM ${schema}.recipient WHERE state = 2 AND state IN (2, 3)) AS held,
       (SELECT count(*) FROM ${schema}.recipient WHERE state = 3 AND state IN (2, 3)) AS unknown,
       (SELECT min(due) FROM ${schema}.recipient WHERE state = 0 AND due >= 0) AS oldest`,
  );
  const sites = await db.query<SiteRow>(
    `WITH depth AS (
       SELECT site, sum(n) AS queued, min(due) AS due FROM (
         SELECT coalesce(l.site, d.route) AS site, d.n, d.due FROM (
           SELECT lane, route, count(*) AS n, min(due) AS due FROM ${schema}.recipient
           WHERE state = 0 AND due >= 0 GROUP BY lane, route
         ) d LEFT JOIN ${schema}.lane l ON l.id = d.lane WHERE coalesce(l.site, d.route) <> ''
         UNION ALL
         SELECT r.domain, count(*), min(r.due) FROM ${schema}.recipient r LEFT JOIN ${schema}.lane l ON l.id = r.lane
         WHERE r.state = 0 AND r.due >= 0 AND coalesce(l.site, r.route) = '' GROUP BY r.domain
       ) x GROUP BY site ORDER BY 2 DESC LIMIT ${mostSites}
     ), open AS (
       SELECT site, count(*) AS connections FROM ${schema}.lease WHERE site IS NOT NULL GROUP BY site
     )
     SELECT coalesce(s.name, depth.site) AS name, coalesce(s.suspended, false) AS suspended, coalesce(s.speed, 1) AS speed,
       coalesce(s.learned, '{}') AS learned, s.note, s.limits, s.concurrency, coalesce(s.paused_until, 0) AS paused_until,
       s.pause_reason,
       ${schema}.time_v1($1) AS now, depth.queued, depth.due, open.connections
     FROM ${schema}.site s FULL JOIN depth ON depth.site = s.name LEFT JOIN open ON open.site = s.name
     WHERE s.name IS DISTINCT FROM '' AND (s.suspended OR depth.site IS NOT NULL OR open.site IS NOT NULL)
     ORDER BY coalesce(depth.queued, 0) DESC, 1 LIMIT ${mostSites}`,
    [now],
  );
  return {
    queued: Number(counts!.queued),
    inFlight: Number(counts!.in_flight),
    held: Number(counts!.held),
    unknown: Number(counts!.unknown),
    ...(counts!.oldest !== null && { oldestDueAt: Number(counts!.oldest) }),
    sites: sites.map((row) => siteView(row, limits)),
  };
}

function siteView(row: SiteRow, defaults: SiteLimits): SiteView {
  const limits = { ...defaults, ...row.limits };
  const concurrency = row.concurrency ?? defaults.startConcurrency;
  const pausedUntil = Number(row.paused_until);
  const paused = pausedUntil > Number(row.now);
  return {
    site: row.name,
    queued: Number(row.queued ?? 0),
    connections: Number(row.connections ?? 0),
    concurrency: allowedConnections({ concurrency }, limits),
    ...(paused && { pausedUntil }),
    ...(paused && row.pause_reason && { pauseReason: row.pause_reason }),
    suspended: row.suspended,
    ...(row.note !== null && { note: row.note }),
    limits,
    learned: { speed: siteSpeeds[row.speed] ?? 'new', hosts: row.learned },
    ...(row.due !== null && { oldestDueAt: Number(row.due) }),
  };
}
