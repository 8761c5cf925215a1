import type { Mailbox } from './address.ts';
import { readReceived } from './address-recovery.ts';
import { checkOctets, wrongArgument } from './argument.ts';
import type { CharsetOptions } from './charset.ts';
import { readDate } from './date.ts';
import type { Defect, DefectCode } from './defect.ts';
import { readWords } from './encoded-word.ts';
import { isBlank } from './header-block.ts';
import { onOneLine } from './header-fold.ts';
import type { ParseLimits } from './limits.ts';
import { readBody } from './message-body.ts';
import { readIdentifiers } from './message-id.ts';
import {
  MessageParser,
  type ParseEvent,
  type ParserOptions,
  type PartHeader,
  readLimits,
} from './message-parser.ts';
import { decodeParameters } from './parameter.ts';
import type { ParsedMessage, ParsedPart } from './parsed-message.ts';
import { concatOctets } from './utf8.ts';

/**
 * Parses a message (RFC 5322, RFC 2045–2049). Malformed content never throws; it is listed as defects.
 *
 * Charsets are decoded by the platform's TextDecoder and by `options.decodeCharset`. Text in a charset that neither
 * knows is read as UTF-8 if valid, else as windows-1252, and listed as a defect.
 *
 * @param input  All octets, or a stream of them; errors of the stream are thrown unchanged.
 * @param options.limits  Depth, parts, header fields, sizes; see {@link DEFAULT_PARSE_LIMITS}.
 * @param options.decodeCharset  Decodes charsets that the platform does not know; `@mb/mime/charsets` has one.
 * @throws {MimeError} MB_MIME_OPTION for invalid options and other types of input.
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
  else if (typeof input?.[Symbol.asyncIterator] !== 'function')
    throw wrongArgument('parseMessage: input', 'a Uint8Array or an async iterable');
  else for await (const chunk of input) builder.push(chunk);
  return builder.finish();
}

/** A part while its events arrive. */
interface GrowingPart extends PartHeader {
  end: number;
  readonly chunks: Uint8Array[];
  readonly parts: GrowingPart[];
}

class MessageBuilder {
  readonly #options: ParserOptions;
  readonly #depth: number;
  readonly #parser: MessageParser;
  readonly #limits: ParseLimits;
  readonly #open: GrowingPart[] = [];
  #root: GrowingPart | undefined;
  #bytes = 0;
  #defects: Defect[] = [];
  readonly #known = new Set<string>();
  #isTooLarge = false;

  constructor(options: ParserOptions, depth: number) {
    this.#options = options;
    this.#depth = depth;
    this.#parser = new MessageParser(options);
    this.#limits = readLimits(options);
  }

  push(chunk: Uint8Array): void {
    checkOctets(chunk, 'parseMessage: input');
    const room = this.#limits.maxMessageBytes - this.#bytes;
    if (chunk.length > room) this.#isTooLarge = true;
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#bytes += taken.length;
    this.#take(this.#parser.push(taken));
  }

