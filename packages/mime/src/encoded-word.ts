import { checkOptions, checkText, integer, type OptionTable, word } from './argument.ts';
import { type CharsetOptions, charsetOptions, decodeOctets, findCharset } from './charset.ts';
import { ALPHABET } from './transfer/fast/base64-lines.ts';
import { hexPair } from './transfer/quoted-printable.ts';
import { borrowUtf8, concatOctets, decodeAscii, encodeUtf8 } from './utf8.ts';

// RFC 2047 §2: a word has at most 75 characters, of which "=?UTF-8?Q?" and "?=" take 12.
const MAX_TEXT = 75 - 12;
const SPACE = 32;
const UNDERSCORE = 95;
const HEX = /* @__PURE__ */ encodeUtf8('0123456789ABCDEF');
const LETTERS = /* @__PURE__ */ encodeUtf8(ALPHABET);

/** Where the text is written: an unstructured field, or a phrase (a display name), which allows fewer characters. */
export type EncodedWordContext = 'text' | 'phrase';

/** Options of {@link encodeWords}. */
export interface EncodedWordOptions {
  /** `phrase` for display names (RFC 2047 §5 (3)); default `text`. */
  readonly context?: EncodedWordContext | undefined;
  /** Number of characters already on the first line, so that the first word fits after them; default 0. */
  readonly column?: number | undefined;
}

/** The checks of {@link EncodedWordOptions}. */
export const encodedWordOptions = {
  context: /* @__PURE__ */ word('text', 'phrase'),
  column: /* @__PURE__ */ integer(0),
} satisfies OptionTable<EncodedWordOptions>;

/** A phrase that needs neither quotes nor encoding: atoms with single spaces between them (RFC 5322 §3.2.3). */
export const PLAIN_PHRASE = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/;

/** Longest run without white space that is left unencoded; a longer run can be folded only when encoded. */
const MAX_PLAIN_RUN = 900;

/** Number of characters that each octet takes in Q: one for itself or `_`, three for `=XX`. */
type Widths = Uint8Array;
const textWidths = /* @__PURE__ */ buildWidths((octet) => !'=?_'.includes(String.fromCharCode(octet)));
// RFC 2047 §5 (3): the characters allowed in a phrase.
const phraseWidths = /* @__PURE__ */ buildWidths((octet) => /[\w!*+/-]/.test(String.fromCharCode(octet)));

function buildWidths(isPlain: (octet: number) => boolean): Widths {
  const widths = new Uint8Array(256).fill(3);
  for (let octet = 33; octet < 127; octet++) if (octet !== UNDERSCORE && isPlain(octet)) widths[octet] = 1;
  widths[SPACE] = 1;
  return widths;
}

/**
 * Encodes the part of a text that a header cannot contain (RFC 2047); the rest stays readable.
 *
 * This concerns non-ASCII and control characters, `=?`, white space that folding or a reader would change, and runs of
 * over 900 characters. The charset is UTF-8; the encoding is Q if at most three quarters of the octets need escapes,
 * else B.
 *
 * @param text  Any text; a lone surrogate becomes U+FFFD.
 * @returns The text itself if nothing needs encoding, else with words of at most 75 characters, separated by spaces.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string, and for invalid options.
 * @example encodeWords('Grüße') // '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?='
 */
export function encodeWords(text: string, options: EncodedWordOptions = {}): string {
  checkText(text, 'encodeWords: text');
  checkOptions(options, encodedWordOptions, 'encodeWords: options');
  return writeWords(text, options.context, options.column);
}

/** {@link encodeWords} for arguments that were checked. */
export function writeWords(text: string, context: EncodedWordContext = 'text', column = 0): string {
  if (context === 'phrase') {
    if (PLAIN_PHRASE.test(text) && !needsEncoding(text)) return text;
    const octets = borrowUtf8(text);
    const { escaped } = findUnsafe(octets);
    return encodeRun(octets, { start: 0, end: octets.length, escaped }, phraseWidths, column);
  }
  if (isClean(text)) return text;
  const octets = borrowUtf8(text);
  const run = findUnsafe(octets);
  return run.start < 0 ? text : encodeRun(octets, run, textWidths, column);
}

