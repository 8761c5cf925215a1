import { BrokerError } from '../../errors.ts';
import { checkIdempotency, type MessageRecord, messageTimes } from '../new-message.ts';
import { type Accepted, type SiteKey, unrouted } from '../port.ts';
import { rowsPerMessage } from './codes.ts';
import { deletePartialContent, insertContent } from './content.ts';
import { isOwnSite, openLane } from './sites.ts';
import type { WriteContext } from './write-context.ts';

const columns = `tenant, tag, idem_key, idem_digest, sender, accepted, not_before, expires, size, on_unknown, envelope,
  schedule, open`;
const insertMessage = `INSERT INTO mb_message (staged, ${columns}) VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const updateStaged = `UPDATE mb_message SET (staged, ${columns}) = (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?`;

/**
 * Writes a message and its recipients. All errors are thrown before the first write.
 * @throws {BrokerError} MB_BROKER_IDEMPOTENCY_CONFLICT, MB_BROKER_STAGED_UNKNOWN
 */
export function acceptMessage(context: WriteContext, record: MessageRecord): Accepted {
  const { sql, now, log, counts } = context;
  const { tenant, idempotencyKey, idempotencyDigest, content } = record;
  if (idempotencyKey !== null) {
    const known = sql.get<{ id: number; idem_digest: string }>(
      'SELECT id, idem_digest FROM mb_message WHERE tenant = ? AND idem_key = ?',
      tenant,
      idempotencyKey,
    );
    if (known) {
      checkIdempotency(known.idem_digest, idempotencyDigest);
      return { messageId: String(known.id), duplicate: true };
    }
  }
  const { dueAt, expiresAt, deadline } = messageTimes(record, now);
  const staged = content instanceof Uint8Array ? null : stagedMessage(context, content.stagedId);
  const values = [
    tenant,
    record.tag,
    idempotencyKey,
    idempotencyDigest,
    record.sender,
    now,
    record.notBefore,
    expiresAt,
    record.size,
    record.onUnknown,
    record.envelope,
    record.schedule,
    record.recipients.length,
  ];
  const id = staged ?? sql.run(insertMessage, ...values).id;
  if (staged !== null) sql.run(updateStaged, ...values, staged);
  if (content instanceof Uint8Array) insertContent(sql, id, content);
  const lanes = new Map<string, number>();
  for (const [n, recipient] of record.recipients.entries()) {
    // A named site and the site of a domain have different keys, because only the latter may have an alias.
    const name = recipient.site ? `site ${recipient.site}` : `domain ${recipient.domain} ${recipient.site}`;
    let lane = lanes.get(name);
    if (lane === undefined) {
      lane = openLane(context, siteFor(context, recipient), record, dueAt);
      lanes.set(name, lane);
    }
    sql.run(
      'INSERT INTO mb_recipient (id, lane, address, domain, due, deadline, options) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id * rowsPerMessage + n,
      lane,
      recipient.address,
      recipient.domain,
      dueAt,
      deadline,
      recipient.options,
    );
    counts.change({ lane, domain: recipient.domain }, null, 'queued');
  }
  log.add({ type: 'accepted', at: now, message: id, tenant, tag: record.tag, attempt: 0 });
  return { messageId: String(id), duplicate: false };
}

/** Inserts the row of a message whose content is being staged. */
export function beginStaging({ sql, now }: WriteContext): number {
  return sql.run('INSERT INTO mb_message (staged, accepted) VALUES (1, ?)', now).id;
}

/**
 * Notes that content is still being written, so that it is not purged as abandoned.
 * @throws {BrokerError} MB_BROKER_STAGED_UNKNOWN
 */
export function continueStaging({ sql, now }: WriteContext, id: number): void {
  const { changes } = sql.run('UPDATE mb_message SET accepted = ? WHERE id = ? AND staged = 1', now, id);
  if (changes === 0) throw unknownStaged();
}

/**
 * Marks staged content as complete.
 * @throws {BrokerError} MB_BROKER_STAGED_UNKNOWN
 */
export function endStaging({ sql, now }: WriteContext, id: number, size: number): void {
  const end = 'UPDATE mb_message SET staged = 2, size = ?, accepted = ? WHERE id = ? AND staged = 1';
  if (sql.run(end, size, now, id).changes === 0) throw unknownStaged();
}

/** Deletes staged content; does nothing when it was accepted or no longer exists. */
export function discardStaged({ sql }: WriteContext, stagedId: string): void {
  const id = stagedNumber(stagedId);
  if (sql.run('DELETE FROM mb_message WHERE id = ? AND staged > 0', id).changes === 0) return;
  deletePartialContent(sql, id);
}

/** @throws {BrokerError} MB_BROKER_STAGED_UNKNOWN */
function stagedMessage({ sql }: WriteContext, stagedId: string): number {
  const id = stagedNumber(stagedId);
  if (sql.get('SELECT 1 FROM mb_message WHERE id = ? AND staged = 2', id)) return id;
  throw unknownStaged();
}

function stagedNumber(stagedId: string): number {
  return /^\d{1,15}$/.test(stagedId) ? Number(stagedId) : -1;
}

function unknownStaged(): BrokerError {
  return new BrokerError(
    'MB_BROKER_STAGED_UNKNOWN',
    'api-misuse',
    'This staged content was accepted already, or purged. Stage it again.',
  );
}

/** The site that was named, else that of the domain, which may not be known yet. */
function siteFor(context: WriteContext, { domain, site }: MessageRecord['recipients'][number]): SiteKey {
  if (site !== null && site !== unrouted) return site;
  const { sql, now } = context;
  const select = 'SELECT site FROM mb_alias WHERE domain = ? AND expires > ?';
  const alias = sql.get<{ site: string }>(select, domain, now)?.site;
  return alias ?? (site === null || isOwnSite(context, domain) ? domain : unrouted);
}
