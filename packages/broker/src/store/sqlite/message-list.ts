import type { CheckedMessageFilter, MessageSummary } from '../message-filter.ts';
import type { Page } from '../page.ts';
import { type RecipientState, shownState } from '../recipient-state.ts';
import { rowsPerMessage, stateCode, stateOf } from './codes.ts';
import type { Sql, SqlValue } from './connection.ts';

/** Number of messages that one call reads. */
const windowRows = 5000;
/** Number of recipients that one call reads when there are conditions on them: a message may have thousands. */
const windowRecipients = 10_000;

interface SummaryRow {
  readonly id: number;
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly size: number;
  readonly accepted: number;
  readonly expires: number;
}

/** Messages with an id below `below` that match a filter, the latest first. */
export function listMessages(
  sql: Sql,
  filter: CheckedMessageFilter,
  below: number,
  limit: number,
): Page<MessageSummary> {
  const { lowest, more } = windowBelow(sql, below, isOfRecipient(filter));
  const { conditions, values } = conditionsOf(filter);
  const found = sql.all<SummaryRow>(
    `SELECT m.id, m.tenant, m.tag, m.sender, m.size, m.accepted, m.expires FROM mb_message m
     WHERE m.id < ? AND m.id >= ? AND m.staged = 0 ${conditions.map((one) => ` AND ${one}`).join('')}
     ORDER BY m.id DESC LIMIT ?`,
    below,
    lowest ?? below,
    ...values,
    limit,
  );
  const rows = found.map((row) => summaryOf(sql, row));
  if (rows.length === limit) return { rows, next: rows.at(-1)!.messageId };
  return { rows, ...(more && { next: String(lowest) }) };
}

/** The lowest id that a call reads, and whether there are messages below. */
function windowBelow(sql: Sql, below: number, recipients: boolean): { lowest: number | null; more: boolean } {
  const last = (table: string) =>
    `SELECT count(*) AS count, min(id) AS lowest FROM (SELECT id FROM ${table} WHERE id < ? ORDER BY id DESC LIMIT ?)`;
  const messages = sql.get<Window>(last('mb_message'), below, windowRows)!;
  const byMessages = { lowest: messages.lowest, more: messages.count === windowRows };
  if (!recipients) return byMessages;
  const end = Math.min(below * rowsPerMessage, Number.MAX_SAFE_INTEGER);
  const found = sql.get<Window>(last('mb_recipient'), end, windowRecipients)!;
  if (found.count < windowRecipients) return byMessages;
  const lowest = Math.floor(found.lowest! / rowsPerMessage);
  return lowest > (messages.lowest ?? 0) ? { lowest, more: true } : byMessages;
}

interface Window {
  readonly count: number;
  readonly lowest: number | null;
}

function isOfRecipient({ recipient, domain, state, search }: CheckedMessageFilter): boolean {
  return [recipient, domain, state, search].some((one) => one !== undefined);
}

function conditionsOf(filter: CheckedMessageFilter): { conditions: string[]; values: SqlValue[] } {
  const { tenant, tag, sender, acceptedFrom, acceptedBefore, recipient, domain, state, search } = filter;
  const ofMessage = new Conditions();
  ofMessage.add('m.tenant = ?', tenant);
  ofMessage.add('m.tag = ?', tag);
  ofMessage.add('lower(m.sender) = ?', sender);
  ofMessage.add('m.accepted >= ?', acceptedFrom);
  ofMessage.add('m.accepted < ?', acceptedBefore);
  const ofRecipient = new Conditions();
  ofRecipient.add('lower(r.address) = ?', recipient);
  // The plus signs prevent SQLite from building an automatic index over all recipients in each call.
  ofRecipient.add('+r.domain = ?', domain);
  if (state === 'queued') ofRecipient.texts.push('+r.state IN (0, 1)');
  else ofRecipient.add('+r.state = ?', state && stateCode(state));
  if (search !== undefined) {
    ofRecipient.texts.push('(instr(lower(m.sender), ?) > 0 OR instr(lower(r.address), ?) > 0)');
    ofRecipient.values.push(search, search);
  }
  if (ofRecipient.texts.length > 0) {
    ofMessage.texts.push(`EXISTS (SELECT 1 FROM mb_recipient r
      WHERE r.id >= m.id * ${rowsPerMessage} AND r.id < (m.id + 1) * ${rowsPerMessage}
        AND ${ofRecipient.texts.join(' AND ')})`);
    ofMessage.values.push(...ofRecipient.values);
  }
  return { conditions: ofMessage.texts, values: ofMessage.values };
}

class Conditions {
  readonly texts: string[] = [];
  readonly values: SqlValue[] = [];

  add(text: string, value: SqlValue | undefined): void {
    if (value === undefined) return;
    this.texts.push(text);
    this.values.push(value);
  }
}

function summaryOf(sql: Sql, row: SummaryRow): MessageSummary {
  const first = row.id * rowsPerMessage;
  const states: Partial<Record<RecipientState, number>> = {};
  for (const { state, count } of sql.all<{ state: number; count: number }>(
    'SELECT state, count(*) AS count FROM mb_recipient WHERE id >= ? AND id < ? GROUP BY state',
    first,
    first + rowsPerMessage,
  )) {
    const stored = stateOf(state);
    const shown = shownState(stored);
    states[shown] = (states[shown] ?? 0) + count;
  }
  const { address } = sql.get<{ address: string }>('SELECT address FROM mb_recipient WHERE id = ?', first)!;
  return {
    messageId: String(row.id),
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    sender: row.sender,
    size: row.size,
    acceptedAt: row.accepted,
    expiresAt: row.expires,
    firstRecipient: address,
    states,
  };
}
