import type { EventPage, QueueEvent, QueueEventType } from '../queue-event.ts';
import { formatRecipientId } from '../queue-store.ts';
import { fromJson } from './codes.ts';
import type { Sql } from './connection.ts';

/** An event to log. */
export interface EventRecord {
  readonly type: QueueEventType;
  readonly at: number;
  readonly message: number;
  readonly position?: number;
  readonly tenant: string;
  readonly tag: string | null;
  readonly address?: string;
  readonly attempt: number;
  readonly next?: number | undefined;
  readonly detail?: string | null;
}

/** The event log; an event's cursor is its `seq`. */
export class SqliteEventLog {
  readonly #types: ReadonlySet<QueueEventType> | undefined;

  constructor(types: readonly QueueEventType[] | undefined) {
    this.#types = types && new Set(types);
  }

  add(sql: Sql, event: EventRecord): void {
    if (this.#types && !this.#types.has(event.type)) return;
    sql.run(
      `INSERT INTO mb_event (at, type, message, position, tenant, tag, address, attempt, next, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      event.at,
      event.type,
      event.message,
      event.position ?? null,
      event.tenant,
      event.tag,
      event.address ?? null,
      event.attempt,
      event.next ?? null,
      event.detail ?? null,
    );
  }

  read(sql: Sql, after: number, limit: number): EventPage {
    const rows = sql.all<EventRow>('SELECT * FROM mb_event WHERE seq > ? ORDER BY seq LIMIT ?', after, limit);
    return { events: rows.map(eventOf), cursor: String(rows.at(-1)?.seq ?? after) };
  }

  end(sql: Sql): number {
    return sql.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'mb_event'")?.seq ?? 0;
  }

  /**
   * Leaves a gap in the numbers. Events of a claim are not on the disk when they can be read; should a power cut
   * take them back, their numbers, which a reader may have as its cursor, must not be given to others.
   */
  skipNumbers(sql: Sql): void {
    const gap = 100_000;
    const { changes } = sql.run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'mb_event'", gap);
    if (changes === 0) sql.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('mb_event', 0)");
  }

  purge(sql: Sql, before: number, limit: number): number {
    const oldest = 'SELECT seq FROM mb_event ORDER BY seq LIMIT ?';
    return sql.run(`DELETE FROM mb_event WHERE seq IN (${oldest}) AND at < ?`, limit, before).changes;
  }
}

interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly type: QueueEventType;
  readonly message: number;
  readonly position: number | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly address: string | null;
  readonly attempt: number;
  readonly next: number | null;
  readonly detail: string | null;
}

function eventOf(row: EventRow): QueueEvent {
  const messageId = String(row.message);
  const detail = fromJson(row.detail);
  return {
    cursor: String(row.seq),
    type: row.type,
    at: row.at,
    messageId,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    ...(row.position !== null && { recipientId: formatRecipientId(messageId, row.position) }),
    ...(row.address !== null && { address: row.address }),
    attempt: row.attempt,
    ...(row.next !== null && { nextAttemptAt: row.next }),
    ...(detail && { detail }),
  };
}
