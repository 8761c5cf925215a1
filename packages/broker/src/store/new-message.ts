import { BrokerError, optionError } from '../errors.ts';
import {
  defaultDelayNoticeAfterMs,
  defaultExpireAfterMs,
  defaultMaxMessageBytes,
  maxDetailBytes,
  maxRecipients,
  type NewMessage,
  type Outcome,
  type Priority,
  type StagedContent,
  type UnknownPolicy,
} from './port.ts';

/** A checked message, as every store keeps it: its fields on one level, objects as JSON text. */
export interface MessageRecord {
  readonly sender: string;
  readonly tenant: string;
  readonly tag: string | null;
  /** 0 high, 1 normal, 2 low: the order in which a tenant's lanes at a site are served. */
  readonly priority: number;
  readonly idempotencyKey: string | null;
  readonly idempotencyDigest: string | null;
  readonly notBefore: number | null;
  readonly expireAfterMs: number;
  /** null: no delay notice. */
  readonly delayNoticeAfterMs: number | null;
  readonly onUnknown: UnknownPolicy;
  readonly envelope: string | null;
  readonly schedule: string | null;
  readonly size: number;
  readonly content: Uint8Array | StagedContent;
  readonly recipients: readonly {
    readonly address: string;
    readonly domain: string;
    readonly site: string | null;
    readonly options: string | null;
  }[];
}

const priorities: readonly Priority[] = ['high', 'normal', 'low'];

/** Maximum length of a tenant, tag, idempotency key, domain or site, in characters; they are in indices. */
const maxNameLength = 512;
/** Maximum length of an address, in characters: RFC 5321 §4.5.3.1.3 allows 254 octets, VERP needs more. */
const maxAddressLength = 1024;
const maxEnvelopeBytes = 64 * 1024;
/** The year 2255: up to here, microseconds are exact in a double. */
const latestTime = 9e12;

/**
 * Checks a message and fills in defaults.
 *
 * @throws {BrokerError} MB_BROKER_OPTION, MB_BROKER_MESSAGE_TOO_LARGE
 */
export function messageRecord(message: NewMessage, maxMessageBytes = defaultMaxMessageBytes): MessageRecord {
  const { content, recipients, idempotency } = message;
  const size = content instanceof Uint8Array ? content.byteLength : content.size;
  checkSize(size, maxMessageBytes);
  if (recipients.length < 1 || recipients.length > maxRecipients) {
    throw optionError(
      `A message has 1 to ${maxRecipients} recipients, not ${recipients.length}; send several messages.`,
    );
  }
  return {
    sender: checkedText('sender', message.sender, maxAddressLength),
    tenant: checkedText('tenant', message.tenant ?? '', maxNameLength),
    tag: message.tag === undefined ? null : checkedText('tag', message.tag, maxNameLength),
    priority: priorities.indexOf(message.priority ?? 'normal'),
    idempotencyKey: idempotency ? checkedText('idempotency.key', idempotency.key, maxNameLength) : null,
    idempotencyDigest: idempotency
      ? checkedText('idempotency.digest', idempotency.digest, maxNameLength)
      : null,
    notBefore: message.notBefore === undefined ? null : checkedTime('notBefore', message.notBefore),
    expireAfterMs: checkedTime('expireAfterMs', message.expireAfterMs ?? defaultExpireAfterMs),
    delayNoticeAfterMs: delayNotice(message.delayNoticeAfterMs),
    onUnknown: message.onUnknown ?? 'retry',
    envelope: limitedJson('envelope', message.envelope, maxEnvelopeBytes),
    schedule: limitedJson('schedule', message.schedule, maxEnvelopeBytes),
    size,
    content,
    recipients: recipients.map((recipient) => ({
      address: checkedText('address', recipient.address, maxAddressLength),
      domain: checkedText('domain', recipient.domain, maxNameLength),
      site: recipient.site === undefined ? null : checkedText('site', recipient.site, maxNameLength),
      options: limitedJson('options', recipient.options, maxEnvelopeBytes),
    })),
  };
}

/** @throws {BrokerError} MB_BROKER_MESSAGE_TOO_LARGE */
export function checkSize(size: number, maxMessageBytes: number): void {
  if (size <= maxMessageBytes) return;
  throw new BrokerError(
    'MB_BROKER_MESSAGE_TOO_LARGE',
    'invalid-input',
    `The message has more than ${maxMessageBytes} octets. Raise maxMessageBytes if the hosts accept it.`,
  );
}

/** The times of a message accepted at `now`, in epoch milliseconds. */
export function messageTimes(record: MessageRecord, now: number) {
  const begin = Math.max(now, record.notBefore ?? now);
  const expiresAt = Math.min(begin + record.expireAfterMs, latestTime);
  const noticeAt = record.delayNoticeAfterMs === null ? expiresAt : begin + record.delayNoticeAfterMs;
  return { dueAt: begin, expiresAt, deadline: Math.min(noticeAt, expiresAt) };
}

/** The JSON text of an outcome's detail; a detail that is too long is replaced by a note of its size. */
export function detailText(detail: object | undefined): string | null {
  if (detail === undefined) return null;
  const text = JSON.stringify(detail);
  // An octet count is at least the character count and at most three times it.
  if (text.length * 3 <= maxDetailBytes || Buffer.byteLength(text) <= maxDetailBytes) return text;
  return JSON.stringify({ omitted: `detail of ${Buffer.byteLength(text)} octets` });
}

/** Maximum delay of a recipient, in milliseconds: a hundred years. */
const longestDelayMs = 3.2e12;

/**
 * Checks a delay and rounds it down to whole milliseconds.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function checkDelay(name: string, delayMs: number): number {
  if (delayMs >= 0 && delayMs <= longestDelayMs) return Math.floor(delayMs);
  throw optionError(`${name} must be milliseconds from 0 to ${longestDelayMs}, not ${delayMs}.`);
}

/**
 * Checks the delays of a settlement, which hosts may have named.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function checkDelays(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    if ('retryAfterMs' in outcome) checkDelay('retryAfterMs', outcome.retryAfterMs);
  }
}

/** Throws MB_BROKER_IDEMPOTENCY_CONFLICT unless the digests agree. */
export function checkIdempotency(known: string | null, digest: string | null): void {
  if (known === digest) return;
  throw new BrokerError(
    'MB_BROKER_IDEMPOTENCY_CONFLICT',
    'api-misuse',
    'A message with other content was accepted under this idempotency key. Use a new key for a new message.',
  );
}

function delayNotice(value: number | null | undefined): number | null {
  if (value === null) return null;
  return checkedTime('delayNoticeAfterMs', value ?? defaultDelayNoticeAfterMs);
}

function checkedText(name: string, value: string, maxLength: number): string {
  // PostgreSQL's text holds no NUL, and none of these names may hold a line end.
  if (typeof value !== 'string' || value.length > maxLength || /[\0\r\n]/.test(value)) {
    throw optionError(`${name} must be a string of at most ${maxLength} characters without NUL, CR and LF.`);
  }
  return value;
}

function checkedTime(name: string, value: number): number {
  if (value >= 0 && value <= latestTime) return Math.floor(value);
  throw optionError(`${name} must be milliseconds from 0 to ${latestTime}, not ${value}.`);
}

function limitedJson(name: string, value: object | undefined, maxBytes: number): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(value);
  // An octet count is at most three times the character count.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes)
    throw optionError(`${name} takes at most ${maxBytes} octets of JSON.`);
  return text;
}
