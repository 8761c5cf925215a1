import {
  type EventCursor,
  type EventPage,
  type Page,
  type QueueEvent,
  type QueueEventType,
  unknownCursor,
} from '@mb/broker/store';
import type { Database } from './database.ts';
import { messageRowId } from './recipient-rows.ts';

/** Events of one type that one statement of a transaction wrote. */
interface EventBlock {
  readonly tx: string;
  readonly seq: string;
  readonly at: string;
  readonly type: QueueEventType;
  readonly events: string;
}

/** An event as stored in its block. */
type EventFields = readonly [
  message: number,
  position: number | null,
  tenant: string,
  tag: string | null,
  address: string | null,
  attempt: number,
  next: number | null,
  detail: object | null,
];

/** A cursor is `<transaction>-<block>-<how many of the block were read>`. */
function place(cursor: EventCursor | undefined): readonly [tx: string, seq: string, read: number] {
  if (cursor === undefined) return ['0', '0', 0];
  const match = /^(\d{1,19})-(\d{1,18})-(\d{1,9})$/.exec(cursor);
  if (match) return [match[1]!, match[2]!, Number(match[3])];
  throw unknownCursor();
}

/**
 * Events after a cursor, in the order of their transactions.
 *
 * Numbers are assigned before their transactions commit, so a later number may become visible first. Therefore only
 * events of transactions older than all running ones are read; then no event can appear before the cursor. The
 * statement also writes an empty record, whose commit flushes what claims have not flushed, so that a reader never sees
 * an event that a crash of the server can undo.
 */
export async function readEvents(
  db: Database,
  schema: string,
  cursor: EventCursor | undefined,
  limit: number,
): Promise<EventPage> {
  const [tx, seq, read] = place(cursor);
  // The events already read in the block of the cursor count towards the limit of the statement, not of the page.
  const blocks = await db.query<EventBlock>(
    `WITH page AS MATERIALIZED (
       SELECT *, sum(count) OVER (ORDER BY tx, seq) - count AS before FROM (
         SELECT * FROM ${schema}.event
         WHERE (tx, seq) >= ($1::text::xid8, $2::bigint) AND NOT (tx = $1::text::xid8 AND seq = $2 AND count <= $3)
           AND tx < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY tx, seq LIMIT $4
       ) blocks
     ), flushed AS (
       SELECT pg_logical_emit_message(true, 'mb', '') AS lsn WHERE EXISTS (SELECT FROM page)
     )
     SELECT tx, seq, at, type, events::text AS events FROM page, flushed WHERE before < $3 + $4 ORDER BY tx, seq`,
    [tx, seq, read, limit],
  );
  const events = blocks
    .flatMap((block) => eventsOf(block, block.tx === tx && block.seq === seq ? read : 0))
    .slice(0, limit);
  return { events, cursor: events.at(-1)?.cursor ?? cursor ?? '0-0-0' };
}

/** Number of blocks that one call for the events of a message reads. */
const windowBlocks = 5000;

/** Events of one message after a cursor; without one, from its acceptance on. */
export async function readMessageEvents(
  db: Database,
  schema: string,
  messageId: string,
  after: EventCursor | undefined,
  limit: number,
): Promise<Page<QueueEvent>> {
  const start = after === undefined ? await acceptance(db, schema, messageId) : place(after);
  if (!start) return { rows: [] };
  const [tx, seq, read] = start;
  const blocks = await db.query<EventBlock & { whole: boolean; has: boolean }>(
    `WITH part AS MATERIALIZED (
       SELECT tx, seq, at, type, events::text AS events, row_number() OVER (ORDER BY tx, seq) AS n FROM ${schema}.event
       WHERE (tx, seq) >= ($1::text::xid8, $2::bigint) AND tx < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY tx, seq LIMIT $3
     )
     SELECT tx, seq, at, type, events, has, n = $3 AS whole FROM (
       SELECT *, strpos(events, '[' || $4::text || ',') > 0 AS has FROM part
     ) w WHERE has OR n = $3 ORDER BY tx, seq LIMIT $5`,
    [tx, seq, windowBlocks, messageId, limit + 1],
  );
  const rows: QueueEvent[] = [];
  for (const block of blocks) {
    if (!block.has) continue;
    const first = block.tx === tx && block.seq === seq ? read : 0;
    for (const event of eventsOf(block, first)) {
      if (event.messageId !== messageId) continue;
      if (rows.length === limit) return { rows, next: rows.at(-1)!.cursor };
      rows.push(event);
    }
  }
  const last = blocks.at(-1);
  const more = last && (last.whole || blocks.length > limit);
  return { rows, ...(more && { next: `${last.tx}-${last.seq}-999999999` }) };
}

/** Where the events of a message begin; undefined when there is no such message. */
async function acceptance(
  db: Database,
  schema: string,
  messageId: string,
): Promise<ReturnType<typeof place> | undefined> {
  const [row] = await db.query<{ tx: string | null; seq: string | null }>(
    `SELECT e.tx, e.seq FROM ${schema}.message m LEFT JOIN LATERAL (
       SELECT tx, seq FROM ${schema}.event WHERE at >= m.accepted AND at < m.accepted + 3600000 ORDER BY at, tx, seq LIMIT 1
     ) e ON true WHERE m.id = $1 AND m.staged = 0`,
    [messageRowId(messageId)],
  );
  return row && [row.tx ?? '0', row.seq ?? '0', 0];
}

/** The end of the log. */
export async function eventsEnd(db: Database): Promise<EventCursor> {
  const [row] = await db.query<{ tx: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS tx');
  return `${row!.tx}-0-0`;
}

/** The events of a block, without the `first` ones. */
function eventsOf({ tx, seq, at, type, events }: EventBlock, first: number): QueueEvent[] {
  const all = JSON.parse(events) as EventFields[];
  return all.slice(first).map(([message, position, tenant, tag, address, attempt, next, detail], i) => ({
    cursor: `${tx}-${seq}-${first + i + 1}`,
    type,
    at: Number(at),
    messageId: String(message),
    tenant,
    ...(tag !== null && { tag }),
    ...(position !== null && { recipientId: `${message}.${position}` }),
    ...(address !== null && { address }),
    attempt,
    ...(next !== null && { nextAttemptAt: next }),
    ...(detail !== null && { detail }),
  }));
}
