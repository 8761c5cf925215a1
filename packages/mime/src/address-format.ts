import {
  addressText,
  checkMailbox,
  type Group,
  invalidAddress,
  type Mailbox,
  NAME_INSIDE,
  NO_MEMBERS,
  quoteLocalPart,
  toCanonical,
  toWire,
} from './address.ts';
import { readMailbox } from './address-list.ts';
import { checkOptions, flag, type OptionTable } from './argument.ts';

/**
 * Formats an address for MAIL FROM and RCPT TO: a non-ASCII domain becomes A-labels, and the local part is quoted where
 * it must be.
 *
 * @param mailbox  A mailbox as `parseMailbox` or `parseMessage` returns it; only `address` is read.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH or MB_MIME_DOMAIN if the address is invalid.
 * @example wireAddress(parseMailbox('joe@faß.de')) // 'joe@xn--fa-hia.de'
 */
export function wireAddress(mailbox: { readonly address: string }): string {
  return toWire(checked(mailbox));
}

/**
 * Formats an address for comparison: the local part keeps its case and is quoted only where it must be, and the domain
 * is in lower-case A-labels.
 *
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX if the local part has control characters, or if `localPart` or `domain` is
 *   not a string; MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN.
 * @example canonicalAddress(parseMailbox('"Joe"@Example.COM')) // 'Joe@example.com'
 */
export function canonicalAddress(mailbox: { readonly localPart: string; readonly domain: string }): string {
  if (typeof mailbox?.localPart !== 'string' || typeof mailbox.domain !== 'string') {
    throw invalidAddress(mailbox, 'expected an object with localPart and domain');
  }
  const { localPart, domain } = mailbox;
  checkMailbox({ address: `${quoteLocalPart(localPart)}@${domain}`, localPart, domain }, 'as-received');
  return toCanonical(mailbox);
}

/** Options of {@link formatAddress}. */
export interface FormatAddressOptions {
  /** Write non-ASCII names unencoded (RFC 6532); default false. */
  readonly utf8?: boolean | undefined;
}

/** The checks of {@link FormatAddressOptions}. */
export const formatAddressOptions = { utf8: flag } satisfies OptionTable<FormatAddressOptions>;

/**
 * Formats a mailbox or a group as header text, without folding.
 *
 * Parses the address first, so that the output is exactly one address. Accepts what `addresses: 'as-received'` accepts.
 *
 * @param address  A mailbox, or a group with its members.
 * @throws {MimeError} MB_MIME_HEADER_VALUE if the name has a line break; MB_MIME_ADDRESS_SYNTAX,
 *   MB_MIME_ADDRESS_COUNT, MB_MIME_ADDRESS_LENGTH or MB_MIME_DOMAIN if the address is invalid.
 * @example formatAddress({ name: 'Doe, J.', address: 'j@example.com' }) // '"Doe, J." <j@example.com>'
 */
export function formatAddress(
  address: Mailbox | Group | { readonly name?: string; readonly address: string },
  options: FormatAddressOptions = {},
): string {
  checkOptions(options, formatAddressOptions, 'formatAddress: options');
  if (typeof address === 'object' && address !== null && 'members' in address) {
    const { name, members } = address;
    if (!Array.isArray(members)) throw invalidAddress(members, NO_MEMBERS);
    return write({ name, members: members.map(checked) }, options.utf8);
  }
  return write(checked(address), options.utf8);
}

function write(address: Mailbox | Group, utf8: boolean | undefined): string {
  return addressText([address], utf8);
}

/** Parses and checks the address of a mailbox. */
function checked(mailbox: { readonly name?: string; readonly address: string }): Mailbox {
  if (typeof mailbox?.address !== 'string') throw invalidAddress(mailbox);
  const { name: unwanted, ...read } = readMailbox(mailbox.address, 'as-received');
  if (unwanted !== undefined) throw invalidAddress(mailbox.address, NAME_INSIDE);
  return mailbox.name === undefined ? read : { name: mailbox.name, ...read };
}
