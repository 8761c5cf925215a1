import {
  allowedConnections,
  type Learned,
  maxRecipients,
  type Pacing,
  type QueueStats,
  type SiteLimits,
  type SiteView,
  siteSpeeds,
} from '@mb/broker/store';
import type { Database } from './database.ts';

const mostSites = 1000;

/** Counts of the queue, which are the same in every row. */
interface CountRow {
  readonly all_queued: string;
  readonly in_flight: string;
  readonly held: string;
  readonly unknown: string;
  readonly oldest: string | null;
}

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

/** Number of waiting recipients without a site or a lane that are read to find when their domains are due. */
const unroutedRows = 500;

/**
 * Summarizes the queue from stored counts: the work grows with the number of destinations that have mail, not with the
 * number of recipients.
 */
// Long because it is one statement.
export async function queueStats(
  db: Database,
  schema: string,
  limits: SiteLimits,
  now: number | null,
): Promise<QueueStats> {
  const rows = await db.query<CountRow & SiteRow>(
    `WITH counts AS MATERIALIZED (
       SELECT place, state, sum(n) AS n FROM (
         SELECT place, state, n FROM ${schema}.tally_sum UNION ALL SELECT place, state, n FROM ${schema}.tally
         UNION ALL SELECT c.place, 0, c.n FROM ${schema}.intake i, unnest(i.places, i.counts) AS c(place, n)
       ) x GROUP BY 1, 2 HAVING sum(n) <> 0
     ), lanes AS MATERIALIZED (
       SELECT l.id, l.site, (
         SELECT r.due FROM ${schema}.recipient r WHERE r.lane = l.id AND r.state = 0 AND r.due >= 0 AND r.due >= l.floor
         ORDER BY r.due, r.id LIMIT 1) AS due
       FROM ${schema}.lane l WHERE l.site = '' OR l.site IN (SELECT place FROM counts WHERE state = 0)
     ), unrouted AS MATERIALIZED (
       SELECT r.domain AS site, r.due FROM lanes l CROSS JOIN LATERAL (
         SELECT domain, due FROM ${schema}.recipient WHERE lane = l.id AND state = 0 AND due >= 0
         ORDER BY due, id LIMIT ${unroutedRows}) r
       WHERE l.site = '' AND l.due IS NOT NULL
     ), incoming AS MATERIALIZED (
       SELECT ${schema}.place_v1(NULL, r.route, r.domain) AS site, r.due
       FROM (SELECT message FROM ${schema}.intake ORDER BY message LIMIT ${unroutedRows}) i CROSS JOIN LATERAL (
         SELECT * FROM ${schema}.recipient WHERE id >= i.message * 65536 AND id < (i.message + 1) * 65536
         ORDER BY id LIMIT ${maxRecipients}) r
       WHERE r.lane IS NULL AND r.state = 0
     ), dues AS (
       SELECT site, min(due) AS due FROM (
         SELECT site, due FROM lanes WHERE site <> '' UNION ALL SELECT * FROM unrouted UNION ALL SELECT * FROM incoming
       ) d GROUP BY site
     ), depth AS (
       SELECT c.place AS site, c.n AS queued, coalesce(d.due, (SELECT max(due) FROM unrouted)) AS due
       FROM counts c LEFT JOIN dues d ON d.site = c.place WHERE c.state = 0 ORDER BY 2 DESC LIMIT ${mostSites}
     ), open AS (
       SELECT site, count(*) AS connections FROM ${schema}.lease WHERE site IS NOT NULL GROUP BY site
     ), sites AS (
       SELECT coalesce(s.name, depth.site) AS name, coalesce(s.suspended, false) AS suspended, coalesce(s.speed, 1) AS speed,
         coalesce(s.learned, '{}') AS learned, s.note, s.limits, s.concurrency, coalesce(s.paused_until, 0) AS paused_until,
         s.pause_reason, depth.queued, depth.due, open.connections
       FROM ${schema}.site s FULL JOIN depth ON depth.site = s.name LEFT JOIN open ON open.site = s.name
       WHERE s.name IS DISTINCT FROM '' AND (s.suspended OR depth.site IS NOT NULL OR open.site IS NOT NULL)
       ORDER BY coalesce(depth.queued, 0) DESC, 1 LIMIT ${mostSites}
     )
     SELECT all_queued, in_flight, held, unknown, oldest, ${schema}.time_v1($1) AS now, sites.* FROM (
       SELECT coalesce(sum(n) FILTER (WHERE state = 0), 0) AS all_queued, coalesce(sum(n) FILTER (WHERE state = 1), 0) AS in_flight,
         coalesce(sum(n) FILTER (WHERE state = 2), 0) AS held, coalesce(sum(n) FILTER (WHERE state = 3), 0) AS unknown,
         least((SELECT min(due) FROM lanes), (SELECT min(due) FROM incoming)) AS oldest
       FROM counts) total LEFT JOIN sites ON true
     ORDER BY coalesce(sites.queued, 0) DESC, sites.name`,
    [now],
  );
  const { all_queued: queued, in_flight: inFlight, held, unknown, oldest } = rows[0]!;
  return {
    queued: Number(queued),
    inFlight: Number(inFlight),
    held: Number(held),
    unknown: Number(unknown),
    ...(oldest !== null && { oldestDueAt: Number(oldest) }),
    sites: rows.filter(({ name }) => name !== null).map((row) => siteView(row, limits)),
  };
}

