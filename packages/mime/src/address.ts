import { checkAsciiDomain, checkLiteral, domainForWire, domainToAscii } from './domain.ts';
import { encodeWords, needsEncoding, PLAIN_PHRASE } from './encoded-word.ts';
import { MimeError, unfitValue } from './errors.ts';
import { isAscii, utf8Length } from './utf8.ts';

/** One mailbox (RFC 5322 §3.4). */
export interface Mailbox {
  /** The display name as text, without quotes or encoded-words. */
  readonly name?: string;
  /** The addr-spec as given: quoted where it was quoted, comments and folding left out. */
  readonly address: string;
  /** The part before the @ as content: without quotes and backslashes. */
  readonly localPart: string;
  /** The part after the @ as given. */
  readonly domain: string;
}

/** A group (RFC 5322 §3.4), for example `undisclosed-recipients:;`. */
export interface Group {
  readonly name: string;
  readonly members: readonly Mailbox[];
}

/** What a caller may give for one mailbox: `'Ann <ann@example.com>'`, or the name and the address apart. */
export type MailboxInput = string | { readonly name?: string; readonly address: string };

/** A mailbox or a group to be written. */
export type AddressInput =
  | MailboxInput
  | { readonly name: string; readonly members: readonly MailboxInput[] };

/** Octets before the @. */
export const MAX_LOCAL_PART = 64; // RFC 5321 §4.5.3.1.1
/** Octets of an address. */
export const MAX_PATH = 254; // RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets

/**
 * Makes a mailbox of a local part (content, unquoted) and a domain, and checks both.
 *
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN.
 */
export function checkMailbox(mailbox: Mailbox): Mailbox {
  const { localPart, domain, address } = mailbox;
  if (/[\0-\x1f\x7f]/.test(address) || !address.isWellFormed()) {
    throw new MimeError(
      'MB_MIME_ADDRESS_SYNTAX',
      'An address holds no control characters or lone surrogates.',
    );
  }
  if (
    utf8Length(address) - utf8Length(domain) - 1 > MAX_LOCAL_PART ||
    utf8Length(localPart) > MAX_LOCAL_PART
  ) {
    throw new MimeError(
      'MB_MIME_ADDRESS_LENGTH',
      `The part before the @ has at most ${MAX_LOCAL_PART} octets.`,
    );
  }
  if (domain.startsWith('[')) checkLiteral(domain);
  else if (isAscii(domain)) checkAsciiDomain(domain);
  else domainToAscii(domain);
  if (utf8Length(address) > MAX_PATH || wireAddress(mailbox).length > MAX_PATH) {
    throw new MimeError('MB_MIME_ADDRESS_LENGTH', `An address has at most ${MAX_PATH} octets.`);
  }
  return mailbox;
}

/**
 * The address as MAIL FROM and RCPT TO take it: as given, with a non-ASCII domain in A-labels.
 *
 * @example wireAddress(parseMailbox('joe@faß.de')) // 'joe@xn--fa-hia.de'
 */
export function wireAddress(mailbox: Mailbox): string {
  const { address, domain } = mailbox;
  return isAscii(domain) ? address : address.slice(0, -domain.length) + domainForWire(domain);
}

/**
 * The form of an address that can be compared: the local part quoted only when it must be, its case kept, the domain
 * lower-case in A-labels.
 *
 * @throws {MimeError} MB_MIME_DOMAIN.
 * @example canonicalAddress(parseMailbox('"Joe"@Example.COM')) // 'Joe@example.com'
 */
export function canonicalAddress(mailbox: { readonly localPart: string; readonly domain: string }): string {
  return `${quoteLocalPart(mailbox.localPart)}@${domainToAscii(mailbox.domain)}`;
}

const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff}-]+)*$/u;

/** Writes a local part: as a dot-atom where it is one, else as a quoted-string (RFC 5321 §4.1.2). */
export function quoteLocalPart(localPart: string): string {
  return DOT_ATOM.test(localPart) ? localPart : quoteString(localPart);
}

function quoteString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Writes a display name as a phrase: bare, quoted only when it must be, or as encoded-words (RFC 2047 §5).
 *
 * @param name  Any text without CR, LF and NUL.
 * @param options.utf8  Write non-ASCII as it is (RFC 6532).
 * @throws {MimeError} MB_MIME_HEADER_VALUE for CR, LF or NUL.
 * @example formatPhrase('Doe, J.') // '"Doe, J."'
 */
export function formatPhrase(
  name: string,
  options?: { readonly utf8?: boolean; readonly column?: number },
): string {
  if (PLAIN_PHRASE.test(name) && !needsEncoding(name)) return name;
  if (/[\0\r\n]/.test(name)) throw unfitValue('a display name');
  const quotable = options?.utf8 === true ? /^[^\0-\x1f\x7f]*$/.test(name) : !needsEncoding(name);
  // Quotes do not keep text that looks like an encoded-word from being decoded, and a long run has to be folded.
  if (quotable && name.length <= MAX_QUOTED_NAME && !name.includes('=?'))
    return quoteString(name.toWellFormed());
  return encodeWords(name, { context: 'phrase', column: options?.column ?? 0 });
}

/** A longer name goes out in encoded-words, which fold anywhere. */
const MAX_QUOTED_NAME = 200;

/**
 * Writes a mailbox or a group as header text, unfolded.
 *
 * @param address  A mailbox, or a group with its members.
 * @param options.utf8  Write non-ASCII names as they are (RFC 6532); default encoded-words.
 * @throws {MimeError} MB_MIME_HEADER_VALUE for a name with a line break.
 * @example formatAddress({ name: 'Doe, J.', address: 'j@example.com' }) // '"Doe, J." <j@example.com>'
 */
export function formatAddress(
  address: Mailbox | Group | { readonly name?: string; readonly address: string },
  options?: { readonly utf8?: boolean },
): string {
  if ('members' in address) {
    const members = address.members.map((member) => formatAddress(member, options));
    return `${formatPhrase(address.name, options)}:${members.length > 0 ? ` ${members.join(', ')}` : ''};`;
  }
  const addrSpec = 'domain' in address ? wireAddress(address) : address.address;
  return address.name === undefined || address.name === ''
    ? addrSpec
    : `${formatPhrase(address.name, options)} <${addrSpec}>`;
}
