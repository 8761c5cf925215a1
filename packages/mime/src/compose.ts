import type { Mailbox } from './address.ts';
import { callback, checkOctets, checkOptions, type OptionTable, word, wrongArgument } from './argument.ts';
import { type BodyContext, type BodyVariant, buildBody } from './body.ts';
import { MimeError } from './errors.ts';
import type { HeaderCharset } from './header-fields.ts';
import { type ComposeWarning, checkMessage, type Message } from './message.ts';
import { type Envelope, writeMessageHeader } from './message-header.ts';
import { hex } from './message-id.ts';
import { isStream, layOut, type Part, type Segment, segmentLength } from './part-tree.ts';
import { segmentChunks, writeSegments } from './segments.ts';

/** Options of {@link composeMessage}. */
export interface ComposeOptions {
  /** The time, in milliseconds since 1970; default Date.now. */
  readonly now?: (() => number) | undefined;
  /** Random octets for Message-ID and boundaries; default the platform's cryptographic source. */
  readonly randomBytes?: ((length: number) => Uint8Array) | undefined;
  /** Default `7bit`, which every host accepts and no relay rewrites. `8bit` may need 8BITMIME; see `requires`. */
  readonly body?: BodyVariant | undefined;
  /** Default `ascii`. `utf8` writes header text unencoded, which needs SMTPUTF8 (RFC 6532). */
  readonly headers?: HeaderCharset | undefined;
  /** Aborts reading streams, with the error MB_MIME_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

function signal(value: unknown, where: string, key?: string): void {
  if (typeof (value as AbortSignal | null)?.addEventListener !== 'function')
    throw wrongArgument(where, 'an AbortSignal', key);
}

/** The checks of {@link ComposeOptions}. */
export const composeOptions = {
  now: callback,
  randomBytes: callback,
  body: /* @__PURE__ */ word('7bit', '8bit'),
  headers: /* @__PURE__ */ word('ascii', 'utf8'),
  signal,
} satisfies OptionTable<ComposeOptions>;

/**
 * A message as octets, with CRLF line ends.
 *
 * Iterate it to stream, or call `bytes()`. Each iteration gives the same octets, but a message with a one-time stream
 * (`repeatable` is false) can be read only once.
 */
export interface ComposedMessage extends AsyncIterable<Uint8Array> {
  /** All octets at once. */
  bytes(): Promise<Uint8Array>;
  readonly envelope: Envelope;
  /** The first mailbox of From. */
  readonly author: Mailbox;
  /** In angle brackets. */
  readonly messageId: string;
  /** Number of octets; undefined if the length of a stream is unknown. */
  readonly size?: number;
  /** Extensions that the next host must support: 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531). */
  readonly requires: { readonly eightBit: boolean; readonly smtputf8: boolean };
  /** False when an attachment is a stream that can be read only once. */
  readonly repeatable: boolean;
  /** What was changed so that the message could be composed. */
  readonly warnings: readonly ComposeWarning[];
  /**
   * Returns the same message, with the same Message-ID and date, for another kind of next host. Hosts without 8BITMIME
   * need `7bit`.
   *
   * @throws {MimeError} MB_MIME_NOT_SEVEN_BIT if an attached message or complete part must not be encoded.
   */
  variant(body: BodyVariant): ComposedMessage;
}

/** Most levels of attached messages. */
const MAX_ATTACHED_DEPTH = 20;

/**
 * Composes a message (RFC 5322, RFC 2045–2049).
 *
 * By default the header is ASCII (RFC 2047, RFC 2231) and the body 7bit. Text is quoted-printable or base64 if 7bit is
 * not possible, and attachments are base64. Bcc appears in the envelope only. All errors in the message are thrown here;
 * only streams can fail later, while they are read.
 *
 * @param message  See {@link Message}.
 * @param options  Clock, random source and variant. The same clock and random source give the same octets.
 * @returns The octets as an async iterable, with the envelope, the size and the required extensions.
 * @throws {MimeError} MB_MIME_OPTION for unknown fields, MB_MIME_FROM_MISSING, MB_MIME_ADDRESS_SYNTAX and the other
 *   codes of docs/errors.md.
 * @example
 * const composed = composeMessage({ from: 'ann@example.com', to: 'bob@example.net', subject: 'Hi', text: 'Hello' })
 * await composed.bytes()
 */
export function composeMessage(message: Message, options: ComposeOptions = {}): ComposedMessage {
  checkOptions(options, composeOptions, 'composeMessage: options');
  const recipe: Recipe = {
    message,
    charset: options.headers ?? 'ascii',
    nowMs: (options.now ?? Date.now)(),
    randomBytes: options.randomBytes ?? secureRandom,
    drawn: [],
    signal: options.signal,
  };
  return new MessageOctets(recipe, options.body ?? '7bit');
}

/** What all variants of a message have in common. */
interface Recipe {
  readonly message: Message;
  readonly charset: HeaderCharset;
  readonly nowMs: number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** The random octets of this message and of attached ones, kept so that all variants have the same identifiers. */
  readonly drawn: Uint8Array[];
  readonly signal: AbortSignal | undefined;
}

const RANDOM_OCTETS = 28;
const ID_OCTETS = 12;

/** Random octets drawn ahead, since each call of the platform's source is slow. */
let ahead = /* @__PURE__ */ new Uint8Array(0);
const AHEAD_OCTETS = 1792; // for 64 messages

function secureRandom(length: number): Uint8Array {
  if (ahead.length < length) ahead = crypto.getRandomValues(new Uint8Array(AHEAD_OCTETS));
  const octets = ahead.subarray(0, length);
  ahead = ahead.subarray(length);
  return octets;
}

/** The state while a message is built. */
interface Building {
  readonly recipe: Recipe;
  readonly variant: BodyVariant;
  readonly warnings: ComposeWarning[];
  /** How many messages have drawn their random octets. */
  draws: number;
}

interface BuiltMessage {
  readonly root: Part;
  readonly author: Mailbox;
  readonly envelope: Envelope;
  readonly messageId: string;
  readonly smtputf8: boolean;
}

/** @param prefix  The path of the message in the outermost one, for warnings. */
function buildPart(message: Message, building: Building, depth: number, prefix: string): BuiltMessage {
  if (depth > MAX_ATTACHED_DEPTH) {
    throw new MimeError('MB_MIME_CONTENT', `Attached messages nest at most ${MAX_ATTACHED_DEPTH} deep.`);
  }
  checkMessage(message, (warning) => building.warnings.push(warning), prefix);
  const { charset, nowMs, randomBytes, drawn } = building.recipe;
  const draw = building.draws++;
  drawn[draw] ??= randomBytes(RANDOM_OCTETS);
  const random = drawn[draw];
  checkOctets(random, 'What randomBytes returns');
  const header = writeMessageHeader(message, { charset, nowMs, unique: hex(random, 0, ID_OCTETS) });
  let boundaries = 0;
  let attachedIndex = -1;
  const bodyContext: BodyContext = {
    variant: building.variant,
    // `=_` cannot occur in quoted-printable or base64 (RFC 2045 §6.7).
    nextBoundary: () => `=_${hex(random, ID_OCTETS, random.length)}_${++boundaries}`,
    composeAttached: (attached) => {
      // Attached messages are built in order, so the search continues after the last one.
      attachedIndex = message.attachments!.indexOf(attached, attachedIndex + 1);
      const path = `${prefix}attachments[${attachedIndex}].message.`;
      return buildPart(attached.message, building, depth + 1, path).root;
    },
    octetsOf: (part) => {
      const segments = layOut(part);
      return { open: () => segmentChunks(segments, building.recipe.signal), ...measure(segments, true) };
    },
  };
  const body = buildBody(message, bodyContext);
  const root: Part = {
    header: header.text + body.header,
    body: body.body,
    eightBit: body.eightBit || !header.ascii,
  };
  const { author, envelope, messageId, smtputf8 } = header;
  return { root, author, envelope, messageId, smtputf8 };
}

/** Whether segments can be read again, and their length if known. */
function measure(
  segments: readonly Segment[],
  eightBit: boolean,
): { readonly repeatable: boolean; readonly size?: number } {
  let repeatable = true;
  let size = 0;
  for (const segment of segments) {
    if (isStream(segment) && !segment.stream.repeatable) repeatable = false;
    size += segmentLength(segment, eightBit) ?? Number.NaN;
  }
  return Number.isNaN(size) ? { repeatable } : { repeatable, size };
}

class MessageOctets implements ComposedMessage {
  readonly envelope: Envelope;
  readonly author: Mailbox;
  readonly messageId: string;
  readonly size?: number;
  readonly requires: { readonly eightBit: boolean; readonly smtputf8: boolean };
  readonly repeatable: boolean;
  readonly warnings: ComposeWarning[] = [];
  readonly #recipe: Recipe;
  readonly #segments: readonly Segment[];

  constructor(recipe: Recipe, variant: BodyVariant) {
    const built = buildPart(recipe.message, { recipe, variant, warnings: this.warnings, draws: 0 }, 0, '');
    this.#recipe = recipe;
    this.#segments = layOut(built.root);
    this.envelope = built.envelope;
    this.author = built.author;
    this.messageId = built.messageId;
    this.requires = { eightBit: built.root.eightBit, smtputf8: built.smtputf8 };
    const { repeatable, size } = measure(this.#segments, built.root.eightBit);
    this.repeatable = repeatable;
    if (size !== undefined) this.size = size;
  }

  variant(body: BodyVariant): ComposedMessage {
    composeOptions.body(body, 'variant: body');
    return new MessageOctets(this.#recipe, body);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return segmentChunks(this.#segments, this.#recipe.signal);
  }

  bytes(): Promise<Uint8Array> {
    return writeSegments(this.#segments, this.size, this.#recipe.signal);
  }
}
