import { setImmediate } from 'node:timers/promises';
import { allowedConnections } from '../pacing.ts';
import { type QueueStats, type SiteView, unrouted } from '../port.ts';
import { never } from './codes.ts';
import { type Site, type SiteRow, siteOf } from './site.ts';
import { connectionsOf, newSite, readSite } from './sites.ts';
import type { LaneDepth } from './stats-cache.ts';
import type { WriteContext } from './write-context.ts';

const mostSites = 1000;
/** Number of lanes, domains or sites read in one turn of the event loop. */
const partRows = 250;
/** Number of lanes without a site whose first recipients are read. */
const mostUnroutedLanes = 20;

/** Runs a synchronous read of the store. */
type Read = <Result>(read: (context: WriteContext) => Result) => Result;

interface Depth {
  readonly site: string;
  readonly queued: number;
  readonly due: number;
}

/**
 * Summarizes the queue from stored counts: the work grows with the number of destinations that have changed since the
 * last call, at first of those that have mail, not with the number of recipients. It is done in parts, so that it does
 * not block other work.
 */
export async function queueStats(readStore: Read): Promise<QueueStats> {
  const read: Read = (work) =>
    readStore((context) => {
      context.stats.check(context.sql);
      return work(context);
    });
  const { queued, inFlight, held, unknown } = read(readCounts);
  const lanes = await readDepths(read);
  const oldest = lanes.reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY);
  const withoutSite = lanes.filter(({ site }) => site === unrouted);
  const routed = lanes.filter(({ site }) => site !== unrouted);
  const depthOf = new Map<string, Depth>();
  for (const one of [...routed, ...read((context) => readUnrouted(context, withoutSite))])
    depthOf.set(one.site, sumOfDepths(depthOf.get(one.site), one));
  const { connections, suspended } = read(readOpen);
  const deepest = [...depthOf.values()].sort((a, b) => b.queued - a.queued).slice(0, mostSites);
  const all = new Set([...deepest.map(({ site }) => site), ...connections.keys(), ...suspended]);
  const names = [...all].slice(0, mostSites);
  const views: SiteView[] = [];
  while (views.length < names.length) {
    if (views.length > 0) await setImmediate();
    read((context) => {
      for (const site of readSites(context, names, views.length))
        views.push(siteView(context, site, depthOf.get(site.name), connections.get(site.name) ?? 0));
    });
  }
  return {
    queued,
    inFlight,
    held,
    unknown,
    ...(lanes.length > 0 && { oldestDueAt: oldest }),
    sites: views,
  };
}

function readCounts({ sql }: WriteContext) {
  const rows = sql.all<{ recipients: number }>('SELECT recipients FROM mb_count ORDER BY state');
  const [queued = 0, inFlight = 0, held = 0, unknown = 0] = rows.map(({ recipients }) => recipients);
  return { queued, inFlight, held, unknown };
}

/** One destination; null when nothing is known of it. */
export function siteStats(context: WriteContext, name: string): SiteView | null {
  const { sql, limits } = context;
  const lanes = sql.all<LaneDepth>(`${selectDepths} AND site = ?`, name);
  const waiting = sql.get<{ queued: number }>('SELECT queued FROM mb_unrouted WHERE domain = ?', name);
  if (waiting) {
    const dueOf = unroutedDues(context, sql.all<LaneDepth>(`${selectDepths} AND site = ?`, unrouted));
    lanes.push({ id: 0, site: name, queued: waiting.queued, due: dueOf(name) });
  }
  // The site without a name has the recipients without a site.
  const site = name === unrouted ? undefined : readSite(context, name);
  if (!site && lanes.length === 0) return null;
  const depth = lanes.reduce<Depth | undefined>(sumOfDepths, undefined);
  return siteView(context, site ?? newSite(name, limits), depth, connectionsOf(context, name).count);
}

function sumOfDepths(known: Depth | undefined, { site, queued, due }: Depth): Depth {
  return { site, queued: queued + (known?.queued ?? 0), due: Math.min(due, known?.due ?? due) };
}

const selectDepths = `
  SELECT id, site, queued, coalesce((SELECT due FROM mb_recipient r WHERE r.lane = l.id AND state = 0 ORDER BY due LIMIT 1), ${never})
    AS due
  FROM mb_lane l WHERE queued > 0`;
const selectLanes = `${selectDepths} AND id > ? ORDER BY id LIMIT ?`;
const selectSome = `${selectDepths} AND id IN (SELECT value FROM json_each(?))`;

