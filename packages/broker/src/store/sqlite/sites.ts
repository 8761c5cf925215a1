import { type Learned, siteSpeeds } from '../learned.ts';
import { allowedConnections, type Pacing, type SiteLimits } from '../pacing.ts';
import type { SiteSettings } from '../port.ts';
import { never } from './codes.ts';
import { type Site, type SiteRow, siteOf } from './site.ts';
import type { WriteContext } from './write-context.ts';

export function readSite({ sql, limits }: WriteContext, name: string): Site | undefined {
  const row = sql.get<SiteRow>('SELECT * FROM mb_site WHERE name = ?', name);
  return row && siteOf(row, limits);
}

/** The same as `hasOwnSettings`, without reading the JSON of the row. */
export function isOwnSite({ sql, now, own }: WriteContext, domain: string): boolean {
  return own.has(sql, domain, now);
}

const updateSite = 'UPDATE mb_site SET ready = ?, pacing = ?, arrivals = ?, used = ? WHERE name = ?';
const updateTaughtSite = `UPDATE mb_site SET ready = ?, pacing = ?, arrivals = ?, used = ?, speed = ?, learned = ?
  WHERE name = ?`;

/**
 * Writes what a claim or a settlement changes about a site.
 *
 * @param taught  What is known of the site and its hosts from now on; undefined when unchanged.
 */
export function writeSite({ sql, stats }: WriteContext, site: Site, readyUs: number, taught?: Learned): void {
  stats.siteChanged(site.name);
  const { name, used } = site;
  const ready = Math.min(Math.ceil(readyUs), never);
  const [pacing, arrivals] = [JSON.stringify(site.pacing), JSON.stringify(site.arrivals)];
  if (!taught) {
    sql.run(updateSite, ready, pacing, arrivals, used, name);
    return;
  }
  const { speed, hosts } = taught;
  const learned = JSON.stringify(hosts);
  sql.run(updateTaughtSite, ready, pacing, arrivals, used, siteSpeeds.indexOf(speed), learned, name);
}

const updateClaimedSite = `UPDATE mb_site SET pacing = ?2, arrivals = ?3, used = ?4, ready = (
    SELECT CASE WHEN min(l.ready) < ${never} THEN max(min(l.ready), ?5) ELSE ${never} END
    FROM mb_lane l WHERE l.site = ?1
  ) WHERE name = ?1`;

/**
 * Writes what a claim changes about a site, which is ready again when one of its lanes is.
 *
 * @param earliestUs  Microseconds; the site is not ready before this.
 */
export function writeClaimedSite({ sql, stats }: WriteContext, site: Site, earliestUs: number): void {
  const { name, used } = site;
  stats.siteChanged(name);
  const earliest = Math.min(Math.ceil(earliestUs), never);
  sql.run(
    updateClaimedSite,
    name,
    JSON.stringify(site.pacing),
    JSON.stringify(site.arrivals),
    used,
    earliest,
  );
}

/** Makes a site ready no sooner than `atMs`. */
export function postponeSite({ sql }: WriteContext, name: string, atMs: number): void {
  sql.run('UPDATE mb_site SET ready = ? WHERE name = ?', Math.min(Math.ceil(atMs) * 1000, never), name);
}

/** What distinguishes the lanes of a site. */
export interface LaneKey {
  readonly tenant: string;
  readonly priority: number;
}

/** Returns a lane of a site, creates it if necessary, and makes it ready at `dueMs`. */
export function openLane(
  context: WriteContext,
  site: string,
  { tenant, priority }: LaneKey,
  dueMs: number,
): number {
  const { sql } = context;
  const ready = dueMs * 1000;
  const known = sql.get<{ id: number; ready: number; site: number }>(
    `SELECT l.id, l.ready, s.ready AS site FROM mb_lane l JOIN mb_site s ON s.name = l.site
     WHERE l.site = ? AND l.tenant = ? AND l.priority = ?`,
    site,
    tenant,
    priority,
  );
  if (!known) return insertLane(context, site, { tenant, priority }, ready);
  if (known.ready > ready) sql.run('UPDATE mb_lane SET ready = ? WHERE id = ?', ready, known.id);
  if (known.site > ready) sql.run('UPDATE mb_site SET ready = ? WHERE name = ?', ready, site);
  return known.id;
}

function insertLane(
  { sql }: WriteContext,
  site: string,
  { tenant, priority }: LaneKey,
  ready: number,
): number {
  sql.run(
    `INSERT INTO mb_site (name, ready) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET ready = min(ready, excluded.ready) WHERE ready > excluded.ready`,
    site,
    ready,
  );
  const insert = 'INSERT INTO mb_lane (site, tenant, priority, ready) VALUES (?, ?, ?, ?)';
  return sql.run(insert, site, tenant, priority, ready).id;
}

