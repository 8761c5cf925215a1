import { MimeError, type MimeErrorCode } from './errors.ts';
import { utf8Length } from './utf8.ts';

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
  const inner = typeof id === 'string' ? withoutBrackets(id) : '';
  if (/^[!-;=?-~]+$/.test(inner) && inner.length <= max) return `<${inner}>`;
  throw new MimeError(code, `${what} is one run of at most ${max} printable ASCII characters.`);
}

/** Longest identifier that fits on a line (RFC 5322 §2.1.1): 998 octets with a space and the brackets. */
const MAX_IDENTIFIER = 995;

/**
 * Checks the identifier of another message, as it was received, and returns it in angle brackets.
 *
 * An answer repeats what it answers (RFC 5322 §3.6.4), UTF-8 included (RFC 6532 §3.3), also where the standard wants
 * another form.
 *
 * @throws {MimeError} MB_MIME_MESSAGE_ID when it is empty, holds controls, or brackets outside quotes, or fits on no line.
 */
export function formatReference(id: string): string {
  const inner = typeof id === 'string' ? withoutBrackets(id) : '';
  if (isRepeatable(inner)) return `<${inner}>`;
  throw new MimeError(
    'MB_MIME_MESSAGE_ID',
    `The identifier of a message has at most ${MAX_IDENTIFIER} octets without control characters and brackets.`,
  );
}

/** Whether an answer can repeat an identifier; RFC 5322 §4.5.4: its left side may be quoted. */
function isRepeatable(inner: string): boolean {
  return (
    /^(?:"[^\0-\x1f\x7f"]*"@)?[^\0-\x1f\x7f<>]+$/.test(inner) &&
    inner.isWellFormed() &&
    utf8Length(inner) <= MAX_IDENTIFIER
  );
}

/** The text between angle brackets, or all of it where there are none. */
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

/** Identifiers of a field, and whether something was wrong with it. */
export interface IdentifierReading {
  /** In angle brackets. */
  readonly identifiers: readonly string[];
  readonly defect: boolean;
}

/**
 * Reads the identifiers of Message-ID, In-Reply-To, References or Content-ID (RFC 5322 §3.6.4, §4.5.4), and never throws.
 *
 * Comments and phrases are left out. Without any angle brackets, words with an `@` are identifiers, and so is a single
 * word; that is a defect, and so is white space inside an identifier.
 *
 * @param value  The unfolded value.
 */
export function readIdentifiers(value: string): IdentifierReading {
  const identifiers: string[] = [];
  let defect = false;
  let other = '';
  // Where no closing character is left, a search would look through the rest each time.
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
