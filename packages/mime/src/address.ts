import { checkOptions, flag, integer, type OptionTable } from './argument.ts';
import { domainForWire, domainToAscii } from './domain.ts';
import { needsEncoding, PLAIN_PHRASE, writeWords } from './encoded-word.ts';
import { describe, locate, MimeError, type MimeErrorCode, unfitValue } from './errors.ts';
import { isAscii, utf8Length } from './utf8.ts';

/** One mailbox (RFC 5322 §3.4). */
export interface Mailbox {
  /** The display name as text, without quotes or encoded-words. */
  readonly name?: string;
  /** The addr-spec as given, with its quotes but without comments and folding. */
  readonly address: string;
  /** The part before the @, without quotes and backslashes. */
  readonly localPart: string;
  /** The part after the @ as given. */
  readonly domain: string;
}

/** A group (RFC 5322 §3.4), for example `undisclosed-recipients:;`. */
export interface Group {
  readonly name: string;
  readonly members: readonly Mailbox[];
}

/** One mailbox as a caller gives it: `'Ann <ann@example.com>'`, or an object with name and address. */
export type MailboxInput = string | { readonly name?: string; readonly address: string };

/** A mailbox or a group to be written. */
export type AddressInput =
  | MailboxInput
  | { readonly name: string; readonly members: readonly MailboxInput[] };

/** Most octets before the @. */
export const MAX_LOCAL_PART = 64; // RFC 5321 §4.5.3.1.1
/** Most octets of an address. */
export const MAX_PATH = 254; // RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets

/**
 * Which addresses are accepted: `strict` accepts those that RFC 5321 allows. `as-received` also accepts invalid ones that
 * are in use: with leading, trailing or double dots (some Japanese providers issued these), with over 64 octets before
 * the @, or with a dot after the domain. Such a local part is written in quotes (`"a..b"@example.com`), which is valid
 * and names the same mailbox; the dot after the domain is removed.
 */
export type AddressForm = 'strict' | 'as-received';

/** Added to an error message where `as-received` would help. */
export const FORM_HINT = "; addresses: 'as-received' accepts an address that exists like this";

/** Most octets of a received address, which must fit in an SMTP command (RFC 5321 §4.5.3.1.4). */
const MAX_RECEIVED_PATH = 500;

/** Control characters, white space other than the space, and invisible characters (RFC 8264 §9.13). */
export const INVISIBLE =
  /[\0-\x1f\x7f-\x9f]|(?! )[\p{Z}\p{Cs}]|(?<![\p{L}\p{M}])[\u200c\u200d]|(?![\u200c\u200d])[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

/** Leading, trailing and double dots. */
export const ODD_DOTS = /^\.|\.\.|\.$/;

/** The reason for an object whose address includes a name. */
export const NAME_INSIDE = 'the name belongs in its own property';

/** The reason for a group whose members are not an array. */
export const NO_MEMBERS = 'the members of a group must be an array';

/** The usual address: ASCII atoms joined by dots, and a host name. */
export const PLAIN_ADDRESS =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?$/;

/** The error for a value that is not an address. */
export function invalidAddress(
  value: unknown,
  what = 'expected a string, or an object with name and address',
  code: MimeErrorCode = 'MB_MIME_ADDRESS_SYNTAX',
): MimeError {
  return new MimeError(code, `Invalid address: ${what}. Write name@host or "Name" <name@host>.`, {
    kind: typeof value === 'string' ? 'invalid-input' : 'api-misuse',
    value: describe(value),
  });
}

/**
 * Checks what the syntax does not limit: characters, lengths and the domain.
 *
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN.
 */
export function checkMailbox(mailbox: Mailbox, form: AddressForm = 'strict'): void {
  const { localPart, domain, address } = mailbox;
  if (address.length <= MAX_PATH && localPart.length <= MAX_LOCAL_PART && PLAIN_ADDRESS.test(address)) return;
  if (INVISIBLE.test(address)) {
    throw invalidAddress(address, 'control or invisible characters'); // RFC 6531 §3.3, RFC 8264 §9
  }
  const strict = form === 'strict';
  const local = address.slice(0, -domain.length - 1);
  if (strict && (utf8Length(local) > MAX_LOCAL_PART || utf8Length(localPart) > MAX_LOCAL_PART)) {
    throw tooLong(`${MAX_LOCAL_PART} octets before the @${FORM_HINT}`, address);
  }
  try {
    domainToAscii(domain);
  } catch (error) {
    throw locate(error, { value: describe(address) });
  }
  const most = strict ? MAX_PATH : MAX_RECEIVED_PATH;
  if (utf8Length(address) > most || toWire(mailbox).length > most) {
    throw tooLong(`${most} octets`, address);
  }
}

function tooLong(octets: string, address: string): MimeError {
  return invalidAddress(address, `over ${octets}`, 'MB_MIME_ADDRESS_LENGTH');
}

/** {@link wireAddress} for a checked mailbox. */
export function toWire(mailbox: Mailbox): string {
  const { address, domain, localPart } = mailbox;
  // RFC 5321 §4.1.2: a local part that is not a dot-string, such as `a..b`, is a quoted-string.
  const quote = !address.startsWith('"') && ODD_DOTS.test(localPart);
  if (!quote && isAscii(domain)) return address;
  const local = quote ? quoteLocalPart(localPart) : address.slice(0, -domain.length - 1);
  return `${local}@${domainForWire(domain)}`;
}

/** {@link canonicalAddress} for a checked mailbox. */
export function toCanonical({ localPart, domain }: Pick<Mailbox, 'localPart' | 'domain'>): string {
  return `${quoteLocalPart(localPart)}@${domainToAscii(domain)}`;
}

const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff}-]+)*$/u;

