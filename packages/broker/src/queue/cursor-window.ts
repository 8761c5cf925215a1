import type { EventCursor } from '../store/queue-event.ts';

interface Entry {
  /** The cursor that reads on with this event. */
  readonly before: EventCursor;
  readonly at: number;
  done: boolean;
}

/**
 * The position of a reader that finishes events of the log out of order: before the first unfinished event.
 */
export class CursorWindow {
  #read: EventCursor;
  #readAt: number | undefined;
  #open: Entry[] = [];
  /** Number of finished entries at the front. They are removed many at a time, because removal copies the array. */
  #finished = 0;

  /** @param start  The cursor to read after. */
  constructor(start: EventCursor) {
    this.#read = start;
  }

  /** The cursor to read after. */
  get read(): EventCursor {
    return this.#read;
  }

  /** All events up to this cursor are finished. */
  get cursor(): EventCursor {
    return this.#first?.before ?? this.#read;
  }

  /**
   * The time of the first unfinished event, or of the latest event read when all are finished, in epoch milliseconds.
   */
  get upTo(): number | undefined {
    return this.#first?.at ?? this.#readAt;
  }

  /** The time of the first unfinished event, in epoch milliseconds. */
  get openSince(): number | undefined {
    return this.#first?.at;
  }

  /** Number of events from the first unfinished one on, including those that were finished out of order. */
  get size(): number {
    return this.#open.length - this.#finished;
  }

  /** Passes over an event that is not handled. */
  skip(cursor: EventCursor, at: number): void {
    this.#read = cursor;
    this.#readAt = at;
  }

  /** Takes an event; returns the function that finishes it. */
  take(cursor: EventCursor, at: number): () => void {
    const entry: Entry = { before: this.#read, at, done: false };
    this.#open.push(entry);
    this.skip(cursor, at);
    return () => {
      entry.done = true;
      while (this.#open[this.#finished]?.done) this.#finished++;
      if (this.#finished > 1_000 || this.#finished === this.#open.length) {
        this.#open = this.#open.slice(this.#finished);
        this.#finished = 0;
      }
    };
  }

  /** The log was read to its end. */
  reachEnd(now: number): void {
    this.#readAt = now;
  }

  get #first(): Entry | undefined {
    return this.#open[this.#finished];
  }
}
