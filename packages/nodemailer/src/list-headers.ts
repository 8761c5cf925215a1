import { encodeWords } from '@mb/mime';
import { messageError } from './errors.ts';
import type { ListOption } from './nodemailer-message.ts';

interface ListUrl {
  readonly url: string;
  readonly comment: string | undefined;
}

/**
 * Makes header fields of `list` as nodemailer does: `{ help: 'admin@example.com' }` becomes
 * `List-Help: <mailto:admin@example.com>`. A list makes several fields; a list in a list makes one field with several
 * URLs.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE
 */
export function readListHeaders(
  list: Readonly<Record<string, ListOption>> | undefined,
): (readonly [name: string, value: string])[] {
  if (list === undefined || list === null) return [];
  if (typeof list !== 'object') throw messageError('list', 'must be an object.');
  return Object.entries(list).flatMap(([key, option]) => {
    const name = `List-${key
      .trim()
      .toLowerCase()
      .replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase())}`;
    const field = `list.${key}`;
    // RFC 8058 §3.1: its value is not a URL.
    if (name === 'List-Unsubscribe-Post') return [[name, String(option)] as const];
    return [option].flat().flatMap((row) => {
      const value = [row]
        .flat()
        .flatMap((entry) => readUrl(entry as ListOption, field))
        .map((url) => (name === 'List-Id' ? formatId(url) : formatUrl(name, url)))
        .join(', ');
      return value === '' ? [] : [[name, value] as const];
    });
  });
}

function readUrl(option: ListOption, field: string): ListUrl[] {
  if (option === undefined || option === null || option === '') return [];
  if (typeof option === 'string') return [{ url: option, comment: undefined }];
  const { url, comment } = option as { url?: unknown; comment?: unknown };
  if (typeof url !== 'string')
    throw messageError(field, 'must be a URL, { url, comment }, or a list of them.');
  return [{ url, comment: typeof comment === 'string' && comment !== '' ? comment : undefined }];
}

/** RFC 2369 §2: the URL in angle brackets, followed by a comment. */
function formatUrl(name: string, { url, comment }: ListUrl): string {
  // Some receivers read List-Unsubscribe only as the plain URIs of RFC 8058 §3.1.
  const said = name === 'List-Unsubscribe' ? undefined : comment?.replace(/[\r\n]+/g, ' ');
  if (said === undefined) return `<${absolute(url)}>`;
  const written = /^[\x20-\x7e]*$/.test(said) ? said.replace(/[()\\]/g, '\\$&') : encodeWords(said);
  return `<${absolute(url)}> (${written})`;
}

/** RFC 2919 §2 */
function formatId({ url, comment }: ListUrl): string {
  const id = url
    .trim()
    .replace(/^<|>$/g, '')
    .replace(/^[a-z]+:\/{0,2}/i, '');
  if (comment === undefined) return `<${id}>`;
  const said = comment.replace(/[\r\n]+/g, ' ');
  const written = /^[\x20-\x7e]*$/.test(said) ? `"${said.replace(/["\\]/g, '\\$&')}"` : encodeWords(said);
  return `${written} <${id}>`;
}

function absolute(url: string): string {
  const inner = url
    .trim()
    .replace(/^<|>$/g, '')
    .replace(/[\s<>]+/g, '');
  if (/^(?:https?|mailto|ftp):/i.test(inner)) return inner;
  return inner.includes('@') ? `mailto:${inner}` : `http://${inner}`;
}
