import type { Failed, Queued } from '../delivery/outcome.ts';
import type { Notify } from '../message/queued-envelope.ts';
import type { RenderParts } from '../message/render.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  matching,
  type OptionRow,
  type OptionTable,
  signal,
  text,
  word,
} from '../option-table.ts';
import type { Priority, UnknownPolicy } from '../store/port.ts';

/** Options of one `enqueue()`. */
export interface EnqueueOptions<Transaction = unknown> {
  /**
   * Makes repeated calls safe. A second call with the same key and the same message queues nothing and returns the id
   * of the first; with another message it is refused with MB_BROKER_IDEMPOTENCY_CONFLICT.
   */
  readonly idempotencyKey?: string | undefined;
  /** Nothing is attempted before this time, a Date or epoch milliseconds. Default: now. */
  readonly notBefore?: Date | number | undefined;
  /** The caller's own database transaction: the message exists if and only if it commits. */
  readonly transaction?: Transaction | undefined;
  /** Whose mail it is: tenants take turns at every destination, and have suppression lists of their own. */
  readonly tenant?: string | undefined;
  /** A label by which messages can be selected later. */
  readonly tag?: string | undefined;
  /**
   * Which of a tenant's messages to a destination go first: all that are due of a higher priority before any of a lower
   * one. Default `normal`.
   */
  readonly priority?: Priority | undefined;
  /**
   * Domains that the author and the return path may have, such as `example.com`, or `*.example.com` for all below it.
   * All authors, the Sender field and the return path are checked; a message with another one is refused with
   * MB_BROKER_SENDER. Default: any.
   */
  readonly senderDomains?: readonly string[] | undefined;
  /** Renders subject, text, HTML or attachments with a template engine, before anything is accepted. */
  readonly render?: RenderParts | undefined;
  /** How the message is delivered and reported on. */
  readonly delivery?: QueuedDeliveryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a queued message is delivered and reported on. */
export interface QueuedDeliveryOptions {
  /** Only over verified TLS, to hosts that promise the same (RFC 8689). Default false. */
  readonly requireTls?: boolean | undefined;
  /** When to sign: at each attempt (default; keys rotate, signatures age), or once now. */
  readonly sign?: 'attempt' | 'enqueue' | undefined;
  /** Lifetime in milliseconds; recipients that are still queued then expire. Default 5 days (RFC 5321 §4.5.4.1). */
  readonly expireAfterMs?: number | undefined;
  /**
   * Time in milliseconds until a delay notice: an event, and a report if `notify` has `delay`. Default 4 hours; `null`:
   * never.
   */
  readonly delayNoticeAfterMs?: number | null | undefined;
  /** What follows when an attempt ended without a reply. Default `retry`, with the same octets. */
  readonly onUnknown?: UnknownPolicy | undefined;
  /** Which outcomes are reported to the return path (RFC 3461 §4.1). Default: failures. */
  readonly notify?: Notify | undefined;
  /** What a report returns (RFC 3461 §4.3). Default `headers`. */
  readonly ret?: 'full' | 'headers' | undefined;
  /** Your own identifier of the message, repeated in reports (RFC 3461 §4.4). */
  readonly envid?: string | undefined;
  /** Overrides for single recipients, by address as in the envelope. */
  readonly recipients?: Readonly<Record<string, RecipientDelivery>> | undefined;
}

/** Overrides for one recipient. */
export interface RecipientDelivery {
  /** As `delivery.notify`. */
  readonly notify?: Notify | undefined;
  /** The original recipient, as `rfc822;bob@example.org`, repeated in reports (RFC 3461 §4.2). */
  readonly orcpt?: string | undefined;
}

const name = text('a string that is not empty', { pattern: /./s });

const notify = either(
  literal('never'),
  list<'success' | 'failure' | 'delay'>(word(['success', 'failure', 'delay']), 1),
);

/** What `RecipientDelivery` accepts. */
export const recipientDelivery = {
  notify,
  orcpt: text('type;value, such as "rfc822;bob@example.org"', {
    pattern: /^[A-Za-z0-9-]{1,20};[^\p{Cc}]{1,400}$/u,
  }),
} satisfies OptionTable<RecipientDelivery>;

/** What `QueuedDeliveryOptions` accepts of DSN (RFC 3461 §4). */
export const dsnOptions = {
  notify,
  ret: word(['full', 'headers']),
  envid: name,
  recipients: matching<Readonly<Record<string, RecipientDelivery>>>(
    'an object of { notify, orcpt } by address',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
} satisfies OptionTable<Pick<QueuedDeliveryOptions, 'notify' | 'ret' | 'envid' | 'recipients'>>;

/** What `QueuedDeliveryOptions` accepts. */
const deliveryOptions = {
  requireTls: flag(),
  sign: word(['attempt', 'enqueue']),
  expireAfterMs: integer(1, 9e12, { unit: 'ms' }),
  delayNoticeAfterMs: either(
    integer(0, 9e12, { unit: 'ms' }),
    matching<null>('null', (value) => value === null),
  ),
  onUnknown: word(['retry', 'hold', 'report']),
  ...dsnOptions,
} satisfies OptionTable<QueuedDeliveryOptions>;

/** 1990-01-01: the earliest accepted time. */
const firstNotBefore = 631_152_000_000;

/** What `EnqueueOptions` accepts. */
export const enqueueOptions = {
  idempotencyKey: name,
  notBefore: either(
    matching<Date>('a valid Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())),
    // Seconds or a duration, given by mistake, would be a time long past, and the message would be sent at once.
    integer(firstNotBefore, 9e12, { unit: 'ms since 1970' }),
  ),
  transaction: matching<object>(
    'a connection or client of the database that the store is in',
    (value) => (typeof value === 'object' || typeof value === 'function') && value !== null,
  ) as OptionRow<unknown>,
  tenant: name,
  tag: name,
  priority: word(['high', 'normal', 'low']),
  senderDomains: list(name, 1),
  render: callback<RenderParts>(),
  delivery: group<QueuedDeliveryOptions>(deliveryOptions),
  signal: signal(),
} satisfies OptionTable<EnqueueOptions>;

/** A property of an accepted message that prevents its delivery to some hosts. */
export interface EnqueueWarning {
  /**
   * `eight-bit-signed`: the message has octets beyond ASCII, and is signed as it is (DKIM, ARC, S/MIME, PGP, or
   * `sign: 'enqueue'`). Hosts without 8BITMIME get no copy: their recipients fail with 5.6.3 (RFC 6152 §3). Encode the
   * parts as quoted-printable or base64 before signing (RFC 6376 §5.3).
   */
  readonly code: 'eight-bit-signed';
  /** One or two sentences: what may fail and what to do. */
  readonly message: string;
}

/** The result of `enqueue()`. */
export interface EnqueueResult {
  /** Id of the message in the queue; absent when every recipient is suppressed. */
  readonly id?: string;
  /** True when the idempotency key was known: nothing new was queued. */
  readonly duplicate: boolean;
  /** In the order of the envelope: queued, or failed because the address is suppressed. */
  readonly recipients: readonly (Queued | Failed)[];
  /** What prevents delivery to some hosts; empty for nearly every message. */
  readonly warnings: readonly EnqueueWarning[];
}
