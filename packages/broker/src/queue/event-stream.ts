import { type OptionTable, signal, text } from '../option-table.ts';
import type { QueueStore } from '../store/port.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';
import { StoreWatch } from '../store/store-watch.ts';

/** Where an event stream begins, and what ends it. */
export interface EventsOptions {
  /** Cursor of the event to continue after; `start` for the oldest event that is kept. Default: only future events. */
  readonly after?: EventCursor | 'start' | undefined;
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** What `EventsOptions` accepts. */
export const eventsOptions = {
  after: text('the cursor of an event, or "start"', { pattern: /./s }),
  signal: signal(),
} satisfies OptionTable<EventsOptions>;

/** What {@link streamEvents} needs. */
export interface EventStreamParts {
  readonly store: Pick<QueueStore, 'events' | 'eventsEnd' | 'onWake'>;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Called with each failure of the store; the stream goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Another process may write to the same store without waking us. */
const pollMs = 1_000;

/**
 * The event log as a stream that waits for further events.
 *
 * A store that fails is asked again after one second, doubled each time up to 30 seconds. The stream ends when the
 * store is closed.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid cursor; MB_BROKER_STORE_CLOSED when the store was never open.
 */
export async function* streamEvents(
  { store, setTimer, onError }: EventStreamParts,
  { after, signal }: EventsOptions = {},
): AsyncGenerator<QueueEvent, void, undefined> {
  const watch = new StoreWatch({ store, setTimer, onError, signal, pollMs });
  try {
    let cursor = after === 'start' ? undefined : (after ?? (await watch.ask(() => store.eventsEnd())));
    while (!signal?.aborted) {
      const from = cursor;
      const page = await watch.ask(() => store.events(from));
      if (!page) return;
      for (const event of page.events) {
        if (signal?.aborted) return;
        yield event;
      }
      cursor = page.cursor;
      if (page.events.length === 0) await watch.idle();
    }
  } finally {
    watch.close();
  }
}
