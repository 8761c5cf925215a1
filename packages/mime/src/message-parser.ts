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

/** A longer line is no delimiter, and need not be whole to be passed on; only so much of a header line is looked at. */
const MAX_DELIMITER_LINE = 2048;
const MAX_BOUNDARY = 1000;

/** What the header of a part says about it. */
export interface PartHeader {
  /** `''` for the message, `'1.2'` for the second part of its first part. */
  readonly path: string;
  readonly headers: HeaderBlock;
  readonly contentType: ParameterizedValue;
  /** The transfer encoding, lower-case; `7bit` where none is named. */
  readonly transferEncoding: string;
  /** True when parts follow instead of data. */
  readonly multipart: boolean;
  /** Where its header begins: the number of octets that the parser was given before it. */
  readonly start: number;
  /** Where its body begins, counted in the same way. */
  readonly bodyStart: number;
}

/** What the parser found, in the order of the octets. */
export type ParseEvent =
  /** The header of the message or of a part is complete. */
  | { readonly type: 'part-start'; readonly part: PartHeader }
  /** Content of the part, its transfer encoding undone. */
  | { readonly type: 'part-data'; readonly path: string; readonly octets: Uint8Array }
  /** What a multipart has before its first part; where no part follows, it is all that there is. */
  | { readonly type: 'preamble'; readonly path: string; readonly octets: Uint8Array }
  /** `end` is the offset after its last octet: the line break before a delimiter belongs to the delimiter. */
  | { readonly type: 'part-end'; readonly path: string; readonly end: number }
  | { readonly type: 'defect'; readonly defect: Defect };

/** Limits of which each may be left out. */
type LimitsGiven = { readonly [K in keyof ParseLimits]?: ParseLimits[K] | undefined };

/** How a message is parsed. */
export interface ParserOptions {
  /** Limits that differ from their defaults; see {@link ParseLimits}. */
  readonly limits?: LimitsGiven | undefined;
  /** Decodes charsets that the platform does not know, as `decodeCharset` of `@mb/mime/charsets` does. */
  readonly decodeCharset?: CharsetDecoder | undefined;
}

/** What {@link ParserOptions} accept. */
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
  /** What a part is that does not say it. */
  readonly partType: string;
  parts: number;
}

/** Where the parser is: in a header, in the data of a part, or in what a multipart has around its parts. */
type ParserState = 'header' | 'data' | 'between';

/**
 * Parses a message octet by octet (RFC 5322, RFC 2046), in time proportional to its length and in constant memory.
 *
 * Push octets, cut anywhere, and take the events; nothing throws on malformed mail. An attached message comes as the
 * data of its part; a second parser reads it.
 *
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
  /** The multiparts that are open, outermost first. */
  readonly #stack: OpenMultipart[] = [];
  #path = '';
  #parts = 1;
  #header: Uint8Array[] = [];
  #headerBytes = 0;
  /** The boundary that the header names, looked for in its first `#searchedLines` lines. */
  #ownBoundary: Uint8Array | undefined;
  #searchedLines = 0;
  /** Offsets of the part whose header or data is read. */
  #partStart = 0;
  #bodyStart = 0;
  /** True after a header line that holds only blanks. */
  #afterBlanks = false;
  #decoder: ContentDecoder | undefined;
  /** The start of a line whose end has not come, in pieces, so that no piece is copied twice. */
  #rest: Uint8Array[] = [];
  #restLength = 0;
  #restStart = 0;
  /** Octets that were pushed. */
  #received = 0;
  /** Offset of the line that is looked at, and the length of the line break before it. */
  #lineStart = 0;
  #breakLength = 0;
  /** True while the rest is a header line that is too long to be kept. */
  #skippedLine = false;
  /** The line break after the last data; it belongs to a delimiter if one follows (RFC 2046 §5.1.1). */
  #lineBreak: Uint8Array = EMPTY;
  /** True inside a line that was too long to wait for. */
  #insideLine = false;

  constructor(options: ParserOptions = {}) {
    checkOptions(options, parserOptions, 'parser: options');
    this.#limits = readLimits(options);
  }

  /** Takes more octets and returns what they complete. */
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
      // The line is complete: it goes first, the rest of the chunk needs no copy.
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

  /** Takes the end of the message and returns what it completes; call it once. */
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

  /** Takes the header line at `start`; returns where the next begins, or -1 when its end has not come. */
  #line(octets: Uint8Array, start: number): number {
    const lf = octets.indexOf(LF, start);
    if (lf < 0) return -1;
    const line = octets.subarray(start, lf + 1);
    if (this.#beginsBody(line)) return start; // it is looked at again
    this.#breakLength = breakBefore(octets, lf + 1, start);
    this.#headerLine(line, line.length - this.#breakLength);
    return lf + 1;
  }

  /**
   * Ends the header before a line that cannot belong to it. QUIRK(several senders): a line of blanks where the empty
   * line should be, unless a field or white space after it shows that it is folding (RFC 5322 §4.2), and a delimiter
   * of the multipart that the header describes.
   */
  #beginsBody(line: Uint8Array): boolean {
    const start = line.subarray(0, MAX_DELIMITER_LINE);
    if (!(this.#afterBlanks && !isHeaderLine(start)) && !this.#isOwnDelimiter(line)) return false;
    this.#defect('header-unterminated');
    this.#endHeader(this.#lineStart);
    return true;
  }

  /** Whether the line delimits the multipart whose header is being read, and no multipart around it. */
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

  /** Takes lines of data, or around parts, up to a delimiter; returns as {@link #line}. */
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

  /** Keeps the start of a line; memory stays constant, so what is too long is passed on, or left out of a header. */
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

  /** The multipart that a line delimits, and whether it ends it. */
  #matches(line: Uint8Array): { index: number; closes: boolean } | undefined {
    let ended: { index: number; closes: boolean } | undefined;
    for (let index = this.#stack.length - 1; index >= 0; index--) {
      const { boundary, parts } = this.#stack[index]!;
      const found = delimits(line, boundary);
      if (found === undefined) continue;
      const match = { index, closes: found === 'last' };
      if (parts >= 0) return match;
      // QUIRK(Outlook Express for Macintosh): the boundary of the multipart around it may be the same.
      ended ??= match;
    }
    return ended;
  }

  /** Takes a line if it is a delimiter: ends what is open inside, and begins the next part. */
  #delimiter(line: Uint8Array): boolean {
    const match = this.#matches(line);
    if (match === undefined) return false;
    // Only the line ends of the structure count: which line of data a chunk ends in is chance.
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
      open.parts = -1; // ended: what follows is its epilogue
    } else if (open.parts >= 0) this.#beginPart(open, this.#lineStart + line.length);
    else this.#defect('multipart-resumed'); // RFC 2046 §5.1.1: an epilogue is ignored, whatever it holds
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

  /** Takes whole lines of data, or a piece of a long one; the last line break waits. */
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

/** The limits that a caller gave, and the default for each other one. */
export function readLimits({ limits = {} }: ParserOptions): ParseLimits {
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  return { ...DEFAULT_PARSE_LIMITS, ...Object.fromEntries(given) };
}

/** The octets of the boundary that a multipart names; undefined when it names no usable one. */
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

/** The length of the line break that ends at `at`; octets before `start` do not count. */
function breakBefore(octets: Uint8Array, at: number, start: number): number {
  if (at <= start || octets[at - 1] !== LF) return 0;
  return at - start > 1 && octets[at - 2] === CR ? 2 : 1;
}
