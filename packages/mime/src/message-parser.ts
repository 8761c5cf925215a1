import type { CharsetDecoder } from './charset.ts';
import type { Defect, DefectCode } from './defect.ts';
import { refuseUnknownKeys, wordSet } from './errors.ts';
import { type HeaderBlock, isBlank, isHeaderLine, parseHeaderBlock } from './header-block.ts';
import { type ParseLimits, resolveLimits } from './limits.ts';
import { type ParameterizedValue, parseParameters } from './parameter.ts';
import { Base64Decoder } from './transfer/base64.ts';
import { QuotedPrintableDecoder } from './transfer/quoted-printable.ts';
import { concatOctets, encodeUtf8 } from './utf8.ts';

const CR = 13;
const LF = 10;
const DASH = 45;
const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** A line that is longer than this is no delimiter and need not be whole to be passed on. */
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
}

/** What the parser found, in the order of the octets. */
export type ParseEvent =
  /** The header of the message or of a part is complete. */
  | { readonly type: 'part-start'; readonly part: PartHeader }
  /** Content of the part, its transfer encoding undone. */
  | { readonly type: 'part-data'; readonly path: string; readonly octets: Uint8Array }
  /** What a multipart has before its first part; where no part follows, it is all that there is. */
  | { readonly type: 'preamble'; readonly path: string; readonly octets: Uint8Array }
  | { readonly type: 'part-end'; readonly path: string }
  | { readonly type: 'defect'; readonly defect: Defect };

/** How a message is parsed. */
export interface ParserOptions {
  /** Limits that differ from their defaults; see {@link ParseLimits}. */
  readonly limits?: Partial<ParseLimits>;
  /** Decodes charsets that the platform does not know, as `decodeCharset` of `@mb/mime/charsets` does. */
  readonly decodeCharset?: CharsetDecoder;
}

interface ContentDecoder {
  push(chunk: Uint8Array): Uint8Array;
  finish(): Uint8Array;
}

interface OpenMultipart {
  readonly path: string;
  readonly boundary: string;
  /** What a part is that does not say it. */
  readonly partType: string;
  parts: number;
}

