import type { QueueStore } from '../store/port.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';

/** Where to begin, and when to end. */
export interface EventsOptions {
  /** Go on after this event; `start` for the oldest that is kept. Default: only what is yet to happen. */
  readonly after?: EventCursor | 'start';
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal;
}

/** Another process may write to the same store without waking us. */
const pollMs = 1_000;

/** The event log as a stream that waits for more. */
export async function* streamEvents(
  store: Pick<QueueStore, 'events' | 'eventsEnd' | 'onWake'>,
  setTimer: (callback: () => void, delayMs: number) => () => void,
  { after, signal }: EventsOptions = {},
): AsyncGenerator<QueueEvent, void, undefined> {
  let woken = false;
  let wake = () => {};
  const notice = () => {
    woken = true;
    wake();
  };
  const stopWaking = store.onWake(notice);
  signal?.addEventListener('abort', notice);
  try {
    let cursor = after === 'start' ? undefined : (after ?? (await store.eventsEnd()));
    while (!signal?.aborted) {
      woken = false;
      const page = await store.events(cursor);
      for (const event of page.events) {
        if (signal?.aborted) return;
        yield event;
      }
      cursor = page.cursor;
      if (page.events.length > 0 || woken) continue;
      await new Promise<void>((resolve) => {
        const cancel = setTimer(resolve, pollMs);
        wake = () => {
          cancel();
          resolve();
        };
      });
      wake = () => {};
    }
  } finally {
    stopWaking();
    signal?.removeEventListener('abort', notice);
  }
}
