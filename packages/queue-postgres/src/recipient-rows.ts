import {
  type CheckedSelector,
  formatRecipientId,
  type MessageView,
  parseRecipientId,
  type RecipientCount,
  type RecipientState,
  type RecipientView,
  shownState,
  storedStates,
  type UnroutedRecipient,
} from '@mb/broker/store';
import type { Database } from './database.ts';
import { hasContent } from './kept-content.ts';

/** Number of rows that one statement reads, which bounds the work even for a selector that matches few recipients. */
const windowRows = 2000;
/** Number of rows that one call of `count` reads. */
const countedRows = 50_000;

/** An id of a recipient has 64 bits, of which 16 are its position in the message. */
const rowsPerMessage = 65_536n;
const messageIdPattern = /^\d{1,14}$/;

/** The id of a recipient's row; undefined for an invalid recipient id. */
export function recipientRowId(recipientId: string): string | undefined {
  const parsed = parseRecipientId(recipientId);
  if (!parsed || !messageIdPattern.test(parsed.messageId) || parsed.position >= Number(rowsPerMessage))
    return undefined;
  return String(BigInt(parsed.messageId) * rowsPerMessage + BigInt(parsed.position));
}

/** The id of a message's row; -1 for an invalid message id. */
export function messageRowId(messageId: string): string {
  return messageIdPattern.test(messageId) ? messageId : '-1';
}

interface ViewRow {
  readonly id: string;
  readonly message: string;
  readonly position: number;
  readonly address: string;
  readonly domain: string;
  readonly site: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly state: number;
  readonly attempts: number;
  readonly due: string;
  readonly accepted: string;
  readonly expires: string;
  readonly finished: string | null;
  readonly detail: string | null;
}

const viewColumns = `r.id, m.id AS message, (r.id & 65535)::int AS position, r.address, r.domain,
  coalesce(nullif(coalesce(l.site, r.route), ''), r.domain) AS site, m.tenant, m.tag, r.state, r.attempts, r.due, m.accepted, m.expires, r.finished,
  r.detail`;

/** Recipients selected in a part of the queue, in the order of their ids. */
export interface RecipientWindow {
  readonly rows: readonly (RecipientView & { readonly rowId: string })[];
  /** Where the next window begins; undefined after the last. */
  readonly next: string | undefined;
}

/** Selects recipients among the next {@link windowRows} after row `after`. */
export async function selectWindow(
  db: Database,
  schema: string,
  selector: CheckedSelector,
  after: string,
): Promise<RecipientWindow> {
  const { chosen, range, values } = conditionsOf(selector, after, windowRows);
  const rows = await db.query<ViewRow & { chosen: boolean | null }>(
    `SELECT ${viewColumns}, (${chosen}) AS chosen
     FROM (SELECT * FROM ${schema}.recipient WHERE id > $1 AND ${range} ORDER BY id LIMIT $2) r
     JOIN ${schema}.message m ON m.id = r.id >> 16 LEFT JOIN ${schema}.lane l ON l.id = r.lane ORDER BY r.id`,
    values,
  );
  const views = rows.filter((row) => row.chosen).map((row) => ({ ...viewOf(row), rowId: row.id }));
  return { rows: views, next: rows.length === windowRows ? rows.at(-1)!.id : undefined };
}

/** Counts the recipients that a selector matches among the next {@link countedRows} after row `after`. */
export async function countWindow(
  db: Database,
  schema: string,
  selector: CheckedSelector,
  after: string,
): Promise<RecipientCount> {
  const { chosen, range, values } = conditionsOf(selector, after, countedRows);
  const { tenant, tag, site } = selector;
  const ofMessage = tenant !== undefined || tag !== undefined;
  const [counted] = await db.query<{ rows: string; last: string | null; chosen: string }>(
    `SELECT count(*) AS rows, max(r.id) AS last, count(*) FILTER (WHERE ${chosen}) AS chosen
     FROM (SELECT id, lane, route, domain, state FROM ${schema}.recipient WHERE id > $1 AND ${range} ORDER BY id LIMIT $2) r
     ${ofMessage ? `JOIN ${schema}.message m ON m.id = r.id >> 16` : ''}
     ${site === undefined ? '' : `LEFT JOIN ${schema}.lane l ON l.id = r.lane`}`,
    values,
  );
  const { rows, last, chosen: count } = counted!;
  return { count: Number(count), ...(Number(rows) === countedRows && last !== null && { next: last }) };
}

