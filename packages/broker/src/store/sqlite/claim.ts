import { BrokerError } from '../../errors.ts';
import { type SiteSpeed, siteSpeeds } from '../learned.ts';
import { allowedConnections, wakePacing } from '../pacing.ts';
import {
  type Claim,
  type ClaimedMessage,
  type ClaimRequest,
  formatRecipientId,
  inlineContentBytes,
} from '../port.ts';
import { takeFromRates } from '../rate.ts';
import { changeByOutcome } from '../recipient-transition.ts';
import { fromJson, never, rowsPerMessage } from './codes.ts';
import { chunkCount, readChunk } from './content.ts';
import type { MessageRow } from './message-row.ts';
import { applyChange, logRecipient, recipientByRow } from './recipients.ts';
import { type Site, type SiteRow, siteOf } from './site.ts';
import { connectionsOf, isOwnSite, postponeSite, readSite, writeClaimedSite } from './sites.ts';
import type { WriteContext } from './write-context.ts';

/** Maximum number of sites that one claim reads; those that allow nothing now are postponed. */
const mostSites = 200;
/** Maximum number of lanes that one claim reads to find the tenants whose turn it is. */
const mostLanes = 20;

const selectReady = 'SELECT * FROM mb_site WHERE suspended = 0 AND ready < ? ORDER BY ready LIMIT 1';
const selectFast =
  'SELECT * FROM mb_site WHERE suspended = 0 AND speed = 0 AND ready < ? ORDER BY ready LIMIT 1';
const selectNotSlow =
  'SELECT * FROM mb_site WHERE suspended = 0 AND speed < 2 AND ready < ? ORDER BY ready LIMIT 1';

/** The site that is ready first, of those that are at least as fast as `slowest`. */
export function readySite({ sql }: WriteContext, beforeUs: number, slowest: SiteSpeed = 'slow') {
  const select = [selectFast, selectNotSlow, selectReady][siteSpeeds.indexOf(slowest)]!;
  return sql.get<SiteRow>(select, beforeUs);
}

/** Whether a claim may find something. */
export function siteIsReady(context: WriteContext, slowest?: SiteSpeed): boolean {
  return readySite(context, (context.now + 1) * 1000, slowest) !== undefined;
}

/** Makes up to `most` claims, for the sites whose turn it is. */
export function claimSites(context: WriteContext, request: ClaimRequest, most: number): Claim[] {
  const claims: Claim[] = [];
  while (claims.length < most) {
    const claim = claimSite(context, request);
    if (!claim) break;
    claims.push(claim);
  }
  return claims;
}

/** Claims due recipients of the site whose turn it is; null when there are none. */
function claimSite(context: WriteContext, request: ClaimRequest): Claim | null {
  const { now, limits } = context;
  for (let i = 0; i < mostSites; i++) {
    const row = readySite(context, (now + 1) * 1000, request.slowest);
    if (!row) return null;
    const claim = claimOf(context, siteOf(row, limits), request);
    if (claim) return claim;
  }
  return null;
}

/** Claims recipients of a site; when it allows nothing now, postpones it and returns undefined. */
function claimOf(context: WriteContext, asleep: Site, request: ClaimRequest): Claim | undefined {
  const { sql, now } = context;
  const site = { ...asleep, pacing: wakePacing(asleep.pacing, asleep.limits, asleep.used, now), used: now };
  const { name } = site;
  if (site.pacing.pausedUntil > now) return postpone(context, name, site.pacing.pausedUntil);
  const open = connectionsOf(context, name);
  const allowed = allowedConnections(site.pacing, site.limits);
  // The settlement that frees a connection wakes the site.
  if (open.count >= allowed) return postpone(context, name, Math.max(open.firstExpiry, now + 1));
  const { granted, readyAt } = takeFromRates(site.limits.rates, site.arrivals, now, request.max);
  if (granted < 1) return postpone(context, name, Math.max(readyAt, now + 1));

  const lease = insertLease(context, name, request);
  const { messages, taken } = takeFromSite(context, name, lease, granted);
  const arrivals = takeFromRates(site.limits.rates, site.arrivals, now, taken).arrivals;
  const full = open.count + 1 >= allowed;
  const firstExpiry = Math.min(open.firstExpiry, now + request.leaseMs);
  const earliest = Math.max(turnOf(context, lease), full ? firstExpiry * 1000 : 0);
  writeClaimedSite(context, { ...site, arrivals }, earliest);
  if (messages.length > 0)
    return { leaseId: String(lease), kind: 'attempt', site: name, messages, learned: site.learned };
  sql.run('DELETE FROM mb_lease WHERE id = ?', lease);
  return undefined;
}

function postpone(context: WriteContext, site: string, atMs: number): undefined {
  postponeSite(context, site, atMs);
}

