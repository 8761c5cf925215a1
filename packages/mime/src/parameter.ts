import { unquote } from './address-token.ts';
import { checkOptions, checkText } from './argument.ts';
import { type CharsetOptions, charsetOptions, decodeOctets } from './charset.ts';
import { withoutComments } from './comment.ts';
import { readWords, unescapeOctets } from './encoded-word.ts';
import { MimeError, unfitValue } from './errors.ts';
import { concatOctets, encodeUtf8 } from './utf8.ts';

const TOKEN = /^[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+$/; // RFC 2045 §5.1
/** Characters of an attribute; in an encoded value, they need no escape (RFC 2231 §7). */
const ATTRIBUTE = /^[!#$&+.0-9A-Z^_`a-z{|}~-]{1,60}$/;
/** Maximum characters in one piece of a value; a longer value is continued (RFC 2231 §3). */
const MAX_PIECE = 50;

/** True for an RFC 2045 §5.1 token. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Writes one parameter of a Content-Type or Content-Disposition field (RFC 2045 §5.1, RFC 2231).
 *
 * Printable ASCII of at most 60 characters is written as a token or quoted-string, and anything else percent-encoded in
 * UTF-8, with continuations if it is long. Encoded-words are never written.
 *
 * @param name  The attribute, a token.
 * @param value  Any text; a lone surrogate becomes U+FFFD.
 * @returns The pieces, to be joined with `; `.
 * @throws {MimeError} MB_MIME_PARAMETER for a name that is not a token of at most 60 characters and for a value with
 *   control characters; MB_MIME_OPTION for a value that is not a string.
 * @example formatParameter('filename', 'é.txt') // ["filename*=utf-8''%C3%A9.txt"]
 */
export function formatParameter(name: string, value: string): string[] {
  checkText(value, 'formatParameter: value');
  if (typeof name !== 'string' || !ATTRIBUTE.test(name)) {
    throw new MimeError('MB_MIME_PARAMETER', 'A parameter name must be a token of at most 60 characters.');
  }
  if (value.length <= 60) {
    // QUIRK(Python's email): some tokens, such as those with an apostrophe, are read only in quotes.
    if (/^[\w.-]+$/.test(value)) return [`${name}=${value}`];
    // Text that looks like an encoded-word is percent-encoded: many readers decode it although RFC 2047 §5 forbids it.
    // QUIRK(Python's email): removes angle brackets around a value.
    if (/^(?!<)[ -~]*$/.test(value) && !value.includes('=?') && value.trim() === value) {
      return [`${name}="${value.replace(/["\\]/g, '\\$&')}"`];
    }
  }
  if (/[\0-\x1f\x7f]/.test(value)) throw unfitValue(name, 'MB_MIME_PARAMETER');
  const pieces = percentPieces(value);
  if (pieces.length === 1) return [`${name}*=utf-8''${pieces[0]}`];
  return pieces.map((piece, index) => `${name}*${index}*=${index === 0 ? "utf-8''" : ''}${piece}`);
}

/** Percent-encodes a text in pieces, without splitting a character. */
function percentPieces(value: string): string[] {
  const pieces = [''];
  for (const character of value.toWellFormed()) {
    const encoded = ATTRIBUTE.test(character)
      ? character
      : encodeURIComponent(character).replace(
          /['()*]/,
          (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
        );
    if (pieces.at(-1)!.length + encoded.length > MAX_PIECE) pieces.push('');
    pieces[pieces.length - 1] += encoded;
  }
  return pieces;
}

/** A structured field: its value and its parameters in order, with lower-case names. */
export interface ParameterizedValue {
  /** The text before the first semicolon, lower-case. */
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Maximum number of parameters that are read from a field. */
const MAX_PARAMETERS = 200;

/**
 * Parses a field with parameters, such as Content-Type or Content-Disposition (RFC 2045 §5.1, RFC 2231).
 *
 * Continuations are joined, percent-encoding is decoded and comments are skipped. If a name is repeated, the first
 * parameter counts. At most 200 parameters are read.
 *
 * @param text  The unfolded value.
 * @param options  Functions for charsets that the platform does not know, and for defects.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string, and for invalid options.
 * @example parseParameters('text/plain; charset="utf-8"').parameters.get('charset') // 'utf-8'
 */
export function parseParameters(text: string, options: CharsetOptions = {}): ParameterizedValue {
  checkText(text, 'parseParameters: text');
  checkOptions(options, charsetOptions, 'parseParameters: options');
  return decodeParameters(text, options);
}

/** {@link parseParameters} for arguments that were checked. */
export function decodeParameters(text: string, options: CharsetOptions = {}): ParameterizedValue {
  const { value, written } = readParameters(withoutComments(text));
  const parameters = new Map<string, string>();
  const extended: (readonly [string, string])[] = [];
  for (const [name, plain] of written) {
    if (name.includes('*')) extended.push([name, plain]);
    else if (!parameters.has(name)) parameters.set(name, decodeName(name, plain, options));
  }
  if (extended.length > 0)
    for (const [name, joined] of joinExtended(extended, options)) parameters.set(name, joined);
  return { value, parameters };
}

/**
 * Matches a parameter: its name, and its value with or without quotes. QUIRK(several senders): the semicolon before the
 * next parameter is missing; this is recognized after a quoted value and before a continuation (`name*1=`).
 */
const PARAMETER =
  /([^=;]*)(?:=[ \t]*(?:"([^"\\]*(?:\\.[^"\\]*)*\\?)"?(?:(?=[ \t]+[\w*-]+=)|[^;]*)|((?:(?![ \t][\w-]+\*\d+\*?=)[^;])*)))?(?:;|$|(?=[ \t]))/gs;

/** Reads the value and the parameters without decoding RFC 2231; names are in lower case. */
export function readParameters(text: string): { value: string; written: [name: string, value: string][] } {
  const [value = ''] = text.split(';', 1);
  const written: [string, string][] = [];
  let count = value.length < text.length ? 0 : MAX_PARAMETERS;
  for (const [, name = '', quoted, plain = ''] of text.slice(value.length + 1).matchAll(PARAMETER)) {
    if (++count > MAX_PARAMETERS) break;
    if (name.trim() !== '')
      written.push([name.trim().toLowerCase(), quoted === undefined ? plain.trim() : unquote(quoted)]);
  }
  return { value: value.trim().toLowerCase(), written };
}

/** Joins `name*`, `name*0`, `name*0*`… (RFC 2231 §3, §4.1); they override a plain parameter of the same name. */
function joinExtended(
  extended: readonly (readonly [string, string])[],
  options: CharsetOptions,
): Map<string, string> {
  const joined = new Map<string, string>();
  const pieces = new Map<string, Map<number, { text: string; encoded: boolean }>>();
  for (const [written, text] of extended) {
    const [, name, index, encoded] = /^([^*]+)(?:\*(\d{1,3}))?(\*?)$/.exec(written) ?? [];
    if (name === undefined) continue;
    const ofName = pieces.get(name) ?? new Map<number, { text: string; encoded: boolean }>();
    pieces.set(name, ofName);
    const position = Number(index ?? 0);
    if (!ofName.has(position)) ofName.set(position, { text, encoded: encoded === '*' });
  }
  for (const [name, ofName] of pieces) {
    let charset: string | undefined;
    const octets: Uint8Array[] = [];
    // QUIRK(several senders): numbers start at 1 or have gaps.
    for (const [, piece] of [...ofName].sort(([a], [b]) => a - b)) {
      let { text } = piece;
      if (piece.encoded && charset === undefined) {
        const [, label, rest] = /^([^']*)'[^']*'(.*)$/s.exec(text) ?? [];
        charset = label ?? '';
        text = rest ?? text;
      }
      octets.push(piece.encoded ? unescapeOctets(text, '%') : encodeUtf8(text));
    }
    const all = concatOctets(octets);
    const text = decodeOctets(all, charset || 'utf-8', options);
    joined.set(name, charset === undefined ? decodeName(name, text, options) : text);
  }
  return joined;
}

/** QUIRK(many senders): file names contain encoded-words, against RFC 2047 §5. */
function decodeName(name: string, text: string, options: CharsetOptions | undefined): string {
  return name === 'filename' || name === 'name' ? readWords(text, options) : text;
}

/** True if a parameter appears twice; readers differ on which one counts. */
export function hasDuplicateParameter(text: string): boolean {
  if (text.indexOf(';') === text.lastIndexOf(';')) return false;
  const { written } = readParameters(withoutComments(text));
  return new Set(written.map(([name]) => name)).size < written.length;
}
