import {
  type EventCursor,
  type EventPage,
  type QueueEvent,
  type QueueEventType,
  unknownCursor,
} from '@mb/broker/store';
import type { Database } from './database.ts';

/** Events of one type that one transaction wrote at a time. */
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
  const [tx, seq, read] = place(cursor);
  // Of the block that the cursor is in, what was read counts against the limit of the statement, not of the page.
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

/** The end of the log. */
export async function eventsEnd(db: Database): Promise<EventCursor> {
  const [row] = await db.query<{ tx: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS tx');
  return `${row!.tx}-0-0`;
}

/** The events of a block but for the first ones. */
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
