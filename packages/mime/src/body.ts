import { isDetached } from './argument.ts';
import { type StreamSource, toContentSource } from './content.ts';
import {
  asciiFilename,
  checkFilename,
  formatParameters,
  readContentType,
  typeOfFilename,
} from './content-type.ts';
import { MimeError } from './errors.ts';
import { FieldWriter } from './header-fields.ts';
import { foldTrusted } from './header-fold.ts';
import type {
  Alternative,
  Attachment,
  ContentAttachment,
  HeaderInput,
  Message,
  MessageAttachment,
  ReadyPart,
  ReportInput,
} from './message.ts';
import { SEPARATORS } from './message.ts';
import { formatIdentifier } from './message-id.ts';
import { formatParameter, type ParameterizedValue } from './parameter.ts';
import { boundaryClash, holdsBoundary, type Part, type Segment } from './part-tree.ts';
import { base64Length } from './transfer/base64.ts';
import { quoteText } from './transfer/quoted-printable.ts';
import { type ContentSurvey, canonicalLines, MAX_LINE_OCTETS, surveyContent } from './transfer/survey.ts';
import { borrowUtf8, decodeAscii, isAscii } from './utf8.ts';

/** `7bit` encodes body octets over 127; `8bit` leaves them, if the next hop offers 8BITMIME (RFC 6152). */
export type BodyVariant = '7bit' | '8bit';

/** What the functions that build the parts of a message need. */
export interface BodyContext {
  readonly variant: BodyVariant;
  /** Returns the next boundary candidate of this message. */
  readonly nextBoundary: () => string;
  /** Composes an attached message into a part. */
  readonly composeAttached: (attachment: MessageAttachment) => Part;
  /** Returns the octets of a composed message, to be encoded. */
  readonly octetsOf: (part: Part) => StreamSource;
}

/** Builds the part tree of a message. The header of the root has only the content fields. */
export function buildBody(message: Message, context: BodyContext): Part {
  if (message.part !== undefined) return buildWhole(message, message.part, context);
  if (message.report !== undefined) return buildReport(message, message.report, context);
  const attachments = message.attachments ?? [];
  const hasHtml = message.html !== undefined;
  const related = hasHtml ? attachments.filter(isRelated) : [];
  const mixed = hasHtml ? attachments.filter((attachment) => !isRelated(attachment)) : attachments;
  const forms = buildForms(message, context);
  // RFC 2046 §5.1.3, §5.1.4, RFC 2387: adds only the levels that are needed.
  let root = forms.length > 1 ? multipart('alternative', forms, context) : forms[0];
  if (root !== undefined && related.length > 0) {
    const type = /^Content-Type: ([^;\r]+)/.exec(root.header)?.[1] ?? 'text/html';
    root = multipart('related', [root, ...related.map((one) => buildAttachment(one, context))], context, [
      'type',
      type,
    ]);
  }
  const parts = mixed.map((attachment) => buildAttachment(attachment, context));
  if (root === undefined && parts.length === 1 && !('ready' in parts[0]!.body)) return parts[0]!;
  if (parts.length > 0) return multipart('mixed', root === undefined ? parts : [root, ...parts], context);
  return root ?? buildText('text/plain', '', context);
}

function isRelated(attachment: Attachment): boolean {
  return (
    'content' in attachment && attachment.contentId !== undefined && attachment.disposition !== 'attachment'
  );
}

/** The forms of the content, from plainest to richest (RFC 2046 §5.1.4). */
function buildForms(message: Message, context: BodyContext): Part[] {
  const { text, html, alternatives = [] } = message;
  const alone = countParts(message) === 1;
  const forms: Part[] = [];
  if (text !== undefined) forms.push(buildText('text/plain', text, context, alone));
  // AMP comes before HTML, since some readers show the last form even if they support it only in part.
  for (const alternative of alternatives)
    if (isAmp(alternative)) forms.push(buildAlternative(alternative, context));
  if (html !== undefined) forms.push(buildText('text/html', html, context, alone));
  for (const alternative of alternatives)
    if (!isAmp(alternative)) forms.push(buildAlternative(alternative, context));
  return forms;
}

