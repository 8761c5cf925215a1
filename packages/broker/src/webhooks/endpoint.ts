import { BrokerError, optionError } from '../errors.ts';
import {
  either,
  flag,
  integer,
  list,
  matching,
  type OptionRow,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../option-table.ts';
import { type EventFilter, eventFilterOptions } from '../queue/event-filter.ts';
import type { StoredSecret } from './endpoint-secrets.ts';
import { checkSecret, createSecret, type WebhookSecret } from './secret.ts';
import { type WebhookEventType, webhookEventTypes } from './webhook-event.ts';

/** A URL that is notified of events. */
export interface WebhookEndpoint extends EventFilter<WebhookEventType> {
  readonly id: string;
  readonly url: string;
  readonly description?: string;
  /** False: it gets nothing, and continues where it stopped when it is enabled again. */
  readonly enabled: boolean;
  /** Why it was disabled, when the service did it. */
  readonly disabledReason?: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** The secrets that calls are signed with, the newest first; never the secrets themselves. */
  readonly secrets: readonly Omit<WebhookSecret, 'secret'>[];
}

/** An endpoint to be added. */
export interface NewWebhook extends EventFilter<WebhookEventType> {
  /**
   * Where events are posted: an https: URL without user and password. `http:` is taken only for hosts whose addresses
   * are permitted by `webhooks.allowAddresses`.
   */
  readonly url: string;
  /** For people. */
  readonly description?: string | undefined;
  /** Default true. */
  readonly enabled?: boolean | undefined;
  /** `whsec_` and 24 to 64 octets in base64. Default: a new one. */
  readonly secret?: string | undefined;
}

/** Changes of an endpoint. `null` removes a part of the filter or the description. */
export interface WebhookChanges {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | undefined;
  readonly types?: EventFilter<WebhookEventType>['types'] | null;
  readonly tenant?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  readonly domains?: readonly string[] | null | undefined;
}

/** How a secret is rotated. */
export interface RotateOptions {
  /** `whsec_` and 24 to 64 octets in base64. Default: a new one. */
  readonly secret?: string | undefined;
  /** For how long calls are also signed with the previous secret, in milliseconds. Default one day. */
  readonly overlapMs?: number | undefined;
}

const url = text('an https: or http: URL without user and password', {
  pattern: /^https?:\/\/[^\s]{1,2000}$/i,
});
const description = text('a text of 1 to 500 characters without controls', {
  pattern: /^[^\p{Cc}]{1,500}$/u,
});
const secret = text('"whsec_" and octets in base64', { pattern: /^whsec_./ });

const types = list(word(webhookEventTypes), 1);

/** What {@link NewWebhook} accepts. */
export const newWebhookOptions = {
  ...eventFilterOptions,
  types,
  url: required(url),
  description,
  enabled: flag(),
  secret,
} satisfies OptionTable<NewWebhook>;

const orNull = <V>(row: OptionRow<V>) =>
  either<null, V>(
    matching<null>('null', (value) => value === null),
    row,
  );

/** What {@link WebhookChanges} accepts. */
export const webhookChangesOptions = {
  url,
  description: orNull(description),
  enabled: flag(),
  types: orNull(types),
  tenant: orNull(eventFilterOptions.tenant),
  tags: orNull(eventFilterOptions.tags),
  domains: orNull(eventFilterOptions.domains),
} satisfies OptionTable<WebhookChanges>;

const day = 86_400_000;

/** What {@link RotateOptions} accepts. */
export const rotateOptions = {
  secret,
  overlapMs: integer(0, 30 * day, { default: day, unit: 'ms' }),
} satisfies OptionTable<RotateOptions>;

/** Most secrets that are valid at once; every signature is a part of a header field. */
const mostSecrets = 4;

/** An endpoint as its record has it. */
export interface StoredEndpoint extends Omit<WebhookEndpoint, 'id' | 'secrets'> {
  readonly secrets: readonly StoredSecret[];
}

/** The endpoint of what an application gives, and its secret. @throws {BrokerError} MB_BROKER_OPTION */
export function newEndpoint(
  given: NewWebhook,
  now: number,
): { readonly settings: Omit<StoredEndpoint, 'secrets'>; readonly secret: WebhookSecret } {
  const where = 'webhooks.add: webhook';
  const {
    enabled = true,
    secret: own,
    ...rest
  } = readOptions<NewWebhook, typeof newWebhookOptions>(given, newWebhookOptions, where);
  checkUrl(rest.url, `${where}.url`);
  const settings = { ...rest, enabled, createdAt: now } as Omit<StoredEndpoint, 'secrets'>;
  return { settings, secret: { secret: chosenSecret(own, where), createdAt: now } };
}

function chosenSecret(own: string | undefined, where: string): string {
  return own === undefined ? createSecret() : checkSecret(own, `${where}.secret`);
}

/** An endpoint with changes. @throws {BrokerError} MB_BROKER_OPTION */
export function changedEndpoint(stored: StoredEndpoint, given: WebhookChanges): StoredEndpoint {
  const where = 'webhooks.change: changes';
  const changes: WebhookChanges = readOptions(given, webhookChangesOptions, where);
  if (Object.keys(changes).length === 0) throw optionError(`${where} must name what is changed.`);
  if (changes.url !== undefined) checkUrl(changes.url, `${where}.url`);
  const next: Record<string, unknown> = { ...stored, ...changes };
  if (changes.enabled) delete next.disabledReason;
  for (const [key, value] of Object.entries(changes)) if (value === null) delete next[key];
  return next as unknown as StoredEndpoint;
}

const rotateWhere = 'webhooks.rotateSecret: options';

/** The next secret of an endpoint, and how long the others stay valid. @throws {BrokerError} MB_BROKER_OPTION */
export function nextSecret(
  given: RotateOptions,
  now: number,
): { readonly secret: WebhookSecret; readonly isOwn: boolean; readonly overlapMs: number } {
  const { secret: own, overlapMs } = readOptions<RotateOptions, typeof rotateOptions>(
    given,
    rotateOptions,
    rotateWhere,
  );
  const secret = { secret: chosenSecret(own, rotateWhere), createdAt: now };
  return { secret, isOwn: own !== undefined, overlapMs };
}

/**
 * An endpoint with another secret; the previous ones stay valid for the overlap.
 *
 * @param before The previous ones, without one that is equal to the new one.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function withNextSecret(
  stored: StoredEndpoint,
  secret: StoredSecret,
  before: readonly StoredSecret[],
  overlapMs: number,
): StoredEndpoint {
  const now = secret.createdAt;
  const overlapping = before
    .map((one) => ({ ...one, expiresAt: Math.min(one.expiresAt ?? now + overlapMs, now + overlapMs) }))
    .filter(({ expiresAt }) => expiresAt > now);
  if (overlapping.length >= mostSecrets) {
    throw optionError(
      `${rotateWhere}: ${overlapping.length} secrets are still valid. Wait until one has expired, or give overlapMs 0.`,
    );
  }
  return { ...stored, secrets: [secret, ...overlapping] };
}

/** An endpoint as it is shown. */
export function shownEndpoint(id: string, { secrets, ...rest }: StoredEndpoint): WebhookEndpoint {
  const shown = secrets.map(({ createdAt, expiresAt }) => ({
    createdAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }));
  return { id, ...rest, secrets: shown };
}

/** The error for an id that no endpoint has. */
export function noEndpoint(what = 'webhook'): BrokerError {
  return new BrokerError('MB_BROKER_NOT_FOUND', 'invalid-input', `There is no such ${what}.`);
}

/**
 * Checks a URL that is going to be called. It may hold a token, so it is not repeated.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function checkUrl(given: string, where: string): void {
  const read = URL.parse(given);
  if (read === null)
    throw optionError(`${where} must be a URL such as "https://app.example.com/mail-events".`);
  if (read.username !== '' || read.password !== '') {
    throw optionError(`${where} must have no user and password: calls are signed instead.`);
  }
  if (read.hash !== '') throw optionError(`${where} must have no fragment: it is not sent.`);
}
