import type { Group, Mailbox } from './address.ts';
import { readAddressList } from './address-list.ts';
import { type CharsetOptions, decodeOctets } from './charset.ts';
import { readDate } from './date.ts';
import type { Defect, DefectCode } from './defect.ts';
import { decodeWords } from './encoded-word.ts';
import { decodeFlowed } from './format-flowed.ts';
import type { HeaderBlock } from './header-block.ts';
import { DEFAULT_PARSE_LIMITS } from './limits.ts';
import { readIdentifiers } from './message-id.ts';
import { MessageParser, type ParseEvent, type ParserOptions, type PartHeader } from './message-parser.ts';
import { type ParameterizedValue, parseParameters } from './parameter.ts';
import { parseReport, type Report } from './report.ts';
import { concatOctets } from './utf8.ts';

/** One part of a parsed message. */
export interface ParsedPart {
  /** `''` for the message, `'1.2'` for the second part of its first part. */
  readonly path: string;
  readonly headers: HeaderBlock;
  /** Lower-case, without parameters; `text/plain` where nothing readable is said. */
  readonly contentType: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly disposition?: string;
  /** The last segment of the name that the sender gave: no path, no control characters. */
  readonly filename?: string;
  /** Without angle brackets. */
  readonly contentId?: string;
  /** The content, its transfer encoding undone; of a multipart only what it holds instead of parts. */
  readonly content: Uint8Array;
  readonly parts: readonly ParsedPart[];
  /** The attached message of a message/rfc822 or message/global part. */
  readonly message?: ParsedMessage;
}

/** A parsed message: views of its fields, and all parts. */
export interface ParsedMessage {
  /** The fields in order, raw octets kept. */
  readonly headers: HeaderBlock;
  readonly from: readonly (Mailbox | Group)[];
  readonly sender?: Mailbox;
  readonly replyTo: readonly (Mailbox | Group)[];
  readonly to: readonly (Mailbox | Group)[];
  readonly cc: readonly (Mailbox | Group)[];
  readonly bcc: readonly (Mailbox | Group)[];
  readonly subject?: string;
  readonly date?: Date;
  /** In angle brackets, as all identifiers. */
  readonly messageId?: string;
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  /** The first plain text that is no attachment, with LF line ends; flowed text is joined (RFC 3676). */
  readonly text?: string;
  /** The first HTML that is no attachment, with LF line ends. */
  readonly html?: string;
  /** Further forms of the content in a multipart/alternative, such as a calendar invitation. */
  readonly alternatives: readonly ParsedPart[];
  /** All other parts with content, inline images included. */
  readonly attachments: readonly ParsedPart[];
  /** The record of a delivery status, feedback report or disposition notification. */
  readonly report?: Report;
  readonly root: ParsedPart;
  /** What was wrong; empty for a well-formed message. */
  readonly defects: readonly Defect[];
}

/**
 * Parses a message (RFC 5322, RFC 2045–2049) and never throws on what it holds: defects are listed.
 *
 * Charsets are decoded by the platform's TextDecoder and by `options.decodeCharset`; text in one that neither knows is
 * read as UTF-8 where it is that, else as windows-1252, and listed.
 *
 * @param input  All octets, or a stream of them; an error of the stream itself is passed on.
 * @param options.limits  Depth, parts, header fields, sizes; see {@link DEFAULT_PARSE_LIMITS}.
 * @param options.decodeCharset  Decodes charsets that the platform does not know; `@mb/mime/charsets` has one.
 * @throws {MimeError} MB_MIME_OPTION for unknown options.
 * @example
 * const message = await parseMessage(octets)
 * message.subject; message.attachments[0]?.filename
 */
export async function parseMessage(
  input: Uint8Array | AsyncIterable<Uint8Array>,
  options: ParserOptions = {},
): Promise<ParsedMessage> {
  const builder = new MessageBuilder(options, 0);
  if (input instanceof Uint8Array) builder.push(input);
  else for await (const chunk of input) builder.push(chunk);
  return builder.finish();
}

/** A part while its events come. */
interface GrowingPart extends PartHeader {
  readonly chunks: Uint8Array[];
  readonly parts: GrowingPart[];
}

