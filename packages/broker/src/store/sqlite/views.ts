import { allowedConnections } from '../pacing.ts';
import {
  formatRecipientId,
  type MessageView,
  type Page,
  type QueueStats,
  type RecipientView,
  type SiteView,
  unrouted,
} from '../port.ts';
import { isFinal, shownState } from '../recipient-state.ts';
import type { CheckedSelector } from '../selector.ts';
import { fromJson, rowsPerMessage, stateOf } from './codes.ts';
import { selectWindow } from './command.ts';
import { newSite, readSite, type Site } from './sites.ts';
import type { WriteContext } from './write-context.ts';

/** Windows that one page may look through. */
const mostWindows = 5;
const mostSites = 1000;

interface ViewRow {
  readonly id: number;
  readonly address: string;
  readonly domain: string;
  readonly site: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly state: number;
  readonly attempts: number;
  readonly due: number;
  readonly accepted: number;
  readonly expires: number;
  readonly finished: number | null;
  readonly detail: string | null;
}

const selectViews = `
  SELECT r.id, r.address, r.domain, l.site, m.tenant, m.tag, r.state, r.attempts, r.due, m.accepted, m.expires,
         r.finished, r.detail
  FROM mb_recipient r JOIN mb_lane l ON l.id = r.lane JOIN mb_message m ON m.id = r.id / ${rowsPerMessage}`;

export function listRecipients(
  context: WriteContext,
  selector: CheckedSelector,
  after: number,
  limit: number,
): Page<RecipientView> {
  const rows: RecipientView[] = [];
  let place = after;
  for (let i = 0; i < mostWindows; i++) {
    const { ids, next } = selectWindow(context, selector, place);
    for (const id of ids) {
      if (rows.length === limit) return { rows, next: String(place) };
      rows.push(viewOf(context.sql.get<ViewRow>(`${selectViews} WHERE r.id = ?`, id)!));
      place = id;
    }
    if (next === undefined) return { rows };
    place = next;
  }
  return { rows, next: String(place) };
}

export function inspectMessage({ sql }: WriteContext, messageId: string): MessageView | null {
  const id = /^\d{1,11}$/.test(messageId) ? Number(messageId) : -1;
  const message = sql.get<{
    tenant: string;
    tag: string | null;
    sender: string;
    size: number;
    accepted: number;
    expires: number;
    envelope: string | null;
  }>('SELECT * FROM mb_message WHERE id = ? AND staged = 0', id);
  if (!message) return null;
  const first = id * rowsPerMessage;
  const range = `${selectViews} WHERE r.id >= ? AND r.id < ? ORDER BY r.id`;
  const envelope = fromJson(message.envelope);
  return {
    messageId,
    tenant: message.tenant,
    ...(message.tag !== null && { tag: message.tag }),
    sender: message.sender,
    size: message.size,
    acceptedAt: message.accepted,
    expiresAt: message.expires,
    ...(envelope && { envelope }),
    recipients: sql.all<ViewRow>(range, first, first + rowsPerMessage).map(viewOf),
  };
}

function viewOf(row: ViewRow): RecipientView {
  const state = stateOf(row.state);
  const messageId = String(Math.floor(row.id / rowsPerMessage));
  const detail = fromJson(row.detail);
  return {
    recipientId: formatRecipientId(messageId, row.id % rowsPerMessage),
    messageId,
    address: row.address,
    domain: row.domain,
    site: row.site === unrouted ? row.domain : row.site,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    state: shownState(state),
    inFlight: state === 'in-flight',
    attempts: row.attempts,
    ...(state === 'queued' && { dueAt: row.due }),
    acceptedAt: row.accepted,
    expiresAt: row.expires,
    ...(isFinal(state) && row.finished !== null && { finishedAt: row.finished }),
    ...(detail && { detail }),
  };
}

interface Depth {
  readonly site: string;
  readonly queued: number;
  readonly due: number;
}

/** What waits for its site, by domain. */
const selectUnrouted = `SELECT domain AS site, count(*) AS queued, min(due) AS due FROM mb_recipient
  WHERE state = 0 AND lane IN (SELECT id FROM mb_lane WHERE site = '') GROUP BY domain`;

export function queueStats(context: WriteContext): QueueStats {
  const { sql } = context;
  const depths = sql.all<Depth>(
    `SELECT l.site, sum(d.queued) AS queued, min(d.due) AS due
     FROM (SELECT lane, count(*) AS queued, min(due) AS due FROM mb_recipient WHERE state = 0 GROUP BY lane) d
     JOIN mb_lane l ON l.id = d.lane GROUP BY l.site`,
  );
  const routed = depths.filter(({ site }) => site !== unrouted);
  const depthOf = new Map(routed.map((depth) => [depth.site, depth]));
  for (const { site, queued, due } of sql.all<Depth>(selectUnrouted)) {
    const known = depthOf.get(site);
    const sum = { site, queued: queued + (known?.queued ?? 0), due: Math.min(due, known?.due ?? due) };
    depthOf.set(site, sum);
  }
  const connections = new Map(
    sql
      .all<{ site: string; count: number }>(
        'SELECT site, count(*) AS count FROM mb_lease WHERE site IS NOT NULL GROUP BY site',
      )
      .map(({ site, count }) => [site, count]),
  );
  const suspended = sql.all<{ name: string }>(
    "SELECT name FROM mb_site WHERE suspended = 1 AND name <> '' LIMIT ?",
    mostSites,
  );
  const deepest = [...depthOf.values()].sort((a, b) => b.queued - a.queued).slice(0, mostSites);
  const names = new Set([
    ...deepest.map(({ site }) => site),
    ...connections.keys(),
    ...suspended.map(({ name }) => name),
  ]);
  const sites = [...names].map((name) => {
    const site = readSite(context, name) ?? newSite(name, context.limits);
    return siteView(context, site, depthOf.get(name), connections.get(name) ?? 0);
  });
  const count = (condition: string) => {
    return sql.get<{ n: number }>(`SELECT count(*) AS n FROM mb_recipient WHERE ${condition}`)!.n;
  };
  const oldest = depths.reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY);
  return {
    queued: depths.reduce((sum, { queued }) => sum + queued, 0),
    inFlight: count('lease IS NOT NULL'),
    held: count('state = 2 AND state IN (2, 3)'),
    unknown: count('state = 3 AND state IN (2, 3)'),
    ...(depths.length > 0 && { oldestDueAt: oldest }),
    sites: sites.slice(0, mostSites),
  };
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
