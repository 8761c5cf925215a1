import { isAscii } from 'node:buffer';
import {
  type AddressForm,
  domainToAscii,
  type Envelope,
  findHeaderEnd,
  type HeaderBlock,
  MimeError,
  parseHeaderBlock,
  parseMailbox,
  readAddressList,
  readAuthor,
  wireAddress,
} from '@mb/mime';
import { BrokerError } from '../errors.ts';
import {
  group,
  list,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../option-table.ts';
import { hasLoneCr, LineEnds } from './line-end.ts';
import { isSealed } from './seven-bit.ts';
import { spool } from './spool.ts';
import type { OutgoingMessage } from './unsigned-message.ts';

/** A message that is composed already: an .eml file, or what another library made. */
export interface ReadyMessage {
  /**
   * Header, empty line and body, as octets or as a stream, which is read once and in constant memory.
   *
   * Line ends become CRLF before anything is looked at, and Bcc fields are taken out; nothing else changes. A lone CR
   * or a NUL in the header, a line that is no field, and a second field of a kind that RFC 5322 §3.6 allows once
   * (From, Subject, To, …) are refused: readers differ on what such a header says.
   */
  readonly raw: Uint8Array | AsyncIterable<Uint8Array>;
  /** The header is not looked at for recipients. `from: ''` is the null reverse-path. */
  readonly envelope: Envelope;
  /** `as-received` accepts addresses in the envelope that exist though the standard forbids them; default `strict`. */
  readonly addresses?: AddressForm | undefined;
}

const isStream = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** What `ReadyMessage` accepts; the addresses are checked where they are read. */
export const readyMessageOptions = {
  raw: required(
    matching<ReadyMessage['raw']>(
      'octets (a Uint8Array) or a stream of octets',
      (value) => value instanceof Uint8Array || isStream(value),
    ),
  ),
  envelope: required(
    group<Envelope>({
      from: required(text("an address, or '' for the null reverse-path")),
      to: required(list(text('an address'))),
    }),
  ),
  addresses: word<AddressForm, object>(['strict', 'as-received']),
} satisfies OptionTable<ReadyMessage>;

/** What reading a ready message takes beside it. */
export interface ReadOptions {
  /** Longest message from a stream, in octets. Default: no limit. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const beyondAscii = /[^\0-\x7f]/;
/** Longest header, in octets. */
const maxHeaderBytes = 1024 * 1024;
const lf = 10;

/** Fields that may appear only once (RFC 5322 §3.6, RFC 2045 §3). Bcc fields are taken out, however many. */
const singletons: ReadonlySet<string> = new Set([
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'message-id',
  'in-reply-to',
  'references',
  'subject',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
]);

/**
 * Makes a ready message fit to be signed and sent.
 *
 * @throws {BrokerError} MB_BROKER_MESSAGE_SYNTAX for a header that cannot be read in one way only, or without a From;
 *   MB_BROKER_CONTENT_FAILED, MB_BROKER_SPOOL, MB_BROKER_MESSAGE_TOO_LARGE for streams; {@link MimeError} for an
 *   invalid envelope address.
 */
export async function readReadyMessage(
  given: ReadyMessage,
  options: ReadOptions = {},
): Promise<OutgoingMessage> {
  const message: ReadyMessage = readOptions(given, readyMessageOptions, 'message');
  const wire = readEnvelope(message);
  const { header, body, close } = await splitMessage(message.raw, options.signal);
  let checked: CheckedHeader;
  try {
    checked = readHeader(header);
  } catch (error) {
    await close?.();
    throw error;
  }
  const { front, messageId, authorDomain, senderDomains, sealed } = checked;
  const headerEightBit = !isAscii(front);
  const seen = { eightBit: headerEightBit };
  const { octets, size, release } =
    body instanceof Uint8Array
      ? wholeCopy(front, body, seen)
      : await spool(withBody(front, body, seen), {
          maxBytes: options.maxBytes ?? Number.POSITIVE_INFINITY,
          signal: options.signal,
        });
  return {
    envelope: wire,
    octets,
    size,
    requires: {
      eightBit: seen.eightBit,
      smtputf8:
        headerEightBit || beyondAscii.test(wire.from) || wire.to.some((address) => beyondAscii.test(address)),
    },
    messageId,
    authorDomain,
    senderDomains,
    ...(sealed && { sealed }),
    repeatable: true,
    ...(release && { release }),
  };
}

function readEnvelope({ envelope, addresses = 'strict' }: ReadyMessage): Envelope {
  const read = (address: string, field: string, index?: number) => {
    try {
      return wireAddress(parseMailbox(address, { addresses }));
    } catch (error) {
      throw MimeError.isInstance(error) ? Object.assign(error, { field, index }) : error;
    }
  };
  return {
    from: envelope.from === '' ? '' : read(envelope.from, 'envelope.from'),
    to: envelope.to.map((address, index) => read(address, 'envelope.to', index)),
  };
}

interface Split {
  /** As it came. */
  readonly header: Uint8Array;
  /** What follows the header, from its empty line on. */
  readonly body: AsyncIterable<Uint8Array> | Uint8Array;
  /** Ends the source of a body that is not going to be read. */
  readonly close?: () => Promise<void>;
}

async function splitMessage(raw: ReadyMessage['raw'], signal: AbortSignal | undefined): Promise<Split> {
  if (raw instanceof Uint8Array) {
    const end = findHeaderEnd(raw);
    refuseLongHeader(end);
    return { header: raw.subarray(0, end), body: raw.subarray(end) };
  }
  const chunks = readSource(raw, signal);
  let front = new Uint8Array(64 * 1024);
  let used = 0;
  let searched = 0;
  const close = async () => {
    await chunks.return(undefined).catch(() => {});
  };
  for (;;) {
    const { value: chunk, done } = await chunks.next();
    if (done) return { header: front.subarray(0, used), body: following(new Uint8Array(), chunks) };
    if (used + chunk.length > front.length) {
      const grown = new Uint8Array(2 * (used + chunk.length));
      grown.set(front.subarray(0, used));
      front = grown;
    }
    front.set(chunk, used);
    used += chunk.length;
    const end = findHeaderEnd(front.subarray(0, used), searched);
    // The octets at the end may be part of the empty line.
    searched = Math.max(0, used - 2);
    if (end < used) {
      refuseLongHeader(end, close);
      return { header: front.subarray(0, end), body: following(front.subarray(end, used), chunks), close };
    }
    refuseLongHeader(used, close);
  }
}

async function* following(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** The source's octets, with its failures as errors of ours. */
async function* readSource(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError('it gave something else than a Uint8Array; remove its encoding');
      }
      yield chunk;
    }
  } catch (cause) {
    if (signal?.aborted || BrokerError.isInstance(cause)) throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError(
      'MB_BROKER_CONTENT_FAILED',
      'api-misuse',
      `The source of the message failed: ${said}. Nothing was sent.`,
      { cause, retryable: true },
    );
  }
}

