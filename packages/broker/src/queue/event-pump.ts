import type { Clock } from '../clock.ts';
import { guarded } from '../store/error-listeners.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';
import { sleep, wait } from '../wait.ts';
import { CursorWindow } from './cursor-window.ts';

const firstRetryMs = 1_000;
const longestRetryMs = 5 * 60_000;
/** Maximum number of events read ahead of an unfinished one. */
const mostOpen = 1_000;
/** Number of events left out by the filter after which the cursor is saved. */
const mostSkipped = 500;

/** Handles one event. When it throws, the same event comes again later. */
export type EventHandler = (event: QueueEvent, signal: AbortSignal) => Promise<void> | void;

/** What {@link EventPump} needs. */
export interface EventPumpParts {
  readonly saveCursor?: ((cursor: EventCursor) => Promise<void> | void) | undefined;
  readonly onRetry?: ((error: unknown, event: QueueEvent, delayMs: number) => void) | undefined;
  readonly handler: EventHandler;
  readonly matches: (event: QueueEvent) => boolean;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, 'setTimer'>;
}

/**
 * Passes each event to a handler until it succeeds: events of one message one by one, in order; events of several
 * messages concurrently. After a failure the same event comes again after one second, doubled each time up to five
 * minutes. A cursor that cannot be saved is retried in the same way.
 */
export class EventPump {
  readonly #parts: EventPumpParts;
  readonly #window = new CursorWindow('');
  /** The last piece of work of each message. */
  readonly #lanes = new Map<string, Promise<void>>();
  #free: number;
  /** Callbacks that wait for a free place or a finished event. */
  readonly #waiters = new Set<() => void>();
  #saved: EventCursor = '';
  #saving: Promise<void> = Promise.resolve();
  #skipped = 0;

  constructor(parts: EventPumpParts) {
    this.#parts = parts;
    this.#free = parts.concurrency;
  }

  /** @returns when the signal has fired and calls under way have ended. */
  async run(events: AsyncIterable<QueueEvent>): Promise<void> {
    const { signal, matches, concurrency, saveCursor } = this.#parts;
    for await (const event of events) {
      if (!matches(event)) this.#skip(event);
      else {
        const done = this.#begin(event);
        if (concurrency === 1) await done;
        // A handler that takes events in the order of the log also gets each cursor saved.
        if (concurrency === 1 && saveCursor) await this.#saving;
        while (this.#window.size >= mostOpen && !signal.aborted) await this.#progress();
      }
      if (signal.aborted) break;
    }
    await Promise.all(this.#lanes.values());
    await this.#saving;
  }

  #begin(event: QueueEvent): Promise<void> {
    const { messageId } = event;
    const finish = this.#window.take(event.cursor, event.at);
    const work = (this.#lanes.get(messageId) ?? Promise.resolve()).then(async () => {
      const taken = await this.#untilDone(event, () => this.#handle(event));
      // A handler that was interrupted by the signal may have done half of its work.
      if (!taken || this.#parts.signal.aborted) return;
      finish();
      this.#save(event);
      this.#wake();
    });
    this.#lanes.set(messageId, work);
    return work.then(() => {
      if (this.#lanes.get(messageId) === work) this.#lanes.delete(messageId);
    });
  }

  async #handle(event: QueueEvent): Promise<void> {
    const { signal } = this.#parts;
    while (this.#free === 0 && !signal.aborted) await this.#progress();
    if (signal.aborted) return;
    this.#free--;
    try {
      await this.#parts.handler(event, signal);
    } finally {
      this.#free++;
      this.#wake();
    }
  }

  #skip(event: QueueEvent): void {
    this.#window.skip(event.cursor, event.at);
    if (++this.#skipped >= mostSkipped) this.#save(event);
  }

  /** Saves the cursor up to which all events are handled. Calls do not overlap; each saves the latest cursor. */
  #save(event: QueueEvent): void {
    const { saveCursor } = this.#parts;
    if (!saveCursor) return;
    this.#skipped = 0;
    this.#saving = this.#saving.then(async () => {
      const { cursor } = this.#window;
      if (cursor === this.#saved || cursor === '') return;
      if (await this.#untilDone(event, () => saveCursor(cursor))) this.#saved = cursor;
    });
  }

  /** Repeats `work` until it succeeds; false when the signal fired before. */
  async #untilDone(event: QueueEvent, work: () => Promise<void> | void): Promise<boolean> {
    const { signal, onRetry, clock } = this.#parts;
    const tell = onRetry && guarded(onRetry);
    for (let delayMs = firstRetryMs; !signal.aborted; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
      try {
        await work();
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        tell?.(error, event, delayMs);
        await sleep(delayMs, clock, signal);
      }
    }
    return false;
  }

  async #progress(): Promise<void> {
    await wait<void, 'resolve'>(
      (resolve) => {
        this.#waiters.add(resolve);
        return () => this.#waiters.delete(resolve);
      },
      this.#parts.signal,
      'resolve',
    );
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