/** True when a header cannot carry the text as it is. */
export function needsEncoding(text: string): boolean {
  return !isClean(text) && findUnsafe(borrowUtf8(text)).start >= 0;
}

/** True for up to 900 printable ASCII characters with single spaces and without `=?`: a fast check for most texts. */
function isClean(text: string): boolean {
  return text.length <= MAX_PLAIN_RUN && /^[!-~]+(?: [!-~]+)*$/.test(text) && !text.includes('=?');
}

/** The range of octets that is written as encoded-words. */
interface Run {
  /** Offset of the first word that needs encoding; -1 if there is none. */
  readonly start: number;
  /** Offset after the last such word; the words and spaces between are part of the run. */
  readonly end: number;
  /** Number of octets over 126, of control characters and of `=?`. */
  readonly escaped: number;
}

/** Finds the run from the first to the last word that needs encoding. */
function findUnsafe(octets: Uint8Array): Run {
  const { length } = octets;
  let start = -1;
  let end = 0;
  let previousStart = 0;
  let wordStart = 0;
  let unsafe = false;
  let escaped = 0;
  for (let i = 0; i <= length; i++) {
    const octet = i < length ? octets[i]! : SPACE;
    if (octet !== SPACE) {
      if (octet > 126 || octet < 32 || (octet === 61 && octets[i + 1] === 63)) {
        unsafe = true;
        escaped += 1;
      }
      continue;
    }
    // Some readers drop a space at either end or beside another space: it is encoded with the words around it.
    const lone = i > wordStart || length === 0;
    if (unsafe || !lone || i - wordStart > MAX_PLAIN_RUN) {
      if (start < 0) start = lone ? wordStart : previousStart;
      end = i;
      unsafe = !lone;
    }
    previousStart = wordStart;
    wordStart = i + 1;
  }
  return { start, end, escaped };
}

/** Output buffer for short texts; a longer text gets its own. */
const scratch = /* @__PURE__ */ new Uint8Array(2048);

/** Returns the text with the octets from `start` to `end` as encoded-words; the octets around them are ASCII. */
function encodeRun(octets: Uint8Array, { start, end, escaped }: Run, widths: Widths, column: number): string {
  // The first word is limited to the rest of its line, unless fewer than 12 characters are left there.
  const left = Math.min(MAX_TEXT, MAX_TEXT + 1 - column - start);
  const firstRoom = left < 12 ? MAX_TEXT : left;
  const { length } = octets;
  // At most three characters per octet, and 13 between two words, each of which has at least 52.
  const size = length * 4 + 64;
  const out = size <= scratch.length ? scratch : new Uint8Array(size);
  for (let i = 0; i < start; i++) out[i] = octets[i]!;
  // Q keeps Latin text readable; for other scripts B is half as long.
  const write = escaped <= (end - start) * 0.75 ? writeQuotedWords : writeBase64Words;
  let o = write(octets, start, end, out, firstRoom, widths);
  for (let i = end; i < length; i++) out[o++] = octets[i]!;
  return decodeAscii(out.subarray(0, o));
}

/** Returns the offset after the character at `i`; no character may be split between two words (RFC 2047 §5). */
function characterEnd(octets: Uint8Array, i: number): number {
  const lead = octets[i]!;
  return i + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
}