function isAmp({ contentType }: Alternative): boolean {
  return /^text\/x-amp-html\b/i.test(contentType);
}

function countParts({ text, html, report, alternatives = [], attachments = [] }: Message): number {
  const bodies = Number(text !== undefined) + Number(html !== undefined) + Number(report !== undefined);
  return bodies + alternatives.length + attachments.length;
}

/** The method with which a report builds itself; see `report-format.ts`. */
export const BUILD_REPORT: unique symbol = Symbol();

/** Builds a report from its human-readable forms. */
export type ReportBuilder = (report: ReportInput, forms: readonly Part[], context: BodyContext) => Part;

/** A report builds itself, so that a bundle without `formatReport` does not include that code. */
function buildReport(message: Message, report: ReportInput, context: BodyContext): Part {
  const record = report.record as { readonly [BUILD_REPORT]?: ReportBuilder } | undefined;
  const build = record?.[BUILD_REPORT];
  if (build === undefined || (message.attachments?.length ?? 0) > 0) {
    const what = 'A report needs a record of formatReport and takes no attachments.';
    throw new MimeError('MB_MIME_REPORT', what);
  }
  return build(report, buildForms(message, context), context);
}

/** A text that is the whole message ends in a line break, as SMTP ends it (RFC 5321 §4.1.1.4). */
export function buildText(type: string, text: string, context: BodyContext, alone = false): Part {
  if (typeof text !== 'string') throw new MimeError('MB_MIME_CONTENT', 'text and html must be strings.');
  const closed = !alone || text === '' || /[\r\n]$/.test(text) ? text : `${text}\r\n`;
  const header = `Content-Type: ${type}; charset=utf-8\r\n`;
  // A short text cannot have a line that is too long.
  if (closed.length < MAX_LINE_OCTETS && /^[\x01-\x7f]*$/.test(closed)) {
    // Not copied if all line breaks are CRLF.
    return encodedPart(header, '7bit', closed.replace(/\r(?!\n)|(?<!\r)\n/g, '\r\n'), true);
  }
  return encodeText(header, closed, context);
}

function buildAlternative(alternative: Alternative, context: BodyContext): Part {
  const type = readContentType(alternative.contentType);
  const parameters = new Map(type.parameters);
  const writer = new FieldWriter('ascii');
  const source = toContentSource(alternative.content);
  if (!('octets' in source))
    throw new MimeError('MB_MIME_CONTENT', 'An alternative must be a string or octets.');
  if (source.text && type.value.startsWith('text/')) parameters.set('charset', 'utf-8');
  writer.raw('Content-Type', formatParameters(type.value, parameters));
  if (source.text) return encodeText(writer.text, source.octets, context);
  return encodedPart(writer.text, 'base64', { base64: source.octets });
}

/** Chooses the transfer encoding of a text by its content (RFC 2045 §6.2). */
export function encodeText(header: string, text: string | Uint8Array, context: BodyContext): Part {
  const octets = typeof text === 'string' ? borrowUtf8(text) : text;
  // UTF-8 takes one octet more for a character of two, two for one of three or four: all of them will be escaped.
  const added = octets.length - text.length;
  if (added > 0 && context.variant === '7bit') {
    const quoted = quotedPart(header, octets, added * 1.5);
    if (quoted !== undefined) return quoted;
  }
  const { eightBit, bareBreaks, binary, escaped } = surveyContent(octets);
  const identity = !binary && (eightBit === 0 || context.variant === '8bit');
  const quoted = identity ? undefined : quotedPart(header, octets, escaped);
  if (quoted !== undefined) return quoted;
  const lines = canonicalLines(octets, bareBreaks);
  if (!identity) return encodedPart(header, 'base64', { base64: lines });
  return encodedPart(header, eightBit === 0 ? '7bit' : '8bit', lines, identity);
}

