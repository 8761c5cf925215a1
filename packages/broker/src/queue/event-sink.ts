import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { callback, group, integer, type OptionTable, readOptions, record, text } from '../option-table.ts';
import type { EventCursor, QueueEvent } from '../store/queue-event.ts';
import { type EventFilter, eventFilterOptions, matchEvents } from './event-filter.ts';
import { type EventHandler, EventPump } from './event-pump.ts';
import { eventsOptions } from './event-stream.ts';

const defaultConcurrency = 16;

/** How events are passed to a handler. */
export interface SinkOptions {
  /** Where to continue: the cursor that `saveCursor` got last, or `start`. Default: only future events. */
  readonly after?: EventCursor | 'start' | undefined;
  /** Only events that match are passed on. Default: all. */
  readonly filter?: EventFilter | undefined;
  /**
   * Maximum number of messages whose events are handled at once. Default 16. Events of one message are handled one by
   * one, in order; with 1, all events are.
   */
  readonly concurrency?: number | undefined;
  /**
   * Called with the cursor up to which all events are handled, one call at a time. Store it: after a crash, events that
   * were handled since are passed on again.
   */
  readonly saveCursor?: ((cursor: EventCursor) => Promise<void> | void) | undefined;
  /** Called with each failure; it is tried again after `delayMs`. */
  readonly onRetry?: ((error: unknown, event: QueueEvent, delayMs: number) => void) | undefined;
  /** Ends the delivery of events. */
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
 * Passes events to a handler, as the options say.
 *
 * @returns when the signal has fired and calls under way have ended.
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

/** Options of {@link webhook}. */
export interface WebhookOptions {
  /** Signs each call: `X-Mb-Signature: sha256=<HMAC of the body in hexadecimal>`. */
  readonly secret?: string | undefined;
  /** Additional header fields of each call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Timeout of one call, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** What `WebhookOptions` accepts. */
export const webhookOptions = {
  secret: text('a string that is not empty', { pattern: /./s }),
  headers: record(text()),
  timeoutMs: integer(1, 86_400_000, { default: 10_000, unit: 'ms' }),
} satisfies OptionTable<WebhookOptions>;

/**
 * Creates a handler that POSTs each event as JSON. After a timeout or a response other than 2xx the event comes again.
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

/**
 * Checks what `fetch` would report only at the first event. The URL may hold a password, so errors do not repeat it.
 */
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
