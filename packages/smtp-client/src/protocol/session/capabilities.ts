import { checkType, type Reply } from '../../errors.ts';

/** What a server offered in its reply to EHLO (RFC 5321 §4.1.1.1). */
export interface Capabilities {
  /** The name of the server in the first line. */
  readonly domain: string;
  /** False when the server only knows HELO. */
  readonly esmtp: boolean;
  /** Keywords in upper case with their parameters, in the order of the reply. */
  readonly keywords: ReadonlyMap<string, readonly string[]>;
  /** RFC 2920 */
  readonly pipelining: boolean;
  /** RFC 6152 */
  readonly eightBitMime: boolean;
  /** RFC 6531 */
  readonly smtputf8: boolean;
  /** RFC 3030 §2 */
  readonly chunking: boolean;
  /** RFC 3030 §3 */
  readonly binaryMime: boolean;
  /** RFC 3461 */
  readonly dsn: boolean;
  /** RFC 2034 */
  readonly enhancedStatusCodes: boolean;
  /** RFC 3207 */
  readonly startTls: boolean;
  /** RFC 8689; valid only inside TLS. */
  readonly requireTls: boolean;
  /** RFC 1870: whether SIZE is offered at all. */
  readonly size: boolean;
  /** RFC 1870: the maximum message size in octets; absent if it is not given or 0. */
  readonly maxSize?: number;
  /** RFC 4954: mechanisms in upper case. */
  readonly auth: readonly string[];
  /** RFC 9422 */
  readonly limits: { readonly mailMax?: number; readonly rcptMax?: number; readonly rcptDomainMax?: number };
}

/**
 * Reads capabilities from the reply to EHLO, or to HELO when `esmtp` is false.
 *
 * A keyword is the first token of each line from the second on, in any case; the first line is the server's name.
 *
 * @throws {SmtpError} MB_SMTP_OPTION
 * @example
 * parseCapabilities({ code: 250, lines: ['mx.example.com', 'SIZE 1000', 'PIPELINING'] }).maxSize // 1000
 */
export function parseCapabilities(reply: Reply, esmtp = true): Capabilities {
  const given: Partial<Reply> | null | undefined = reply;
  checkType(
    Array.isArray(given?.lines) && given.lines.every((line) => typeof line === 'string'),
    'parseCapabilities: reply',
    'a reply with the lines of its text',
  );
  const keywords = new Map<string, string[]>();
  for (const line of esmtp ? reply.lines.slice(1) : []) {
    const [first, ...parameters] = line.trim().split(/[ \t]+/);
    if (!first) continue;
    // QUIRK(old Exchange, Lotus): `AUTH=LOGIN` is the draft form of `AUTH LOGIN`; both may be offered.
    const legacy = /^AUTH=(.*)$/i.exec(first);
    const keyword = legacy ? 'AUTH' : first.toUpperCase();
    const values = legacy ? [legacy[1]!, ...parameters].filter(Boolean) : parameters;
    keywords.set(keyword, [...(keywords.get(keyword) ?? []), ...values]);
  }
  const maxSize = parseNumber(keywords.get('SIZE')?.[0]);
  return {
    domain: reply.lines[0]?.trim().split(/[ \t]/, 1)[0] ?? '',
    esmtp,
    keywords,
    pipelining: keywords.has('PIPELINING'),
    eightBitMime: keywords.has('8BITMIME'),
    smtputf8: keywords.has('SMTPUTF8'),
    chunking: keywords.has('CHUNKING'),
    binaryMime: keywords.has('BINARYMIME'),
    dsn: keywords.has('DSN'),
    enhancedStatusCodes: keywords.has('ENHANCEDSTATUSCODES'),
    startTls: keywords.has('STARTTLS'),
    requireTls: keywords.has('REQUIRETLS'),
    size: keywords.has('SIZE'),
    // RFC 1870 §3: 0 means that no fixed maximum is in force.
    ...(maxSize ? { maxSize } : {}),
    auth: [...new Set((keywords.get('AUTH') ?? []).map((mechanism) => mechanism.toUpperCase()))],
    limits: parseLimits(keywords.get('LIMITS') ?? []),
  };
}

/** RFC 9422 §4: parses `NAME=value` tokens; ignores unknown names, and values that are not a positive number. */
function parseLimits(tokens: readonly string[]): Capabilities['limits'] {
  const names = { MAILMAX: 'mailMax', RCPTMAX: 'rcptMax', RCPTDOMAINMAX: 'rcptDomainMax' } as const;
  const limits: { -readonly [K in keyof Capabilities['limits']]: number } = {};
  for (const token of tokens) {
    const at = token.indexOf('=');
    const name = names[token.slice(0, at).toUpperCase() as keyof typeof names];
    const value = parseNumber(token.slice(at + 1));
    if (at > 0 && name !== undefined && value) limits[name] = value;
  }
  return limits;
}

function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