/**
 * Uses quoted-printable, which keeps Latin text readable, unless base64 is shorter, as it is for other scripts.
 *
 * @param escaped  Lower bound of the number of octets that take three characters.
 */
function quotedPart(header: string, octets: Uint8Array, escaped: number): Part | undefined {
  const longest = base64Length(octets.length);
  if (octets.length + escaped * 2 > longest) return undefined;
  const encoded = quoteText(octets);
  if (encoded.length > longest) return undefined;
  return encodedPart(header, 'quoted-printable', encoded);
}

type TransferEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

/** @param identity  Whether the content is not encoded. */
function encodedPart(header: string, encoding: TransferEncoding, segment: Segment, identity = false): Part {
  return {
    header: `${header}Content-Transfer-Encoding: ${encoding}\r\n`,
    body: { segment, identity },
    eightBit: encoding === '8bit',
  };
}

function streamPart(header: string, encoding: TransferEncoding, stream: StreamSource): Part {
  const as = encoding === 'base64' ? encoding : 'lines';
  return encodedPart(header, encoding, { stream, as, sevenBit: encoding === '7bit' });
}

function buildAttachment(attachment: Attachment, context: BodyContext): Part {
  if ('part' in attachment) return buildReady(attachment, context);
  if ('message' in attachment) {
    const part = context.composeAttached(attachment);
    // RFC 6532 §3.7: a message with UTF-8 in its header is message/global.
    const type = isAscii(part.header) ? 'message/rfc822' : 'message/global';
    const header = attachmentHeader(readContentType(type), [], attachment, undefined);
    // RFC 6532 §3.7: unlike message/rfc822 it may be encoded, as its header requires in a 7-bit message.
    if (part.eightBit && context.variant === '7bit')
      return streamPart(header, 'base64', context.octetsOf(part));
    return { ...encodedPart(header, part.eightBit ? '8bit' : '7bit', ''), body: { message: part } };
  }
  const type = readContentType(attachment.contentType ?? typeOfFilename(attachment.filename));
  if (type.value.startsWith('multipart/')) {
    throw new MimeError('MB_MIME_CONTENT_TYPE', 'Give a multipart as a ready part: { part: octets }.');
  }
  const source = toContentSource(attachment.content, attachment.size);
  const charset = 'octets' in source && source.text && type.value.startsWith('text/');
  const added: [string, string][] = charset ? [['charset', 'utf-8']] : [];
  const header = attachmentHeader(type, added, attachment, attachment.headers);
  if (type.value.startsWith('message/')) return buildMessageContent(header, source, context);
  if ('octets' in source) return encodedPart(header, 'base64', { base64: source.octets });
  return streamPart(header, 'base64', source);
}

/** @param added  Parameters of the type, which override those of the caller. */
function attachmentHeader(
  type: ParameterizedValue,
  added: [string, string][],
  attachment: Pick<ContentAttachment, 'filename' | 'contentId' | 'disposition'>,
  headers: HeaderInput | undefined,
): string {
  const { contentId } = attachment;
  const filename = attachment.filename?.replace(SEPARATORS, '_');
  const disposition = attachment.disposition ?? (contentId === undefined ? 'attachment' : 'inline');
  const writer = new FieldWriter('ascii');
  const named: [string, string][] = [];
  if (filename !== undefined) {
    checkFilename(filename);
    named.push(['filename', filename]);
    added.push(['name', asciiFilename(filename)]);
  }
  const parameters = type.parameters.size === 0 ? added : new Map([...type.parameters, ...added]);
  writer.raw('Content-Type', formatParameters(type.value, parameters));
  writer.raw('Content-Disposition', formatParameters(disposition, named));
  if (contentId !== undefined) {
    // RFC 2392: the target of `cid:` links.
    const id = formatIdentifier(contentId, 250, 'A content id', 'MB_MIME_CONTENT_ID');
    writer.raw('Content-ID', id);
  }
  writer.custom(headers);
  return writer.text;
}