/** Writes the octets from `start` to `end` in Q, at offset `start` of `out`; returns the offset after the output. */
function writeQuotedWords(
  octets: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  firstRoom: number,
  widths: Widths,
): number {
  let o = writeText('=?UTF-8?Q?', out, start);
  let room = firstRoom;
  let i = start;
  while (i < end) {
    const next = characterEnd(octets, i);
    const width = widths[octets[i]!]! * (next - i); // all octets of a longer character are escaped
    if (width > room) {
      o = writeText('?= =?UTF-8?Q?', out, o);
      room = MAX_TEXT;
    }
    room -= width;
    if (width === 1) {
      const octet = octets[i++]!;
      out[o++] = octet === SPACE ? UNDERSCORE : octet;
    }
    for (; i < next; i++) {
      const octet = octets[i]!;
      out[o++] = 61;
      out[o++] = HEX[octet >> 4]!;
      out[o++] = HEX[octet & 15]!;
    }
  }
  return writeText('?=', out, o);
}

/** Writes the octets from `start` to `end` in B, at offset `start` of `out`; returns the offset after the output. */
function writeBase64Words(
  octets: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  firstRoom: number,
): number {
  let o = writeText('=?UTF-8?B?', out, start);
  let room = Math.floor(firstRoom / 4) * 3;
  let from = start;
  for (let i = start; i < end; ) {
    const next = characterEnd(octets, i);
    if (next - from > room) {
      o = writeBase64(octets, from, i, out, o);
      o = writeText('?= =?UTF-8?B?', out, o);
      from = i;
      room = Math.floor(MAX_TEXT / 4) * 3;
    }
    i = next;
  }
  return writeText('?=', out, writeBase64(octets, from, end, out, o));
}

/** Writes a few octets in base64; returns the offset after the output. */
function writeBase64(
  octets: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  offset: number,
): number {
  let o = offset;
  for (let i = start; i < end; i += 3) {
    const group =
      (octets[i]! << 16) | ((i + 1 < end ? octets[i + 1]! : 0) << 8) | (i + 2 < end ? octets[i + 2]! : 0);
    out[o++] = LETTERS[group >> 18]!;
    out[o++] = LETTERS[(group >> 12) & 63]!;
    out[o++] = LETTERS[(group >> 6) & 63]!;
    out[o++] = LETTERS[group & 63]!;
    if (i + 1 >= end) out[o - 2] = 61;
    if (i + 2 >= end) out[o - 1] = 61;
  }
  return o;
}

