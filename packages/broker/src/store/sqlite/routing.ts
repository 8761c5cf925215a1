import {
  type Alias,
  formatRecipientId,
  type RoutedRecipient,
  type SiteKey,
  type UnroutedRecipient,
  unrouted,
} from '../port.ts';
import { fromJson, never, rowsPerMessage } from './codes.ts';
import { recipientRowId } from './recipients.ts';
import { isOwnSite, type LaneKey, lanesReady, openLane } from './sites.ts';
import type { WriteContext } from './write-context.ts';

/** Maximum number of lanes that one call takes recipients from. */
const mostLanes = 20;

/** Whether {@link takeUnrouted} may find something. */
export function hasUnrouted(context: WriteContext): boolean {
  return lanesReady(context, unrouted) < (context.now + 1) * 1000;
}

/** When {@link takeUnrouted} may find something, in microseconds. */
export function unroutedReady(context: WriteContext): number {
  return lanesReady(context, unrouted);
}

interface UnroutedRow {
  readonly id: number;
  readonly domain: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly envelope: string | null;
}

const selectUnrouted = `
  SELECT r.id, r.domain, m.tenant, m.tag, m.sender, m.envelope
  FROM (SELECT id, domain FROM mb_recipient WHERE lane = ? AND state = 0 AND due <= ? ORDER BY due, id LIMIT ?) r
  JOIN mb_message m ON m.id = r.id / ${rowsPerMessage}`;

/** Returns due recipients without a site, lanes in turn, and holds these lanes for `holdMs`. */
export function takeUnrouted(context: WriteContext, max: number, holdMs: number): UnroutedRecipient[] {
  const { sql, now } = context;
  const lanes = sql.all<{ id: number }>(
    'SELECT id FROM mb_lane WHERE site = ? AND ready < ? ORDER BY ready LIMIT ?',
    unrouted,
    (now + 1) * 1000,
    mostLanes,
  );
  const rows: UnroutedRow[] = [];
  for (const { id } of lanes) {
    if (rows.length >= max) break;
    const found = sql.all<UnroutedRow>(selectUnrouted, id, now, max - rows.length);
    rows.push(...found);
    if (found.length > 0) sql.run('UPDATE mb_lane SET ready = ? WHERE id = ?', (now + holdMs) * 1000, id);
    else wakeUnrouted(context, id);
  }
  return rows.map((row) => {
    const envelope = fromJson(row.envelope);
    return {
      recipientId: formatRecipientId(String(Math.floor(row.id / rowsPerMessage)), row.id % rowsPerMessage),
      domain: row.domain,
      tenant: row.tenant,
      sender: row.sender,
      ...(row.tag !== null && { tag: row.tag }),
      ...(envelope && { envelope }),
    };
  });
}

/** Assigns sites to recipients without one, and aliases to domains. */
export function assignSites(
  context: WriteContext,
  recipients: readonly RoutedRecipient[],
  aliases: readonly Alias[],
): void {
  const { sql, counts } = context;
  const isOwn = memoized((domain) => isOwnSite(context, domain));
  for (const { domain, site, ttlMs } of aliases) if (!isOwn(domain)) setAlias(context, domain, site, ttlMs);
  const left = new Set<number>();
  for (const { recipientId, site } of recipients) {
    const id = recipientRowId(recipientId);
    if (id === undefined) continue;
    const row = sql.get<LaneKey & { domain: string; lane: number; state: number; due: number }>(
      `SELECT r.domain, r.lane, r.state, r.due, l.tenant, l.priority FROM mb_recipient r JOIN mb_lane l ON l.id = r.lane
       WHERE r.id = ? AND l.site = ?`,
      id,
      unrouted,
    );
    if (!row) continue;
    // A recipient that does not wait wakes no worker.
    const due = row.state === 0 ? row.due : Math.floor(never / 1000);
    const lane = openLane(context, isOwn(row.domain) ? row.domain : site, row, due);
    sql.run('UPDATE mb_recipient SET lane = ? WHERE id = ?', lane, id);
    if (row.state === 0) {
      counts.change(row, 'queued', null);
      counts.change({ ...row, lane }, null, 'queued');
    }
    left.add(row.lane);
  }
  for (const lane of left) wakeUnrouted(context, lane);
}

/** Sets the site of a domain for recipients that are accepted during the next `ttlMs`. */
export function setAlias({ sql, now }: WriteContext, domain: string, site: SiteKey, ttlMs: number): void {
  sql.run(
    `INSERT INTO mb_alias (domain, site, expires) VALUES (?, ?, ?)
     ON CONFLICT (domain) DO UPDATE SET site = excluded.site, expires = excluded.expires`,
    domain,
    site,
    now + Math.floor(ttlMs),
  );
}

function wakeUnrouted({ sql }: WriteContext, lane: number): void {
  const next = sql.get<{ due: number }>(
    'SELECT due FROM mb_recipient WHERE lane = ? AND state = 0 ORDER BY due, id LIMIT 1',
    lane,
  );
  sql.run('UPDATE mb_lane SET ready = ? WHERE id = ?', next ? next.due * 1000 : never, lane);
}

function memoized(find: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    const value = known.get(name) ?? find(name);
    known.set(name, value);
    return value;
  };
}
