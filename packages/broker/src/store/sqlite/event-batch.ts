import type { QueueEventType } from '../queue-event.ts';
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
  /** JSON. */
  readonly detail?: string | null;
}

/** An event as a block holds it; its number follows from its place. */
export type StoredEvent = readonly [
  at: number,
  type: QueueEventType,
  message: number,
  position: number | null,
  tenant: string,
  tag: string | null,
  address: string | null,
  attempt: number,
  next: number | null,
  detail: object | null,
];

/** Most events of a block, and the characters after which no more are added: a reader parses a block whole. */
const mostEvents = 128;
const mostCharacters = 64 * 1024;

/**
 * The events of one transaction, which are written as few rows at its end: a row for each costs more than the change
 * that it reports. What is undone takes its events along by `mark` and `reset`.
 */
export class EventBatch {
  readonly #types: ReadonlySet<QueueEventType> | undefined;
  readonly #events: { readonly at: number; readonly json: string }[] = [];

  /** @param types  The types that are logged; undefined: all. */
  constructor(types: ReadonlySet<QueueEventType> | undefined) {
    this.#types = types;
  }

  add(event: EventRecord): void {
    if (this.#types && !this.#types.has(event.type)) return;
    const { at, type, message, position = null, tenant, tag, address = null, attempt, next = null } = event;
    const values = JSON.stringify([at, type, message, position, tenant, tag, address, attempt, next]);
    // `detail` is JSON already.
    this.#events.push({ at, json: `${values.slice(0, -1)},${event.detail ?? 'null'}]` });
  }

  /** The place to which `reset` goes back. */
  mark(): number {
    return this.#events.length;
  }

  /** Forgets what was added after `mark`. */
  reset(mark: number): void {
    this.#events.length = mark;
  }

  /** Writes and clears the batch. */
  write(sql: Sql): void {
    let block: string[] = [];
    let characters = 0;
    for (const [i, { at, json }] of this.#events.entries()) {
      block.push(json);
      characters += json.length;
      const last = i === this.#events.length - 1;
      if (!last && block.length < mostEvents && characters < mostCharacters) continue;
      insertBlock(sql, block, at);
      block = [];
      characters = 0;
    }
    this.#events.length = 0;
  }
}

function insertBlock(sql: Sql, events: readonly string[], at: number): void {
  sql.run(
    `INSERT INTO mb_event (seq, at, count, events)
     VALUES (coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mb_event'), 0) + ?1, ?2, ?1, ?3)`,
    events.length,
    at,
    `[${events.join(',')}]`,
  );
}
