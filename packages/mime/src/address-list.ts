import {
  type AddressForm,
  checkMailbox,
  FORM_HINT,
  type Group,
  invalidAddress,
  MAX_LOCAL_PART,
  MAX_PATH,
  type Mailbox,
  PLAIN_ADDRESS,
} from './address.ts';
import { AddressReader, type AddressReadingOptions } from './address-reader.ts';
import { recovery } from './address-recovery.ts';
import { checkOptions, flag, type OptionTable, word } from './argument.ts';
import { readWords } from './encoded-word.ts';
import { describe, MimeError } from './errors.ts';

/** How {@link parseAddressList} and {@link parseMailbox} read. */
export interface AddressParseOptions {
  /** Decode encoded-words in display names (never in addresses); default true. */
  readonly decodeWords?: boolean | undefined;
  /** `as-received` accepts addresses that exist though the standard forbids them; default `strict`. */
  readonly addresses?: AddressForm | undefined;
}

/** How {@link parseAddressList} reads. */
export interface AddressListOptions extends AddressParseOptions {
  /** Never throw for the text: make the best of each entry and leave out what holds no address; default false. */
  readonly lenient?: boolean | undefined;
}

/** What {@link AddressListOptions} accept. */
export const addressListOptions = {
  decodeWords: flag,
  addresses: /* @__PURE__ */ word('strict', 'as-received'),
  lenient: flag,
} satisfies OptionTable<AddressListOptions>;

/**
 * Reads a list of addresses (RFC 5322 §3.4, with the obsolete forms of §4.4), in time proportional to its length.
 *
 * Use it where a list is wanted; for one address use {@link parseMailbox}.
 *
 * Received fields are often damaged. With `lenient` the text between two commas becomes the best mailbox that can be
 * made of it: what is in the last angle brackets is the address, what is before them the name.
 *
 * @param text  The unfolded value of a To, Cc or other address field, or what a user typed.
 * @param options  See {@link AddressListOptions}.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_ADDRESS_NESTING, MB_MIME_DOMAIN;
 *   MB_MIME_OPTION for unknown options.
 * @example
 * parseAddressList('Ann <ann@example.com>, team: bob@example.com;')
 * parseAddressList('[EXT] Ann <ann@example.com>', { lenient: true })
 */
export function parseAddressList(text: string, options: AddressListOptions = {}): (Mailbox | Group)[] {
  checkOptions(options, addressListOptions, 'parseAddressList: options');
  if (typeof text !== 'string') throw invalidAddress(text);
  const decode = options.decodeWords === false ? undefined : readWords;
  return options.lenient === true
    ? new AddressReader(text, { decode, recovery }).addresses
    : readStrictly(text, options.addresses, decode);
}

/**
 * Reads exactly one mailbox.
 *
 * @param text  `ann@example.com` or `Ann <ann@example.com>`.
 * @param options  See {@link AddressParseOptions}.
 * @throws {MimeError} MB_MIME_ADDRESS_COUNT for none, several or a group; else as {@link parseAddressList}.
 * @example parseMailbox('Ann <ann@example.com>').address // 'ann@example.com'
 */
export function parseMailbox(text: string, options?: AddressParseOptions): Mailbox {
  return single(parseAddressList(text, options), text);
}

/** Reads exactly one mailbox of what a user typed: text that looks like an encoded-word is that text. */
export function readMailbox(text: string, form?: AddressForm): Mailbox {
  const plain = PLAIN_ADDRESS.test(text) ? text.indexOf('@') : MAX_PATH;
  if (plain <= MAX_LOCAL_PART && text.length <= MAX_PATH)
    return { address: text, localPart: text.slice(0, plain), domain: text.slice(plain + 1) };
  return single(readStrictly(text, form), text);
}

/**
 * Reads a list that has no fault.
 *
 * @throws {MimeError} as {@link parseAddressList}.
 */
export function readStrictly(
  text: string,
  form?: AddressForm,
  decode?: AddressReadingOptions['decode'],
): (Mailbox | Group)[] {
  const reader = new AddressReader(text, { decode, received: form === 'as-received' });
  const { fault, addresses } = reader;
  if (fault === 'nesting')
    throw invalidAddress(text, 'comments nest over 100 deep', 'MB_MIME_ADDRESS_NESTING');
  if (fault !== undefined) {
    const what = fault === 'dots' ? `a dot before the @ joins nothing${FORM_HINT}` : 'no address';
    throw invalidAddress(text.slice(reader.faultAt), `${what} at character ${reader.faultAt + 1}`);
  }
  for (const one of addresses) {
    if ('members' in one) for (const member of one.members) checkMailbox(member, form);
    else checkMailbox(one, form);
  }
  return addresses;
}

function single([mailbox, ...more]: readonly (Mailbox | Group)[], text: string): Mailbox {
  if (mailbox === undefined || more.length > 0 || 'members' in mailbox) {
    throw new MimeError('MB_MIME_ADDRESS_COUNT', 'Expected one mailbox. Give several as an array.', {
      kind: 'invalid-input',
      value: describe(text),
    });
  }
  return mailbox;
}
