import { decodeCharset, isKnownCharset } from './charset.ts';
import { base64Text, decodeBase64 } from './transfer/base64.ts';
import { concatOctets, encodeUtf8 } from './utf8.ts';

// RFC 2047 §2: 75 characters a word, of which "=?UTF-8?Q?" and "?=" take 12.
const MAX_WORD = 75;
const WORD_OVERHEAD = 12;
const HEX = '0123456789ABCDEF';

/** Where the text stands: an unstructured field, or a phrase (a display name), whose words allow fewer characters. */
export type EncodedWordContext = 'text' | 'phrase';

/** Words of a phrase that need neither quotes nor encoding: atoms with single spaces between (RFC 5322 §3.2.3). */
export const PLAIN_PHRASE = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/;

/** Longest run without white space that a header keeps as it is; a longer one has to be encoded to be folded. */
const MAX_PLAIN_RUN = 900;

const PLAIN = 1;
const PHRASE_PLAIN = 2;
const plain = /* @__PURE__ */ buildPlain();

function buildPlain(): Uint8Array {
  const table = new Uint8Array(128);
  for (let unit = 33; unit < 127; unit++) table[unit] = PLAIN;
  for (const unsafe of '=?_') table[unsafe.charCodeAt(0)] = 0;
  // RFC 2047 §5 (3): what a phrase takes.
  for (let unit = 48; unit < 123; unit++) {
    const letterOrDigit = unit < 58 || (unit > 64 && unit < 91) || unit > 96;
    if (letterOrDigit) table[unit] = PLAIN | PHRASE_PLAIN;
  }
  for (const safe of '!*+-/') table[safe.charCodeAt(0)] = PLAIN | PHRASE_PLAIN;
  return table;
}

/**
 * Encodes the part of a text that a header cannot carry as it is (RFC 2047), the rest stays readable.
 *
 * Non-ASCII and control characters, `=?` that could be taken for an encoded-word, white space that a fold or a
 * reader would change and runs over 900 characters are encoded as UTF-8: in Q where most of it stays readable, else in B.
 *
 * @param text  Any text; a lone surrogate becomes U+FFFD.
 * @param options.context  `phrase` for display names (RFC 2047 §5 (3)); default `text`.
 * @param options.column  Characters already on the first line, so that the first word fits behind them; default 0.
 * @returns The text itself when nothing needs encoding; else words of at most 75 characters with a space between.
 * @example encodeWords('Grüße') // '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?='
 */
export function encodeWords(
  text: string,
  options?: { readonly context?: EncodedWordContext; readonly column?: number },
): string {
  const column = options?.column ?? 0;
  if (options?.context === 'phrase') {
    return PLAIN_PHRASE.test(text) && !needsEncoding(text) ? text : encodeRun(text, PHRASE_PLAIN, column);
  }
  const range = findUnsafe(text);
  if (range === undefined) return text;
  const [start, end] = range;
  return text.slice(0, start) + encodeRun(text.slice(start, end), PLAIN, column + start) + text.slice(end);
}

/** True when a header cannot carry the text as it is. */
export function needsEncoding(text: string): boolean {
  return findUnsafe(text) !== undefined;
}

/** From the first to the last word that needs encoding, spaces between them included; undefined for none. */
function findUnsafe(text: string): [start: number, end: number] | undefined {
  const length = text.length;
  let start = -1;
  let end = 0;
  let previousStart = 0;
  let wordStart = 0;
  let unsafe = false;
  for (let i = 0; i <= length; i++) {
    const unit = i < length ? text.charCodeAt(i) : 32;
    if (unit !== 32) {
      if (unit > 126 || unit < 32 || (unit === 61 && text.charCodeAt(i + 1) === 63)) unsafe = true;
      continue;
    }
    // A space at an end or beside another is lost to some readers: it goes inside, with both its neighbours.
    const lone = i > wordStart || length === 0;
    if (unsafe || !lone || i - wordStart > MAX_PLAIN_RUN) {
      if (start < 0) start = lone ? wordStart : previousStart;
      end = i;
      unsafe = !lone;
    }
    previousStart = wordStart;
    wordStart = i + 1;
  }
  return start < 0 ? undefined : [start, end];
}

function encodeRun(run: string, flag: number, column: number): string {
  // The first word fits on the line where it begins, unless little room is left there.
  const whole = MAX_WORD - WORD_OVERHEAD;
  const left = Math.min(whole, whole + 1 - column);
  const firstRoom = left < 12 ? whole : left;
  const octets = encodeUtf8(run);
  let quoted = 0;
  for (let i = 0; i < octets.length; i++) quoted += qPiece(octets[i]!, flag).length;
  // Q keeps Latin text readable; for other scripts B is half as long.
  return quoted <= octets.length * 2.5
    ? quotedWords(octets, flag, firstRoom)
    : base64Words(octets, firstRoom);
}

