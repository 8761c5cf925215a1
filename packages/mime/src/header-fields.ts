import {
  type AddressForm,
  type AddressInput,
  addressText,
  type Group,
  invalidAddress,
  type Mailbox,
  type MailboxInput,
  NAME_INSIDE,
  NO_MEMBERS,
} from './address.ts';
import { readMailbox, readStrictly } from './address-list.ts';
import { named } from './address-reader.ts';
import { wrongArgument } from './argument.ts';
import { writeWords } from './encoded-word.ts';
import { type ErrorPlace, locate, MimeError, unfitValue } from './errors.ts';
import { checkHeaderName, FOLD_COLUMN, foldPieces, foldTrusted } from './header-fold.ts';
import type { HeaderInput } from './message.ts';
import { isAscii } from './utf8.ts';

/** Whether non-ASCII text in header fields is encoded (RFC 2047, RFC 2231) or written as UTF-8 (RFC 6532). */
export type HeaderCharset = 'ascii' | 'utf8';

/**
 * Converts an address that a caller gave; a string must contain exactly one. A {@link Mailbox}, which comes from
 * received mail, is accepted as it was received.
 *
 * @param place  Where the address was given, for the error.
 * @throws {MimeError} as {@link readMailbox}.
 */
export function toMailbox(input: MailboxInput, form: AddressForm | undefined, place: ErrorPlace): Mailbox {
  try {
    // Encoded-words are not decoded, since the caller gave text, not a header value.
    if (typeof input === 'string') return readMailbox(input, form);
    if (typeof input?.address !== 'string' || input.name === null) throw invalidAddress(input);
    const mailbox = readMailbox(input.address, 'localPart' in input ? 'as-received' : form);
    if (mailbox.name !== undefined) throw invalidAddress(input.address, NAME_INSIDE);
    return named(input.name, mailbox);
  } catch (error) {
    throw locate(error, place);
  }
}

/** Converts the addresses and groups that a caller gave for the property `field`. */
export function toAddresses(
  field: string,
  input: AddressInput | readonly AddressInput[] | undefined,
  form?: AddressForm,
): (Mailbox | Group)[] {
  if (input === undefined) return [];
  const inputs = Array.isArray(input) ? (input as readonly AddressInput[]) : [input as AddressInput];
  return inputs.map((one, index) => {
    const place = { field, index: inputs === input ? index : undefined };
    if (typeof one !== 'object' || one === null || !('members' in one)) return toMailbox(one, form, place);
    if (!Array.isArray(one.members)) throw locate(invalidAddress(one.members, NO_MEMBERS), place);
    return { name: one.name, members: one.members.map((member) => toMailbox(member, form, place)) };
  });
}

/** Returns all mailboxes of an address field, including those in groups. */
export function mailboxesOf(addresses: readonly (Mailbox | Group)[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const one of addresses) {
    if ('members' in one) for (const member of one.members) mailboxes.push(member);
    else mailboxes.push(one);
  }
  return mailboxes;
}

/** Address fields without a property of their own (RFC 5322 §3.6.6, RFC 8098 §2.1, RFC 9057, RFC 9228). */
const ADDRESS_FIELD =
  /^(?:resent-(?:from|sender|to|cc|reply-to)|(?:disposition-notification|return-receipt|(?:x-)?errors|delivered|mail-reply|mail-followup|apparently|abuse-reports|x-confirm-reading)-to|author)$/;

const CONTENT_FIELD = /^content-(?:type|transfer-encoding|disposition|id)$|^mime-version$/;

/** The error for a custom field that must be set by its own property. */
export function reservedField(name: string): MimeError {
  return new MimeError('MB_MIME_HEADER_RESERVED', `The field ${name} is written from its own property.`);
}

/** Splits an address field before each run of spaces, but not inside a quoted local part. */
function addressPieces(field: string): string[] {
  const kept = field.replace(/"[^"\\]*(?:\\.[^"\\]*)*"@?/g, (quoted) =>
    quoted.endsWith('@') ? quoted.replaceAll(' ', '\0') : quoted,
  );
  return kept.split(/(?<! )(?= )/).map((piece) => piece.replaceAll('\0', ' '));
}

/** Writes header fields, and records whether all of them are ASCII. */
export class FieldWriter {
  text = '';
  ascii = true;
  readonly #utf8: boolean;

  constructor(charset: HeaderCharset) {
    this.#utf8 = charset === 'utf8';
  }

  /** Writes a value without control characters unencoded; a caller with a non-ASCII value sets `ascii` itself. */
  raw(name: string, value: string): void {
    this.text +=
      name.length + 2 + value.length <= FOLD_COLUMN ? `${name}: ${value}\r\n` : foldTrusted(name, value);
  }

  /** Writes an unstructured field: any text without line breaks and NUL (RFC 5322 §2.2.1, RFC 2047 §5 (1)). */
  unstructured(name: string, value: string): void {
    if (typeof value !== 'string' || /[\0\r\n]/.test(value)) throw unfitValue(name);
    if (this.#utf8 && !/[\0-\x1f\x7f]|=\?|^ | {2}| $|[^ ]{240}/.test(value)) {
      this.ascii &&= isAscii(value);
      this.text += foldTrusted(name, value.toWellFormed());
    } else this.raw(name, writeWords(value, 'text', name.length + 2));
  }

  /** Writes an address field, folded between and inside addresses but never inside an addr-spec. */
  addresses(name: string, addresses: readonly (Mailbox | Group)[]): void {
    const value = addressText(addresses, this.#utf8);
    const ascii = isAscii(value);
    this.ascii &&= ascii;
    // Without a quoted local part there is no space inside an addr-spec.
    if (value.includes('"@')) this.text += foldPieces(name, addressPieces(`${name}: ${value}`));
    else if (ascii) this.raw(name, value);
    else this.text += foldTrusted(name, value);
  }

  /** Parses the value before it is written, since an encoded-word must not be part of an address (RFC 2047 §5). */
  #customAddresses(name: string, value: string, form: AddressForm | undefined): void {
    if (typeof value !== 'string' || /[\0\r\n]/.test(value)) throw unfitValue(name);
    try {
      const addresses = readStrictly(value, form);
      if (addresses.length === 0) throw invalidAddress(value, 'no address');
      this.addresses(name, addresses);
    } catch (error) {
      throw locate(error, { field: name });
    }
  }

  /**
   * Writes the caller's own fields in their order.
   *
   * @param check  Called with each name in lower case and its value; throws to refuse a field.
   * @throws {MimeError} MB_MIME_HEADER_RESERVED for fields of the content and for MIME-Version; MB_MIME_HEADER_NAME,
   *   MB_MIME_HEADER_VALUE, and the errors of addresses.
   */
  custom(
    input: HeaderInput | undefined,
    form?: AddressForm,
    check?: (name: string, value: string) => void,
  ): void {
    if (input === undefined) return;
    const fields: Iterable<readonly [string, string | readonly string[]]> = Array.isArray(input)
      ? input
      : Object.entries(input);
    for (const pair of fields) {
      if (!Array.isArray(pair)) throw wrongArgument('headers', 'an object or an array of pairs');
      const [name, values] = pair as readonly [string, string | readonly string[]];
      for (const value of Array.isArray(values) ? values : [values as string]) {
        checkHeaderName(name);
        const key = name.toLowerCase();
        if (CONTENT_FIELD.test(key)) throw reservedField(key);
        check?.(key, value);
        if (ADDRESS_FIELD.test(key)) this.#customAddresses(name, value, form);
        else this.unstructured(name, value);
      }
    }
  }
}