class MessageBuilder {
  readonly #options: ParserOptions;
  readonly #depth: number;
  readonly #parser: MessageParser;
  readonly #maxBytes: number;
  readonly #open: GrowingPart[] = [];
  #root: GrowingPart | undefined;
  #bytes = 0;
  readonly #defects: Defect[] = [];

  constructor(options: ParserOptions, depth: number) {
    this.#options = options;
    this.#depth = depth;
    this.#parser = new MessageParser(options);
    this.#maxBytes = options.limits?.maxMessageBytes ?? DEFAULT_PARSE_LIMITS.maxMessageBytes;
  }

  push(chunk: Uint8Array): void {
    const room = this.#maxBytes - this.#bytes;
    if (chunk.length > room) this.#addDefect('message-too-large', '');
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#bytes += taken.length;
    this.#take(this.#parser.push(taken));
  }

  finish(): ParsedMessage {
    this.#take(this.#parser.finish());
    const root = this.#finishPart(this.#root!);
    return buildMessage(root, (code, path = '') => this.#addDefect(code, path), this.#charset, this.#defects);
  }

  #take(events: readonly ParseEvent[]): void {
    for (const event of events) {
      if (event.type === 'part-data' || event.type === 'preamble')
        this.#open.at(-1)?.chunks.push(event.octets);
      else if (event.type === 'defect') this.#addDefect(event.defect.code, event.defect.path);
      else if (event.type === 'part-end') this.#open.pop();
      else {
        const part: GrowingPart = { ...event.part, chunks: [], parts: [] };
        this.#root ??= part;
        const parent = this.#open.at(-1);
        parent?.parts.push(part);
        if (parent !== undefined) parent.chunks.length = 0; // what came before is a preamble
        this.#open.push(part);
      }
    }
  }

  readonly #charset = (path: string): CharsetOptions => ({
    decodeCharset: this.#options.decodeCharset,
    onDefect: (code) => this.#addDefect(code, path),
  });

  #addDefect(code: DefectCode, path: string): void {
    if (!this.#defects.some((defect) => defect.code === code && defect.path === path))
      this.#defects.push({ code, path });
  }

  #finishPart(part: GrowingPart): ParsedPart {
    const { headers, contentType, path } = part;
    const disposition = parseParameters(headers.get('Content-Disposition') ?? '', this.#charset(path));
    const filename = safeFilename(disposition, contentType);
    const ids = readIdentifiers(headers.get('Content-ID') ?? '');
    if (ids.defect) this.#addDefect('identifier-invalid', path);
    const contentId = ids.identifiers[0]?.slice(1, -1);
    const content = concatOctets(part.chunks);
    const message = this.#attachedMessage(contentType.value, content, path);
    return {
      path,
      headers,
      contentType: contentType.value,
      parameters: contentType.parameters,
      ...(disposition.value === '' ? {} : { disposition: disposition.value }),
      ...(filename === undefined ? {} : { filename }),
      ...(contentId === undefined ? {} : { contentId }),
      content,
      parts: part.parts.map((child) => this.#finishPart(child)),
      ...(message === undefined ? {} : { message }),
    };
  }

  #attachedMessage(type: string, content: Uint8Array, path: string): ParsedMessage | undefined {
    if (type !== 'message/rfc822' && type !== 'message/global') return undefined;
    const maxDepth = this.#options.limits?.maxDepth ?? DEFAULT_PARSE_LIMITS.maxDepth;
    if (this.#depth + 1 > maxDepth) {
      this.#addDefect('too-deep', path);
      return undefined;
    }
    const builder = new MessageBuilder(this.#options, this.#depth + 1);
    builder.push(content);
    return builder.finish();
  }
}

/** A name that cannot leave the folder it is written to. */
function safeFilename(disposition: ParameterizedValue, contentType: ParameterizedValue): string | undefined {
  const given = disposition.parameters.get('filename') ?? contentType.parameters.get('name');
  if (given === undefined) return undefined;
  const name = given.replace(/[\0-\x1f\x7f]/g, '').replace(/^.*[/\\]/s, '');
  return name === '' || name === '.' || name === '..' ? undefined : name;
}

