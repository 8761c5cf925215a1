import { checkText } from './argument.ts';
import { MimeError, unfitValue } from './errors.ts';
import { MAX_LINE_OCTETS } from './transfer/survey.ts';
import { isAscii, utf8Length } from './utf8.ts';

/** Maximum for a line with an encoded-word (RFC 2047 §2); RFC 5322 §2.1.1 recommends 78 for other lines. */
export const FOLD_COLUMN = 76;

/** The last name that was valid, since the same name is often checked again. */
let checkedName = 'Subject';

/**
 * Checks a header field name: 1 to 200 printable ASCII characters except the colon (RFC 5322 §2.2).
 *
 * @throws {MimeError} MB_MIME_HEADER_NAME.
 */
export function checkHeaderName(name: string): void {
  if (name === checkedName) return;
  if (typeof name !== 'string' || !/^[!-9;-~]{1,200}$/.test(name)) {
    throw new MimeError(
      'MB_MIME_HEADER_NAME',
      'A field name must be 1 to 200 printable ASCII characters without colon.',
    );
  }
  checkedName = name;
}

/**
 * Refuses control characters except tab, since they would end or corrupt a header line.
 *
 * @throws {MimeError} MB_MIME_HEADER_VALUE.
 */
export function checkHeaderValue(name: string, value: string): void {
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw unfitValue(name);
}

/**
 * Writes one header field, folded before white space to lines of 76 octets where possible (RFC 5322 §2.2.3).
 *
 * The value is not encoded: use `encodeWords` for text first. No line consists of white space only, and no quoted-pair
 * is split.
 *
 * @param name  The field name.
 * @param value  The value without line breaks; non-ASCII makes it an RFC 6532 field.
 * @returns The field with its closing CRLF.
 * @throws {MimeError} MB_MIME_HEADER_NAME; MB_MIME_HEADER_VALUE for control characters; MB_MIME_LINE_LENGTH when no
 *   fold keeps a line to 998 octets.
 * @example foldHeader('Subject', 'Hello') // 'Subject: Hello\r\n'
 */
export function foldHeader(name: string, value: string): string {
  checkHeaderName(name);
  checkText(value, 'foldHeader: value');
  if (name.length + 2 + value.length <= FOLD_COLUMN && /^[ -~]*$/.test(value)) return `${name}: ${value}\r\n`;
  if (PLAIN_WORDS.test(value)) return foldWords(name, value);
  checkHeaderValue(name, value);
  return foldAnything(name, value);
}

/** {@link foldHeader} for a name and a value that were checked. */
export function foldTrusted(name: string, value: string): string {
  return PLAIN_WORDS.test(value) ? foldWords(name, value) : foldAnything(name, value);
}

/** Words of printable ASCII without backslash, with single spaces between them. */
const PLAIN_WORDS = /^[!-[\]-~]+(?: [!-[\]-~]+)*$/;

/** Folds any value before white space that is not quoted by a backslash. */
function foldAnything(name: string, value: string): string {
  return foldPieces(name, `${name}: ${value}`.split(/(?<=[^ \t\\]|(?<!\\)(?:\\\\)+)(?=[ \t]+[^ \t])/));
}

/**
 * Writes a field, folded between its pieces to lines of 76 octets where possible.
 *
 * @param pieces  The name with its colon, then words, each with the white space before it.
 */
export function foldPieces(name: string, pieces: readonly string[]): string {
  const field = pieces.join('');
  if (field.length <= FOLD_COLUMN && isAscii(field)) return `${field}\r\n`;
  let folded = '';
  let column = 0;
  for (const [index, piece] of pieces.entries()) {
    const octets = utf8Length(piece);
    // A first word over 76 octets would need a longer line in any case, so it stays on the line of the name.
    const foldable = index > 1 || octets <= FOLD_COLUMN || column + octets > MAX_LINE_OCTETS;
    if (index > 0 && column + octets > FOLD_COLUMN && foldable) {
      folded += '\r\n';
      column = 0;
    }
    folded += piece;
    column += octets;
    if (column > MAX_LINE_OCTETS) throw lineTooLong(name);
  }
  return `${folded}\r\n`;
}

/** Folds plain words: each line ends before the last space that fits. */
function foldWords(name: string, value: string): string {
  const text = `${name}: ${value}`;
  const firstSpace = name.length + 1;
  let out = '';
  let start = 0;
  while (text.length - start > FOLD_COLUMN) {
    let end = text.lastIndexOf(' ', start + FOLD_COLUMN);
    const first = Math.max(start, firstSpace);
    if (end <= first) {
      // The word is longer than the line. After the name it stays there, unless it fits on its own line.
      const next = text.indexOf(' ', first + 1);
      const wordEnd = next < 0 ? text.length : next;
      const apart = start === 0 && (wordEnd - first <= FOLD_COLUMN || wordEnd > MAX_LINE_OCTETS);
      end = apart ? first : wordEnd;
    }
    if (end - start > MAX_LINE_OCTETS) throw lineTooLong(name);
    if (end === text.length) break;
    out += `${text.slice(start, end)}\r\n`;
    start = end;
  }
  return `${out}${text.slice(start)}\r\n`;
}

/** Replaces each run of line breaks and NULs by a space, so that decoded text can be written in a field again. */
export function onOneLine(text: string): string {
  return /[\0\r\n]/.test(text) ? text.replace(/[\0\r\n]+/g, ' ').trim() : text;
}

/** The error for a field that cannot be folded to lines of at most 998 octets. */
function lineTooLong(name: string): MimeError {
  return new MimeError(
    'MB_MIME_LINE_LENGTH',
    `The field ${name} holds a run of over 998 octets without white space.`,
  );
}

/**
 * Joins the lines of a folded field value: each line break before white space is removed (RFC 5322 §2.2.3).
 *
 * @example unfoldHeader('one\r\n two') // 'one two'
 */
export function unfoldHeader(text: string): string {
  checkText(text, 'unfoldHeader: text');
  return unfold(text);
}

/** {@link unfoldHeader} for an argument that was checked. */
export function unfold(text: string): string {
  return text.replace(/\r?\n(?=[ \t])/g, '');
}
