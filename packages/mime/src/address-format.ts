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
 * The address as MAIL FROM and RCPT TO take it: as given, with a non-ASCII domain in A-labels and with a local part in
 * quotes that needs them.
 *
 * @param mailbox  A mailbox as `parseMailbox` or `parseMessage` returns it; other properties than `address` are not
 *   looked at.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN for anything but an address.
 * @example wireAddress(parseMailbox('joe@faß.de')) // 'joe@xn--fa-hia.de'
 */
export function wireAddress(mailbox: { readonly address: string }): string {
  return toWire(checked(mailbox));
}

/**
 * The form of an address that can be compared: the local part quoted only when it must be, its case kept, the domain
 * lower-case in A-labels.
 *
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX for a local part with control characters and for anything but an object
 *   of two strings; MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN.
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

/** How {@link formatAddress} writes. */
export interface FormatAddressOptions {
  /** Write non-ASCII names as they are (RFC 6532); default false, which encodes them. */
  readonly utf8?: boolean | undefined;
}

/** What {@link FormatAddressOptions} accept. */
export const formatAddressOptions = { utf8: flag } satisfies OptionTable<FormatAddressOptions>;

/**
 * Writes a mailbox or a group as header text, unfolded.
 *
 * The address is read before it is written, so that what goes out is one address and nothing beside it. Addresses that
 * were received are written, also where the standard forbids them.
 *
 * @param address  A mailbox, or a group with its members.
 * @throws {MimeError} MB_MIME_HEADER_VALUE for a name with a line break; MB_MIME_ADDRESS_SYNTAX,
 *   MB_MIME_ADDRESS_COUNT, MB_MIME_ADDRESS_LENGTH, MB_MIME_DOMAIN for anything but an address.
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

/** The mailbox, its address read and checked. */
function checked(mailbox: { readonly name?: string; readonly address: string }): Mailbox {
  if (typeof mailbox?.address !== 'string') throw invalidAddress(mailbox);
  const { name: unwanted, ...read } = readMailbox(mailbox.address, 'as-received');
  if (unwanted !== undefined) throw invalidAddress(mailbox.address, NAME_INSIDE);
  return mailbox.name === undefined ? read : { name: mailbox.name, ...read };
}
