import {
  composeMessage,
  domainToAscii,
  type MailboxInput,
  type Message,
  parseMailbox,
  wireAddress,
} from '@mb/mime';
import { BrokerError } from '../errors.ts';
import type { Keyring } from '../sender/keyring.ts';
import type { Octets } from './octets.ts';
import type { QueuedRecipientOptions } from './queued-envelope.ts';
import { type ReadOptions, type ReadyMessage, readReadyMessage } from './ready-message.ts';
import { toSevenBit } from './seven-bit.ts';
import { spool } from './spool.ts';
import type { OutgoingMessage } from './unsigned-message.ts';

export type { Octets } from './octets.ts';
export type { OutgoingMessage } from './unsigned-message.ts';

/** A message as it goes to every host: the same octets, signed once. */
export interface SignedMessage
  extends Omit<OutgoingMessage, 'octets' | 'senderDomains' | 'sealed' | 'repeatable' | 'release'> {
  /** The signature fields, and the message behind them. */
  readonly content: Octets;
  /** The DKIM-Signature fields alone; empty when nothing was signed here. */
  readonly signature: string;
  /** Only over verified TLS, to hosts that promise the same (RFC 8689). Default false. */
  readonly requireTls?: boolean;
  /** What is asked of hosts that offer DSN (RFC 3461). */
  readonly dsn?: DsnRequest;
  /**
   * The message for hosts without 8BITMIME, signed again; undefined when it cannot be put into seven bits. Absent when
   * it needs no 8BITMIME, or carries signatures already.
   */
  readonly sevenBit?: () => Promise<SignedMessage | undefined>;
}

/** The parameters of MAIL and RCPT for delivery status notifications (RFC 3461 §4). */
export interface DsnRequest {
  /** By address; the others use the host's defaults. */
  readonly recipients: ReadonlyMap<string, QueuedRecipientOptions>;
  readonly ret?: 'full' | 'headers';
  readonly envid?: string;
}

/** What composing takes from outside. */
export interface ComposeEnvironment {
  readonly now: () => number;
  readonly randomBytes?: (length: number) => Uint8Array;
}

/** Messages up to this size are written into one array; larger ones stream from their attachments. */
const maxBufferedBytes = 1024 * 1024;

/** What preparing takes beside the message. */
export interface PrepareOptions extends ReadOptions {
  /** The only one that gets it, whatever recipients the message names. */
  readonly recipient?: string | undefined;
}

/**
 * Composes a message, or checks one that is ready.
 *
 * @throws {MimeError} for a message that cannot be composed; {@link BrokerError} MB_BROKER_MESSAGE_SYNTAX,
 *   MB_BROKER_NO_RECIPIENTS.
 */
export async function prepareMessage(
  message: Message | ReadyMessage,
  environment: ComposeEnvironment,
  options: PrepareOptions = {},
): Promise<OutgoingMessage> {
  if (typeof message !== 'object' || message === null) {
    throw new BrokerError(
      'MB_BROKER_OPTION',
      'api-misuse',
      'A message must be an object: { from, to, subject, text, … }, or { raw, envelope } for one that is composed already.',
    );
  }
  const { recipient } = options;
  const only =
    recipient === undefined
      ? undefined
      : [wireAddress(parseMailbox(recipient, { addresses: message.addresses ?? 'strict' }))];
  if (isReady(message)) {
    const envelope = only ? { ...message.envelope, to: only } : message.envelope;
    if (typeof envelope === 'object' && envelope !== null) refuseNoRecipients(envelope.to);
    return readReadyMessage({ ...message, envelope }, options);
  }
  const addressed = recipient !== undefined && namesNobody(message) ? { ...message, to: recipient } : message;
  return compose(addressed, only, environment, options);
}

/** Whether a message is composed already; `raw: undefined` beside the fields of a message counts as not given. */
export function isReady(message: Message | ReadyMessage): message is ReadyMessage {
  return 'raw' in message && message.raw !== undefined;
}

