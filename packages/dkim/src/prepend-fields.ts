import { DkimError } from './errors.ts';
import { isOctets, isStream, type MessageSource } from './message.ts';
import { checkText } from './option-table.ts';

/** Puts header fields in front of a message, as octets.
 *
 *  {@link signMessage} and {@link sealMessage} give fields as text. Text and octets must not be joined by hand: a
 *  string that is written into a `Uint8Array` becomes zeros, and one that is joined with `+` makes text of the message.
 *
 *  @param fields  Fields, each with its CRLF.
 *  @param message  The message; octets give octets, a stream gives a stream.
 *  @throws {DkimError} MB_DKIM_OPTION when `fields` is no string that ends a line, MB_DKIM_MESSAGE_TYPE.
 *  @example
 *  const signed = prependFields(await signMessage(message, { domain, selector, privateKey }), message);
 */
export function prependFields(fields: string, message: Uint8Array): Uint8Array;
export function prependFields(fields: string, message: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
export function prependFields(fields: string, message: MessageSource): MessageSource {
  if (checkText(fields, 'prependFields: fields') !== '' && !fields.endsWith('\r\n')) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'prependFields: fields must end in CRLF, as signMessage gives them.',
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
