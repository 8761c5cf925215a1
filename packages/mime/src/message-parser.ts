// Long because the parser is one state machine, fed in pieces of any size.

import { callback, checkOctets, checkOptions, group, type OptionTable } from './argument.ts';
import type { CharsetDecoder } from './charset.ts';
import type { Defect, DefectCode } from './defect.ts';
import { type HeaderBlock, HeaderField, isBlank, isHeaderLine, readHeaderBlock } from './header-block.ts';
import { DEFAULT_PARSE_LIMITS, type ParseLimits, parseLimits } from './limits.ts';
import { readMediaType, readTransferEncoding } from './media-type.ts';
import type { ParameterizedValue } from './parameter.ts';
import { Base64Decoder } from './transfer/base64.ts';
import { QuotedPrintableDecoder } from './transfer/quoted-printable.ts';
import { concatOctets, encodeUtf8 } from './utf8.ts';

const CR = 13;
const LF = 10;
const DASH = 45;
const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** Maximum length of a delimiter in octets. A longer line is passed on in pieces; in a header, its start is checked. */
const MAX_DELIMITER_LINE = 2048;
const MAX_BOUNDARY = 1000;

/** The header of a part, and the properties that it gives the part. */
export interface PartHeader {
  /** `''` for the message, `'1.2'` for the second part of its first part. */
  readonly path: string;
  readonly headers: HeaderBlock;
  readonly contentType: ParameterizedValue;
  /** The transfer encoding in lower case; `7bit` if the header has none. */
  readonly transferEncoding: string;
  /** True when parts follow instead of data. */
  readonly multipart: boolean;
  /** Offset of its header: the number of octets pushed before it. */
  readonly start: number;
  /** Offset of its body, counted in the same way. */
  readonly bodyStart: number;
}

/** An event of the parser. Events come in the order of the octets. */
export type ParseEvent =
  /** The header of the message or of a part is complete. */
  | { readonly type: 'part-start'; readonly part: PartHeader }
  /** Content of the part after transfer decoding. */
  | { readonly type: 'part-data'; readonly path: string; readonly octets: Uint8Array }
  /** Octets of a multipart before its first part; if no part follows, all octets of its body. */
  | { readonly type: 'preamble'; readonly path: string; readonly octets: Uint8Array }
  /** `end` is the offset after the part's last octet; the line break before a delimiter belongs to the delimiter. */
  | { readonly type: 'part-end'; readonly path: string; readonly end: number }
  | { readonly type: 'defect'; readonly defect: Defect };

/** Limits, each of them optional. */
type LimitsGiven = { readonly [K in keyof ParseLimits]?: ParseLimits[K] | undefined };

/** Options of {@link MessageParser} and `parseMessage`. */
export interface ParserOptions {
  /** Limits that differ from their defaults; see {@link ParseLimits}. */
  readonly limits?: LimitsGiven | undefined;
  /** Decodes charsets that the platform does not know, as `decodeCharset` of `@mb/mime/charsets` does. */
  readonly decodeCharset?: CharsetDecoder | undefined;
}

/** The checks of {@link ParserOptions}. */
export const parserOptions = {
  limits: /* @__PURE__ */ group<LimitsGiven>(parseLimits),
  decodeCharset: callback,
} satisfies OptionTable<ParserOptions>;

interface ContentDecoder {
  push(chunk: Uint8Array): Uint8Array;
  finish(): Uint8Array;
}

interface OpenMultipart {
  readonly path: string;
  readonly bodyStart: number;
  readonly boundary: Uint8Array;
  /** Content type of parts without a Content-Type field. */
  readonly partType: string;
  /** Number of parts so far; -1 after the closing delimiter. */
  parts: number;
}

/** Position of the parser: in a header, in the data of a part, or in the preamble or epilogue of a multipart. */
type ParserState = 'header' | 'data' | 'between';

/**
 * Parses a message that arrives in chunks (RFC 5322, RFC 2046), in linear time and in memory bounded by the limits.
 *
 * Chunks may be cut anywhere. Malformed mail never throws. An attached message is reported as the data of its part; use
 * another parser to read it.
 *
 * @throws {MimeError} MB_MIME_OPTION for invalid options and for chunks that are not octets.
 * @example
 * const parser = new MessageParser()
 * for await (const chunk of source) for (const event of parser.push(chunk)) handle(event)
 * for (const event of parser.finish()) handle(event)
 */
