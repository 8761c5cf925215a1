import { withoutComments } from './comment.ts';
import { decodeParameters, type ParameterizedValue } from './parameter.ts';

const SOUND = /^[!#$%&'*+.\w^`{|}~-]+\/[!#$%&'*+.\w^`{|}~-]+$/;

/** A type whose tokens have quotes, white space, backslashes or a comma around them, and what follows it. */
const ODD =
  /^["\s]*([!#$%&*+.\w^`{|}~-]+)["\s\\]*\/["\s\\]*([!#$%&*+.\w^`{|}~-]+)(?=["\s,;\\]|$)["\s\\,;]*(.*)$/s;

/**
 * Reads a received Content-Type field; `sound` is false where it is not written as RFC 2045 §5.1 wants it.
 *
 * RFC 2045 §5.2: plain text where nothing readable is said. QUIRK(several senders): `text / html`, `"text/html"`,
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