/** Formats a local part as a dot-atom if possible, otherwise as a quoted-string (RFC 5321 §4.1.2). */
export function quoteLocalPart(localPart: string): string {
  return DOT_ATOM.test(localPart) ? localPart : quoteString(localPart);
}

function quoteString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Options of {@link formatPhrase}. */
export interface PhraseOptions {
  /** Write non-ASCII text unencoded (RFC 6532); default false. */
  readonly utf8?: boolean | undefined;
  /** Characters already on the first line; default 0. */
  readonly column?: number | undefined;
}

/** The checks of {@link PhraseOptions}. */
export const phraseOptions = {
  utf8: flag,
  column: /* @__PURE__ */ integer(0),
} satisfies OptionTable<PhraseOptions>;

/**
 * Formats a display name as a phrase: unquoted if possible, otherwise quoted or as encoded-words (RFC 2047 §5).
 *
 * @param name  Any text without CR, LF and NUL.
 * @throws {MimeError} MB_MIME_HEADER_VALUE if the name is not a string or contains CR, LF or NUL.
 * @example formatPhrase('Doe, J.') // '"Doe, J."'
 */
export function formatPhrase(name: string, options: PhraseOptions = {}): string {
  checkOptions(options, phraseOptions, 'formatPhrase: options');
  return writePhrase(name, options.utf8, options.column);
}

/** {@link formatPhrase} for checked options. */
export function writePhrase(name: string, utf8 = false, column = 0): string {
  if (typeof name !== 'string') throw unfitValue('a display name');
  if (PLAIN_PHRASE.test(name) && !needsEncoding(name)) return name;
  if (/[\0\r\n]/.test(name)) throw unfitValue('a display name');
  const quotable = utf8 ? /^[^\0-\x1f\x7f]*$/.test(name) : !needsEncoding(name);
  // Receivers may decode encoded-words even in quotes, and a long name must be folded.
  if (quotable && name.length <= MAX_QUOTED_NAME && !name.includes('=?'))
    return quoteString(name.toWellFormed());
  return writeWords(name, 'phrase', column);
}

/** A longer name is written as encoded-words, which can be folded anywhere. */
const MAX_QUOTED_NAME = 200;

/** Formats checked addresses as a field value, without folding. */
export function addressText(addresses: readonly (Mailbox | Group)[], utf8?: boolean): string {
  let text = '';
  for (const one of addresses) {
    if (text !== '') text += ', ';
    if ('members' in one) {
      const members = addressText(one.members, utf8);
      text += `${writePhrase(one.name, utf8)}:${members && ` ${members}`};`;
    } else text += one.name ? `${writePhrase(one.name, utf8)} <${toWire(one)}>` : toWire(one);
  }
  return text;
}
