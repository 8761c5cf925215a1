import { formatPhrase } from './address.ts';
import { MimeError } from './errors.ts';
import type { FieldWriter } from './header-fields.ts';
import type { ListFields } from './message.ts';

const ONE_CLICK = 'List-Unsubscribe=One-Click';

/**
 * Writes the fields of a mailing list (RFC 2369, RFC 2919, RFC 8058).
 *
 * @throws {MimeError} MB_MIME_LIST_URI for a URI that is neither https nor mailto, or one-click without an https URI.
 */
export function formatListFields(writer: FieldWriter, list: ListFields): void {
  if (list.id !== undefined) writer.raw('List-Id', formatListId(list.id));
  if (list.help !== undefined) writer.raw('List-Help', formatUri(list.help));
  const unsubscribe = [list.unsubscribe ?? []].flat();
  if (unsubscribe.length > 0) writer.raw('List-Unsubscribe', unsubscribe.map(formatUri).join(', '));
  if (list.oneClick === true) {
    if (!unsubscribe.some((uri) => /^<?https:/i.test(uri))) {
      throw new MimeError('MB_MIME_LIST_URI', 'One-click unsubscription needs an https URI (RFC 8058 §3.1).');
    }
    writer.raw('List-Unsubscribe-Post', ONE_CLICK);
  }
  if (list.subscribe !== undefined) writer.raw('List-Subscribe', formatUri(list.subscribe));
  if (list.post !== undefined) writer.raw('List-Post', list.post === 'NO' ? 'NO' : formatUri(list.post)); // RFC 2369 §3.4
  if (list.owner !== undefined) writer.raw('List-Owner', formatUri(list.owner));
  if (list.archive !== undefined) writer.raw('List-Archive', formatUri(list.archive));
}

/** RFC 2919 §2: an optional phrase and the identifier in angle brackets. */
function formatListId(input: string | { readonly name?: string; readonly id: string }): string {
  const { name, id } = typeof input === 'string' ? { name: undefined, id: input } : input;
  const inner = id.startsWith('<') && id.endsWith('>') ? id.slice(1, -1) : id;
  if (
    !/^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(inner.slice(0, 256)) ||
    inner.length > 255
  ) {
    throw new MimeError(
      'MB_MIME_LIST_URI',
      'A list identifier is at most 255 characters in the form of a domain (RFC 2919 §2).',
    );
  }
  return name === undefined || name === '' ? `<${inner}>` : `${formatPhrase(name)} <${inner}>`;
}

/** RFC 2369 §2, RFC 8058 §3.1: one https or mailto URI in angle brackets. */
function formatUri(uri: string): string {
  const inner = uri.startsWith('<') && uri.endsWith('>') ? uri.slice(1, -1) : uri;
  const allowed = /^(?:https:\/\/[!-;=?-~]+|mailto:[!-;=?-~]+)$/i.test(inner) && !inner.includes(',');
  if (!allowed || inner.length > 900) {
    throw new MimeError(
      'MB_MIME_LIST_URI',
      'A list URI is https or mailto, at most 900 characters of ASCII without spaces and commas (percent-encode those).',
    );
  }
  return `<${inner}>`;
}

/** Holds list fields that a caller wrote by hand to the same rules. */
export function checkUnsubscribe(name: string, value: string): void {
  if (name === 'list-unsubscribe') for (const uri of value.split(',')) formatUri(uri.trim());
  if (name === 'list-unsubscribe-post' && value !== ONE_CLICK) {
    throw new MimeError(
      'MB_MIME_LIST_URI',
      `List-Unsubscribe-Post holds ${ONE_CLICK} and nothing else (RFC 8058 §3.1).`,
    );
  }
}
