import { DkimError } from './errors.ts';
import { isOctets, isStream, type MessageSource } from './message.ts';
import { checkText } from './option-table.ts';

/**
 * Prepends header fields to a message, as octets.
 *
 * {@link signMessage} and {@link sealMessage} return fields as text. Do not join text and octets directly: a string that is
 * written into a `Uint8Array` becomes zeros, and `+` converts the message to text.
 *
 * @param fields  Fields, each with CRLF.
 * @param message  The message; the result has the same type.
 * @throws {DkimError} MB_DKIM_OPTION when `fields` is not a string that ends in CRLF, MB_DKIM_MESSAGE_TYPE.
 * @example
 * const signed = prependFields(await signMessage(message, { domain, selector, privateKey }), message);
 */
export function prependFields(fields: string, message: Uint8Array): Uint8Array;
export function prependFields(fields: string, message: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
export function prependFields(fields: string, message: MessageSource): MessageSource {
  if (checkText(fields, 'prependFields: fields') !== '' && !fields.endsWith('\r\n')) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'prependFields: fields must end in CRLF, as signMessage returns them.',
    );
  }
  const head = new TextEncoder().encode(fields);
  if (isOctets(message)) {
    const out = new Uint8Array(head.length + message.length);
    out.set(head);
    out.set(message, head.length);
    return out;
  }
  if (!isStream(message)) {
    throw new DkimError(
      'MB_DKIM_MESSAGE_TYPE',
      'prependFields: message must be a Uint8Array that was not transferred, or an AsyncIterable of them.',
    );
  }
  return headThen(head, message);
}

async function* headThen(head: Uint8Array, message: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* message;
}
