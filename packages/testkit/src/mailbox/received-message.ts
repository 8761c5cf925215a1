import PostalMime from 'postal-mime';

/** An attachment of a message. */
export interface ReceivedAttachment {
  /** Empty if the part has none. */
  readonly filename: string;
  readonly contentType: string;
  /** Without angle brackets; undefined if the part has none. */
  readonly contentId?: string;
  readonly disposition: 'attachment' | 'inline';
  readonly content: Uint8Array;
}

/** Selects links; all given conditions must hold. */
export interface LinkFilter {
  /** The host name of the link. */
  readonly host?: string | undefined;
  /** A string or pattern that occurs in the link. */
  readonly match?: RegExp | string | undefined;
}

/** A received message, with methods for tests. */
export interface ReceivedMessage {
  /** The reverse-path; empty for the null reverse-path. */
  readonly from: string;
  /** Envelope recipients, including Bcc, in lower case. */
  readonly to: readonly string[];
  readonly subject: string;
  /** The text part; empty if there is none. */
  readonly text: string;
  /** The HTML part; empty if there is none. */
  readonly html: string;
  /** Returns the decoded values of a header field; empty if there is none. */
  header(name: string): readonly string[];
  readonly attachments: readonly ReceivedAttachment[];
  /** Returns the http, https and mailto links, each once: those of the HTML in order, then those of the text. */
  links(filter?: LinkFilter): string[];
  /**
   * Returns the confirmation codes in the text, or without text in the HTML, each once: 4 to 8 digits, or two groups of
   * 2 to 4 digits, which are joined. Digits in links are ignored.
   *
   * @param pattern  Another pattern for a code, such as `/\b[A-Z]{6}\b/`; its first group, if any, is the code.
   */
  codes(pattern?: RegExp): string[];
  /** The octets as received; empty for a message that was given to a broker double as an object. */
  readonly raw: Uint8Array;
}

/** The data of a message, from which its methods are made. */
export type MessageFacts = Omit<ReceivedMessage, 'links' | 'codes' | 'header'> & {
  readonly headers: readonly (readonly [name: string, value: string])[];
};

/** Parses a received message. */
export async function readReceived(
  raw: Uint8Array,
  envelope: { readonly from: string; readonly to: readonly string[] },
): Promise<ReceivedMessage> {
  const mail = await PostalMime.parse(raw).catch(() => undefined);
  const to = envelope.to.map((address) => address.toLowerCase());
  if (!mail) {
    // A message that cannot be parsed is kept, with its octets only.
    const nothing = { subject: '', text: '', html: '', headers: [], attachments: [] };
    return receivedMessage({ ...nothing, from: envelope.from, to, raw });
  }
  return receivedMessage({
    from: envelope.from,
    to,
    subject: mail.subject ?? '',
    text: (mail.text ?? '').replace(/\r\n/g, '\n'),
    html: mail.html ?? '',
    headers: mail.headers.map(({ originalKey, key, value }) => [originalKey ?? key, value] as const),
    attachments: mail.attachments.map(({ filename, mimeType, contentId, disposition, content }) => ({
      filename: filename ?? '',
      contentType: mimeType,
      ...(contentId && { contentId: contentId.replace(/^<|>$/g, '') }),
      disposition: disposition === 'inline' ? 'inline' : 'attachment',
      content: typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content),
    })),
    raw,
  });
}

/** Adds the methods to the data of a message. */
export function receivedMessage({ headers, ...facts }: MessageFacts): ReceivedMessage {
  return {
    ...facts,
    header: (name) =>
      headers.flatMap(([field, value]) => (field.toLowerCase() === name.toLowerCase() ? [value] : [])),
    links: (filter) => linksOf(facts, filter),
    codes: (pattern) => codesOf(facts, pattern),
  };
}

const url = /\b(?:https?:\/\/|mailto:)[^\s<>"'`\u0000-\u001f]+/gi;

function linksOf(
  { html, text }: Pick<MessageFacts, 'html' | 'text'>,
  { host, match }: LinkFilter = {},
): string[] {
  const inHtml = Array.from(
    html.matchAll(/\bhref\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi),
    (found) => unescapeHtml(found[1] ?? found[2] ?? found[3] ?? '').trim(),
  ).filter((link) => /^(?:https?:\/\/|mailto:)/i.test(link));
  // Punctuation at the end belongs to the sentence, not to the link.
  const inText = Array.from(text.matchAll(url), ([link]) => link.replace(/[.,;:!?)\]]{1,9}$/, ''));
  return [...new Set([...inHtml, ...inText])].filter((link) => {
    if (host !== undefined && (!URL.canParse(link) || new URL(link).hostname !== host.toLowerCase()))
      return false;
    if (match === undefined) return true;
    return typeof match === 'string'
      ? link.includes(match)
      : new RegExp(match.source, match.flags.replace(/[gy]/g, '')).test(link);
  });
}

function codesOf({ html, text }: Pick<MessageFacts, 'html' | 'text'>, pattern?: RegExp): string[] {
  const plain = (text === '' ? textOf(html) : text).replace(url, ' ');
  if (pattern) {
    const flags = pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`;
    return [
      ...new Set(
        Array.from(plain.matchAll(new RegExp(pattern.source, flags)), (found) => found[1] ?? found[0]),
      ),
    ];
  }
  const groups = plain.matchAll(/(?<![\w.,:/-])(?:\d{4,8}|\d{2,4}[ -]\d{2,4})(?![\w:/-]|[.,]\d)/g);
  return [...new Set(Array.from(groups, ([code]) => code.replace(/[ -]/g, '')))];
}

/** Extracts the text of HTML; only good enough to search it for codes. */
function textOf(html: string): string {
  const outside = html.split(/<\/?(?:style|script)\b[^<>]*>/i).filter((_, i) => i % 2 === 0);
  return unescapeHtml(outside.join(' ').replace(/<[^<>]*>/g, ' '));
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return entities[name.toLowerCase()] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
