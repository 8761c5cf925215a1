import { type Command, changeByCommand } from '../recipient-transition.ts';
import type { CheckedSelector } from '../selector.ts';
import { intentCode, rowsPerMessage, stateCode } from './codes.ts';
import type { SqlValue } from './connection.ts';
import { applyChange, recipientByRow } from './recipients.ts';
import { wakeLane } from './sites.ts';
import type { WriteContext } from './write-context.ts';

/** Number of recipients that one transaction reads. */
const windowRows = 2000;
/** Number of recipients that one call of `count` reads: some hundredths of a second of work. */
const countedRows = 20_000;

/** Recipients selected in a part of the queue, in the order of their ids, and where the next part begins. */
export interface Window {
  readonly ids: readonly number[];
  /** Undefined after the last part. */
  readonly next: number | undefined;
}

/**
 * Selects recipients among the next {@link windowRows} after `after`.
 *
 * A window bounds the work, even for a selector that matches few recipients.
 */
export function selectWindow(
  { sql }: Pick<WriteContext, 'sql'>,
  selector: CheckedSelector,
  after: number,
): Window {
  const { chosen, values, first, beyond } = conditionsOf(selector, after);
  const rows = sql.all<{ id: number; chosen: number }>(
    `SELECT r.id, ${chosen} AS chosen FROM ${windowOf} ORDER BY r.id`,
    ...values,
    first,
    beyond,
    windowRows,
  );
  const ids = rows.filter(({ chosen }) => chosen === 1).map(({ id }) => id);
  return { ids, next: rows.length === windowRows ? rows.at(-1)!.id : undefined };
}

/** Counts the recipients that a selector matches among the next {@link countedRows} after `after`. */
export function countWindow({ sql }: Pick<WriteContext, 'sql'>, selector: CheckedSelector, after: number) {
  const { chosen, values, first, beyond } = conditionsOf(selector, after);
  const counted = sql.get<{ rows: number; last: number | null; chosen: number | null }>(
    `SELECT count(*) AS rows, max(r.id) AS last, sum(${chosen}) AS chosen FROM ${windowOf}`,
    ...values,
    first,
    beyond,
    countedRows,
  )!;
  const next = counted.rows === countedRows ? String(counted.last) : undefined;
  return { count: counted.chosen ?? 0, ...(next !== undefined && { next }) };
}

/** A part of the recipients. Its three parameters are the id to begin after, the id to end before, and the limit. */
const windowOf = `(SELECT id, lane, domain, state FROM mb_recipient WHERE id > ? AND id < ? ORDER BY id LIMIT ?) r
  JOIN mb_lane l ON l.id = r.lane JOIN mb_message m ON m.id = r.id / ${rowsPerMessage}`;

function conditionsOf(selector: CheckedSelector, after: number) {
  const { messageId, tenant, tag, site, domain, state } = selector;
  const message = messageId === undefined ? undefined : /^\d{1,11}$/.test(messageId) ? Number(messageId) : -1;
  const first = message === undefined ? after : Math.max(after, message * rowsPerMessage - 1);
  const beyond = message === undefined ? Number.MAX_SAFE_INTEGER : (message + 1) * rowsPerMessage;
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const require = (condition: string, value: SqlValue) => {
    conditions.push(condition);
    values.push(value);
  };
  if (tenant !== undefined) require('m.tenant = ?', tenant);
  if (tag !== undefined) require('m.tag = ?', tag);
  // A site that is not known yet is shown as the domain.
  if (site !== undefined) require("CASE l.site WHEN '' THEN r.domain ELSE l.site END = ?", site);
  if (domain !== undefined) require('r.domain = ?', domain);
  if (state === 'queued') conditions.push('r.state IN (0, 1)');
  else if (state !== undefined) require('r.state = ?', stateCode(state));
  return { chosen: conditions.length > 0 ? conditions.join(' AND ') : '1', values, first, beyond };
}

/** Applies a command to recipients; returns how many it changed. */
export function command(context: WriteContext, ids: readonly number[], name: Command): number {
  let count = 0;
  for (const id of ids) {
    const recipient = recipientByRow(context, id);
    const change = recipient && changeByCommand(recipient, name);
    if (!recipient || !change) continue;
    count++;
    if ('intent' in change) {
      context.sql.run('UPDATE mb_recipient SET intent = ? WHERE id = ?', intentCode(change.intent), id);
      continue;
    }
    const { attempts } = recipient;
    const due = change.state === 'queued' ? { dueInMs: 0 } : {};
    applyChange(
      context,
      recipient,
      { state: change.state, attempts, abandoned: 0, ...due, events: [change.event] },
      null,
    );
  }
  return count;
}

/** Makes queued recipients due `afterMs` from now; returns how many. */
export function reschedule(context: WriteContext, ids: readonly number[], afterMs: number): number {
  const { sql, now } = context;
  const due = now + afterMs;
  let count = 0;
  for (const id of ids) {
    const set = 'UPDATE mb_recipient SET due = ? WHERE id = ? AND state = 0 RETURNING lane';
    const row = sql.get<{ lane: number }>(set, due, id);
    if (!row) continue;
    wakeLane(context, row.lane, due);
    count++;
  }
  return count;
}
