import { writePhrase } from './address.ts';
import { checkText } from './argument.ts';
import { MimeError } from './errors.ts';
import type { FieldWriter } from './header-fields.ts';
import type { ListFields } from './message.ts';
import { withoutBrackets } from './message-id.ts';

const ONE_CLICK = 'List-Unsubscribe=One-Click';

/**
 * Writes the fields of a mailing list (RFC 2369, RFC 2919, RFC 8058).
 *
 * @throws {MimeError} MB_MIME_LIST_URI for an invalid list identifier, for a URI that is neither https nor mailto, and
 *   for one-click unsubscribe without an https URI; MB_MIME_OPTION for an identifier that is not a string.
 */
export function formatListFields(writer: FieldWriter, list: ListFields): void {
  if (list.id !== undefined) writer.raw('List-Id', formatListId(list.id));
  for (const name of ['Help', 'Unsubscribe', 'Subscribe', 'Post', 'Owner', 'Archive']) {
    const input = list[name.toLowerCase() as Exclude<keyof ListFields, 'id' | 'oneClick'>];
    const uris = [input ?? []].flat();
    // RFC 2369 §3.4: `NO` means that posting is not allowed.
    const value = name === 'Post' && input === 'NO' ? input : uris.map(formatUri).join(', ');
    if (value !== '') writer.raw(`List-${name}`, value);
    if (name === 'Unsubscribe' && list.oneClick === true) {
      // RFC 8058 §3.1
      if (!uris.some((uri) => /^<?https:/i.test(uri)))
        throw invalidUri('One-click unsubscribe needs an https URI.');
      writer.raw('List-Unsubscribe-Post', ONE_CLICK);
    }
  }
}

function invalidUri(message: string): MimeError {
  return new MimeError('MB_MIME_LIST_URI', message);
}

/** RFC 2919 §2: an optional phrase and the identifier in angle brackets. */
function formatListId(input: string | { readonly name?: string | undefined; readonly id: string }): string {
  const { name, id } =
    typeof input === 'string'
      ? { name: undefined, id: input }
      : ((input ?? {}) as Exclude<typeof input, string>);
  checkText(id, 'list.id');
  const inner = withoutBrackets(id);
  if (inner.length > 255 || !/^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(inner))
    throw invalidUri('A list identifier is at most 255 characters in the form of a domain.');
  return `${name !== undefined && name !== '' ? `${writePhrase(name)} ` : ''}<${inner}>`;
}

/** RFC 2369 §2, RFC 8058 §3.1: one https or mailto URI in angle brackets. */
function formatUri(uri: string): string {
  const inner = withoutBrackets(uri);
  if (inner.length > 900 || !/^(?:https:\/\/|mailto:)[!-+.-;=?-~-]+$/i.test(inner))
    throw invalidUri('A list URI is https or mailto, at most 900 printable ASCII characters without commas.');
  return `<${inner}>`;
}

/** Applies the same rules to List-Unsubscribe fields among the custom fields. */
export function checkUnsubscribe(name: string, value: string): void {
  if (name === 'list-unsubscribe') for (const uri of value.split(',')) formatUri(uri.trim());
  if (name === 'list-unsubscribe-post' && value !== ONE_CLICK)
    throw invalidUri(`List-Unsubscribe-Post holds ${ONE_CLICK}.`);
}
