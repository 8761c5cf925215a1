import type { EventCursor } from '../store/queue-event.ts';

interface Entry {
  /** The place in the log in front of the event. */
  readonly before: EventCursor;
  readonly at: number;
  done: boolean;
}

/**
 * How far a reader of the event log is, when it finishes events out of order: up to the first one that is not finished.
 */
export class CursorWindow {
  #read: EventCursor;
  #readAt: number | undefined;
  #open: Entry[] = [];
  /** Finished entries at the front, which are removed in one go: the array would be moved for each otherwise. */
  #finished = 0;

  /** @param start  Where the log is read on. */
  constructor(start: EventCursor) {
    this.#read = start;
  }

  /** Where the log is read on. */
  get read(): EventCursor {
    return this.#read;
  }

  /** Events up to this one are finished. */
  get cursor(): EventCursor {
    return this.#first?.before ?? this.#read;
  }

  /** The time of the first event that is not finished, else of the latest that was read, in epoch milliseconds. */
  get upTo(): number | undefined {
    return this.#first?.at ?? this.#readAt;
  }

  /** The time of the first event that is not finished, in epoch milliseconds. */
  get openSince(): number | undefined {
    return this.#first?.at;
  }

  /** Events that were taken and are not finished, with those that were finished out of order. */
  get size(): number {
    return this.#open.length - this.#finished;
  }

  /** Goes past an event that is of no interest. */
  skip(cursor: EventCursor, at: number): void {
    this.#read = cursor;
    this.#readAt = at;
  }

  /** Takes an event; returns what finishes it. */
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
