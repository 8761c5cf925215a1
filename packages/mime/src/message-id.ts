import { MimeError, type MimeErrorCode } from './errors.ts';
import { utf8Length } from './utf8.ts';

/**
 * Checks a message identifier and returns it in angle brackets (RFC 5322 §3.6.4).
 *
 * @param id  With or without the brackets.
 * @throws {MimeError} MB_MIME_MESSAGE_ID if it is empty or over 900 octets, or contains white space, angle brackets,
 *   control or non-ASCII characters.
 */
export function formatMessageId(id: string): string {
  return formatIdentifier(id, 900, 'A message identifier', 'MB_MIME_MESSAGE_ID');
}

/** Returns an identifier of 1 to `max` printable ASCII characters in angle brackets; throws `code` for another one. */
export function formatIdentifier(id: string, max: number, what: string, code: MimeErrorCode): string {
  const inner = typeof id === 'string' ? withoutBrackets(id) : '';
  if (/^[!-;=?-~]+$/.test(inner) && inner.length <= max) return `<${inner}>`;
  throw new MimeError(code, `${what} is one run of at most ${max} printable ASCII characters.`);
}

/** Longest identifier that fits on a line (RFC 5322 §2.1.1): 998 octets with a space and the brackets. */
const MAX_IDENTIFIER = 995;

/**
 * Checks the identifier of another message, as it was received, and returns it in angle brackets.
 *
 * A reply repeats the identifiers of earlier messages unchanged (RFC 5322 §3.6.4), even if they are invalid; they may
 * contain UTF-8 (RFC 6532 §3.3).
 *
 * @throws {MimeError} MB_MIME_MESSAGE_ID if it is empty or over 995 octets, or contains control characters, or angle
 *   brackets outside quotes.
 */
export function formatReference(id: string): string {
  const inner = typeof id === 'string' ? withoutBrackets(id) : '';
  if (isRepeatable(inner)) return `<${inner}>`;
  throw new MimeError(
    'MB_MIME_MESSAGE_ID',
    `The identifier of a message has at most ${MAX_IDENTIFIER} octets without control characters and brackets.`,
  );
}

/** Whether a reply can repeat an identifier; its left side may be quoted (RFC 5322 §4.5.4). */
function isRepeatable(inner: string): boolean {
  return (
    /^(?:"[^\0-\x1f\x7f"]*"@)?[^\0-\x1f\x7f<>]+$/.test(inner) &&
    inner.isWellFormed() &&
    utf8Length(inner) <= MAX_IDENTIFIER
  );
}

/** Returns the text without the angle brackets around it, if there are any. */
export function withoutBrackets(text: string): string {
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

/**
 * Creates a unique Message-ID from the time, random characters and a domain (RFC 5322 §3.6.4).
 *
 * @param domain  The domain of the sender in ASCII; the name of this host is not used.
 * @param nowMs  Milliseconds since 1970.
 * @param unique  Random hexadecimal digits, at least 20.
 */
export function createMessageId(domain: string, nowMs: number, unique: string): string {
  return `<${Math.floor(nowMs).toString(36)}.${unique}@${domain}>`;
}

const HEX_PAIRS = /* @__PURE__ */ Array.from({ length: 256 }, (_, octet) =>
  octet.toString(16).padStart(2, '0'),
);

/** Returns the octets from `start` to `end` as lower-case hexadecimal digits. */
export function hex(octets: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += HEX_PAIRS[octets[i]!]!;
  return text;
}

/** The identifiers of a field, and whether the field has a defect. */
export interface IdentifierReading {
  /** In angle brackets. */
  readonly identifiers: readonly string[];
  readonly defect: boolean;
}

/**
 * Reads the identifiers of Message-ID, In-Reply-To, References or Content-ID (RFC 5322 §3.6.4, §4.5.4); never throws.
 *
 * Comments and phrases are skipped. If no identifier has angle brackets, words with an `@` are taken as identifiers, or
 * a single word. Text outside angle brackets and white space inside an identifier are defects.
 *
 * @param value  The unfolded value.
 */
export function readIdentifiers(value: string): IdentifierReading {
  const identifiers: string[] = [];
  let defect = false;
  let other = '';
  // The last closing characters: without one, each search would scan the rest, in quadratic time.
  const last: { readonly [opening: string]: number | undefined } = {
    '<': value.lastIndexOf('>'),
    '(': value.lastIndexOf(')'),
    '"': value.lastIndexOf('"'),
  };
  for (let i = 0; i < value.length; i++) {
    const character = value[i]!;
    const lastEnd = last[character] ?? -1;
    // RFC 5322 §4.5.4: the left side may be quoted.
    const from = value.startsWith('<"', i) ? value.indexOf('"', i + 2) : i;
    const end = lastEnd > i ? value.indexOf(value[lastEnd]!, Math.max(from, i) + 1) : -1;
    if (end < 0) {
      if (character !== ',') other += character;
      continue;
    }
    let inner = value
      .slice(i + 1, end)
      .replace(/\t/g, ' ')
      .trim();
    i = end;
    if (character === '"') other += ` ${inner} `;
    if (character !== '<') continue;
    if (!inner.startsWith('"') && inner.includes('<')) {
      inner = inner.slice(inner.lastIndexOf('<') + 1);
      defect = true;
    }
    const repeatable = isRepeatable(inner);
    if (!repeatable || (/\s/.test(inner) && !/^"[^"]*"@\S+$/.test(inner))) defect = true;
    if (repeatable) identifiers.push(`<${inner}>`);
  }
  const words = other.split(/\s+/).filter((word) => word !== '');
  if (identifiers.length === 0) {
    for (const word of words) {
      const id = word.replace(/[<>"]/g, '');
      if (isRepeatable(id) && (words.length === 1 || id.includes('@'))) identifiers.push(`<${id}>`);
    }
  }
  return { identifiers, defect: defect || words.length > 0 };
}
