import { checkText } from './argument.ts';
import { MimeError } from './errors.ts';
import { formatParameter, isToken, type ParameterizedValue, readParameters } from './parameter.ts';

/** Media types by file name extension. */
const BY_ENDING: { readonly [ending: string]: string | undefined } = {
  csv: 'text/csv',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/html',
  html: 'text/html',
  ics: 'text/calendar',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  md: 'text/markdown',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  odt: 'application/vnd.oasis.opendocument.text',
  pdf: 'application/pdf',
  png: 'image/png',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  svg: 'image/svg+xml',
  txt: 'text/plain',
  webp: 'image/webp',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  xml: 'application/xml',
  zip: 'application/zip',
};

/** The media type for the extension of a file name; `application/octet-stream` if unknown. */
export function typeOfFilename(filename = ''): string {
  const ending = filename.slice(filename.lastIndexOf('.') + 1).toLowerCase();
  return (Object.hasOwn(BY_ENDING, ending) && BY_ENDING[ending]) || 'application/octet-stream';
}

/** The usual media type: two plain tokens and no parameters. */
const BARE_TYPE = /^[\w.+-]+\/[\w.+-]+$/;
const NO_PARAMETERS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map();

/**
 * Parses the media type that a caller gave.
 *
 * @throws {MimeError} MB_MIME_CONTENT_TYPE if it is not `type/subtype` with optional parameters.
 */
export function readContentType(text: string): ParameterizedValue {
  checkText(text, 'contentType');
  if (text.length <= 200 && BARE_TYPE.test(text))
    return { value: text.toLowerCase(), parameters: NO_PARAMETERS };
  const { value, written } = readParameters(text);
  const names = value.split('/');
  if (names.length !== 2 || !names.every(isToken) || value.length > 200 || /[\0-\x1f\x7f]/.test(text)) {
    throw new MimeError('MB_MIME_CONTENT_TYPE', 'A content type must be type/subtype with parameters.');
  }
  return { value, parameters: new Map(written) };
}

/** Formats a media type or disposition with its parameters. Each parameter may be folded to a new line. */
export function formatParameters(value: string, parameters: Iterable<readonly [string, string]>): string {
  let written = value;
  for (const [name, text] of parameters)
    for (const piece of formatParameter(name, text)) written += `; ${piece}`;
  return written;
}

/**
 * Checks a file name. Paths are not allowed.
 *
 * @throws {MimeError} MB_MIME_FILENAME for path separators, control characters, `.` and `..`, or over 1,000 characters.
 */
export function checkFilename(filename: string): void {
  if (!/^(?!\.\.?$)[^\0-\x1f\x7f/\\]{1,1000}$/.test(filename)) {
    throw new MimeError(
      'MB_MIME_FILENAME',
      'A file name must have 1 to 1,000 characters without path separators and control characters.',
    );
  }
}

/** The file name in ASCII for readers without RFC 2231: without accents, other characters replaced by `_`. */
export function asciiFilename(filename: string): string {
  if (/^[ -~]*$/.test(filename) && filename.length <= 60 && !filename.includes('=?')) return filename;
  const ascii = filename
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^ !#-.0-9@-[\]-~]+|=\?/g, '_');
  const dot = ascii.lastIndexOf('.');
  const ending = dot > 0 && ascii.length - dot <= 10 ? ascii.slice(dot) : '';
  return ascii.slice(0, ascii.length - ending.length).slice(0, 60 - ending.length) + ending;
}
