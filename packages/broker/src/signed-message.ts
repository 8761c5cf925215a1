import { type ComposedMessage, composeMessage, type Message, parseMailbox } from '@mb/mime';
import type { Keyring } from './keyring.ts';

/** A message as it goes to every host: the same octets, signed once. */
export interface SignedMessage {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  /** The signature fields and the message; can be read again for the next host. */
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  /** Octets of `content` where they are known ahead. */
  readonly size?: number;
  readonly requires: { readonly eightBit: boolean; readonly smtputf8: boolean };
  readonly messageId: string;
  /** What was put in front of the message; empty when no key is configured. */
  readonly signature: string;
}

/** Messages up to this size are written into one array; larger ones stream from their attachments. */
const maxBufferedBytes = 1024 * 1024;

/** What composing and signing take from outside. */
export interface SigningEnvironment {
  readonly keyring: Keyring;
  readonly now: () => number;
  readonly randomBytes?: (length: number) => Uint8Array;
}

/**
 * Composes a message and signs it once, for all hosts.
 *
 * @throws {MimeError} for a message that cannot be composed; {@link BrokerError} MB_BROKER_NO_SIGNING_KEY;
 *   DkimError when the key fails. A message is never passed on unsigned when keys are configured.
 */
export async function composeSigned(
  message: Message,
  environment: SigningEnvironment,
  signal?: AbortSignal,
): Promise<SignedMessage> {
  const { keyring, now, randomBytes } = environment;
  const composed = composeMessage(message, {
    now,
    ...(randomBytes && { randomBytes }),
    ...(signal && { signal }),
  });
  const signer = keyring.signerFor(authorDomain(message));
  const octets = await toRepeatable(composed);
  const signature = signer ? await signer.sign(octets, signal ? { signal } : {}) : '';
  const { envelope, requires, messageId } = composed;
  return { envelope, requires, messageId, signature, ...prepend(signature, octets, composed.size) };
}

/** DMARC looks at the first mailbox of From (RFC 7489 §6.6.1), so it picks the key. */
function authorDomain(message: Message): string {
  const first = Array.isArray(message.from) ? message.from[0] : message.from;
  return parseMailbox(typeof first === 'string' ? first : first.address).domain;
}

async function toRepeatable(composed: ComposedMessage): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const small = composed.size !== undefined && composed.size <= maxBufferedBytes;
  return small || !composed.repeatable ? composed.bytes() : composed;
}

/** Puts header fields in front of a message without touching its octets. */
export function prepend(
  fields: string,
  octets: Uint8Array | AsyncIterable<Uint8Array>,
  size: number | undefined,
): { content: Uint8Array | AsyncIterable<Uint8Array>; size?: number } {
  const front = new TextEncoder().encode(fields);
  if (octets instanceof Uint8Array) {
    const content = new Uint8Array(front.length + octets.length);
    content.set(front);
    content.set(octets, front.length);
    return { content, size: content.length };
  }
  const content = {
    async *[Symbol.asyncIterator]() {
      if (front.length > 0) yield front;
      yield* octets;
    },
  };
  return size === undefined ? { content } : { content, size: front.length + size };
}
