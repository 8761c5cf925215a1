import { withoutComments } from './comment.ts';
import { decodeParameters, type ParameterizedValue } from './parameter.ts';

const SOUND = /^[!#$%&'*+.\w^`{|}~-]+\/[!#$%&'*+.\w^`{|}~-]+$/;

/** A type with quotes, white space, backslashes or a comma around its tokens, and the rest of the field. */
const ODD =
  /^["\s]*([!#$%&*+.\w^`{|}~-]+)["\s\\]*\/["\s\\]*([!#$%&*+.\w^`{|}~-]+)(?=["\s,;\\]|$)["\s\\,;]*(.*)$/s;

/**
 * Reads a received Content-Type field; `sound` is false if its type does not have the form of RFC 2045 §5.1.
 *
 * An unreadable type counts as `text/plain` (RFC 2045 §5.2). QUIRK(several senders): `text / html`, `"text/html"`,
 * `text/html,`, `text\/html`, and no semicolon before the parameters.
 */
export function readMediaType(text: string): { readonly type: ParameterizedValue; readonly sound: boolean } {
  const type = decodeParameters(text);
  if (SOUND.test(type.value)) return { type, sound: true };
  const [, top, subtype, rest] = ODD.exec(withoutComments(text)) ?? [];
  const readable = top === undefined ? undefined : decodeParameters(`${top}/${subtype};${rest}`);
  return { type: readable ?? { value: 'text/plain', parameters: type.parameters }, sound: false };
}

/** Reads a Content-Transfer-Encoding field: its first word in lower case, without comments and quotes (RFC 2045 §6.1). */
export function readTransferEncoding(text: string): string {
  if (/^[\w-]+$/.test(text)) return text.toLowerCase();
  return /^["\s]*([^\s",]*)/.exec(decodeParameters(text).value)![1]!;
}
