import {
  BrokerError,
  type EventCursor,
  type EventPage,
  type QueueEvent,
  type QueueEventType,
} from '@mb/broker/store';
import type { Database } from './database.ts';

interface EventRow {
  readonly tx: string;
  readonly seq: string;
  readonly at: string;
  readonly type: QueueEventType;
  readonly message: string;
  readonly position: number | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly address: string | null;
  readonly attempt: number;
  readonly next: string | null;
  readonly detail: string | null;
}

/** A cursor is `<transaction>-<number>`. */
function place(cursor: EventCursor | undefined): readonly [tx: string, seq: string] {
  if (cursor === undefined) return ['0', '0'];
  const match = /^(\d{1,19})-(\d{1,18})$/.exec(cursor);
  if (match) return [match[1]!, match[2]!];
  throw new BrokerError('MB_BROKER_OPTION', 'api-misuse', 'This cursor was not given by this store.');
}

/**
 * Events after a cursor, in the order of their transactions.
 *
 * Numbers are drawn before their transactions commit, so a later number may be seen first. Therefore only events of
 * transactions older than all that run are read; then no event can come in before the cursor. The statement writes
 * an empty record, whose commit brings to the disk what claims left to be flushed later: a reader never sees an
 * event that a crash of the server takes back.
 */
export async function readEvents(
  db: Database,
  schema: string,
  cursor: EventCursor | undefined,
  limit: number,
): Promise<EventPage> {
  const [tx, seq] = place(cursor);
  const rows = await db.query<EventRow>(
    `WITH page AS MATERIALIZED (
       SELECT * FROM ${schema}.event
       WHERE (tx, seq) > ($1::text::xid8, $2::bigint) AND tx < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY tx, seq LIMIT $3
     ), flushed AS (
       SELECT pg_logical_emit_message(true, 'mb', '') AS lsn WHERE EXISTS (SELECT FROM page)
     )
     SELECT page.* FROM page, flushed ORDER BY tx, seq`,
    [tx, seq, limit],
  );
  const last = rows.at(-1);
  return { events: rows.map(eventOf), cursor: last ? `${last.tx}-${last.seq}` : (cursor ?? '0-0') };
}

/** The end of the log. */
export async function eventsEnd(db: Database): Promise<EventCursor> {
  const [row] = await db.query<{ tx: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS tx');
  return `${row!.tx}-0`;
}

function eventOf(row: EventRow): QueueEvent {
  return {
    cursor: `${row.tx}-${row.seq}`,
    type: row.type,
    at: Number(row.at),
    messageId: row.message,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    ...(row.position !== null && { recipientId: `${row.message}.${row.position}` }),
    ...(row.address !== null && { address: row.address }),
    attempt: row.attempt,
    ...(row.next !== null && { nextAttemptAt: Number(row.next) }),
    ...(row.detail !== null && { detail: JSON.parse(row.detail) as object }),
  };
}