/** A message without recipients is a mistake; an empty list of outcomes would look like success. */
function refuseNoRecipients(to: unknown): void {
  if (to !== undefined && (!Array.isArray(to) || to.length > 0)) return;
  throw new BrokerError(
    'MB_BROKER_NO_RECIPIENTS',
    'invalid-input',
    'The message has no recipient. Give at least one address in to, cc or bcc, or in the envelope of a ready message.',
    { field: 'to' },
  );
}

function namesNobody({ to, cc, bcc }: Message): boolean {
  return [to, cc, bcc].every((list) => list === undefined || (Array.isArray(list) && list.length === 0));
}

async function compose(
  message: Message,
  only: readonly string[] | undefined,
  environment: ComposeEnvironment,
  { signal, maxBytes }: PrepareOptions,
): Promise<OutgoingMessage> {
  const { now, randomBytes } = environment;
  const composed = composeMessage(message, {
    now,
    ...(randomBytes && { randomBytes }),
    ...(signal && { signal }),
  });
  const { author, requires, messageId, size } = composed;
  const envelope = only ? { ...composed.envelope, to: only } : composed.envelope;
  refuseNoRecipients(envelope.to);
  const small = size !== undefined && size <= maxBufferedBytes;
  const spooled = composed.repeatable
    ? undefined
    : await spool(composed, { maxBytes: maxBytes ?? Number.POSITIVE_INFINITY, signal });
  const octets = spooled?.octets ?? (small ? await composed.bytes() : composed);
  const known = octets instanceof Uint8Array ? octets.length : size;
  return {
    envelope,
    octets,
    requires,
    messageId,
    authorDomain: author.domain,
    senderDomains: [message.from, message.sender ?? []].flat().map(mailboxDomain),
    repeatable: composed.repeatable,
    ...(known === undefined ? {} : { size: known }),
    ...(spooled && { size: spooled.size, release: spooled.release }),
  };
}

function mailboxDomain(mailbox: MailboxInput): string {
  const address = typeof mailbox === 'string' ? mailbox : mailbox.address;
  return domainToAscii(parseMailbox(address, { addresses: 'as-received' }).domain);
}

/**
 * Signs a message with the keys for its author's domain.
 *
 * @returns the message with its signature fields in front; unsigned only when no key is configured at all.
 * @throws {BrokerError} MB_BROKER_NO_SIGNING_KEY, MB_BROKER_PROFILE_FAILED; DkimError when the key fails.
 */
export async function signOutgoing(
  message: Omit<OutgoingMessage, 'senderDomains' | 'sealed' | 'repeatable' | 'release'>,
  keyring: Keyring,
  signal?: AbortSignal,
): Promise<SignedMessage> {
  const { envelope, octets, size, requires, messageId, authorDomain } = message;
  const signer = await keyring.signerFor(message.authorDomain, signal);
  const fields = signer ? await signer.sign(octets, signal ? { signal } : {}) : '';
  const front = Buffer.from(fields);
  return {
    envelope,
    requires,
    messageId,
    authorDomain,
    content: prepend(front, octets),
    signature: fields,
    ...(size === undefined ? {} : { size: front.length + size }),
    ...(requires.eightBit && { sevenBit: once(() => signSevenBit(message, keyring, signal)) }),
  };
}

/** RFC 6152 §3: a message for a host without 8BITMIME is converted, before it is signed. */
async function signSevenBit(
  message: Parameters<typeof signOutgoing>[0],
  keyring: Keyring,
  signal?: AbortSignal,
): Promise<SignedMessage | undefined> {
  const { octets: given, requires } = message;
  const octets = await toSevenBit(given instanceof Uint8Array ? given : await collect(given));
  if (!octets) return undefined;
  const converted = { ...message, octets, size: octets.length, requires: { ...requires, eightBit: false } };
  return signOutgoing(converted, keyring, signal);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return Buffer.concat(collected);
}

function prepend(front: Uint8Array, octets: Octets): Octets {
  if (front.length === 0) return octets;
  if (octets instanceof Uint8Array) return Buffer.concat([front, octets]);
  return {
    async *[Symbol.asyncIterator]() {
      yield front;
      yield* octets;
    },
  };
}
