import type { QueueEventType } from '../queue-event.ts';
import { parseRecipientId, type RecipientId, type UnknownPolicy } from '../queue-store.ts';
import { isFinal, type RecipientChange, type RecipientRecord } from '../recipient-transition.ts';
import { intentOf, rowsPerMessage, stateCode, stateOf } from './codes.ts';
import { deleteContent } from './content.ts';
import { wakeLane } from './sites.ts';
import type { Turn } from './turn.ts';

/** A recipient with what its changes need of its message. */
export interface Recipient extends RecipientRecord {
  readonly id: number;
  readonly message: number;
  readonly address: string;
  readonly lane: number;
  readonly due: number;
  readonly lease: number | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly expires: number;
  readonly onUnknown: UnknownPolicy;
}

interface RecipientRow {
  readonly id: number;
  readonly address: string;
  readonly lane: number;
  readonly state: number;
  readonly intent: number;
  readonly due: number;
  readonly attempts: number;
  readonly abandoned: number;
  readonly lease: number | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly expires: number;
  readonly on_unknown: UnknownPolicy;
}

const selectRecipients = `
  SELECT r.id, r.address, r.lane, r.state, r.intent, r.due, r.attempts, r.abandoned, r.lease,
         m.tenant, m.tag, m.expires, m.on_unknown
  FROM mb_recipient r JOIN mb_message m ON m.id = r.id / ${rowsPerMessage}`;

/** The row of a recipient id; undefined when it is none. */
function recipientRowId(id: RecipientId): number | undefined {
  const parsed = parseRecipientId(id);
  if (!parsed || !/^\d{1,11}$/.test(parsed.messageId) || parsed.position >= rowsPerMessage) return undefined;
  return Number(parsed.messageId) * rowsPerMessage + parsed.position;
}

export function readRecipient({ sql }: Turn, id: RecipientId): Recipient | undefined {
  const rowId = recipientRowId(id);
  if (rowId === undefined) return undefined;
  const row = sql.get<RecipientRow>(`${selectRecipients} WHERE r.id = ?`, rowId);
  return row && recipientOf(row);
}

export function recipientsOfLease({ sql }: Turn, lease: number): Recipient[] {
  return sql.all<RecipientRow>(`${selectRecipients} WHERE r.lease = ?`, lease).map(recipientOf);
}

/** Recipients whose rows a caller's condition on `r` chooses. */
export function recipientsWhere(
  { sql }: Turn,
  condition: string,
  ...values: (number | string)[]
): Recipient[] {
  return sql.all<RecipientRow>(`${selectRecipients} WHERE ${condition}`, ...values).map(recipientOf);
}

function recipientOf(row: RecipientRow): Recipient {
  return {
    id: row.id,
    message: Math.floor(row.id / rowsPerMessage),
    address: row.address,
    lane: row.lane,
    state: stateOf(row.state),
    intent: intentOf(row.intent),
    due: row.due,
    attempts: row.attempts,
    abandoned: row.abandoned,
    lease: row.lease,
    tenant: row.tenant,
    tag: row.tag,
    expires: row.expires,
    onUnknown: row.on_unknown,
  };
}

/** Writes a change down, with its events, and finishes the message with its last recipient. */
export function applyChange(
  turn: Turn,
  recipient: Recipient,
  change: RecipientChange,
  detail: string | null,
): void {
  const { sql, now } = turn;
  const due = change.dueInMs === undefined ? recipient.due : now + change.dueInMs;
  const final = isFinal(change.state);
  sql.run(
    `UPDATE mb_recipient SET state = ?, intent = 0, attempts = ?, abandoned = ?, due = ?, lease = NULL,
       finished = ?, detail = coalesce(?, detail) WHERE id = ?`,
    stateCode(change.state),
    change.attempts,
    change.abandoned,
    due,
    final ? now : null,
    detail,
    recipient.id,
  );
  if (change.state === 'queued') wakeLane(turn, recipient.lane, due);
  if (final) finish(turn, recipient.message, change.state !== 'delivered');
  for (const [i, type] of change.events.entries()) {
    const next = type === 'deferred' && change.state === 'queued' ? due : undefined;
    logRecipient(turn, type, recipient, change.attempts, i === 0 ? detail : null, next);
  }
}

/** One recipient less is open; with the last one the message is finished, and its content goes. */
function finish({ sql, now }: Turn, id: number, failed: boolean): void {
  const message = sql.get<{ open: number; failed: number; size: number }>(
    'SELECT open, failed, size FROM mb_message WHERE id = ?',
    id,
  )!;
  const last = message.open === 1;
  sql.run(
    'UPDATE mb_message SET open = ?, failed = ?, finished = ? WHERE id = ?',
    message.open - 1,
    Math.max(message.failed, Number(failed)),
    last ? now : null,
    id,
  );
  if (last) deleteContent(sql, id, message.size);
}

export function logRecipient(
  { now, log }: Turn,
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