/** Makes a lane and its site ready at `dueMs`. The claim postpones a site that allows nothing yet. */
export function wakeLane({ sql, stats }: WriteContext, lane: number, dueMs: number): void {
  stats.laneChanged(lane);
  const ready = dueMs * 1000;
  const row = sql.get<{ site: string; ready: number }>('SELECT site, ready FROM mb_lane WHERE id = ?', lane);
  if (!row) return;
  if (row.ready > ready) sql.run('UPDATE mb_lane SET ready = ? WHERE id = ?', ready, lane);
  sql.run('UPDATE mb_site SET ready = ? WHERE name = ? AND ready > ?', ready, row.site, ready);
}

/** When the first lane of a site is ready, in microseconds. */
export function lanesReady({ sql }: WriteContext, site: string): number {
  const row = sql.get<{ ready: number | null }>(
    'SELECT min(ready) AS ready FROM mb_lane WHERE site = ?',
    site,
  );
  return row?.ready ?? never;
}

/** The open connections of a site, and when the first lease expires. */
export interface OpenConnections {
  readonly count: number;
  readonly firstExpiry: number;
}

export function connectionsOf({ sql }: WriteContext, site: string): OpenConnections {
  const row = sql.get<{ count: number; first: number | null }>(
    'SELECT count(*) AS count, min(expires) AS first FROM mb_lease WHERE site = ?',
    site,
  )!;
  return { count: row.count, firstExpiry: row.first ?? Number.POSITIVE_INFINITY };
}

/** A site with the state of its lanes and leases. */
export interface BusySite {
  readonly site: Site;
  /** As {@link lanesReady}. */
  readonly lanes: number;
  readonly open: OpenConnections;
}

const selectBusy = `SELECT *, (SELECT min(l.ready) FROM mb_lane l WHERE l.site = name) AS lanes,
    (SELECT count(*) FROM mb_lease e WHERE e.site = name) AS open,
    (SELECT min(e.expires) FROM mb_lease e WHERE e.site = name) AS first
  FROM mb_site WHERE name = ?`;

/** Reads all that a settlement needs of a site, in one statement. */
export function readBusySite({ sql, limits }: WriteContext, name: string): BusySite | undefined {
  const row = sql.get<SiteRow & { lanes: number | null; open: number; first: number | null }>(
    selectBusy,
    name,
  );
  if (!row) return undefined;
  const open = { count: row.open, firstExpiry: row.first ?? Number.POSITIVE_INFINITY };
  return { site: siteOf(row, limits), lanes: row.lanes ?? never, open };
}

/** When a site is ready next, in microseconds: when a lane is, but not while the site is paused or full. */
export function siteReady(context: WriteContext, site: Site): number {
  const lanes = lanesReady(context, site.name);
  return lanes === never ? never : readyAt(site, lanes, connectionsOf(context, site.name));
}

/** As {@link siteReady}, when the state of its lanes and connections is known. */
export function readyAt({ pacing, limits }: Site, lanes: number, open: OpenConnections): number {
  if (lanes === never) return never;
  const full = open.count >= allowedConnections(pacing, limits);
  return Math.max(lanes, pacing.pausedUntil * 1000, full ? open.firstExpiry * 1000 : 0);
}

export function changeSite(context: WriteContext, name: string, settings: SiteSettings): void {
  const { sql, now, limits } = context;
  sql.run('INSERT INTO mb_site (name, ready) VALUES (?, ?) ON CONFLICT (name) DO NOTHING', name, never);
  const { suspended, note, pauseMs } = settings;
  if (suspended !== undefined)
    sql.run('UPDATE mb_site SET suspended = ? WHERE name = ?', Number(suspended), name);
  if (note !== undefined) sql.run('UPDATE mb_site SET note = ? WHERE name = ?', note, name);
  if (settings.limits !== undefined) {
    const own = isEmpty(settings.limits) ? null : JSON.stringify(settings.limits);
    sql.run('UPDATE mb_site SET limits = ? WHERE name = ?', own, name);
  }
  sql.run('DELETE FROM mb_alias WHERE domain = ?', name);
  const site = readSite(context, name) ?? newSite(name, limits);
  const paused = pauseMs === undefined ? {} : pauseOf(pauseMs, now);
  const changed = { ...site, pacing: { ...site.pacing, ...paused } };
  writeSite(context, changed, siteReady(context, changed));
  context.own.changed(sql, name);
}

function isEmpty(limits: Partial<SiteLimits> | null): boolean {
  return limits === null || Object.keys(limits).length === 0;
}

/** A site without a row. */
export function newSite(name: string, limits: SiteLimits): Site {
  return siteOf({ name, ...emptyRow }, limits);
}

const emptyRow = {
  ready: never,
  suspended: 0,
  note: null,
  limits: null,
  pacing: null,
  arrivals: '[]',
  used: 0,
  speed: 1,
  learned: '{}',
};

function pauseOf(pauseMs: number, now: number): Partial<Pacing> {
  return pauseMs > 0
    ? { pausedUntil: now + Math.ceil(pauseMs), pauseReason: 'operator' }
    : { pausedUntil: 0, pauseReason: null };
}