function refuseLongHeader(size: number, close?: () => Promise<void>): void {
  if (size <= maxHeaderBytes) return;
  void close?.();
  throw syntax(`The header is longer than ${maxHeaderBytes} octets; is this a message (RFC 5322 §2.1)?`);
}

/** The header as it will be sent, and what was read from these octets and from no others. */
interface CheckedHeader {
  readonly front: Uint8Array;
  readonly messageId: string;
  readonly authorDomain: string;
  readonly senderDomains: readonly string[];
  readonly sealed: boolean;
}

function readHeader(raw: Uint8Array): CheckedHeader {
  if (hasLoneCr(raw)) {
    throw syntax('The header has a CR without LF: what follows would be a line of its own for some readers.');
  }
  if (raw.includes(0)) throw syntax('The header has a NUL octet; remove it.');
  const ended = raw.length > 0 && raw.at(-1) !== lf ? Buffer.concat([raw, Buffer.from('\r\n')]) : raw;
  const octets = new LineEnds().push(ended);
  const { headers } = parseHeaderBlock(octets, Number.MAX_SAFE_INTEGER);
  const names = new Set<string>();
  for (const { name } of headers.fields) {
    const key = name.toLowerCase();
    if (name === '') throw syntax('The header has a line that is not a field (a name, a colon and a value).');
    if (singletons.has(key) && names.has(key)) {
      throw syntax(`The field ${name} may appear only once (RFC 5322 §3.6).`);
    }
    names.add(key);
  }
  // RFC 5322 §3.6.3: recipients in Bcc are not to be seen by the others.
  const kept = headers.fields.filter(({ name }) => !/^(?:resent-)?bcc$/i.test(name));
  return {
    front: kept.length === headers.fields.length ? octets : Buffer.concat(kept.map((field) => field.raw)),
    messageId: headers.get('message-id') ?? '',
    ...authorDomains(headers),
    sealed: isSealed(headers),
  };
}

/** The message as it will be sent; notes whether its body has octets beyond ASCII. */
async function* withBody(
  front: Uint8Array,
  body: AsyncIterable<Uint8Array>,
  seen: { eightBit: boolean },
): AsyncGenerator<Uint8Array> {
  yield front;
  const lines = new LineEnds();
  for await (const chunk of body) {
    const octets = lines.push(chunk);
    seen.eightBit ||= !isAscii(octets);
    yield octets;
  }
  yield lines.end();
}

/** As {@link withBody}, in one array. A copy: what the caller does with its array later changes nothing. */
function wholeCopy(
  front: Uint8Array,
  body: Uint8Array,
  seen: { eightBit: boolean },
): { octets: Uint8Array; size: number; release: undefined } {
  const lines = new LineEnds();
  const rest = lines.push(body);
  seen.eightBit ||= !isAscii(rest);
  const octets = Buffer.concat([front, rest, lines.end()]);
  return { octets, size: octets.length, release: undefined };
}

/**
 * The domain to sign for, of the author or of the first of several (RFC 5322 §3.6.2), and the domains of all authors and
 * of the Sender field.
 */
function authorDomains(headers: HeaderBlock): Pick<CheckedHeader, 'authorDomain' | 'senderDomains'> {
  const senders = addressDomains(headers.get('sender'));
  const reading = readAuthor(headers);
  if (reading.status === 'found') {
    return { authorDomain: reading.domain, senderDomains: [reading.domain, ...senders] };
  }
  const { reason, detail } = reading;
  if (reason !== 'several') {
    throw syntax(`${detail} The message needs one From field with one address (RFC 5322 §3.6.2).`);
  }
  const authors = addressDomains(headers.get('from'));
  return { authorDomain: authors[0]!, senderDomains: [...authors, ...senders] };
}

function addressDomains(field = ''): string[] {
  const mailboxes = readAddressList(field);
  const members = mailboxes.flatMap((one) => ('members' in one ? one.members : [one]));
  return members.map(({ domain }) => {
    try {
      return domainToAscii(domain);
    } catch {
      return domain;
    }
  });
}

function syntax(message: string, options: { readonly cause?: unknown } = {}): BrokerError {
  return new BrokerError('MB_BROKER_MESSAGE_SYNTAX', 'invalid-input', message, options);
}
