/**
 * Makes text from DNS or the caller safe for messages on a terminal, in a log and in a bounce: it is quoted, on one line,
 * without control characters, and cut to `maxLength`.
 *
 * Names and TXT records may contain any octets (RFC 2181 §11), such as escape sequences and line breaks. C0, DEL, C1, line
 * and paragraph separators, bidirectional controls and lone surrogates become `\\u{…}`. For anything that is not a string,
 * it returns the type.
 */
export function printable(value: unknown, maxLength = 80): string {
  return typeof value === 'string'
    ? `"${escapeControls(value.slice(0, maxLength))}"`
    : `a value of type ${typeof value}`;
}

/** Like {@link printable}, but without quotes and limit. */
export function escapeControls(text: string): string {
  return plain.test(text)
    ? text
    : text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

const plain = /^[\x20-\x7e]*$/;
const unprintable =
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;
