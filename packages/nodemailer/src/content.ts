import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ContentInput } from '@mb/mime';
import { messageError, NodemailerBridgeError } from './errors.ts';
import type { BodyOption, ContentOption } from './nodemailer-message.ts';
import { fetchContent, type RemoteContentOptions } from './remote-content.ts';

/** What content may be read from. */
export interface ContentAccess {
  /** Whether files may be read. */
  readonly files: boolean;
  /** Whether and how URLs may be fetched. */
  readonly urls: RemoteContentOptions | false;
  readonly signal: AbortSignal | undefined;
}

/** The content of a part, and its type if it came from a `data:` URL. */
export interface FoundContent {
  readonly content: ContentInput;
  readonly contentType?: string;
}

/**
 * Resolves the content of an attachment: text, octets, a stream, or a file that is opened when it is needed.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_CONTENT, MB_NODEMAILER_MESSAGE
 */
export async function findContent(
  option: BodyOption,
  field: string,
  access: ContentAccess,
): Promise<FoundContent> {
  if (!isContentObject(option)) return { content: contentOf(option, undefined, field) };
  const { content, path, href, encoding, httpHeaders } = option;
  const place = typeof path === 'object' && path !== null ? path.path : path;
  for (const [name, where] of [
    ['path', place],
    ['href', href],
  ] as const) {
    if (where === undefined || where === null || (where as unknown) === false || where === '') continue;
    if (typeof where !== 'string') throw messageError(`${field}.${name}`, 'must be a string.');
    if (/^data:/i.test(where)) return readDataUrl(where, `${field}.${name}`);
    if (/^https?:\/\//i.test(where) || name === 'href') {
      if (access.urls === false) throw urlsAreOff(`${field}.${name}`);
      const octets = await fetchContent(where, httpHeaders, access.urls, `${field}.${name}`, access.signal);
      return { content: octets };
    }
    return { content: await fileAt(where, `${field}.${name}`, access) };
  }
  return { content: contentOf(content ?? '', encoding, field) };
}

/** Reads all content, as octets or text. */
export async function readContent(
  option: BodyOption,
  field: string,
  access: ContentAccess,
): Promise<string | Uint8Array> {
  const { content } = await findContent(option, field, access);
  return readWhole(content, field);
}

/** Reads all content that {@link findContent} returned. */
export async function readWhole(content: ContentInput, field: string): Promise<string | Uint8Array> {
  if (typeof content === 'string' || content instanceof Uint8Array) return content;
  const stream = (typeof content === 'function' ? content() : content) as AsyncIterable<Uint8Array | string>;
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  } catch (error) {
    throw unreadable(field, error);
  }
  return Buffer.concat(chunks);
}

/** Reads all content as UTF-8 text. */
export async function readText(option: BodyOption, field: string, access: ContentAccess): Promise<string> {
  const content = await readContent(option, field, access);
  return typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
}

function isContentObject(option: BodyOption): option is ContentOption {
  return (
    typeof option === 'object' &&
    option !== null &&
    !(option instanceof Uint8Array) &&
    !isStream(option) &&
    ['content', 'path', 'href'].some((key) => key in option)
  );
}

function isStream(value: unknown): value is Readable {
  return typeof value === 'object' && value !== null && typeof (value as Readable).pipe === 'function';
}

function contentOf(content: unknown, encoding: string | undefined, field: string): ContentInput {
  if (typeof content === 'string') {
    const name = (encoding ?? 'utf8').toLowerCase().replace(/[-_\s]/g, '');
    if (['utf8', 'ascii', 'usascii'].includes(name)) return content;
    if (Buffer.isEncoding(name)) return new Uint8Array(Buffer.from(content, name));
    throw messageError(
      `${field}.encoding`,
      `must be one of Node's, such as base64, hex or latin1, not ${JSON.stringify(encoding)}.`,
    );
  }
  if (content instanceof Uint8Array) return content;
  if (isStream(content)) return content as AsyncIterable<Uint8Array | string>;
  throw messageError(field, 'must be a string, a Buffer, a stream, or an object with content, path or href.');
}

/** Checks that a file can be opened, and returns a function that opens it. */
async function fileAt(path: string, field: string, { files }: ContentAccess): Promise<ContentInput> {
  if (!files) {
    throw new NodemailerBridgeError(
      'MB_NODEMAILER_CONTENT',
      'invalid-input',
      `${field} names a file, and files are switched off (disableFileAccess, or files: false).`,
      { field },
    );
  }
  try {
    const file = await open(path);
    const isFile = (await file.stat()).isFile();
    await file.close();
    if (!isFile) throw new Error('it is not a file');
  } catch (error) {
    throw unreadable(field, error);
  }
  return () => createReadStream(path);
}

/** RFC 2397 §3 */
function readDataUrl(url: string, field: string): FoundContent {
  const comma = url.indexOf(',');
  if (comma === -1) throw messageError(field, 'is a data: URL without a comma.');
  const [type = '', ...parameters] = url.slice(5, comma).split(';');
  const base64 = parameters.at(-1)?.trim().toLowerCase() === 'base64';
  const data = url.slice(comma + 1);
  let content: Uint8Array;
  try {
    content = base64
      ? Buffer.from(decodeURIComponent(data), 'base64')
      : Buffer.from(percentDecoded(data), 'latin1');
  } catch {
    throw messageError(field, 'is a data: URL with a wrong % sequence.');
  }
  const kept = (base64 ? parameters.slice(0, -1) : parameters).filter((each) => each.trim() !== '');
  const contentType = [type.trim() || 'text/plain', ...kept].join(';');
  return { content: new Uint8Array(content), contentType };
}

/** Decodes to octets, as Latin-1: `%C3%BC` gives two octets, and non-ASCII characters give their UTF-8. */
function percentDecoded(text: string): string {
  const octets = Buffer.from(text, 'utf8').toString('latin1');
  if (/%(?![0-9a-f]{2})/i.test(octets)) throw new URIError('wrong escape');
  return octets.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function urlsAreOff(field: string): NodemailerBridgeError {
  return new NodemailerBridgeError(
    'MB_NODEMAILER_CONTENT',
    'invalid-input',
    `${field} names a URL, and URLs are fetched only on request: fromNodemailer(message, { urls: {} }).`,
    { field },
  );
}

function unreadable(field: string, error: unknown): NodemailerBridgeError {
  const reason = (error as Error).message;
  return new NodemailerBridgeError(
    'MB_NODEMAILER_CONTENT',
    'invalid-input',
    `${field} cannot be read: ${reason}`,
    {
      field,
      cause: error,
    },
  );
}