function conditionsOf(selector: CheckedSelector, after: string, limit: number) {
  const { messageId, tenant, tag, site, domain, state } = selector;
  const values: unknown[] = [after, limit];
  const value = (given: unknown) => `$${values.push(given)}`;
  const conditions = ['true'];
  let range = 'true';
  if (messageId !== undefined) {
    const id = value(messageRowId(messageId));
    range = `id >= ${id}::bigint * 65536 AND id < (${id}::bigint + 1) * 65536`;
  }
  if (tenant !== undefined) conditions.push(`m.tenant = ${value(tenant)}`);
  if (tag !== undefined) conditions.push(`m.tag = ${value(tag)}`);
  if (site !== undefined)
    conditions.push(`coalesce(nullif(coalesce(l.site, r.route), ''), r.domain) = ${value(site)}`);
  if (domain !== undefined) conditions.push(`r.domain = ${value(domain)}`);
  if (state !== undefined) conditions.push(`r.state = ANY (${value(stateCodes(state))}::smallint[])`);
  return { chosen: conditions.join(' AND '), range, values };
}

/** The public state of a stored code. */
export function stateOfCode(code: number): RecipientState {
  return shownState(storedStates[code]!);
}

/** The stored codes of a public state. */
export function stateCodes(state: RecipientState): number[] {
  return storedStates.flatMap((each, code) => (shownState(each) === state ? [code] : []));
}

/**
 * A message with all its recipients; null when it does not exist.
 *
 * @param keeps  Whether this store keeps content after the last outcome.
 */
export async function inspectMessage(
  db: Database,
  schema: string,
  messageId: string,
  keeps: boolean,
): Promise<MessageView | null> {
  const id = messageRowId(messageId);
  const [message] = await db.query<{
    tenant: string;
    tag: string | null;
    sender: string;
    size: string;
    accepted: string;
    expires: string;
    envelope: string | null;
    has_content: boolean;
  }>(
    `SELECT m.*, ${hasContent(schema, '$2')} AS has_content FROM ${schema}.message m WHERE id = $1 AND staged = 0`,
    [id, keeps],
  );
  if (!message) return null;
  const recipients = await db.query<ViewRow>(
    `SELECT ${viewColumns} FROM ${schema}.recipient r JOIN ${schema}.message m ON m.id = r.id >> 16
     LEFT JOIN ${schema}.lane l ON l.id = r.lane
     WHERE r.id >= $1::bigint * 65536 AND r.id < ($1::bigint + 1) * 65536 ORDER BY r.id`,
    [id],
  );
  return {
    messageId,
    tenant: message.tenant,
    ...(message.tag !== null && { tag: message.tag }),
    sender: message.sender,
    size: Number(message.size),
    acceptedAt: Number(message.accepted),
    expiresAt: Number(message.expires),
    ...(message.envelope !== null && { envelope: JSON.parse(message.envelope) as object }),
    hasContent: message.has_content,
    recipients: recipients.map(viewOf),
  };
}

function viewOf(row: ViewRow): RecipientView {
  const state = stateOfCode(row.state);
  return {
    recipientId: `${row.message}.${row.position}`,
    messageId: row.message,
    address: row.address,
    domain: row.domain,
    site: row.site,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    state,
    inFlight: row.state === 1,
    attempts: row.attempts,
    ...(row.state === 0 && { dueAt: Number(row.due) }),
    acceptedAt: Number(row.accepted),
    expiresAt: Number(row.expires),
    ...(row.finished !== null && { finishedAt: Number(row.finished) }),
    ...(row.detail !== null && { detail: JSON.parse(row.detail) as object }),
  };
}

/** A row of `unrouted_v1`. */
export interface UnroutedRow {
  readonly message: string;
  readonly position: number;
  readonly domain: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly envelope: string | null;
}

export function unroutedRecipient(row: UnroutedRow): UnroutedRecipient {
  const { message, position, domain, tenant, tag, sender, envelope } = row;
  return {
    recipientId: formatRecipientId(message, position),
    domain,
    tenant,
    sender,
    ...(tag !== null && { tag }),
    ...(envelope !== null && { envelope: JSON.parse(envelope) as object }),
  };
}
