import { cursorNumber, type Page } from '../page.ts';
import { formatRecipientId } from '../port.ts';
import type { EventCursor, EventPage, QueueEvent, QueueEventType } from '../queue-event.ts';
import type { MessageRow, RecipientRow } from './records.ts';

/** An event to log. */
export interface LoggedEvent {
  readonly type: QueueEventType;
  readonly at: number;
  readonly message: MessageRow;
  readonly row?: RecipientRow;
  readonly attempt: number;
  readonly next?: number | undefined;
  readonly detail?: string | null;
}

/** The event log of the memory store; an event's cursor is its number, from 1. */
export class MemoryEventLog {
  readonly #types: ReadonlySet<QueueEventType> | undefined;
  #events: QueueEvent[] = [];
  /** Number of the latest event. */
  #count = 0;

  constructor(types: readonly QueueEventType[] | undefined) {
    this.#types = types && new Set(types);
  }

  get end(): EventCursor {
    return String(this.#count);
  }

  add({ type, at, message, row, attempt, next, detail }: LoggedEvent): void {
    if (this.#types && !this.#types.has(type)) return;
    const messageId = String(message.id);
    this.#events.push({
      cursor: String(++this.#count),
      type,
      at,
      messageId,
      tenant: message.record.tenant,
      ...(message.record.tag !== null && { tag: message.record.tag }),
      ...(row && { recipientId: formatRecipientId(messageId, row.position), address: row.address }),
      attempt,
      ...(next !== undefined && { nextAttemptAt: next }),
      ...(detail && { detail: JSON.parse(detail) as object }),
    });
  }

  read(cursor: EventCursor | undefined, limit: number): EventPage {
    const purged = this.#count - this.#events.length;
    const start = Math.max(0, cursorNumber(cursor) - purged);
    const events = this.#events.slice(start, start + limit);
    return { events, cursor: events.at(-1)?.cursor ?? cursor ?? '0' };
  }

  /** Events of one message after a cursor. */
  ofMessage(messageId: string, after: EventCursor | undefined, limit: number): Page<QueueEvent> {
    const from = cursorNumber(after);
    const all = this.#events.filter((event) => event.messageId === messageId && Number(event.cursor) > from);
    const rows = all.slice(0, limit);
    return { rows, ...(rows.length < all.length && { next: rows.at(-1)!.cursor }) };
  }

  /** Deletes events from before `time`, at most `limit`; returns how many. */
  purge(time: number, limit: number): number {
    let count = 0;
    while (count < limit && count < this.#events.length && this.#events[count]!.at < time) count++;
    this.#events = this.#events.slice(count);
    return count;
  }
}