/** Whether {@link claimMore} may find something. */
export function hasMore({ sql, now }: WriteContext, leaseId: number): boolean {
  const select = `SELECT 1 FROM mb_lane WHERE site = (SELECT site FROM mb_lease WHERE id = ?) AND ready < ? LIMIT 1`;
  return sql.get(select, leaseId, (now + 1) * 1000) !== undefined;
}

/** Claims more recipients for a lease; empty when it is lost, or its site allows nothing now. */
export function claimMore(context: WriteContext, leaseId: number, max: number): ClaimedMessage[] {
  const lease = context.sql.get<{ site: string | null }>('SELECT site FROM mb_lease WHERE id = ?', leaseId);
  const site = lease?.site ? readSite(context, lease.site) : undefined;
  if (!site || site.suspended || site.pacing.pausedUntil > context.now) return [];
  const { granted } = takeFromRates(site.limits.rates, site.arrivals, context.now, max);
  if (granted < 1) return [];
  const { messages, taken } = takeFromSite(context, site.name, leaseId, granted);
  if (site.limits.rates.length > 0) {
    const { arrivals } = takeFromRates(site.limits.rates, site.arrivals, context.now, taken);
    context.sql.run('UPDATE mb_site SET arrivals = ? WHERE name = ?', JSON.stringify(arrivals), site.name);
  }
  return messages;
}

/** Claims waiting recipients whose deadline has passed, whatever their sites allow. */
export function claimOverdue(context: WriteContext, request: ClaimRequest): Claim | null {
  const { sql, now, counts } = context;
  const rows = sql.all<ClaimedRow>(selectOverdue, now, request.max);
  if (rows.length === 0) return null;
  const lease = insertLease(context, null, request);
  for (const row of rows) {
    sql.run('UPDATE mb_recipient SET state = 1, lease = ? WHERE id = ?', lease, row.id);
    counts.change(row, 'queued', 'in-flight');
  }
  const messages = readMessages(context, rows, false);
  if (messages.length > 0) return { leaseId: String(lease), kind: 'overdue', site: '', messages };
  sql.run('DELETE FROM mb_lease WHERE id = ?', lease);
  return null;
}

function insertLease(
  { sql, now }: WriteContext,
  site: string | null,
  { worker, leaseMs }: ClaimRequest,
): number {
  return sql.run('INSERT INTO mb_lease (site, worker, expires) VALUES (?, ?, ?)', site, worker, now + leaseMs)
    .id;
}

/** A `ready` after all others of the same millisecond, in the order of leases. */
function turnOf({ now }: WriteContext, lease: number): number {
  return now * 1000 + (lease % 1000);
}

interface ClaimedRow {
  readonly id: number;
  readonly lane: number;
  readonly address: string;
  readonly domain: string;
  readonly attempts: number;
  readonly options: string | null;
  readonly detail: string | null;
}

const claimedColumns = 'id, lane, address, domain, attempts, options, detail';
const selectDue = `SELECT ${claimedColumns} FROM mb_recipient WHERE lane = ? AND state = 0 AND due <= ? ORDER BY due, id LIMIT ?`;
const selectOverdue = `SELECT ${claimedColumns} FROM mb_recipient WHERE state = 0 AND deadline <= ? ORDER BY deadline LIMIT ?`;

function takeFromSite(context: WriteContext, site: string, lease: number, max: number) {
  const rows: ClaimedRow[] = [];
  for (const lanes of lanesInTurn(context, site)) {
    rows.push(...takeFromTenant(context, lanes, lease, max - rows.length));
    if (rows.length >= max) break;
  }
  return { messages: readMessages(context, rows, true), taken: rows.length };
}

interface ReadyLane {
  readonly id: number;
  readonly tenant: string;
  readonly priority: number;
}

const selectReadyLanes = `SELECT id, tenant, priority FROM mb_lane WHERE site = ? AND ready < ? ORDER BY ready LIMIT ?`;
const selectTenantLanes = `SELECT id, tenant, priority FROM mb_lane WHERE site = ? AND tenant = ? AND ready < ?
  ORDER BY priority`;

/** The lanes of a site with due recipients, by tenant: the tenant that was served longest ago first. */
function* lanesInTurn({ sql, now }: WriteContext, site: string): Generator<readonly ReadyLane[]> {
  const before = (now + 1) * 1000;
  const found = sql.all<ReadyLane>(selectReadyLanes, site, before, mostLanes);
  const byTenant = new Map<string, ReadyLane[]>();
  for (const lane of found) {
    const lanes = byTenant.get(lane.tenant);
    if (lanes) lanes.push(lane);
    else byTenant.set(lane.tenant, [lane]);
  }
  for (const [tenant, lanes] of byTenant) {
    // The tenant may have more lanes than those that were read.
    if (found.length === mostLanes) yield sql.all<ReadyLane>(selectTenantLanes, site, tenant, before);
    else yield lanes.sort((a, b) => a.priority - b.priority);
  }
}

