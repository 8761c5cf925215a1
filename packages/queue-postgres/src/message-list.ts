import type { CheckedMessageFilter, MessageSummary, Page, RecipientState } from '@mb/broker/store';
import type { Database } from './database.ts';
import { stateCodes, stateOfCode } from './recipient-rows.ts';

/** Number of messages that one call reads. */
const windowRows = 10_000;
/** Number of recipients that one call reads when there are conditions on them: a message may have thousands. */
const windowRecipients = 20_000;

interface SummaryRow {
  readonly id: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly size: string;
  readonly accepted: string;
  readonly expires: string;
  readonly first: string;
  /** How many recipients are in each state, by the code of the state. */
  readonly states: Readonly<Record<string, number>>;
}

/** Messages with an id below `below` that match a filter, the latest first. */
export async function listMessages(
  db: Database,
  schema: string,
  filter: CheckedMessageFilter,
  below: string | undefined,
  limit: number,
): Promise<Page<MessageSummary>> {
  const top = below ?? String(largestId);
  const { lowest, more } = await windowBelow(db, schema, top, isOfRecipient(filter));
  const values: unknown[] = [top, lowest ?? top, limit];
  const conditions = conditionsOf(schema, filter, (value) => `$${values.push(value)}`);
  const found = await db.query<SummaryRow>(
    `SELECT m.*, (SELECT address FROM ${schema}.recipient WHERE id = m.id * 65536) AS first,
       (SELECT json_object_agg(state, n) FROM (
         SELECT state, count(*) AS n FROM ${schema}.recipient
         WHERE id >= m.id * 65536 AND id < (m.id + 1) * 65536 GROUP BY state) s) AS states
     FROM (
       SELECT id, tenant, tag, sender, size, accepted, expires FROM ${schema}.message m
       WHERE id < $1 AND id >= $2 AND staged = 0 ${conditions.map((one) => `AND ${one}`).join(' ')}
       ORDER BY id DESC LIMIT $3
     ) m ORDER BY m.id DESC`,
    values,
  );
  const rows = found.map(summaryOf);
  if (rows.length === limit) return { rows, next: rows.at(-1)!.messageId };
  return { rows, ...(more && { next: lowest! }) };
}

/** The lowest id that a call reads, and whether there are messages below. */
async function windowBelow(
  db: Database,
  schema: string,
  below: string,
  recipients: boolean,
): Promise<{ readonly lowest: string | null; readonly more: boolean }> {
  const last = async (table: string, end: string, limit: number) => {
    const [found] = await db.query<{ count: number; lowest: string | null }>(
      `SELECT count(*)::int AS count, min(id) AS lowest
       FROM (SELECT id FROM ${schema}.${table} WHERE id < $1 ORDER BY id DESC LIMIT $2) w`,
      [end, limit],
    );
    return found!;
  };
  const messages = await last('message', below, windowRows);
  const byMessages = { lowest: messages.lowest, more: messages.count === windowRows };
  if (!recipients) return byMessages;
  const end = BigInt(below) * 65_536n;
  const found = await last('recipient', String(end < largestId ? end : largestId), windowRecipients);
  if (found.count < windowRecipients) return byMessages;
  const lowest = BigInt(found.lowest!) / 65_536n;
  return lowest > BigInt(messages.lowest ?? 0) ? { lowest: String(lowest), more: true } : byMessages;
}

const largestId = 9_223_372_036_854_775_807n;

function isOfRecipient({ recipient, domain, state, search }: CheckedMessageFilter): boolean {
  return [recipient, domain, state, search].some((one) => one !== undefined);
}

function conditionsOf(
  schema: string,
  filter: CheckedMessageFilter,
  parameter: (value: unknown) => string,
): string[] {
  const { tenant, tag, sender, acceptedFrom, acceptedBefore, recipient, domain, state, search } = filter;
  const conditions: string[] = [];
  if (tenant !== undefined) conditions.push(`m.tenant = ${parameter(tenant)}`);
  if (tag !== undefined) conditions.push(`m.tag = ${parameter(tag)}`);
  if (sender !== undefined) conditions.push(`lower(m.sender) = ${parameter(sender)}`);
  if (acceptedFrom !== undefined) conditions.push(`m.accepted >= ${parameter(acceptedFrom)}`);
  if (acceptedBefore !== undefined) conditions.push(`m.accepted < ${parameter(acceptedBefore)}`);
  const ofRecipient: string[] = [];
  if (recipient !== undefined) ofRecipient.push(`lower(r.address) = ${parameter(recipient)}`);
  if (domain !== undefined) ofRecipient.push(`r.domain = ${parameter(domain)}`);
  if (state !== undefined) ofRecipient.push(`r.state = ANY (${parameter(stateCodes(state))}::smallint[])`);
  if (search !== undefined) {
    const text = parameter(search);
    ofRecipient.push(`(strpos(lower(m.sender), ${text}) > 0 OR strpos(lower(r.address), ${text}) > 0)`);
  }
  if (ofRecipient.length > 0) {
    // With LIMIT it remains a lookup of the recipients of each message; EXISTS may become a join with all recipients.
    conditions.push(`(SELECT true FROM ${schema}.recipient r WHERE r.id >= m.id * 65536
      AND r.id < (m.id + 1) * 65536 AND ${ofRecipient.join(' AND ')} LIMIT 1)`);
  }
  return conditions;
}

function summaryOf(row: SummaryRow): MessageSummary {
  const states: Partial<Record<RecipientState, number>> = {};
  for (const [code, count] of Object.entries(row.states)) {
    const state = stateOfCode(Number(code));
    states[state] = (states[state] ?? 0) + count;
  }
  return {
    messageId: row.id,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    sender: row.sender,
    size: Number(row.size),
    acceptedAt: Number(row.accepted),
    expiresAt: Number(row.expires),
    firstRecipient: row.first,
    states,
  };
}