export class MessageParser {
  readonly #limits: ParseLimits;
  #events: ParseEvent[] = [];
  readonly #reported = new Set<string>();
  #state: ParserState = 'header';
  /** The open multiparts, outermost first. */
  readonly #stack: OpenMultipart[] = [];
  #path = '';
  #parts = 1;
  #header: Uint8Array[] = [];
  #headerBytes = 0;
  /** The boundary that the current header names; `#searchedLines` of its lines were searched for it. */
  #ownBoundary: Uint8Array | undefined;
  #searchedLines = 0;
  /** Offsets of the current part. */
  #partStart = 0;
  #bodyStart = 0;
  /** True after a header line that consists of white space. */
  #afterBlanks = false;
  #decoder: ContentDecoder | undefined;
  /** The start of an incomplete line, in pieces, so that no piece is copied twice. */
  #rest: Uint8Array[] = [];
  #restLength = 0;
  #restStart = 0;
  /** Number of octets pushed. */
  #received = 0;
  /** Offset of the current line, and the length of the line break before it. */
  #lineStart = 0;
  #breakLength = 0;
  /** True while the incomplete line is a header line that is too long to keep. */
  #skippedLine = false;
  /** The line break after the last data; it belongs to a delimiter if one follows (RFC 2046 §5.1.1). */
  #lineBreak: Uint8Array = EMPTY;
  /** True inside a line whose start was already passed on as content. */
  #insideLine = false;

  constructor(options: ParserOptions = {}) {
    checkOptions(options, parserOptions, 'parser: options');
    this.#limits = readLimits(options);
  }

  /** Parses more octets and returns the events that they complete. */
  push(chunk: Uint8Array): ParseEvent[] {
    checkOctets(chunk, 'push: chunk');
    let offset = this.#received;
    this.#received += chunk.length;
    let octets = chunk;
    if (this.#restLength > 0) {
      const lf = chunk.indexOf(LF);
      if (lf < 0) {
        this.#keepRest(chunk, offset);
        return this.#takeEvents();
      }
      // Parse the completed line first; the rest of the chunk needs no copy.
      const line = this.#takeRest(chunk.subarray(0, lf + 1));
      if (!this.#skippedLine) this.#lines(line, this.#restStart);
      this.#skippedLine = false;
      octets = chunk.subarray(lf + 1);
      offset += lf + 1;
    }
    this.#lines(octets, offset);
    return this.#takeEvents();
  }

  #lines(octets: Uint8Array, offset: number): void {
    let at = 0;
    while (at < octets.length) {
      this.#lineStart = offset + at;
      if (this.#state === 'data' && this.#stack.length === 0) {
        this.#data(octets.subarray(at)); // nothing but data can follow
        return;
      }
      const next = this.#state === 'header' ? this.#line(octets, at) : this.#contentLines(octets, at);
      if (next < 0) {
        this.#keepRest(octets.subarray(at), offset + at);
        return;
      }
      at = next;
    }
  }