const takeRow = 'UPDATE mb_recipient SET state = 1, lease = ?, attempts = attempts + 1 WHERE id = ?';
/** When the lane has a due recipient, but not before its next turn; never when none is left. */
const updateReady = `UPDATE mb_lane SET ready = coalesce(max(?1, 1000 * (
    SELECT due FROM mb_recipient WHERE lane = ?2 AND state = 0 ORDER BY due, id LIMIT 1
  )), ${never}) WHERE id = ?2`;

/** Takes due recipients from the lanes of a tenant at a site, the highest priority first. */
function takeFromTenant(
  context: WriteContext,
  lanes: readonly ReadyLane[],
  lease: number,
  max: number,
): ClaimedRow[] {
  const { sql, now, counts } = context;
  const rows: ClaimedRow[] = [];
  for (const lane of lanes) {
    const wanted = max - rows.length;
    const taken = wanted === 0 ? [] : sql.all<ClaimedRow>(selectDue, lane.id, now, wanted);
    for (const row of taken) {
      sql.run(takeRow, lease, row.id);
      counts.change(row, 'queued', 'in-flight');
    }
    // A lane from which nothing was taken has had its turn as well, because turns are those of tenants.
    sql.run(updateReady, turnOf(context, lease), lane.id);
    rows.push(...taken);
  }
  return rows;
}

const selectMessage = `SELECT tenant, tag, sender, accepted, expires, size, on_unknown, envelope, schedule
  FROM mb_message WHERE id = ?`;

/** Groups claimed rows by message. A message that cannot be read is held and left out. */
function readMessages(
  context: WriteContext,
  rows: readonly ClaimedRow[],
  attempt: boolean,
): ClaimedMessage[] {
  const byMessage = new Map<number, ClaimedRow[]>();
  for (const row of rows) {
    const message = Math.floor(row.id / rowsPerMessage);
    const group = byMessage.get(message);
    if (group) group.push(row);
    else byMessage.set(message, [row]);
  }
  return [...byMessage].flatMap(([id, group]) => {
    try {
      const message = readMessage(context, id, group, attempt);
      if (attempt && message.expiresAt > context.now) logAttempts(context, id, message, group);
      return [message];
    } catch (error) {
      // After the end of the transaction a hold would be written, and the claim would not.
      if (!isDamage(error) || !context.sql.inTransaction) throw error;
      quarantine(context, group, attempt);
      return [];
    }
  });
}

function readMessage(
  context: WriteContext,
  id: number,
  rows: readonly ClaimedRow[],
  attempt: boolean,
): ClaimedMessage {
  const recent = context.recent.take(id);
  const row = recent?.row ?? context.sql.get<MessageRow>(selectMessage, id);
  if (!row) throw new SyntaxError('The record of the message is missing.');
  const messageId = String(id);
  const schedule = fromJson(row.schedule);
  const envelope = fromJson(row.envelope);
  const expired = row.expires <= context.now;
  const domains = new Set(rows.map(({ domain }) => domain));
  const own = new Set([...domains].filter((domain) => isOwnSite(context, domain)));
  return {
    messageId,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    sender: row.sender,
    size: row.size,
    acceptedAt: row.accepted,
    expiresAt: row.expires,
    onUnknown: row.on_unknown,
    ...(schedule && { schedule }),
    ...(envelope && { envelope }),
    ...(row.size <= inlineContentBytes && {
      content: recent?.content ?? inlineContent(context, id, row.size),
    }),
    recipients: rows.map(({ id: rowId, address, domain, attempts, options, detail }) => ({
      recipientId: formatRecipientId(messageId, rowId % rowsPerMessage),
      address,
      domain,
      attempt: attempts + Number(attempt),
      expired,
      ...(own.has(domain) && { ownSite: true }),
      ...(options !== null && { options: fromJson(options)! }),
      ...(detail !== null && { lastDetail: fromJson(detail)! }),
    })),
  };
}

function inlineContent({ sql }: WriteContext, message: number, size: number): Uint8Array {
  return chunkCount(size) === 0 ? new Uint8Array() : readChunk(sql, message, 0, size);
}

function logAttempts(
  context: WriteContext,
  id: number,
  message: ClaimedMessage,
  rows: readonly ClaimedRow[],
): void {
  const { tenant, tag = null } = message;
  for (const row of rows) {
    const recipient = { id: row.id, message: id, tenant, tag, address: row.address };
    logRecipient(context, 'attempted', recipient, row.attempts + 1, null);
  }
}

/** Whether an error shows invalid JSON, a missing record, or content that differs from what was stored. */
function isDamage(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_MESSAGE_CORRUPT';
}

function quarantine(context: WriteContext, rows: readonly ClaimedRow[], attempt: boolean): void {
  const detail = JSON.stringify({ reason: 'corrupt' });
  for (const { id } of rows) {
    const recipient = recipientByRow(context, id);
    const outcome = { recipientId: '', status: 'held' } as const;
    const change = recipient && changeByOutcome(recipient, outcome, attempt ? 'attempt' : 'overdue');
    if (recipient && change) applyChange(context, recipient, change, detail);
  }
}
