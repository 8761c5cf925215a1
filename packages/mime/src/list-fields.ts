import { formatPhrase } from './address.ts';
import { MimeError } from './errors.ts';
import type { FieldWriter } from './header-fields.ts';
import type { ListFields } from './message.ts';
import { withoutBrackets } from './message-id.ts';

const ONE_CLICK = 'List-Unsubscribe=One-Click';

/**
 * Writes the fields of a mailing list (RFC 2369, RFC 2919, RFC 8058).
 *
 * @throws {MimeError} MB_MIME_LIST_URI for a URI that is neither https nor mailto, or one-click without an https URI.
 */
export function formatListFields(writer: FieldWriter, list: ListFields): void {
  const { id, help, subscribe, post, owner, archive } = list;
  if (id !== undefined) writer.raw('List-Id', formatListId(id));
  writeUris(writer, 'Help', help);
  writeUris(writer, 'Unsubscribe', list.unsubscribe);
  if (list.oneClick === true) {
    if (![list.unsubscribe].flat().some((uri) => /^<?https:/i.test(uri ?? ''))) {
      throw new MimeError('MB_MIME_LIST_URI', 'One-click unsubscribe needs an https URI.'); // RFC 8058 §3.1
    }
    writer.raw('List-Unsubscribe-Post', ONE_CLICK);
  }
  writeUris(writer, 'Subscribe', subscribe);
  if (post === 'NO')
    writer.raw('List-Post', post); // RFC 2369 §3.4
  else writeUris(writer, 'Post', post);
  writeUris(writer, 'Owner', owner);
  writeUris(writer, 'Archive', archive);
}

function writeUris(writer: FieldWriter, name: string, uris: string | readonly string[] = []): void {
  const written = [uris].flat().map(formatUri);
  if (written.length > 0) writer.raw(`List-${name}`, written.join(', '));
}

/** RFC 2919 §2: an optional phrase and the identifier in angle brackets. */
function formatListId(input: string | { readonly name?: string; readonly id: string }): string {
  const { name, id } = typeof input === 'string' ? { name: undefined, id: input } : input;
  const inner = withoutBrackets(id);
  if (
    !/^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(inner.slice(0, 256)) ||
    inner.length > 255
  ) {
    throw new MimeError(
      'MB_MIME_LIST_URI',
      'A list identifier is at most 255 characters in the form of a domain.',
    );
  }
  return name === undefined || name === '' ? `<${inner}>` : `${formatPhrase(name)} <${inner}>`;
}

/** RFC 2369 §2, RFC 8058 §3.1: one https or mailto URI in angle brackets. */
function formatUri(uri: string): string {
  const inner = withoutBrackets(uri);
  const allowed = /^(?:https:\/\/[!-;=?-~]+|mailto:[!-;=?-~]+)$/i.test(inner) && !inner.includes(',');
  if (!allowed || inner.length > 900) {
    throw new MimeError(
      'MB_MIME_LIST_URI',
      'A list URI is https or mailto, at most 900 printable ASCII characters without commas.',
    );
  }
  return `<${inner}>`;
}

/** Holds list fields that a caller wrote by hand to the same rules. */
export function checkUnsubscribe(name: string, value: string): void {
  if (name === 'list-unsubscribe') for (const uri of value.split(',')) formatUri(uri.trim());
  if (name === 'list-unsubscribe-post' && value !== ONE_CLICK) {
    throw new MimeError('MB_MIME_LIST_URI', `List-Unsubscribe-Post holds ${ONE_CLICK}.`);
  }
}