/** message/* must not be encoded: 7bit or 8bit only (RFC 2046 §5.2.1). */
export function buildMessageContent(
  header: string,
  source: ReturnType<typeof toContentSource>,
  context: BodyContext,
): Part {
  if (!('octets' in source)) {
    return streamPart(header, context.variant, source);
  }
  const { eightBit, bareBreaks } = surveyLines(source.octets, context, source.text);
  const octets = source.text ? canonicalLines(source.octets, bareBreaks) : source.octets;
  return encodedPart(header, eightBit > 0 ? '8bit' : '7bit', octets, true);
}

/** Checks that content can be sent without encoding. Normalises the line breaks of a text. */
function surveyLines(octets: Uint8Array, context: BodyContext, text = false): ContentSurvey {
  const survey = surveyContent(octets);
  if (survey.binary || (survey.bareBreaks > 0 && !text)) throw unfitLines();
  if (survey.eightBit > 0 && context.variant === '7bit') throw notSevenBit();
  return survey;
}

const ATTACH = 'Or attach it as application/octet-stream.';

/** The error for content that must not be encoded but has invalid lines. */
export function unfitLines(): MimeError {
  return new MimeError(
    'MB_MIME_CONTENT_LINES',
    `A message/* or ready part must have lines of at most 998 octets with CRLF, without NUL. ${ATTACH}`,
  );
}

/** The error for message/* content with 8-bit octets in a 7-bit message. */
export function notSevenBit(): MimeError {
  return new MimeError(
    'MB_MIME_NOT_SEVEN_BIT',
    `A message/* or ready part has octets over 127. Compose with body: '8bit'. ${ATTACH}`,
  );
}

/** Content-* fields, and MIME-Version as signing tools write it, up to the empty line. */
const READY_HEADER = /^(?:(?:content-[!-9;-~]+|mime-version):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+$/i;

/** Makes a complete part the whole content of a message. */
function buildWhole(message: Message, part: Uint8Array, context: BodyContext): Part {
  const ready = buildReady({ part }, context);
  let end = 0;
  while (part[end] !== 13 && end < part.length) end = part.indexOf(10, end) + 1 || part.length;
  const header = decodeAscii(part.subarray(0, end));
  if (
    countParts(message) > 0 ||
    !READY_HEADER.test(header) ||
    !/^content-type:/im.test(header) ||
    end === part.length
  ) {
    throw new MimeError(
      'MB_MIME_CONTENT',
      'part must be Content-* fields with a Content-Type, an empty line and a body, without other content beside it.',
    );
  }
  return { ...ready, header: /^mime-version:/im.test(header) ? '' : 'MIME-Version: 1.0\r\n' };
}

function buildReady({ part }: ReadyPart, context: BodyContext): Part {
  if (!(part instanceof Uint8Array) || isDetached(part))
    throw new MimeError('MB_MIME_CONTENT', 'A ready part must be a Uint8Array.');
  const { eightBit } = surveyLines(part, context);
  return { header: '', body: { segment: part, identity: true, ready: true }, eightBit: eightBit > 0 };
}

/** Joins parts with a boundary that does not occur in them (RFC 2046 §5.1.1). */
export function multipart(
  subtype: string,
  parts: readonly Part[],
  context: Pick<BodyContext, 'nextBoundary'>,
  parameter?: readonly [name: string, value: string],
): Part {
  for (let attempt = 0; attempt < 10; attempt++) {
    const boundary = context.nextBoundary();
    if (parts.some((part) => holdsBoundary(part, boundary))) continue;
    const extra = parameter === undefined ? '' : `${formatParameter(...parameter).join('; ')}; `;
    const eightBit = parts.some((part) => part.eightBit);
    const header =
      foldTrusted('Content-Type', `multipart/${subtype}; ${extra}boundary="${boundary}"`) +
      // RFC 2045 §6.4: a composite type declares the encoding of its parts; 7bit is the default.
      (eightBit ? 'Content-Transfer-Encoding: 8bit\r\n' : '');
    return { header, body: { boundary, parts }, eightBit };
  }
  throw boundaryClash();
}
