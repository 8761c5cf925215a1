import type { Page } from '../page.ts';
import { formatRecipientId } from '../port.ts';
import type { EventPage, QueueEvent } from '../queue-event.ts';
import type { Sql } from './connection.ts';
import type { StoredEvent } from './event-batch.ts';

/** Events after the one numbered `after`; an event's cursor is its number. */
export function readEvents(sql: Sql, after: number, limit: number): EventPage {
  const events: QueueEvent[] = [];
  for (let place = after; events.length < limit; ) {
    const select = 'SELECT seq, events FROM mb_event WHERE seq > ? ORDER BY seq LIMIT 1';
    const block = sql.get<{ seq: number; events: string }>(select, place);
    if (!block) break;
    const stored = JSON.parse(block.events) as StoredEvent[];
    const first = block.seq - stored.length + 1;
    const start = Math.max(0, after + 1 - first);
    for (const [i, event] of stored.slice(start, start + limit - events.length).entries()) {
      events.push(eventOf(first + start + i, event));
    }
    place = block.seq;
  }
  return { events, cursor: events.at(-1)?.cursor ?? String(after) };
}

/** Number of blocks that one call for the events of a message reads. */
const windowBlocks = 2000;

/** Events of one message after the event numbered `after`; when undefined, from its acceptance on. */
export function readMessageEvents(
  sql: Sql,
  messageId: string,
  after: number | undefined,
  limit: number,
): Page<QueueEvent> {
  const accepted = /^\d{1,11}$/.test(messageId)
    ? sql.get<{ at: number }>(
        'SELECT accepted AS at FROM mb_message WHERE id = ? AND staged = 0',
        Number(messageId),
      )
    : undefined;
  if (!accepted) return { rows: [] };
  const from = after ?? lastBefore(sql, accepted.at);
  // The JSON of an event begins with its time, its type and the number of its message.
  const window = sql.get<{ count: number; last: number | null }>(
    'SELECT count(*) AS count, max(seq) AS last FROM (SELECT seq FROM mb_event WHERE seq > ? ORDER BY seq LIMIT ?)',
    from,
    windowBlocks,
  )!;
  const blocks = sql.all<{ seq: number; events: string }>(
    'SELECT seq, events FROM mb_event WHERE seq > ? AND seq <= ? AND instr(events, ?) > 0 ORDER BY seq LIMIT ?',
    from,
    window.last ?? from,
    `",${messageId},`,
    limit,
  );
  const rows: QueueEvent[] = [];
  for (const block of blocks) {
    const stored = JSON.parse(block.events) as StoredEvent[];
    for (const [i, event] of stored.entries()) {
      const number = block.seq - stored.length + 1 + i;
      if (number <= from || String(event[2]) !== messageId) continue;
      if (rows.length === limit) return { rows, next: rows.at(-1)!.cursor };
      rows.push(eventOf(number, event));
    }
  }
  if (blocks.length === limit) return { rows, next: String(blocks.at(-1)!.seq) };
  return { rows, ...(window.count === windowBlocks && { next: String(window.last) }) };
}

/** The number of a block whose events are all from before the time `at`; blocks are in the order of time. */
function lastBefore(sql: Sql, at: number): number {
  let { low, high } = sql.get<{ low: number; high: number }>(
    'SELECT coalesce(min(seq), 1) - 1 AS low, coalesce(max(seq), 0) AS high FROM mb_event',
  )!;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const block = sql.get<{ seq: number; at: number }>(
      'SELECT seq, at FROM mb_event WHERE seq <= ? ORDER BY seq DESC LIMIT 1',
      middle,
    );
    if (!block || block.at < at) low = middle;
    else high = Math.min(middle, block.seq) - 1;
  }
  return low;
}

/** The number of the latest event. */
export function latestEvent(sql: Sql): number {
  return sql.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'mb_event'")?.seq ?? 0;
}

/**
 * Leaves a gap in the numbers. Events of a claim can be read before they are on the disk. If a power cut loses them,
 * their numbers, which a reader may have as its cursor, must not be used again.
 */
export function skipEventNumbers(sql: Sql): void {
  const gap = 100_000;
  const { changes } = sql.run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'mb_event'", gap);
  if (changes === 0) sql.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('mb_event', 0)");
}

/** Deletes blocks whose events are all from before the time `before`, up to about `limit` events; returns how many. */
export function purgeEvents(sql: Sql, before: number, limit: number): number {
  let seen = 0;
  let last = 0;
  for (const block of sql.all<{ seq: number; count: number }>(
    'SELECT seq, count FROM mb_event ORDER BY seq LIMIT ?',
    limit,
  )) {
    last = block.seq;
    seen += block.count;
    if (seen >= limit) break;
  }
  const remove = 'DELETE FROM mb_event WHERE seq <= ? AND at < ? RETURNING count';
  return sql.all<{ count: number }>(remove, last, before).reduce((sum, { count }) => sum + count, 0);
}

function eventOf(number: number, event: StoredEvent): QueueEvent {
  const [at, type, message, position, tenant, tag, address, attempt, next, detail] = event;
  const messageId = String(message);
  return {
    cursor: String(number),
    type,
    at,
    messageId,
    tenant,
    ...(tag !== null && { tag }),
    ...(position !== null && { recipientId: formatRecipientId(messageId, position) }),
    ...(address !== null && { address }),
    attempt,
    ...(next !== null && { nextAttemptAt: next }),
    ...(detail && { detail }),
  };
}
