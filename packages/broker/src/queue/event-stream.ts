import { BrokerError } from '../errors.ts';
import { type OptionTable, signal, text } from '../option-table.ts';
import { isCallersFault } from '../store/error-listeners.ts';
import type { QueueStore } from '../store/port.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';

/** Where to begin, and when to end. */
export interface EventsOptions {
  /** Go on after this event; `start` for the oldest that is kept. Default: only what is yet to happen. */
  readonly after?: EventCursor | 'start' | undefined;
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** What `EventsOptions` accepts. */
export const eventsOptions = {
  after: text('the cursor of an event, or "start"', { pattern: /./s }),
  signal: signal(),
} satisfies OptionTable<EventsOptions>;

/** What the stream takes from outside. */
export interface EventStreamParts {
  readonly store: Pick<QueueStore, 'events' | 'eventsEnd' | 'onWake'>;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Told of each failure of the store; the stream goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Another process may write to the same store without waking us. */
const pollMs = 1_000;
const longestRetryMs = 30_000;

/**
 * The event log as a stream that waits for more.
 *
 * A store that fails is asked again, later and later up to every half minute. When the store is closed the stream ends.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for a cursor that is none; MB_BROKER_STORE_CLOSED when the store was not open
 *   in the first place.
 */
export async function* streamEvents(
  { store, setTimer, onError }: EventStreamParts,
  { after, signal }: EventsOptions = {},
): AsyncGenerator<QueueEvent, void, undefined> {
  let woken = false;
  let wake = () => {};
  const notice = () => {
    woken = true;
    wake();
  };
  const pause = (delayMs: number) =>
    new Promise<void>((resolve) => {
      const cancel = setTimer(resolve, delayMs);
      wake = () => {
        cancel();
        resolve();
      };
    }).finally(() => {
      wake = () => {};
    });
  let wasOpen = false;
  let failures = 0;
  /** The store's answer; undefined when the stream ends. */
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
    while (!signal?.aborted) {
      try {
        const answer = await question();
        wasOpen = true;
        failures = 0;
        return answer;
      } catch (error) {
        if (wasOpen && isClosed(error)) return undefined;
        if (isCallersFault(error)) throw error;
        onError?.(error);
        await pause(Math.min(pollMs * 2 ** failures++, longestRetryMs));
      }
    }
    return undefined;
  };
  const stopWaking = store.onWake(notice);
  signal?.addEventListener('abort', notice);
  try {
    let cursor = after === 'start' ? undefined : (after ?? (await ask(() => store.eventsEnd())));
    while (!signal?.aborted) {
      woken = false;
      const from = cursor;
      const page = await ask(() => store.events(from));
      if (!page) return;
      for (const event of page.events) {
        if (signal?.aborted) return;
        yield event;
      }
      cursor = page.cursor;
      if (page.events.length > 0 || woken) continue;
      await pause(pollMs);
    }
  } finally {
    stopWaking();
    signal?.removeEventListener('abort', notice);
  }
}

function isClosed(error: unknown): boolean {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_STORE_CLOSED';
}