/** One destination; null when nothing is known of it. */
// Long because it is one statement.
export async function siteStats(
  db: Database,
  schema: string,
  name: string,
  limits: SiteLimits,
  now: number | null,
): Promise<SiteView | null> {
  const [row] = await db.query<SiteRow>(
    `WITH depth AS MATERIALIZED (
       SELECT coalesce(sum(n), 0) AS queued FROM (
         SELECT n FROM ${schema}.tally_sum WHERE place = $2 AND state = 0
         UNION ALL SELECT n FROM ${schema}.tally WHERE place = $2 AND state = 0
         UNION ALL SELECT c.n FROM ${schema}.intake i, unnest(i.places, i.counts) AS c(place, n) WHERE c.place = $2) x
     ), lanes AS MATERIALIZED (
       SELECT l.site, (
         SELECT r.due FROM ${schema}.recipient r WHERE r.lane = l.id AND r.state = 0 AND r.due >= 0 AND r.due >= l.floor
         ORDER BY r.due, r.id LIMIT 1) AS due, l.id
       FROM ${schema}.lane l WHERE l.site = $2 OR l.site = ''
     ), unrouted AS MATERIALIZED (
       SELECT r.domain, r.due FROM lanes l CROSS JOIN LATERAL (
         SELECT domain, due FROM ${schema}.recipient WHERE lane = l.id AND state = 0 AND due >= 0
         ORDER BY due, id LIMIT ${unroutedRows}) r
       WHERE l.site = '' AND l.due IS NOT NULL
     ), incoming AS MATERIALIZED (
       SELECT r.due
       FROM (SELECT message FROM ${schema}.intake ORDER BY message LIMIT ${unroutedRows}) i CROSS JOIN LATERAL (
         SELECT * FROM ${schema}.recipient WHERE id >= i.message * 65536 AND id < (i.message + 1) * 65536
         ORDER BY id LIMIT ${maxRecipients}) r
       WHERE r.lane IS NULL AND r.state = 0 AND ${schema}.place_v1(NULL, r.route, r.domain) = $2
     ), dues AS (
       SELECT due FROM lanes WHERE site = $2 UNION ALL SELECT due FROM unrouted WHERE domain = $2
       UNION ALL SELECT due FROM incoming
     )
     SELECT $2 AS name, coalesce(s.suspended, false) AS suspended, coalesce(s.speed, 1) AS speed,
       coalesce(s.learned, '{}') AS learned, s.note, s.limits, s.concurrency, coalesce(s.paused_until, 0) AS paused_until,
       s.pause_reason, depth.queued, CASE WHEN depth.queued > 0 THEN
         coalesce((SELECT min(due) FROM dues), (SELECT max(due) FROM unrouted)) END AS due,
       (SELECT count(*) FROM ${schema}.lease WHERE site = $2) AS connections, ${schema}.time_v1($1) AS now
     FROM depth LEFT JOIN ${schema}.site s ON s.name = $2
     WHERE $2 <> '' AND (s.name IS NOT NULL OR depth.queued > 0)`,
    [now, name],
  );
  return row ? siteView(row, limits) : null;
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
