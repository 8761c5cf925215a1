import { createHash } from 'node:crypto';
import { domainToAscii, type Message, parseMailbox } from '@mb/mime';
import type { Failed, Queued } from '../delivery/outcome.ts';
import { BrokerError, optionError } from '../errors.ts';
import {
  type ComposeEnvironment,
  isReady,
  type OutgoingMessage,
  prepareMessage,
  signOutgoing,
} from '../message/outgoing-message.ts';
import type { QueuedEnvelope, QueuedRecipientOptions } from '../message/queued-envelope.ts';
import type { ReadyMessage } from '../message/ready-message.ts';
import { renderMessage } from '../message/render.ts';
import { readOptions } from '../option-table.ts';
import { printableText } from '../printable-text.ts';
import type { Profiles } from '../profiles.ts';
import type { Keyring } from '../sender/keyring.ts';
import { type Accepted, type NewMessage, type QueueStore, unrouted } from '../store/port.ts';
import { type Suppression, suppressionKey } from '../store/suppression.ts';
import {
  type EnqueueOptions,
  type EnqueueResult,
  type EnqueueWarning,
  enqueueOptions,
  type QueuedDeliveryOptions,
  type RecipientDelivery,
  recipientDelivery,
} from './enqueue-options.ts';

/** What {@link enqueueMessage} needs. */
export interface EnqueueParts {
  readonly store: QueueStore<unknown>;
  readonly compose: ComposeEnvironment;
  readonly profiles: Profiles;
}

/** Content up to this size is handed to the store whole; larger content is staged chunk by chunk. */
const maxWholeBytes = 64 * 1024;

/** Accepts a message durably; see `MailBroker.enqueue`. */
export async function enqueueMessage(
  given: Message | ReadyMessage,
  parts: EnqueueParts,
  asked: EnqueueOptions,
): Promise<EnqueueResult> {
  const options: EnqueueOptions = readOptions(asked, enqueueOptions, 'enqueue: options');
  const message = await renderMessage(given, options.render);
  const { store, compose } = parts;
  const { idempotencyKey, signal, tenant } = options;
  const derived =
    idempotencyKey === undefined ? compose : { ...compose, randomBytes: octetsFrom(idempotencyKey, tenant) };
  const prepared = await prepareMessage(message, derived, { signal, maxBytes: store.maxMessageBytes });
  try {
    return await enqueuePrepared(message, prepared, { parts, options, derived });
  } finally {
    await prepared.release?.();
  }
}

interface EnqueueCall {
  readonly parts: EnqueueParts;
  readonly options: EnqueueOptions;
  readonly derived: ComposeEnvironment;
}

async function enqueuePrepared(
  message: Message | ReadyMessage,
  prepared: OutgoingMessage,
  { parts, options, derived }: EnqueueCall,
): Promise<EnqueueResult> {
  const { store } = parts;
  const { idempotencyKey, signal, tenant } = options;
  checkSender(prepared, options.senderDomains);
  checkRecipientDeliveries(
    prepared.envelope.to,
    options.delivery?.recipients,
    'enqueue: options.delivery.recipients',
  );
  const keyring = await keyringFor(prepared, parts, options);
  const suppressed = await suppressions(prepared.envelope.to, store, tenant);
  const recipients = prepared.envelope.to.map((address) => outcomeOf(address, suppressed.get(address)));
  const open = recipients.filter(({ status }) => status === 'queued').map(({ recipient }) => recipient);
  const warnings = warningsOf(prepared, keyring !== undefined);
  if (open.length === 0) return { duplicate: false, recipients, warnings };
  const idempotency =
    idempotencyKey === undefined
      ? undefined
      : { key: idempotencyKey, digest: await digestOf(message, prepared, derived, signal) };
  const record = await newMessage(prepared, open, { keyring, parts, options, idempotency });
  const accepted = await acceptOrDiscard(store, record, options.transaction);
  return { id: accepted.messageId, duplicate: accepted.duplicate, recipients, warnings };
}