  /** Ends the message and returns the last events; call it once. */
  finish(): ParseEvent[] {
    const rest = this.#skippedLine ? EMPTY : this.#takeRest(EMPTY);
    if (rest.length > 0) {
      this.#lineStart = this.#restStart;
      if (this.#state === 'header' && !this.#beginsBody(rest)) this.#headerLine(rest, rest.length);
      else if (this.#insideLine || !this.#delimiter(rest)) this.#content(rest);
    }
    if (this.#state === 'header') {
      this.#defect('header-unterminated');
      this.#endHeader(this.#received);
    }
    if (this.#state === 'data') {
      if (this.#lineBreak.length > 0) this.#emitData(this.#lineBreak);
      this.#endPart(this.#received);
    }
    this.#closeInner(-1, this.#received);
    return this.#takeEvents();
  }

  #takeEvents(): ParseEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #defect(code: DefectCode, path = this.#path): void {
    const key = `${code} ${path}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#events.push({ type: 'defect', defect: { code, path } });
  }

  /** Parses the header line at `start`. Returns the offset of the next line to parse, or -1 if it is incomplete. */
  #line(octets: Uint8Array, start: number): number {
    const lf = octets.indexOf(LF, start);
    if (lf < 0) return -1;
    const line = octets.subarray(start, lf + 1);
    if (this.#beginsBody(line)) return start; // parsed again in the new state
    this.#breakLength = breakBefore(octets, lf + 1, start);
    this.#headerLine(line, line.length - this.#breakLength);
    return lf + 1;
  }

  /**
   * Ends the header before a line that cannot belong to it, and returns whether it did.
   *
   * QUIRK(several senders): a line of white space in place of the empty line, unless a field or white space after it
   * shows that it is folding (RFC 5322 §4.2); or no empty line before the first delimiter of the multipart.
   */
  #beginsBody(line: Uint8Array): boolean {
    const start = line.subarray(0, MAX_DELIMITER_LINE);
    if (!(this.#afterBlanks && !isHeaderLine(start)) && !this.#isOwnDelimiter(line)) return false;
    this.#defect('header-unterminated');
    this.#endHeader(this.#lineStart);
    return true;
  }

  /** Whether the line delimits the multipart whose header is being parsed, and not one of the outer multiparts. */
  #isOwnDelimiter(line: Uint8Array): boolean {
    if (line[0] !== DASH || line[1] !== DASH || this.#matches(line) !== undefined) return false;
    const lines = this.#header;
    while (this.#ownBoundary === undefined && this.#searchedLines < lines.length) {
      const first = this.#searchedLines++;
      if (new HeaderField(lines[first]!).name.toLowerCase() !== 'content-type') continue;
      while (isBlank(lines[this.#searchedLines]?.[0])) this.#searchedLines += 1;
      const field = new HeaderField(concatOctets(lines.slice(first, this.#searchedLines)));
      this.#ownBoundary = boundaryOf(readMediaType(field.value).type) ?? EMPTY;
    }
    return (this.#ownBoundary?.length ?? 0) > 0 && delimits(line, this.#ownBoundary!) !== undefined;
  }

  #headerLine(line: Uint8Array, length: number): void {
    this.#afterBlanks =
      isBlank(line[0]) && line.length <= MAX_DELIMITER_LINE && line.subarray(0, length).every(isBlank);
    if (length === 0) {
      if (this.#breakLength === 1) this.#defect('bare-lf');
      this.#endHeader(this.#lineStart + line.length);
    } else if (this.#delimiter(line)) return;
    else if (this.#headerBytes + line.length > this.#limits.maxHeaderBytes) this.#defect('header-too-large');
    else {
      this.#header.push(line.slice());
      this.#headerBytes += line.length;
    }
  }

  /**
   * Parses lines of data, preamble or epilogue up to a delimiter. Returns the offset after the delimiter, or the number
   * of octets if there is none; an incomplete last line is kept.
   */
  #contentLines(octets: Uint8Array, start: number): number {
    let at = start;
    for (;;) {
      const isCandidate = !this.#insideLine && octets[at] === DASH;
      const lf = octets.indexOf(LF, at);
      const delimiter = isCandidate && lf >= 0 && octets[at + 1] === DASH && octets.subarray(at, lf + 1);
      const found = delimiter && this.#matches(delimiter) !== undefined;
      if (lf >= 0 && !found) {
        this.#insideLine = false;
        at = lf + 1;
        continue;
      }
      if (at > start) {
        this.#breakLength = breakBefore(octets, at, start);
        this.#content(octets.subarray(start, at));
        this.#lineStart += at - start;
      }
      if (found) this.#delimiter(delimiter);
      else if (at < octets.length) this.#keepRest(octets.subarray(at), this.#lineStart);
      return found ? lf + 1 : octets.length;
    }
  }

  #takeRest(end: Uint8Array): Uint8Array {
    this.#rest.push(end);
    const octets = this.#joinRest();
    this.#rest = [];
    this.#restLength = 0;
    return octets;
  }

  #joinRest(): Uint8Array {
    if (this.#rest.length > 1) this.#rest = [concatOctets(this.#rest)];
    return this.#rest[0] ?? EMPTY;
  }

  /** Keeps the start of a line. To bound memory, a long line is passed on as content, or left out of a header. */
  #keepRest(octets: Uint8Array, offset: number): void {
    if (octets.length === 0) return;
    if (this.#restLength === 0) this.#restStart = offset;
    this.#rest.push(octets.slice());
    this.#restLength += octets.length;
    if (this.#state === 'header') {
      if (this.#restLength <= Math.max(this.#limits.maxHeaderBytes, MAX_DELIMITER_LINE)) return;
      this.#lineStart = this.#restStart;
      if (this.#skippedLine || !this.#beginsBody(this.#joinRest())) {
        if (!this.#skippedLine) this.#defect('header-too-large');
        this.#afterBlanks = false;
        this.#skippedLine = true;
        this.#rest = [Uint8Array.of(0)]; // one octet in place of the line
        this.#restLength = 1;
        return;
      }
    }
    if (this.#state === 'data' && this.#stack.length === 0) {
      this.#data(this.#takeRest(EMPTY));
      return;
    }
    const start = this.#rest[0]!;
    const second = start[1] ?? this.#rest[1]?.[0] ?? DASH;
    const couldDelimit = !this.#insideLine && start[0] === DASH && second === DASH;
    if (couldDelimit && this.#restLength <= MAX_DELIMITER_LINE) return;
    const line = this.#takeRest(EMPTY);
    const keep = line[line.length - 1] === CR ? 1 : 0;
    if (keep > 0) {
      this.#rest = [line.slice(-1)];
      this.#restLength = 1;
      this.#restStart += line.length - 1;
    }
    if (line.length === keep) return;
    this.#insideLine = true;
    this.#content(line.subarray(0, line.length - keep));
  }

  #content(octets: Uint8Array): void {
    const open = this.#stack.at(-1);
    if (this.#state === 'data') this.#data(octets);
    else if (open?.parts === 0) this.#events.push({ type: 'preamble', path: open.path, octets });
  }

  /** Finds the multipart that a line delimits, and whether the line closes it. */
  #matches(line: Uint8Array): { index: number; closes: boolean } | undefined {
    let ended: { index: number; closes: boolean } | undefined;
    for (let index = this.#stack.length - 1; index >= 0; index--) {
      const { boundary, parts } = this.#stack[index]!;
      const found = delimits(line, boundary);
      if (found === undefined) continue;
      const match = { index, closes: found === 'last' };
      if (parts >= 0) return match;
      // QUIRK(Outlook Express for Macintosh): an outer multipart may have the same boundary.
      ended ??= match;
    }
    return ended;
  }

  /** If a line is a delimiter, ends the parts before it, begins the next one if any, and returns true. */
  #delimiter(line: Uint8Array): boolean {
    const match = this.#matches(line);
    if (match === undefined) return false;
    // Only line ends of delimiters and headers are checked: for data, the result would depend on the chunks.
    if (this.#state !== 'header' && this.#breakLength === 1) this.#defect('bare-lf', '');
    if (breakBefore(line, line.length, 0) === 1) this.#defect('bare-lf', '');
    const end = this.#lineStart - this.#breakLength;
    if (this.#state === 'header') {
      this.#defect('header-unterminated');
      this.#endHeader(this.#lineStart);
    }
    if (this.#state === 'data') this.#endPart(end);
    this.#lineBreak = EMPTY;
    this.#closeInner(match.index, end);
    const open = this.#stack[match.index]!;
    this.#state = 'between';
    this.#path = open.path;
    if (match.closes) {
      if (open.parts === 0) this.#defect('multipart-empty');
      open.parts = -1; // only the epilogue follows
    } else if (open.parts >= 0) this.#beginPart(open, this.#lineStart + line.length);
    else this.#defect('multipart-resumed'); // RFC 2046 §5.1.1: the epilogue is ignored
    return true;
  }

  /** Ends the multiparts inside the one at `index`. */
  #closeInner(index: number, end: number): void {
    while (this.#stack.length > index + 1) {
      const { path, parts, bodyStart } = this.#stack.pop()!;
      if (parts >= 0) this.#defect(parts === 0 ? 'multipart-empty' : 'multipart-unterminated', path);
      this.#events.push({ type: 'part-end', path, end: Math.max(bodyStart, end) });
    }
  }

  #beginPart(open: OpenMultipart, start: number): void {
    if (this.#parts >= this.#limits.maxParts) {
      this.#defect('too-many-parts', '');
      return;
    }
    this.#parts += 1;
    open.parts += 1;
    this.#path = open.path === '' ? `${open.parts}` : `${open.path}.${open.parts}`;
    this.#state = 'header';
    this.#headerBytes = 0;
    this.#partStart = start;
  }

  #endHeader(bodyStart: number): void {
    const path = this.#path;
    const { headers, defects } = readHeaderBlock(concatOctets(this.#header), this.#limits.maxHeaderFields);
    this.#header = [];
    this.#ownBoundary = undefined;
    this.#searchedLines = 0;
    this.#afterBlanks = false;
    this.#bodyStart = bodyStart;
    for (const { code } of defects) this.#defect(code);
    const type = headers.get('Content-Type') ?? this.#stack.at(-1)?.partType ?? 'text/plain';
    const { sound, type: contentType } = readMediaType(type);
    if (!sound) this.#defect('content-type-malformed');
    const transferEncoding = readTransferEncoding(headers.get('Content-Transfer-Encoding') ?? '7bit');
    const boundary = this.#usableBoundary(contentType);
    const multipart = boundary !== undefined;
    const start = this.#partStart;
    this.#events.push({
      type: 'part-start',
      part: { path, headers, contentType, transferEncoding, multipart, start, bodyStart },
    });
    if (multipart) {
      // RFC 2045 §6.4: a multipart is never encoded itself.
      if (transferEncoding === 'base64' || transferEncoding === 'quoted-printable')
        this.#defect('multipart-encoded');
      // RFC 2046 §5.1.5
      const partType = contentType.value === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
      this.#stack.push({ path, bodyStart, boundary, partType, parts: 0 });
      this.#state = 'between';
      return;
    }
    this.#state = 'data';
    this.#lineBreak = EMPTY;
    this.#decoder = this.#createDecoder(transferEncoding);
  }

  #usableBoundary(contentType: ParameterizedValue): Uint8Array | undefined {
    if (!contentType.value.startsWith('multipart/')) return undefined;
    const boundary = boundaryOf(contentType);
    if (boundary === undefined) {
      this.#defect('multipart-without-boundary');
      return undefined;
    }
    if (this.#stack.length >= this.#limits.maxDepth) {
      this.#defect('too-deep');
      return undefined;
    }
    return boundary;
  }

  #createDecoder(transferEncoding: string): ContentDecoder | undefined {
    if (transferEncoding === 'base64') return new Base64Decoder();
    if (transferEncoding === 'quoted-printable') return new QuotedPrintableDecoder();
    if (!/^(?:7bit|8bit|binary|)$/.test(transferEncoding)) this.#defect('unknown-encoding');
    return undefined;
  }

  /** Emits whole lines of data, or a piece of a long line; the last line break is held back. */
  #data(octets: Uint8Array): void {
    if (octets.length === 0) return;
    let end = octets.length;
    if (this.#stack.length > 0 && octets[end - 1] === LF) {
      end -= breakBefore(octets, end, 0);
    }
    if (this.#lineBreak.length > 0) this.#emitData(this.#lineBreak);
    this.#lineBreak = octets.slice(end);
    if (end > 0) this.#emitData(octets.subarray(0, end));
  }

  #emitData(octets: Uint8Array): void {
    const content = this.#decoder === undefined ? octets : this.#decoder.push(octets);
    if (content.length > 0) this.#events.push({ type: 'part-data', path: this.#path, octets: content });
  }

  #endPart(end: number): void {
    const rest = this.#decoder?.finish() ?? EMPTY;
    if (rest.length > 0) this.#events.push({ type: 'part-data', path: this.#path, octets: rest });
    this.#decoder = undefined;
    this.#events.push({ type: 'part-end', path: this.#path, end: Math.max(this.#bodyStart, end) });
  }
}

/** Returns the caller's limits, with defaults for the others. */
export function readLimits({ limits = {} }: ParserOptions): ParseLimits {
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  return { ...DEFAULT_PARSE_LIMITS, ...Object.fromEntries(given) };
}

/** Returns the octets of a multipart's boundary; undefined if it has no usable one. */
function boundaryOf({ value, parameters }: ParameterizedValue): Uint8Array | undefined {
  const boundary = value.startsWith('multipart/') ? (parameters.get('boundary')?.trimEnd() ?? '') : '';
  return boundary === '' || boundary.length > MAX_BOUNDARY ? undefined : encodeUtf8(boundary);
}

/** Whether a line begins the next part of the multipart with this boundary, or ends its last one (RFC 2046 §5.1.1). */
function delimits(line: Uint8Array, boundary: Uint8Array): 'next' | 'last' | undefined {
  const { length } = boundary;
  if (line[0] !== DASH || line[1] !== DASH || line.length > MAX_DELIMITER_LINE) return undefined;
  for (let i = 0; i < length; i++) if (line[i + 2] !== boundary[i]) return undefined;
  let end = line.length;
  while (isBlank(line[end - 1])) end -= 1;
  if (end === length + 2) return 'next';
  return end === length + 4 && line[end - 1] === DASH && line[end - 2] === DASH ? 'last' : undefined;
}

/** Returns the length of the line break that ends at `at`; octets before `start` are ignored. */
function breakBefore(octets: Uint8Array, at: number, start: number): number {
  if (at <= start || octets[at - 1] !== LF) return 0;
  return at - start > 1 && octets[at - 2] === CR ? 2 : 1;
}
