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

/** An event in a block; its number follows from its position. */
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

/** Maximum number of events in a block, and the length after which no more are added: a reader parses a whole block. */
const mostEvents = 128;
const mostCharacters = 64 * 1024;

/**
 * The events of one transaction, which are written as a few rows at its end, because a row for each event costs more
 * than the change that it reports. A write that is undone removes its events with `mark` and `reset`.
 */
export class EventBatch {
  readonly #types: ReadonlySet<QueueEventType> | undefined;
  readonly #events: { readonly at: number; readonly json: string }[] = [];

  /** @param types  The types that are logged; all when undefined. */
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

  /** The position for `reset`. */
  mark(): number {
    return this.#events.length;
  }

  /** Removes what was added after `mark`. */
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