/**
 * Checks overrides for single recipients. One for an address that is not in the envelope is a mistake.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function checkRecipientDeliveries(
  addresses: readonly string[],
  deliveries: QueuedDeliveryOptions['recipients'] = {},
  where: string,
): void {
  for (const [address, delivery] of Object.entries(deliveries)) {
    const path = `${where}[${JSON.stringify(printableText(address.slice(0, 100)))}]`;
    if (!addresses.includes(address)) {
      throw optionError(`${path}: the envelope of the message has no such recipient.`);
    }
    readOptions<RecipientDelivery, typeof recipientDelivery>(delivery, recipientDelivery, path);
  }
}

/** @throws {BrokerError} MB_BROKER_SENDER */
function checkSender(
  { senderDomains, envelope }: OutgoingMessage,
  allowed: readonly string[] | undefined,
): void {
  if (allowed === undefined) return;
  const domains = envelope.from === '' ? senderDomains : [...senderDomains, domainOf(envelope.from)];
  const wrong = domains.find((domain) => !allowed.some((pattern) => coversDomain(pattern, domain)));
  if (wrong === undefined) return;
  throw new BrokerError(
    'MB_BROKER_SENDER',
    'invalid-input',
    `Mail from ${printableText(wrong)} is not allowed here. Allowed: ${allowed.join(', ')}.`,
    { field: 'from' },
  );
}

function coversDomain(pattern: string, domain: string): boolean {
  if (pattern.startsWith('*.')) return domain.endsWith(domainSuffix(pattern));
  return domain === domainToAscii(pattern);
}

function domainSuffix(pattern: string): string {
  return `.${domainToAscii(pattern.slice(2))}`;
}

function domainOf(address: string): string {
  return domainToAscii(parseMailbox(address, { addresses: 'as-received' }).domain);
}

/**
 * The keys to sign with now; undefined when the worker signs.
 *
 * @throws {BrokerError} MB_BROKER_NO_SIGNING_KEY, also when the worker signs, so that a message without a key is
 *   refused now. With `profileFor` only the worker knows the keys, and checks them.
 */
async function keyringFor(
  { authorDomain, envelope }: OutgoingMessage,
  { profiles }: EnqueueParts,
  { tenant, tag, delivery, signal }: EnqueueOptions,
): Promise<Keyring | undefined> {
  const now = delivery?.sign === 'enqueue';
  if (!now && !profiles.single) return undefined;
  const { keyring } = await profiles.for({ tenant, tag, authorDomain, sender: envelope.from }, signal);
  return keyring.check(authorDomain) && now ? keyring : undefined;
}

/** RFC 6152 §3: a message in eight bits whose signature forbids conversion cannot go to hosts without 8BITMIME. */
function warningsOf({ requires, sealed }: OutgoingMessage, signNow: boolean): EnqueueWarning[] {
  if (!requires.eightBit || !(sealed || signNow)) return [];
  const message =
    'The message has 8-bit content that is signed as it is, so hosts without 8BITMIME cannot take it. Encode its parts as quoted-printable or base64 before it is signed.';
  return [{ code: 'eight-bit-signed', message }];
}

/** Accepts a message, or discards the content that was staged for it. */
async function acceptOrDiscard(
  store: QueueStore<unknown>,
  message: NewMessage,
  transaction: unknown,
): Promise<Accepted> {
  const { content } = message;
  const discard = async () => {
    // Content that cannot be discarded now is purged later.
    if ('stagedId' in content) await store.discard(content).catch(() => {});
  };
  try {
    const accepted = await store.accept(message, transaction === undefined ? {} : { transaction });
    if (accepted.duplicate) await discard();
    return accepted;
  } catch (error) {
    await discard();
    throw error;
  }
}

const none: ReadonlyMap<string, Suppression> = new Map();

async function suppressions(addresses: readonly string[], store: QueueStore<unknown>, tenant?: string) {
  const entries = await store.suppressed(addresses, tenant);
  if (entries.length === 0) return none;
  const byAddress = new Map(entries.map((entry) => [suppressionKey(entry.address), entry]));
  return new Map(
    addresses.flatMap((address) => {
      const entry = byAddress.get(suppressionKey(address));
      return entry ? [[address, entry] as const] : [];
    }),
  );
}

