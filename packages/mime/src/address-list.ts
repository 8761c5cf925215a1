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
import { nameDecoder } from './address-names.ts';
import { AddressReader } from './address-reader.ts';
import type { NameDecoder } from './address-token.ts';
import { checkOptions, flag, type OptionTable, word } from './argument.ts';
import { describe, MimeError } from './errors.ts';

/** Options of {@link parseAddressList} and {@link parseMailbox}. */
export interface AddressParseOptions {
  /** Decode encoded-words in display names (never in addresses); default true. */
  readonly decodeWords?: boolean | undefined;
  /** `as-received` also accepts addresses in use that the standard forbids; default `strict`. */
  readonly addresses?: AddressForm | undefined;
}

/** The checks of {@link AddressParseOptions}. */
export const addressParseOptions = {
  decodeWords: flag,
  addresses: /* @__PURE__ */ word('strict', 'as-received'),
} satisfies OptionTable<AddressParseOptions>;

/**
 * Parses a list of addresses (RFC 5322 §3.4, with the obsolete forms of §4.4), in time proportional to its length.
 *
 * For text that a user typed. Use {@link parseMailbox} for one address, and `readAddressList` for a received field, which
 * may be damaged.
 *
 * @param text  The addresses, separated by commas.
 * @param options  See {@link AddressParseOptions}.
 * @throws {MimeError} MB_MIME_ADDRESS_SYNTAX, MB_MIME_ADDRESS_LENGTH, MB_MIME_ADDRESS_NESTING, MB_MIME_DOMAIN;
 *   MB_MIME_OPTION for unknown options.
 * @example
 * parseAddressList('Ann <ann@example.com>, team: bob@example.com;')
 */
export function parseAddressList(text: string, options: AddressParseOptions = {}): (Mailbox | Group)[] {
  checkOptions(options, addressParseOptions, 'parseAddressList: options');
  if (typeof text !== 'string') throw invalidAddress(text);
  return readStrictly(text, options.addresses, options.decodeWords === false ? undefined : nameDecoder());
}

/**
 * Parses exactly one mailbox.
 *
 * @param text  `ann@example.com` or `Ann <ann@example.com>`.
 * @param options  See {@link AddressParseOptions}.
 * @throws {MimeError} MB_MIME_ADDRESS_COUNT unless the text is one mailbox; otherwise as {@link parseAddressList}.
 * @example parseMailbox('Ann <ann@example.com>').address // 'ann@example.com'
 */
export function parseMailbox(text: string, options?: AddressParseOptions): Mailbox {
  return single(parseAddressList(text, options), text);
}

/** Parses exactly one mailbox that a user typed. Encoded-words are not decoded. */
export function readMailbox(text: string, form?: AddressForm): Mailbox {
  const plain = PLAIN_ADDRESS.test(text) ? text.indexOf('@') : MAX_PATH;
  if (plain <= MAX_LOCAL_PART && text.length <= MAX_PATH)
    return { address: text, localPart: text.slice(0, plain), domain: text.slice(plain + 1) };
  return single(readStrictly(text, form), text);
}

/**
 * Parses a list that must have no fault.
 *
 * @throws {MimeError} as {@link parseAddressList}.
 */
export function readStrictly(text: string, form?: AddressForm, names?: NameDecoder): (Mailbox | Group)[] {
  const reader = new AddressReader(text, { names, received: form === 'as-received' });
  const { fault, addresses } = reader;
  if (fault === 'nesting')
    throw invalidAddress(text, 'comments nest over 100 deep', 'MB_MIME_ADDRESS_NESTING');
  if (fault !== undefined) {
    const what = fault === 'dots' ? `a dot before the @ joins nothing${FORM_HINT}` : 'no address';
    throw invalidAddress(text.slice(reader.faultAt), `${what} at character ${reader.faultAt + 1}`);
  }
  for (let i = reader.plain; i < addresses.length; i++) {
    const one = addresses[i]!;
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
