import { parseRecipientId, type RecipientId, type UnknownPolicy } from '../port.ts';
import type { QueueEventType } from '../queue-event.ts';
import { isFinal } from '../recipient-state.ts';
import type { RecipientChange, RecipientRecord } from '../recipient-transition.ts';
import { intentOf, rowsPerMessage, stateCode, stateOf } from './codes.ts';
import { wakeLane } from './sites.ts';
import type { WriteContext } from './write-context.ts';

/** A recipient, with the fields of its message that transitions need. */
export interface Recipient extends RecipientRecord {
  readonly id: number;
  readonly message: number;
  readonly address: string;
  readonly domain: string;
  readonly lane: number;
  readonly due: number;
  readonly lease: number | null;
  /** Site of the lease; null without a lease, and for overdue recipients. */
  readonly leaseSite: string | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly expires: number;
  readonly onUnknown: UnknownPolicy;
  /** Number of recipients of the message that were not finished before this transaction. */
  readonly open: number;
  /** Octets of the message. */
  readonly size: number;
}

interface RecipientRow {
  readonly id: number;
  readonly address: string;
  readonly domain: string;
  readonly lane: number;
  readonly state: number;
  readonly intent: number;
  readonly due: number;
  readonly attempts: number;
  readonly abandoned: number;
  readonly lease: number | null;
  readonly lease_site: string | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly expires: number;
  readonly on_unknown: UnknownPolicy;
  readonly open: number;
  readonly size: number;
}

const selectRecipients = `
  SELECT r.id, r.address, r.domain, r.lane, r.state, r.intent, r.due, r.attempts, r.abandoned, r.lease, l.site AS lease_site,
         m.tenant, m.tag, m.expires, m.on_unknown, m.open, m.size
  FROM mb_recipient r JOIN mb_message m ON m.id = r.id / ${rowsPerMessage} LEFT JOIN mb_lease l ON l.id = r.lease`;
const selectById = `${selectRecipients} WHERE r.id = ?`;
const selectByLease = `${selectRecipients} WHERE r.lease = ?`;

/** The row of a recipient id; undefined when it is invalid. */
export function recipientRowId(id: RecipientId): number | undefined {
  const parsed = parseRecipientId(id);
  if (!parsed || !/^\d{1,11}$/.test(parsed.messageId) || parsed.position >= rowsPerMessage) return undefined;
  return Number(parsed.messageId) * rowsPerMessage + parsed.position;
}

export function readRecipient(context: WriteContext, id: RecipientId): Recipient | undefined {
  const rowId = recipientRowId(id);
  return rowId === undefined ? undefined : recipientByRow(context, rowId);
}

export function recipientByRow({ sql }: WriteContext, rowId: number): Recipient | undefined {
  const row = sql.get<RecipientRow>(selectById, rowId);
  return row && recipientOf(row);
}

export function recipientsOfLease({ sql }: WriteContext, lease: number): Recipient[] {
  return sql.all<RecipientRow>(selectByLease, lease).map(recipientOf);
}

function recipientOf(row: RecipientRow): Recipient {
  return {
    id: row.id,
    message: Math.floor(row.id / rowsPerMessage),
    address: row.address,
    domain: row.domain,
    lane: row.lane,
    state: stateOf(row.state),
    intent: intentOf(row.intent),
    due: row.due,
    attempts: row.attempts,
    abandoned: row.abandoned,
    lease: row.lease,
    leaseSite: row.lease_site,
    tenant: row.tenant,
    tag: row.tag,
    expires: row.expires,
    onUnknown: row.on_unknown,
    open: row.open,
    size: row.size,
  };
}

const updateRecipient = `UPDATE mb_recipient SET state = ?, intent = 0, attempts = ?, abandoned = ?, due = ?, lease = NULL,
  finished = ?, detail = coalesce(?, detail) WHERE id = ?`;

/** Writes a transition with its events, and finishes the message with its last recipient. */
export function applyChange(
  context: WriteContext,
  recipient: Recipient,
  change: RecipientChange,
  detail: string | null,
): void {
  const { sql, now, finished, counts } = context;
  const due = change.dueInMs === undefined ? recipient.due : now + change.dueInMs;
  const final = isFinal(change.state);
  sql.run(
    updateRecipient,
    stateCode(change.state),
    change.attempts,
    change.abandoned,
    due,
    final ? now : null,
    detail,
    recipient.id,
  );
  counts.change(recipient, recipient.state, change.state);
  if (change.state === 'queued') wakeLane(context, recipient.lane, due);
  if (final) finished.add(recipient, change.state !== 'delivered', now);
  for (const [i, type] of change.events.entries()) {
    const next = type === 'deferred' && change.state === 'queued' ? due : undefined;
    logRecipient(context, type, recipient, change.attempts, i === 0 ? detail : null, next);
  }
}

export function logRecipient(
  { now, log }: WriteContext,
  type: QueueEventType,
  recipient: Pick<Recipient, 'id' | 'message' | 'tenant' | 'tag' | 'address'>,
  attempt: number,
  detail: string | null,
  next?: number,
): void {
  const { id, message, tenant, tag, address } = recipient;
  log.add({
    type,
    at: now,
    message,
    position: id % rowsPerMessage,
    tenant,
    tag,
    address,
    attempt,
    next,
    detail,
  });
}