  finish(): ParsedMessage {
    this.#take(this.#parser.finish());
    if (this.#isTooLarge) this.#addDefect('message-too-large', '');
    const root = this.#finishPart(this.#root!);
    return buildMessage(root, (code, path = '') => this.#addDefect(code, path), this.#charset, this.#defects);
  }

  #take(events: readonly ParseEvent[]): void {
    for (const event of events) {
      if (event.type === 'part-data' || event.type === 'preamble')
        this.#open.at(-1)?.chunks.push(event.octets);
      else if (event.type === 'defect') this.#addDefect(event.defect.code, event.defect.path);
      else if (event.type === 'part-end') this.#closePart(event.end);
      else {
        const part: GrowingPart = { ...event.part, end: 0, chunks: [], parts: [] };
        this.#root ??= part;
        const parent = this.#open.at(-1);
        parent?.parts.push(part);
        if (parent !== undefined) parent.chunks.length = 0; // they were the preamble
        this.#open.push(part);
      }
    }
  }

  readonly #charset = (path: string): CharsetOptions => ({
    decodeCharset: this.#options.decodeCharset,
    onDefect: (code) => this.#addDefect(code, path),
  });
  #closePart(end: number): void {
    const part = this.#open.pop()!;
    part.end = end;
    const last = part.parts.at(-1);
    const defect = this.#defects.at(-1);
    if (last === undefined || defect?.code !== 'multipart-unterminated' || defect.path !== part.path) return;
    // QUIRK(several senders): the last delimiter lacks its `--`, so that it seems to begin another, empty part.
    const isEmpty = last.headers.fields.length === 0 && last.chunks.every((chunk) => chunk.every(isBlank));
    if (!isEmpty || part.parts.length === 1) return;
    part.parts.pop();
    this.#defects = this.#defects.filter(({ path }) => path !== last.path);
  }

  #addDefect(code: DefectCode, path: string): void {
    const key = `${code} ${path}`;
    if (!this.#known.has(key)) this.#defects.push({ code, path });
    this.#known.add(key);
  }

  #finishPart(part: GrowingPart): ParsedPart {
    const { headers, contentType, path } = part;
    const dispositionField = headers.get('Content-Disposition');
    const disposition =
      dispositionField === undefined ? undefined : decodeParameters(dispositionField, this.#charset(path));
    const filename =
      safeFilename(disposition?.parameters.get('filename')) ??
      safeFilename(contentType.parameters.get('name'));
    const idField = headers.get('Content-ID');
    const ids = idField === undefined ? undefined : readIdentifiers(idField);
    if (ids?.defect) this.#addDefect('identifier-invalid', path);
    const contentId = ids?.identifiers[0]?.slice(1, -1);
    const content = concatOctets(part.chunks);
    const message = this.#attachedMessage(contentType.value, content, path);
    return {
      path,
      headers,
      contentType: contentType.value,
      parameters: contentType.parameters,
      ...(disposition?.value && { disposition: disposition.value }),
      ...(filename !== undefined && { filename }),
      ...(contentId !== undefined && { contentId }),
      content,
      range: { start: part.start, bodyStart: part.bodyStart, end: part.end },
      parts: part.parts.map((child) => this.#finishPart(child)),
      ...(message && { message }),
    };
  }

  #attachedMessage(type: string, content: Uint8Array, path: string): ParsedMessage | undefined {
    if (type !== 'message/rfc822' && type !== 'message/global') return undefined;
    const maxDepth = this.#limits.maxDepth;
    if (this.#depth + 1 > maxDepth) {
      this.#addDefect('too-deep', path);
      return undefined;
    }
    const builder = new MessageBuilder(this.#options, this.#depth + 1);
    builder.push(content);
    return builder.finish();
  }
}

/** Returns the last path segment without control characters; undefined if it is empty, `.` or `..`. */
function safeFilename(given: string | undefined): string | undefined {
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
  const body = readBody(root, charset);
  const decode = (value: string) => readWords(value, charset(''));
  const identifiers = (name: string) =>
    headers.getAll(name).flatMap((value) => {
      const read = readIdentifiers(value);
      if (read.defect) addDefect('identifier-invalid');
      return read.identifiers;
    });
  const addresses = (name: string) => {
    // Each field is parsed separately, so that an open quote does not extend into the next one.
    const readings = headers.getAll(name).map((value) => readReceived(value, decode));
    if (readings.some(({ fault }) => fault !== undefined)) addDefect('address-invalid');
    return readings.flatMap(({ addresses: read }) => read);
  };
  const dateText = headers.get('Date');
  const { date, defect: dateDefect } = dateText === undefined ? {} : readDate(dateText);
  if (dateDefect !== undefined) addDefect(dateDefect);
  const sender = addresses('Sender').find((one) => !('members' in one)) as Mailbox | undefined;
  const subjectField = headers.get('Subject');
  const decodedSubject = subjectField === undefined ? undefined : decode(subjectField);
  const subject = decodedSubject === undefined ? undefined : onOneLine(decodedSubject);
  if (subject !== decodedSubject) addDefect('header-line-break');
  const messageId = identifiers('Message-ID')[0];
  return {
    headers,
    from: addresses('From'),
    ...(sender && { sender }),
    replyTo: addresses('Reply-To'),
    to: addresses('To'),
    cc: addresses('Cc'),
    bcc: addresses('Bcc'),
    ...(subject !== undefined && { subject }),
    ...(date && { date }),
    ...(messageId && { messageId }),
    inReplyTo: identifiers('In-Reply-To'),
    references: identifiers('References'),
    ...body,
    root,
    defects,
  };
}