/** Every lane with waiting recipients, and when the first is due. */
async function readDepths(read: Read): Promise<LaneDepth[]> {
  if (!read(({ stats }) => stats.lanes)) return readAllDepths(read);
  for (;;) {
    const asked = read(({ sql, stats }) => {
      const changed = stats.changedLanes(partRows);
      if (changed.length > 0)
        stats.replaceLanes(changed, sql.all<LaneDepth>(selectSome, JSON.stringify(changed)));
      return changed.length;
    });
    if (asked < partRows) break;
    await setImmediate();
  }
  // Another connection may have written meanwhile.
  const lanes = read(({ stats }) => stats.lanes);
  return lanes ? [...lanes.values()] : readAllDepths(read);
}

async function readAllDepths(read: Read): Promise<LaneDepth[]> {
  const generation = read(({ stats }) => stats.generation);
  const found = new Map<number, LaneDepth>();
  for (let after = 0; ; ) {
    const rows = read(({ sql }) => sql.all<LaneDepth>(selectLanes, after, partRows));
    for (const row of rows) found.set(row.id, row);
    if (rows.length < partRows) break;
    after = rows.at(-1)!.id;
    await setImmediate();
  }
  read(({ stats }) => stats.keepLanes(found, generation));
  return [...found.values()];
}

/** Recipients without a site, by domain. */
function readUnrouted(context: WriteContext, lanes: readonly LaneDepth[]): Depth[] {
  if (lanes.length === 0) return [];
  const dueOf = unroutedDues(context, lanes);
  const domains = context.sql.all<{ domain: string; queued: number }>(
    'SELECT domain, queued FROM mb_unrouted ORDER BY queued DESC LIMIT ?',
    mostSites,
  );
  return domains.map(({ domain, queued }) => ({ site: domain, queued, due: dueOf(domain) }));
}

/**
 * Returns a function that tells when the first recipient of a domain without a site is due. Recipients are routed in
 * the order in which they are due, so the first ones of each lane give this for most domains. For other domains the
 * result is the earliest possible time.
 */
function unroutedDues({ sql }: WriteContext, lanes: readonly LaneDepth[]): (domain: string) => number {
  const dueOf = new Map<string, number>();
  const byDue = [...lanes].sort((a, b) => a.due - b.due);
  let rest = byDue[mostUnroutedLanes]?.due ?? never;
  for (const { id } of byDue.slice(0, mostUnroutedLanes)) {
    const first = sql.all<{ domain: string; due: number }>(selectUnrouted, id, partRows);
    for (const { domain, due } of first) dueOf.set(domain, Math.min(due, dueOf.get(domain) ?? due));
    if (first.length === partRows) rest = Math.min(rest, first.at(-1)!.due);
  }
  return (domain) => dueOf.get(domain) ?? rest;
}

const selectUnrouted =
  'SELECT domain, due FROM mb_recipient WHERE lane = ? AND state = 0 ORDER BY due, id LIMIT ?';

function readOpen({ sql }: WriteContext) {
  const open = sql.all<{ site: string; count: number }>(
    'SELECT site, count(*) AS count FROM mb_lease WHERE site IS NOT NULL GROUP BY site',
  );
  const suspended = sql.all<{ name: string }>(
    "SELECT name FROM mb_site WHERE suspended = 1 AND name <> '' LIMIT ?",
    mostSites,
  );
  return {
    connections: new Map(open.map(({ site, count }) => [site, count])),
    suspended: suspended.map(({ name }) => name),
  };
}

/** The sites of the names from one on, in their order, until {@link partRows} of them had to be read. */
function readSites({ sql, limits, stats }: WriteContext, names: readonly string[], from: number): Site[] {
  const unread: string[] = [];
  let end = from;
  for (; end < names.length && unread.length < partRows; end++)
    if (!stats.site(names[end]!)) unread.push(names[end]!);
  const read = new Map<string, Site>();
  if (unread.length > 0) {
    const rows = sql.all<SiteRow>(
      'SELECT * FROM mb_site WHERE name IN (SELECT value FROM json_each(?))',
      JSON.stringify(unread),
    );
    for (const row of rows) read.set(row.name, siteOf(row, limits));
    // One without a row is as a row begins.
    for (const name of unread) stats.keepSite(read.get(name) ?? newSite(name, limits));
  }
  return names.slice(from, end).map((name) => stats.site(name) ?? read.get(name) ?? newSite(name, limits));
}

function siteView(
  { now }: WriteContext,
  site: Site,
  depth: Depth | undefined,
  connections: number,
): SiteView {
  const paused = site.pacing.pausedUntil > now;
  return {
    site: site.name,
    queued: depth?.queued ?? 0,
    connections,
    concurrency: allowedConnections(site.pacing, site.limits),
    ...(paused && { pausedUntil: site.pacing.pausedUntil }),
    ...(paused && site.pacing.pauseReason && { pauseReason: site.pacing.pauseReason }),
    suspended: site.suspended,
    ...(site.note !== null && { note: site.note }),
    limits: site.limits,
    learned: site.learned,
    ...(depth && { oldestDueAt: depth.due }),
  };
}
