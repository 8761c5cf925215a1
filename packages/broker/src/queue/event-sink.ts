import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { callback, group, integer, type OptionTable, readOptions, record, text } from '../option-table.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';
import { type EventFilter, eventFilterOptions, matchEvents } from './event-filter.ts';
import { type EventHandler, EventPump } from './event-pump.ts';
import { eventsOptions } from './event-stream.ts';

const defaultConcurrency = 16;

/** How events are handed over. */
export interface SinkOptions {
  /** Where to go on: the cursor that `saveCursor` got last, or `start`. Default: only what is yet to happen. */
  readonly after?: EventCursor | 'start' | undefined;
  /** Only events that match; what is left out filters nothing. Default all. */
  readonly filter?: EventFilter | undefined;
  /**
   * Messages whose events are handed over at once. Default 16. Events of one message come one by one and in their order;
   * with 1 all events do.
   */
  readonly concurrency?: number | undefined;
  /**
   * Called with the place up to which all events were taken, one call at a time. Keep it: after a crash what was taken
   * since is handed over again.
   */
  readonly saveCursor?: ((cursor: EventCursor) => Promise<void> | void) | undefined;
  /** Called with each failure that is going to be tried again. */
  readonly onRetry?: ((error: unknown, event: QueueEvent, delayMs: number) => void) | undefined;
  /** Ends the handing over. */
  readonly signal?: AbortSignal | undefined;
}

/** What `SinkOptions` accepts. */
export const sinkOptions = {
  ...eventsOptions,
  filter: group<EventFilter>(eventFilterOptions),
  concurrency: integer(1, 1_000),
  saveCursor: callback<NonNullable<SinkOptions['saveCursor']>>(),
  onRetry: callback<NonNullable<SinkOptions['onRetry']>>(),
} satisfies OptionTable<SinkOptions>;

/**
 * Hands events over as the options say.
 *
 * @returns when the signal fires, and what is under way has ended.
 */
export function pumpEvents(
  events: AsyncIterable<QueueEvent>,
  handler: EventHandler,
  { filter = {}, concurrency = defaultConcurrency, signal, ...rest }: Omit<SinkOptions, 'after'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<void> {
  const matches = matchEvents(filter);
  const ends = signal ?? new AbortController().signal;
  return new EventPump({ ...rest, handler, matches, concurrency, signal: ends, clock }).run(events);
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
