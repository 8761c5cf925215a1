import { isAscii } from 'node:buffer';
import { type Envelope, parseAddressList, parseHeaderBlock, parseMailbox, wireAddress } from '@mb/mime';
import { BrokerError } from '../errors.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** A message that is composed already: an .eml file, or what another library made. */
export interface ReadyMessage {
  /** Header, empty line and body. Line ends become CRLF on the way; Bcc fields are taken out; nothing else changes. */
  readonly raw: Uint8Array;
  /** The header is not looked at for recipients. `from: ''` is the null reverse-path. */
  readonly envelope: Envelope;
}

const beyondAscii = /[^\0-\x7f]/;

/**
 * Makes a ready message fit to be signed and sent.
 *
 * @throws {BrokerError} MB_BROKER_MESSAGE_SYNTAX for a message without a readable From; {@link MimeError} for an
 *   envelope address that is none.
 */
export function readReadyMessage({ raw, envelope }: ReadyMessage): OutgoingMessage {
  const headerEnd = endOfHeader(raw);
  const { headers } = parseHeaderBlock(raw.subarray(0, headerEnd), Number.POSITIVE_INFINITY);
  // RFC 5322 §3.6.3: recipients in Bcc are not to be seen by the others.
  const kept = headers.fields.filter(({ name }) => !/^(?:resent-)?bcc$/i.test(name));
  const octets =
    kept.length === headers.fields.length
      ? raw
      : Buffer.concat([...kept.map((field) => field.raw), raw.subarray(headerEnd)]);
  const wire = {
    from: envelope.from === '' ? '' : wireAddress(parseMailbox(envelope.from)),
    to: envelope.to.map((address) => wireAddress(parseMailbox(address))),
  };
  const eightBit = !isAscii(octets);
  return {
    envelope: wire,
    octets,
    size: octets.length,
    requires: {
      eightBit,
      smtputf8:
        (eightBit && kept.some((field) => !isAscii(field.raw))) ||
        beyondAscii.test(wire.from) ||
        wire.to.some((address) => beyondAscii.test(address)),
    },
    messageId: headers.get('message-id') ?? '',
    authorDomain: authorDomain(headers.get('from')),
    repeatable: true,
  };
}

/** Index of the empty line, or the end of a message that is all header (RFC 5322 §2.1). */
function endOfHeader(octets: Uint8Array): number {
  if (isLineEnd(octets, 0)) return 0;
  for (let lf = octets.indexOf(10); lf >= 0; lf = octets.indexOf(10, lf + 1)) {
    if (isLineEnd(octets, lf + 1)) return lf + 1;
  }
  return octets.length;
}

function isLineEnd(octets: Uint8Array, at: number): boolean {
  return octets[at] === 10 || (octets[at] === 13 && octets[at + 1] === 10);
}

function authorDomain(from: string | undefined): string {
  try {
    const first = parseAddressList(from ?? '').find((address) => 'domain' in address);
    if (first && 'domain' in first) return first.domain;
  } catch (cause) {
    throw withoutFrom(cause);
  }
  throw withoutFrom();
}

function withoutFrom(cause?: unknown): BrokerError {
  return new BrokerError(
    'MB_BROKER_MESSAGE_SYNTAX',
    'api-misuse',
    'The message has no From field with an address that can be read; add one (RFC 5322 §3.6.2).',
    cause === undefined ? {} : { cause },
  );
}
