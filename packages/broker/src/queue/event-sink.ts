import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { callback, integer, type OptionTable, readOptions, record, text } from '../option-table.ts';
import { guarded } from '../store/error-listeners.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';
import { sleep } from '../wait.ts';
import { eventsOptions } from './event-stream.ts';

/** Takes one event; what it throws makes the same event come again later. */
export type EventHandler = (event: QueueEvent, signal: AbortSignal) => Promise<void> | void;

/** How events are handed over. */
export interface SinkOptions {
  /** Where to go on: the cursor that `saveCursor` got last, or `start`. Default: only what is yet to happen. */
  readonly after?: EventCursor | 'start' | undefined;
  /** Called after each event that was taken; keep it, and nothing is handed over twice but for a crash in between. */
  readonly saveCursor?: ((cursor: EventCursor) => Promise<void> | void) | undefined;
  /** Called with each failure that is going to be tried again. */
  readonly onRetry?: ((error: unknown, event: QueueEvent, delayMs: number) => void) | undefined;
  /** Ends the handing over. */
  readonly signal?: AbortSignal | undefined;
}

/** What `SinkOptions` accepts. */
export const sinkOptions = {
  ...eventsOptions,
  saveCursor: callback<NonNullable<SinkOptions['saveCursor']>>(),
  onRetry: callback<NonNullable<SinkOptions['onRetry']>>(),
} satisfies OptionTable<SinkOptions>;

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
        await sleep(delayMs, clock, signal);
      }
    }
  };
  for await (const event of events) {
    await untilDone(event, () => handler(event, signal));
    if (signal.aborted) return;
    if (saveCursor) await untilDone(event, () => saveCursor(event.cursor));
  }
}

/** How a webhook is called. */
export interface WebhookOptions {
  /** Signs each call: `X-Mb-Signature: sha256=<HMAC of the body in hexadecimal>`. */
  readonly secret?: string | undefined;
  /** Further header fields of each call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Time for one call. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** What `WebhookOptions` accepts. */
export const webhookOptions = {
  secret: text('a string that is not empty', { pattern: /./s }),
  headers: record(text()),
  timeoutMs: integer(1, 86_400_000, { default: 10_000, unit: 'ms' }),
} satisfies OptionTable<WebhookOptions>;

/**
 * A handler that POSTs each event as JSON; any answer but 2xx, and no answer in time, makes it come again.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 * @example
 * await broker.deliverEvents(webhook('https://app.example.com/mail-events', { secret }), { after: cursor, saveCursor });
 */
export function webhook(url: string | URL, options: WebhookOptions = {}): EventHandler {
  const {
    secret,
    headers = {},
    timeoutMs,
  } = readOptions<WebhookOptions, typeof webhookOptions>(options, webhookOptions, 'webhook: options');
  checkEndpoint(url, headers);
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

/** What `fetch` would only say at the first event. The URL may hold a password, so it is not repeated. */
function checkEndpoint(url: string | URL, headers: Readonly<Record<string, string>>): void {
  const read = typeof url === 'string' || url instanceof URL ? URL.parse(String(url)) : null;
  if (read === null || !/^https?:$/.test(read.protocol)) {
    throw optionError('webhook: url must be an address such as "https://app.example.com/hook".');
  }
  if (read.username !== '' || read.password !== '') {
    throw optionError('webhook: url must have no user and password; give an authorization field in headers.');
  }
  try {
    new Headers(headers);
  } catch {
    throw optionError('webhook: options.headers has a name or value that HTTP does not allow.');
  }
}
