/**
 * Makes text from DNS or from the caller safe for a sentence, on a terminal, in a log
 * and in the text of a bounce: in quotes, in one line, without control characters, and not longer than `maxLength`.
 *
 * Names and TXT records hold any octets (RFC 2181 §11): an MX name may have an escape sequence or a line break in it.
 * C0, DEL, C1, line and paragraph separators, marks that change the direction of text, and lone surrogates become
 * `\\u{…}`. Anything that is no string is named by its type.
 */
export function printable(value: unknown, maxLength = 80): string {
  return typeof value === 'string'
    ? `"${escapeControls(value.slice(0, maxLength))}"`
    : `a value of type ${typeof value}`;
}

/** {@link printable} without quotes and without a bound, for text of which something else bounds the length. */
export function escapeControls(text: string): string {
  return plain.test(text)
    ? text
    : text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

const plain = /^[\x20-\x7e]*$/;
const unprintable =
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;
