import {
  type AddressForm,
  type AddressInput,
  formatPhrase,
  type Group,
  invalidAddress,
  type Mailbox,
  type MailboxInput,
  NAME_INSIDE,
  toWire,
  writeAddress,
} from './address.ts';
import { readMailbox, readStrictly } from './address-list.ts';
import { encodeWords } from './encoded-word.ts';
import { type ErrorPlace, locate, MimeError, unfitValue, wordSet } from './errors.ts';
import { checkHeaderName, FOLD_COLUMN, foldTrusted, lineTooLong } from './header-fold.ts';
import type { HeaderInput } from './message.ts';
import { MAX_LINE_OCTETS } from './transfer/survey.ts';
import { isAscii, utf8Length } from './utf8.ts';

/** Whether non-ASCII text in header fields is encoded or goes out as it is (RFC 6532). */
export type HeaderCharset = 'ascii' | 'utf8';

/**
 * Makes a mailbox of what a caller gave: a string holds exactly one. A {@link Mailbox}, which comes from received mail,
 * is accepted as it was received.
 *
 * @param place  Where it was given, for the error.
 * @throws {MimeError} as {@link readMailbox}.
 */
export function toMailbox(input: MailboxInput, form: AddressForm | undefined, place: ErrorPlace): Mailbox {
  try {
    // Text that looks like an encoded-word is taken literally here: it is text, not a header.
    if (typeof input === 'string') return readMailbox(input, form);
    if (typeof input?.address !== 'string') {
      throw invalidAddress(input);
    }
    const mailbox = readMailbox(input.address, 'localPart' in input ? 'as-received' : form);
    if (mailbox.name !== undefined) {
      throw invalidAddress(input.address, NAME_INSIDE);
    }
    if (input.name === undefined || input.name === '') return mailbox;
    const { address, localPart, domain } = mailbox;
    return { name: input.name, address, localPart, domain };
  } catch (error) {
    throw locate(error, place);
  }
}

/** Makes mailboxes and groups of what a caller gave for the property `field`. */
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
    return { name: one.name, members: one.members.map((member) => toMailbox(member, form, place)) };
  });
}

/** All mailboxes of an address field, those in groups included. */
export function mailboxesOf(addresses: readonly (Mailbox | Group)[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const address of addresses) {
    if ('members' in address) mailboxes.push(...address.members);
    else mailboxes.push(address);
  }
  return mailboxes;
}

/** Fields that hold addresses and have no property of their own (RFC 5322 §3.6.6, RFC 8098 §2.1, RFC 9057, RFC 9228). */
const ADDRESS_FIELDS = /* @__PURE__ */ wordSet(
  'resent-from resent-sender resent-to resent-cc resent-reply-to disposition-notification-to return-receipt-to errors-to author delivered-to mail-reply-to mail-followup-to apparently-to abuse-reports-to x-errors-to x-confirm-reading-to',
);

const CONTENT_FIELD = /^content-(?:type|transfer-encoding|disposition|id)$|^mime-version$/;

/** The error for a field that has a property of its own. */
export function reservedField(name: string): MimeError {
  return new MimeError('MB_MIME_HEADER_RESERVED', `The field ${name} is written from its own property.`);
}

/** Writes header fields one after the other and knows whether they stayed ASCII. */
export class FieldWriter {
  text = '';
  ascii = true;
  readonly #utf8: boolean;

  constructor(charset: HeaderCharset) {
    this.#utf8 = charset === 'utf8';
  }

  /** A field whose value is ready: ASCII, no control characters. */
  raw(name: string, value: string): void {
    this.text +=
      name.length + 2 + value.length <= FOLD_COLUMN ? `${name}: ${value}\r\n` : foldTrusted(name, value);
  }

  /** An unstructured field: any text but line breaks and NUL (RFC 5322 §2.2.1, RFC 2047 §5 (1)). */
  unstructured(name: string, value: string): void {
    if (typeof value !== 'string' || /[\0\r\n]/.test(value)) throw unfitValue(name);
    if (this.#utf8 && !/[\0-\x1f\x7f]|=\?|^ | {2}| $|[^ ]{240}/.test(value)) {
      this.ascii &&= isAscii(value);
      this.text += foldTrusted(name, value.toWellFormed());
    } else this.raw(name, encodeWords(value, { column: name.length + 2 }));
  }

  /** An address field, folded between and inside addresses but never inside an addr-spec. */
  addresses(name: string, addresses: readonly (Mailbox | Group)[]): void {
    const [only] = addresses;
    if (only !== undefined && addresses.length === 1) {
      const text = writeAddress(only, { utf8: this.#utf8 });
      if (name.length + 2 + text.length <= FOLD_COLUMN && isAscii(text)) {
        this.text += `${name}: ${text}\r\n`;
        return;
      }
    }
    const words: string[] = [];
    for (const [index, address] of addresses.entries()) {
      if ('members' in address) this.#groupWords(words, address);
      else this.#mailboxWords(words, address);
      if (index < addresses.length - 1) words[words.length - 1] += ',';
    }
    const start = this.text.length;
    let line = `${name}:`;
    for (const word of words) {
      const octets = utf8Length(word);
      if (octets > word.length) this.ascii = false;
      if (octets >= MAX_LINE_OCTETS) throw lineTooLong(name);
      const onlyName = this.text.length === start && line.length === name.length + 1;
      // Behind the name a fold helps only a word that fits on a line of its own.
      if (line.length + 1 + octets > FOLD_COLUMN && !(onlyName && octets >= FOLD_COLUMN)) {
        this.text += `${line}\r\n`;
        line = '';
      }
      line += ` ${word}`;
    }
    this.text += `${line}\r\n`;
  }

  #groupWords(words: string[], group: Group): void {
    words.push(...`${formatPhrase(group.name, { utf8: this.#utf8 })}:`.split(' '));
    for (const [index, member] of group.members.entries()) {
      this.#mailboxWords(words, member);
      if (index < group.members.length - 1) words[words.length - 1] += ',';
    }
    words[words.length - 1] += ';';
  }

  #mailboxWords(words: string[], mailbox: Mailbox): void {
    if (mailbox.name === undefined || mailbox.name === '') {
      words.push(toWire(mailbox));
      return;
    }
    for (const word of formatPhrase(mailbox.name, { utf8: this.#utf8 }).split(' ')) words.push(word);
    words.push(`<${toWire(mailbox)}>`);
  }

  /** RFC 2047 §5: an encoded-word cannot be part of an address, so the value is read before it is written. */
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
   * The caller's own fields, in order; those of the content, MIME-Version included, are never among them.
   *
   * @param check  Gets each name in lower case and its value; throws what else it refuses.
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
    for (const [name, values] of fields) {
      for (const value of Array.isArray(values) ? values : [values as string]) {
        checkHeaderName(name);
        const key = name.toLowerCase();
        if (CONTENT_FIELD.test(key)) throw reservedField(key);
        check?.(key, value);
        if (ADDRESS_FIELDS.has(key)) this.#customAddresses(name, value, form);
        else this.unstructured(name, value);
      }
    }
  }
}
