import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { guarded } from '../store/error-listeners.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';

/** Takes one event; what it throws makes the same event come again later. */
export type EventHandler = (event: QueueEvent, signal: AbortSignal) => Promise<void> | void;

/** How events are handed over. */
export interface SinkOptions {
  /** Where to go on: the cursor that `saveCursor` got last, or `start`. Default: only what is yet to happen. */
  readonly after?: EventCursor | 'start';
  /** Called after each event that was taken; keep it, and nothing is handed over twice but for a crash in between. */
  readonly saveCursor?: (cursor: EventCursor) => Promise<void> | void;
  /** Told of each failure that is going to be tried again. */
  readonly onRetry?: (error: unknown, event: QueueEvent, delayMs: number) => void;
  /** Ends the handing over. */
  readonly signal?: AbortSignal;
}

const firstRetryMs = 1_000;
const longestRetryMs = 5 * 60_000;

/**
 * Hands events to a handler one by one, in order, each until it is taken: after a failure the same event comes again,
 * later and later, up to every five minutes. A cursor that cannot be saved is tried again in the same way.
 */
export async function pumpEvents(
  events: AsyncIterable<QueueEvent>,
  handler: EventHandler,
  { saveCursor, onRetry, signal = new AbortController().signal }: Omit<SinkOptions, 'after'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<void> {
  const tell = onRetry && guarded(onRetry);
  const untilDone = async (event: QueueEvent, work: () => Promise<void> | void) => {
    for (let delayMs = firstRetryMs; !signal.aborted; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
      try {
        await work();
        return;
      } catch (error) {
        if (signal.aborted) return;
        tell?.(error, event, delayMs);
        await pause(delayMs, clock, signal);
      }
    }
  };
  for await (const event of events) {
    await untilDone(event, () => handler(event, signal));
    if (signal.aborted) return;
    if (saveCursor) await untilDone(event, () => saveCursor(event.cursor));
  }
}

function pause(delayMs: number, clock: Pick<Clock, 'setTimer'>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimer(done, delayMs);
    signal.addEventListener('abort', done);
  });
}

/** How a webhook is called. */
export interface WebhookOptions {
  /** Signs each call: `X-Mb-Signature: sha256=<HMAC of the body in hexadecimal>`. */
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Time for one call. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * A handler that POSTs each event as JSON; any answer but 2xx, and no answer in time, makes it come again.
 *
 * @example
 * await broker.deliverEvents(webhook('https://app.example.com/mail-events', { secret }), { after: cursor, saveCursor });
 */
export function webhook(url: string | URL, options: WebhookOptions = {}): EventHandler {
  const { secret, headers = {}, timeoutMs = 10_000 } = options;
  return async (event, signal) => {
    const body = JSON.stringify(event);
    const signature = secret && `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const response = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'error',
      headers: {
        ...headers,
        'content-type': 'application/json',
        ...(signature ? { 'x-mb-signature': signature } : {}),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The webhook answered ${response.status}.`);
  };
}