/** Where the parser stands: in a header, in the data of a part, or in what a multipart has around its parts. */
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
  /** True behind a header line of blanks alone. */
  #afterBlanks = false;
  #decoder: ContentDecoder | undefined;
  /** The start of a line whose end has not come, in pieces, so that no piece is copied twice. */
  #rest: Uint8Array[] = [];
  #restLength = 0;
  /** True while the rest is a header line that is too long to be kept. */
  #skippedLine = false;
  /** The line break behind the last data; it belongs to a delimiter if one follows (RFC 2046 §5.1.1). */
  #lineBreak: Uint8Array = EMPTY;
  /** True inside a line that was too long to wait for. */
  #insideLine = false;

  constructor(options: ParserOptions = {}) {
    refuseUnknownKeys(options, OPTION_KEYS, 'The options of the parser');
    this.#limits = resolveLimits(options.limits);
  }

  /** Takes more octets and returns what they complete. */
  push(chunk: Uint8Array): ParseEvent[] {
    let octets = chunk;
    if (this.#restLength > 0) {
      const lf = chunk.indexOf(LF);
      if (lf < 0) {
        this.#keepRest(chunk);
        return this.#takeEvents();
      }
      // The line is complete: it goes first, the rest of the chunk needs no copy.
      const line = this.#takeRest(chunk.subarray(0, lf + 1));
      if (!this.#skippedLine) this.#lines(line);
      this.#skippedLine = false;
      octets = chunk.subarray(lf + 1);
    }
    this.#lines(octets);
    return this.#takeEvents();
  }

  #lines(octets: Uint8Array): void {
    let at = 0;
    while (at < octets.length) {
      if (this.#state === 'data' && this.#stack.length === 0) {
        this.#data(octets.subarray(at)); // nothing but data can follow
        return;
      }
      const next = this.#state === 'header' ? this.#line(octets, at) : this.#contentLines(octets, at);
      if (next < 0) {
        this.#keepRest(octets.subarray(at));
        return;
      }
      at = next;
    }
  }

  /** Takes the end of the message and returns what it completes; call it once. */
  finish(): ParseEvent[] {
    const rest = this.#skippedLine ? EMPTY : this.#takeRest(EMPTY);
    if (rest.length > 0) {
      if (this.#state === 'header' && !this.#beginsBody(rest)) this.#headerLine(rest, rest.length);
      else if (this.#insideLine || !this.#delimiter(rest)) this.#content(rest);
    }
    if (this.#state === 'header') {
      this.#defect('header-unterminated');
      this.#endHeader();
    }
    if (this.#state === 'data') {
      this.#data(EMPTY);
      if (this.#lineBreak.length > 0) this.#emitData(this.#lineBreak);
      this.#endPart();
    }
    while (this.#stack.length > 0) {
      const open = this.#stack.pop()!;
      if (open.parts >= 0)
        this.#defect(open.parts === 0 ? 'multipart-empty' : 'multipart-unterminated', open.path);
      this.#events.push({ type: 'part-end', path: open.path });
    }
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
    this.#headerLine(line, octets[lf - 1] === CR && lf > start ? lf - 1 - start : lf - start);
    return lf + 1;
  }

  /**
   * Ends the header before a line that cannot belong to it. QUIRK(several senders): a line of blanks where the empty
   * line should be; a field or white space behind it shows that it is folding (RFC 5322 §4.2).
   */
  #beginsBody(line: Uint8Array): boolean {
    if (!this.#afterBlanks || isHeaderLine(line)) return false;
    this.#defect('header-unterminated');
    this.#endHeader();
    return true;
  }

  #headerLine(line: Uint8Array, length: number): void {
    this.#afterBlanks = isBlank(line[0]) && line.subarray(0, length).every(isBlank);
    if (length === 0) this.#endHeader();
    else if (this.#delimiter(line)) return;
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
      if (lf < 0) {
        if (at > start) this.#content(octets.subarray(start, at));
        return at === octets.length ? at : this.#keepFrom(octets, at);
      }
      if (
        isCandidate &&
        octets[at + 1] === DASH &&
        this.#matches(octets.subarray(at, lf + 1)) !== undefined
      ) {
        if (at > start) this.#content(octets.subarray(start, at));
        this.#delimiter(octets.subarray(at, lf + 1));
        return lf + 1;
      }
      this.#insideLine = false;
      at = lf + 1;
    }
  }

  #keepFrom(octets: Uint8Array, at: number): number {
    this.#keepRest(octets.subarray(at));
    return octets.length;
  }

  #takeRest(end: Uint8Array): Uint8Array {
    const octets = concatOctets([...this.#rest, end]);
    this.#rest = [];
    this.#restLength = 0;
    return octets;
  }

  /** Keeps the start of a line; memory stays constant, so what is too long is passed on, or left out of a header. */
  #keepRest(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#rest.push(octets.slice());
    this.#restLength += octets.length;
    if (this.#state === 'header') {
      if (this.#restLength <= this.#limits.maxHeaderBytes) return;
      this.#defect('header-too-large');
      this.#skippedLine = true;
      this.#rest = [Uint8Array.of(0)]; // one octet stands for the line
      this.#restLength = 1;
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
    if (line[0] !== DASH || line[1] !== DASH || this.#stack.length === 0 || line.length > MAX_DELIMITER_LINE)
      return undefined;
    let text = '';
    for (const octet of line.subarray(2)) text += String.fromCharCode(octet);
    text = text.replace(/[ \t\r\n]+$/, '');
    let ended: { index: number; closes: boolean } | undefined;
    for (let index = this.#stack.length - 1; index >= 0; index--) {
      const { boundary, parts } = this.#stack[index]!;
      const closes = text === `${boundary}--`;
      if (!closes && text !== boundary) continue;
      if (parts >= 0) return { index, closes };
      // QUIRK(Outlook Express for Macintosh): the boundary of the multipart around it may be the same.
      ended ??= { index, closes };
    }
    return ended;
  }

  /** Takes a line if it is a delimiter: ends what is open inside, and begins the next part. */
  #delimiter(line: Uint8Array): boolean {
    const match = this.#matches(line);
    if (match === undefined) return false;
    if (line.length > 1 && line[line.length - 1] === LF && line[line.length - 2] !== CR)
      this.#defect('bare-lf', '');
    if (this.#state === 'header') {
      this.#defect('header-unterminated');
      this.#endHeader();
    }
    if (this.#state === 'data') this.#endPart();
    this.#lineBreak = EMPTY;
    while (this.#stack.length > match.index + 1) {
      const open = this.#stack.pop()!;
      if (open.parts >= 0)
        this.#defect(open.parts === 0 ? 'multipart-empty' : 'multipart-unterminated', open.path);
      this.#events.push({ type: 'part-end', path: open.path });
    }
    const open = this.#stack[match.index]!;
    this.#state = 'between';
    this.#path = open.path;
    if (match.closes) {
      if (open.parts === 0) this.#defect('multipart-empty');
      open.parts = -1; // ended: what follows is its epilogue
    } else if (open.parts >= 0) this.#beginPart(open);
    else this.#defect('multipart-resumed'); // RFC 2046 §5.1.1: an epilogue is ignored, whatever it holds
    return true;
  }

  #beginPart(open: OpenMultipart): void {
    if (this.#parts >= this.#limits.maxParts) {
      this.#defect('too-many-parts', '');
      return;
    }
    this.#parts += 1;
    open.parts += 1;
    this.#path = open.path === '' ? `${open.parts}` : `${open.path}.${open.parts}`;
    this.#state = 'header';
    this.#header = [];
    this.#headerBytes = 0;
  }

  #endHeader(): void {
    const path = this.#path;
    const { headers, defects } = parseHeaderBlock(concatOctets(this.#header), this.#limits.maxHeaderFields);
    this.#header = [];
    this.#afterBlanks = false;
    for (const { code } of defects) this.#defect(code);
    const contentType = readType(headers, this.#stack.at(-1)?.partType ?? 'text/plain');
    const transferEncoding = (headers.get('Content-Transfer-Encoding') ?? '7bit')
      .replace(/[ \t;(].*$/s, '')
      .toLowerCase();
    const boundary = this.#usableBoundary(contentType);
    const multipart = boundary !== undefined;
    this.#events.push({
      type: 'part-start',
      part: { path, headers, contentType, transferEncoding, multipart },
    });
    if (multipart) {
      // RFC 2045 §6.4: a multipart is never encoded itself.
      if (transferEncoding === 'base64' || transferEncoding === 'quoted-printable')
        this.#defect('multipart-encoded');
      // RFC 2046 §5.1.5
      const partType = contentType.value === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
      this.#stack.push({ path, boundary, partType, parts: 0 });
      this.#state = 'between';
      return;
    }
    this.#state = 'data';
    this.#lineBreak = EMPTY;
    this.#decoder = this.#createDecoder(transferEncoding);
  }

  #usableBoundary(contentType: ParameterizedValue): string | undefined {
    if (!contentType.value.startsWith('multipart/')) return undefined;
    const boundary = contentType.parameters.get('boundary')?.trimEnd();
    if (boundary === undefined || boundary === '' || boundary.length > MAX_BOUNDARY) {
      this.#defect('multipart-without-boundary');
      return undefined;
    }
    if (this.#stack.length >= this.#limits.maxDepth) {
      this.#defect('too-deep');
      return undefined;
    }
    return octetText(boundary);
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
      end -= end > 1 && octets[end - 2] === CR ? 2 : 1;
      if (end === octets.length - 1) this.#defect('bare-lf', '');
    }
    if (this.#lineBreak.length > 0) this.#emitData(this.#lineBreak);
    this.#lineBreak = octets.slice(end);
    if (end > 0) this.#emitData(octets.subarray(0, end));
  }

  #emitData(octets: Uint8Array): void {
    const content = this.#decoder === undefined ? octets : this.#decoder.push(octets);
    if (content.length > 0) this.#events.push({ type: 'part-data', path: this.#path, octets: content });
  }

  #endPart(): void {
    const rest = this.#decoder?.finish() ?? EMPTY;
    if (rest.length > 0) this.#events.push({ type: 'part-data', path: this.#path, octets: rest });
    this.#decoder = undefined;
    this.#events.push({ type: 'part-end', path: this.#path });
  }
}

const OPTION_KEYS = /* @__PURE__ */ wordSet('limits decodeCharset');

/** RFC 2045 §5.2: plain text where nothing, or nothing readable, is said. */
function readType(headers: HeaderBlock, byDefault: string): ParameterizedValue {
  const type = parseParameters(headers.get('Content-Type') ?? byDefault);
  // QUIRK(several senders): no semicolon before the parameters. RFC 2045 §5.2: what is no type is plain text.
  const value = /^[^\s/]+\/[^\s/]+(?!\S)/.exec(type.value)?.[0] ?? 'text/plain';
  return { value, parameters: type.parameters };
}

/** A boundary with characters over 127 as its octets, one unit each, to be compared with a line. */
function octetText(boundary: string): string {
  let text = '';
  for (const octet of encodeUtf8(boundary)) text += String.fromCharCode(octet);
  return text;
}