function outcomeOf(recipient: string, suppression: Suppression | undefined): Queued | Failed {
  if (!suppression) return { status: 'queued', recipient };
  const since = new Date(suppression.since).toISOString().slice(0, 10);
  return {
    status: 'failed',
    recipient,
    stage: 'suppression',
    attempt: 0,
    maybeDelivered: false,
    category: 'suppressed',
    scope: 'recipient',
    action: 'fail',
    enhanced: '5.7.1',
    reason: `The address has been on the suppression list since ${since} (${suppression.reason}); lift it there to send again.`,
    transcript: [],
  };
}

interface NewMessageParts {
  /** Keys to sign with now; undefined when the worker signs. */
  readonly keyring: Keyring | undefined;
  readonly parts: EnqueueParts;
  readonly options: EnqueueOptions;
  readonly idempotency: NewMessage['idempotency'] | undefined;
}

async function newMessage(
  prepared: OutgoingMessage,
  recipients: readonly string[],
  { keyring, parts, options, idempotency }: NewMessageParts,
): Promise<NewMessage> {
  const { tenant, tag, priority, notBefore, signal, delivery = {} } = options;
  const { requireTls, expireAfterMs, delayNoticeAfterMs, onUnknown, ret, envid } = delivery;
  const octets = keyring ? (await signOutgoing(prepared, keyring, signal)).content : prepared.octets;
  const { requires, messageId, authorDomain } = prepared;
  const envelope: QueuedEnvelope = {
    requires,
    messageId,
    authorDomain,
    ...(requireTls && { requireTls }),
    ...(keyring && { signed: true }),
    ...(envid !== undefined && { envid }),
    ...(ret !== undefined && { ret }),
  };
  const small = octets instanceof Uint8Array && octets.length <= maxWholeBytes;
  return {
    sender: prepared.envelope.from,
    recipients: recipients.map((address) => ({
      address,
      domain: domainOf(address),
      site: unrouted,
      ...recipientOptionsOf(address, delivery),
    })),
    content: small ? octets : await parts.store.stage(chunksOf(octets), signal ? { signal } : {}),
    envelope,
    ...(tenant !== undefined && { tenant }),
    ...(tag !== undefined && { tag }),
    ...(priority !== undefined && { priority }),
    ...(notBefore !== undefined && { notBefore: Number(notBefore) }),
    ...(expireAfterMs !== undefined && { expireAfterMs }),
    ...(delayNoticeAfterMs !== undefined && { delayNoticeAfterMs }),
    ...(onUnknown !== undefined && { onUnknown }),
    ...(idempotency && { idempotency }),
  };
}

/** The delivery options to store with a recipient; empty for nearly every recipient. */
export function recipientOptionsOf(
  address: string,
  { notify, recipients }: Pick<QueuedDeliveryOptions, 'notify' | 'recipients'>,
): { options?: QueuedRecipientOptions } {
  const own =
    recipients !== undefined && Object.hasOwn(recipients, address) ? recipients[address] : undefined;
  const { notify: wanted = notify, orcpt } = own ?? {};
  if (wanted === undefined && orcpt === undefined) return {};
  return {
    options: {
      ...(wanted !== undefined && { notify: wanted }),
      ...(orcpt !== undefined && { orcpt }),
    },
  };
}

async function* chunksOf(octets: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (octets instanceof Uint8Array) yield octets;
  else yield* octets;
}

/** In place of random octets: octets derived from the idempotency key, so that the same message composes equally. */
function octetsFrom(key: string, tenant = ''): (length: number) => Uint8Array {
  let draw = 0;
  return (length) =>
    createHash('shake256', { outputLength: length })
      .update(JSON.stringify([tenant, key, draw++]))
      .digest();
}

/** Digest of the message that the caller gave: the envelope, and the octets as composed at a fixed time. */
async function digestOf(
  message: Message | ReadyMessage,
  prepared: OutgoingMessage,
  compose: ComposeEnvironment,
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(prepared.envelope));
  if (isReady(message)) {
    for await (const chunk of chunksOf(prepared.octets)) hash.update(chunk);
    return hash.digest('hex');
  }
  if (!prepared.repeatable) {
    throw new BrokerError(
      'MB_BROKER_OPTION',
      'api-misuse',
      'With idempotencyKey the content is read twice; give octets, or a function that opens the stream.',
    );
  }
  const timeless = await prepareMessage(message, { ...compose, now: () => 0 }, { signal });
  for await (const chunk of chunksOf(timeless.octets)) hash.update(chunk);
  return hash.digest('hex');
}