/** How each octet is written in Q: by itself, as `_`, or as `=XX`; the second half is for phrases. */
const qPieces = /* @__PURE__ */ buildQPieces();

function buildQPieces(): string[] {
  const pieces: string[] = [];
  for (const flag of [PLAIN, PHRASE_PLAIN]) {
    for (let octet = 0; octet < 256; octet++) {
      const literal = octet < 128 && (plain[octet]! & flag) !== 0;
      const escaped = `=${HEX[octet >> 4]}${HEX[octet & 15]}`;
      pieces.push(octet === 32 ? '_' : literal ? String.fromCharCode(octet) : escaped);
    }
  }
  return pieces;
}

function qPiece(octet: number, flag: number): string {
  return qPieces[flag === PHRASE_PLAIN ? octet + 256 : octet]!;
}

/** Where the character that begins at `i` ends: no character is split between two words (RFC 2047 §5). */
function characterEnd(octets: Uint8Array, i: number): number {
  const lead = octets[i]!;
  return i + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
}

function quotedWords(octets: Uint8Array, flag: number, firstRoom: number): string {
  let words = '=?UTF-8?Q?';
  let room = firstRoom;
  let i = 0;
  while (i < octets.length) {
    const end = characterEnd(octets, i);
    let piece = qPiece(octets[i++]!, flag);
    while (i < end) piece += qPiece(octets[i++]!, flag);
    if (piece.length > room) {
      words += '?= =?UTF-8?Q?';
      room = MAX_WORD - WORD_OVERHEAD;
    }
    words += piece;
    room -= piece.length;
  }
  return `${words}?=`;
}

function base64Words(octets: Uint8Array, firstRoom: number): string {
  let words = '=?UTF-8?B?';
  let room = Math.floor(firstRoom / 4) * 3;
  let start = 0;
  let i = 0;
  while (i < octets.length) {
    const end = characterEnd(octets, i);
    if (end - start > room) {
      words += `${base64Text(octets, start, i)}?= =?UTF-8?B?`;
      start = i;
      room = Math.floor((MAX_WORD - WORD_OVERHEAD) / 4) * 3;
    }
    i = end;
  }
  return `${words}${base64Text(octets, start, octets.length)}?=`;
}

const ENCODED_WORD = /=\?([^?\s=]{1,60})\?([bq])\?([^?\r\n]*)\?=/gi;

/**
 * Decodes the encoded-words of a header value (RFC 2047); white space between two of them disappears.
 *
 * Characters cut between two words of one charset are joined again; an unknown charset or a malformed word stays as
 * it is. It never throws.
 *
 * @example decodeWords('=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=') // 'Grüße'
 */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return value;
  let out = '';
  let end = 0;
  let charset = '';
  let octets: Uint8Array[] = [];
  const flush = () => {
    if (octets.length > 0) out += decodeCharset(concatOctets(octets), charset) ?? '';
    octets = [];
  };
  for (const match of value.matchAll(ENCODED_WORD)) {
    const between = value.slice(end, match.index);
    const label = match[1]!.replace(/\*.*/s, '').toLowerCase(); // RFC 2231 §5: charset*language
    if (!isKnownCharset(label)) {
      flush();
      out += between + match[0];
      end = match.index + match[0].length;
      continue;
    }
    const joined = octets.length > 0 && /^[ \t\r\n]*$/.test(between);
    if (!joined || label !== charset) flush();
    if (!joined) out += between;
    charset = label;
    octets.push(/[bB]/.test(match[2]!) ? decodeBase64(match[3]!) : decodeQ(match[3]!));
    end = match.index + match[0].length;
  }
  flush();
  return out + value.slice(end);
}

function decodeQ(text: string): Uint8Array {
  // A trailing blank or `=` is content here, unlike at the end of a quoted-printable line.
  const octets = encodeUtf8(text);
  const out = new Uint8Array(octets.length);
  let o = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    const hex =
      octet === 61 ? Number.parseInt(text.length === octets.length ? hexPair(text, i) : 'x', 16) : Number.NaN;
    if (!Number.isNaN(hex)) {
      out[o++] = hex;
      i += 2;
    } else out[o++] = octet === 95 ? 32 : octet;
  }
  return out.subarray(0, o);
}

function hexPair(text: string, i: number): string {
  const pair = text.slice(i + 1, i + 3);
  return /^[0-9a-f]{2}$/i.test(pair) ? pair : 'x';
}