function writeText(text: string, out: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) out[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

/** One encoded-word of a value. */
interface Word {
  readonly label: string;
  readonly base64: boolean;
  readonly payload: string;
}

/** Matches the start of an encoded-word (charset and encoding), or `?=`, where one may end. */
const WORD_EDGE = /=\?([^?\s=]{1,60})\?([bq])\?|\?=/gi;

/**
 * Decodes the encoded-words of a header value (RFC 2047); white space between two of them is removed.
 *
 * Characters that were split between two words of the same charset are joined. Words in a stateful charset such as
 * ISO-2022-JP are decoded separately. Words in an unknown charset are read as UTF-8 if valid, else as windows-1252.
 * Malformed words stay unchanged.
 *
 * @param options.decodeCharset  Decodes charsets that the platform does not know; `@mb/mime/charsets` has one.
 * @param options.onDefect  Called with `unknown-charset` or `charset-mismatch` for each run of words with that defect.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string, and for invalid options.
 * @example decodeWords('=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=') // 'Grüße'
 */
export function decodeWords(value: string, options: CharsetOptions = {}): string {
  checkText(value, 'decodeWords: value');
  checkOptions(options, charsetOptions, 'decodeWords: options');
  return readWords(value, options);
}

/** {@link decodeWords} for arguments that were checked. */
export function readWords(value: string, options: CharsetOptions = {}): string {
  if (!value.includes('=?')) return value;
  let out = '';
  let end = 0;
  let run: Word[] = [];
  const flush = () => {
    if (run.length > 0) out += decodeRun(run, options);
    run = [];
  };
  let start: RegExpExecArray | undefined;
  for (const edge of value.matchAll(WORD_EDGE)) {
    if (edge[1] !== undefined) start = edge;
    else if (start !== undefined) {
      const label = start[1]!.replace(/\*.*/s, ''); // RFC 2231 §5: charset*language
      const payload = value.slice(start.index + start[0].length, edge.index);
      const between = value.slice(end, start.index);
      if (run.length > 0 && /[^ \t\r\n]/.test(between)) flush();
      if (run.length === 0) out += between;
      else if (findCharset(run[0]!.label).name !== findCharset(label).name) flush();
      run.push({ label, base64: /b/i.test(start[2]!), payload });
      end = edge.index + 2;
      start = undefined;
    }
  }
  flush();
  return out + value.slice(end);
}

/** Decodes words of the same charset with only white space between them. */
function decodeRun(run: readonly Word[], options: CharsetOptions): string {
  const text = decodePieces(joinWords(run, false), run[0]!.label, options);
  if (run.length === 1 || !text.includes('\ufffd')) return text;
  const joined = decodePieces(joinWords(run, true), run[0]!.label, options);
  return joined.includes('\ufffd') ? text : joined;
}

/**
 * Decodes the payload of each word to octets.
 *
 * QUIRK(several senders): base64 is cut inside a group of four characters; such words are joined. Signs of a cut are a
 * single last character, unused bits that are not 0, and the length of the next word. Otherwise the padding is missing.
 *
 * @param always  Whether words with an incomplete group are joined without these signs.
 */
function joinWords(run: readonly Word[], always: boolean): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let cut = '';
  for (const [index, { base64, payload }] of run.entries()) {
    if (!base64) {
      pieces.push(unescapeOctets(payload.replaceAll('_', ' '), '='));
      continue;
    }
    const text = cut + payload;
    cut = '';
    const next = run[index + 1];
    const rest = text.length % 4;
    if (rest > 0 && next?.base64 === true && /^[a-z\d+/]+$/i.test(payload)) {
      const group = text.slice(-rest);
      const nextRest = next.payload.length % 4;
      const nextCut = nextRest === 1 || (nextRest > 0 && next.payload.endsWith('='));
      if (rest === 1 || always || nextCut || !btoa(atob(group)).startsWith(group)) {
        cut = text;
        continue;
      }
    }
    pieces.push(base64Octets(text));
  }
  return pieces;
}

/** Decodes base64 with or without padding; other characters are skipped (RFC 2045 §6.8). */
function base64Octets(text: string): Uint8Array {
  let octets = '';
  for (const letters of text.replace(/[^a-z\d+/=]/gi, '').split('='))
    octets += atob(letters.length % 4 === 1 ? letters.slice(0, -1) : letters);
  return Uint8Array.from(octets, (octet) => octet.charCodeAt(0));
}

/** Decodes the octets of words: together, or one by one if the charset is stateful (RFC 1468, RFC 2047 §6.2). */
function decodePieces(pieces: readonly Uint8Array[], label: string, options: CharsetOptions): string {
  if (!/^(?:iso-2022|hz|utf-?7)/.test(findCharset(label).name))
    return decodeOctets(concatOctets(pieces), label, options);
  let text = '';
  let open: Uint8Array[] = [];
  let ascii = true;
  for (const [index, piece] of pieces.entries()) {
    open.push(piece);
    const sequence = piece.lastIndexOf(27);
    if (sequence >= 0) ascii = piece[sequence + 1] === 40;
    // A word without a final ESC ( B, back to ASCII, goes on in the next, unless that begins with an escape sequence.
    if (!ascii && index + 1 < pieces.length && pieces[index + 1]![0] !== 27) continue;
    text += decodeOctets(concatOctets(open), label, options);
    open = [];
    ascii = true;
  }
  return text;
}

/** Returns the UTF-8 octets of a text, with each sign and its two hexadecimal digits replaced by one octet. */
export function unescapeOctets(text: string, sign: '=' | '%'): Uint8Array {
  const octets = encodeUtf8(text);
  const signOctet = sign.charCodeAt(0);
  let o = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    const escaped = octet === signOctet ? hexPair(octets, i + 1) : 256;
    if (escaped < 256) i += 2;
    octets[o++] = escaped < 256 ? escaped : octet;
  }
  return octets.subarray(0, o);
}
