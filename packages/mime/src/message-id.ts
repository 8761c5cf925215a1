import { MimeError, type MimeErrorCode } from './errors.ts';

/**
 * Checks a message identifier and returns it in angle brackets (RFC 5322 §3.6.4).
 *
 * @param id  With or without the brackets.
 * @throws {MimeError} MB_MIME_MESSAGE_ID when it is empty, holds white space, brackets or non-ASCII, or is over 900 octets.
 */
export function formatMessageId(id: string): string {
  return formatIdentifier(id, 900, 'A message identifier', 'MB_MIME_MESSAGE_ID');
}

/** Puts an identifier in angle brackets; it is one run of at most `max` printable ASCII characters. */
export function formatIdentifier(id: string, max: number, what: string, code: MimeErrorCode): string {
  const inner = withoutBrackets(id);
  if (/^[!-;=?-~]+$/.test(inner) && inner.length <= max) return `<${inner}>`;
  throw new MimeError(code, `${what} is one run of at most ${max} printable ASCII characters.`);
}

/** What stands between angle brackets, or a text without them. */
export function withoutBrackets(text: string): string {
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

/**
 * Makes a unique Message-ID: time and random characters on the left, the sender's domain on the right.
 *
 * @param domain  The domain of the sender in ASCII; no host name gets in.
 * @param nowMs  Milliseconds since 1970.
 * @param unique  Random hexadecimal digits, 20 or more for uniqueness.
 */
export function createMessageId(domain: string, nowMs: number, unique: string): string {
  return `<${Math.floor(nowMs).toString(36)}.${unique}@${domain}>`;
}

const HEX_PAIRS = /* @__PURE__ */ Array.from({ length: 256 }, (_, octet) =>
  octet.toString(16).padStart(2, '0'),
);

/** The octets from `start` to `end` in hexadecimal. */
export function hex(octets: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += HEX_PAIRS[octets[i]!]!;
  return text;
}
