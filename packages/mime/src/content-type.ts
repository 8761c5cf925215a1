import { MimeError } from './errors.ts';
import { formatParameter, isToken, type ParameterizedValue, readParameters } from './parameter.ts';

/** Common endings with their media types; an ending without one is that subtype of the type before it. */
const BY_ENDING: ReadonlyMap<string, string> = /* @__PURE__ */ readEndings(
  'application json pdf xml zip doc:msword gz:gzip xls:vnd.ms-excel odt:vnd.oasis.opendocument.text ' +
    'docx:vnd.openxmlformats-officedocument.wordprocessingml.document ' +
    'pptx:vnd.openxmlformats-officedocument.presentationml.presentation ' +
    'xlsx:vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'audio mp3:mpeg',
  'image gif jpeg jpg:jpeg png svg:svg+xml webp',
  'text csv html htm:html ics:calendar md:markdown txt:plain',
  'video mp4',
);

/** Each list is a top-level type and its endings, with `:` and the subtype where that has another name. */
function readEndings(...lists: readonly string[]): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const list of lists) {
    const [top, ...endings] = list.split(' ');
    for (const one of endings) {
      const [ending = '', subtype = ending] = one.split(':');
      types.set(ending, `${top}/${subtype}`);
    }
  }
  return types;
}

/** The media type that a file name's ending stands for; `application/octet-stream` for others. */
export function typeOfFilename(filename: string | undefined): string {
  const ending = filename === undefined ? '' : filename.slice(filename.lastIndexOf('.') + 1).toLowerCase();
  return BY_ENDING.get(ending) ?? 'application/octet-stream';
}

/** What most media types are: two clean tokens and no parameters. */
const BARE_TYPE = /^[\w.+-]+\/[\w.+-]+$/;
const NO_PARAMETERS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map();

/**
 * Reads the media type that a caller gave.
 *
 * @throws {MimeError} MB_MIME_CONTENT_TYPE when it is not `type/subtype` with parameters.
 */
export function readContentType(text: string): ParameterizedValue {
  if (text.length <= 200 && BARE_TYPE.test(text))
    return { value: text.toLowerCase(), parameters: NO_PARAMETERS };
  const { value, written } = readParameters(text);
  const names = value.split('/');
  if (names.length !== 2 || !names.every(isToken) || value.length > 200 || /[\0-\x1f\x7f]/.test(text)) {
    throw new MimeError('MB_MIME_CONTENT_TYPE', 'A content type is type/subtype with parameters.');
  }
  return { value, parameters: new Map(written) };
}

/** Writes a media type or disposition with its parameters, each a piece that a fold may stand before. */
export function formatParameters(value: string, parameters: Iterable<readonly [string, string]>): string {
  let written = value;
  for (const [name, text] of parameters)
    for (const piece of formatParameter(name, text)) written += `; ${piece}`;
  return written;
}

/**
 * Checks a file name: it may travel only as a name, never as a path.
 *
 * @throws {MimeError} MB_MIME_FILENAME for path separators, control characters, `.` and `..`, or over 1,000 characters.
 */
export function checkFilename(filename: string): void {
  if (!/^[^\0-\x1f\x7f/\\]{1,1000}$/.test(filename) || filename === '.' || filename === '..') {
    throw new MimeError(
      'MB_MIME_FILENAME',
      'A file name has 1 to 1,000 characters, no path separators or control characters.',
    );
  }
}

/** The file name in ASCII for readers that do not know RFC 2231: accents dropped, other characters as `_`. */
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
