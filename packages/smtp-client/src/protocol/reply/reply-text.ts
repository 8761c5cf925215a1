/** One line of a reply after its code. */
export interface ReplyText {
  /** Decoded from UTF-8; control characters are replaced. */
  readonly text: string;
  /** The enhanced status code at its beginning (RFC 2034 §4), of any class. */
  readonly status: string | undefined;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const statusPattern = /^[245]\.\d{1,3}\.\d{1,3}(?=[ \t]|$)/;
// C1 controls too: U+009B is ESC [ for many terminals.
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * Decodes the text of a reply in `octets` from `start` to `end`.
 *
 * @example
 * readText(new TextEncoder().encode('2.1.5 ok'), 0, 8) // { text: '2.1.5 ok', status: '2.1.5' }
 */
export function readText(octets: Uint8Array, start: number, end: number): ReplyText {
  const text = decoder.decode(octets.subarray(start, end)).replace(controls, '\ufffd');
  return { text, status: statusPattern.exec(text)?.[0] };
}