function buildMessage(
  root: ParsedPart,
  addDefect: (code: DefectCode, path?: string) => void,
  charset: (path: string) => CharsetOptions,
  defects: readonly Defect[],
): ParsedMessage {
  const { headers } = root;
  const decode = (value: string) => decodeWords(value, charset(''));
  const identifiers = (name: string) =>
    headers.getAll(name).flatMap((value) => {
      const read = readIdentifiers(value);
      if (read.defect) addDefect('identifier-invalid');
      return read.identifiers;
    });
  const addresses = (name: string) => {
    // Field by field: an open quote in one does not swallow the next.
    const readings = headers.getAll(name).map((value) => readAddressList(value, { lenient: true, decode }));
    if (readings.some(({ errors }) => errors.length > 0)) addDefect('address-invalid');
    return readings.flatMap(({ addresses: read }) => read);
  };
  const dateText = headers.get('Date');
  const { date, defect: dateDefect } = dateText === undefined ? {} : readDate(dateText);
  if (dateDefect !== undefined) addDefect(dateDefect);
  const sender = addresses('Sender').find((one) => !('members' in one)) as Mailbox | undefined;
  const subject = headers.get('Subject');
  const messageId = identifiers('Message-ID')[0];
  const content = sortParts(root);
  const text = content.text === undefined ? undefined : decodeText(content.text, charset);
  const html = content.html === undefined ? undefined : decodeText(content.html, charset);
  const report = findReport(root, addDefect);
  return {
    headers,
    from: addresses('From'),
    ...(sender === undefined ? {} : { sender }),
    replyTo: addresses('Reply-To'),
    to: addresses('To'),
    cc: addresses('Cc'),
    bcc: addresses('Bcc'),
    ...(subject === undefined ? {} : { subject: decode(subject) }),
    ...(date === undefined ? {} : { date }),
    ...(messageId === undefined ? {} : { messageId }),
    inReplyTo: identifiers('In-Reply-To'),
    references: identifiers('References'),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    alternatives: content.alternatives,
    attachments: content.attachments,
    ...(report === undefined ? {} : { report }),
    root,
    defects,
  };
}

interface SortedParts {
  text?: ParsedPart;
  html?: ParsedPart;
  readonly alternatives: ParsedPart[];
  readonly attachments: ParsedPart[];
}

/** Tells body, other forms and attachments apart. */
function sortParts(root: ParsedPart): SortedParts {
  const sorted: SortedParts = { alternatives: [], attachments: [] };
  const visit = (part: ParsedPart, inAlternative: boolean) => {
    const multipart = part.contentType.startsWith('multipart/');
    if (part.parts.length > 0) {
      for (const child of part.parts) visit(child, part.contentType === 'multipart/alternative');
    } else if (!multipart || part.content.length > 0) {
      const body = part.disposition !== 'attachment' && part.filename === undefined;
      // RFC 2045 §5.2: what cannot be read as its type says is plain text, a multipart without parts, too.
      const plain = multipart || part.contentType === 'text/plain';
      if (body && plain && sorted.text === undefined) sorted.text = part;
      else if (body && part.contentType === 'text/html' && sorted.html === undefined) sorted.html = part;
      else if (body && inAlternative) sorted.alternatives.push(part);
      else sorted.attachments.push(part);
    }
  };
  visit(root, false);
  return sorted;
}

/** The text of a part: charset decoded, LF line ends, flowed lines joined. */
function decodeText(part: ParsedPart, charset: (path: string) => CharsetOptions): string {
  const text = decodeOctets(part.content, part.parameters.get('charset') ?? '', charset(part.path));
  if (part.contentType === 'text/plain' && part.parameters.get('format')?.toLowerCase() === 'flowed') {
    return decodeFlowed(text, { delSp: part.parameters.get('delsp')?.toLowerCase() === 'yes' });
  }
  return text.replace(/\r\n/g, '\n');
}

/** The report of a multipart/report (RFC 6522 §3: its second part). */
function findReport(root: ParsedPart, addDefect: (code: DefectCode) => void): Report | undefined {
  if (root.contentType !== 'multipart/report') return undefined;
  for (const part of root.parts) {
    const report = parseReport(part.contentType, part.content);
    if (report !== undefined) return report;
  }
  addDefect('report-malformed');
  return undefined;
}
