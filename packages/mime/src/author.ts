import { checkMailbox, type Mailbox } from './address.ts';
import type { AddressReader } from './address-reader.ts';
import { readReceived } from './address-recovery.ts';
import { wrongArgument } from './argument.ts';
import type { Defect } from './defect.ts';
import { domainToAscii } from './domain.ts';
import { readWords } from './encoded-word.ts';
import { MimeError } from './errors.ts';
import { HeaderBlock } from './header-block.ts';
import { isAscii } from './utf8.ts';

/**
 * Why the author of a message is unknown:
 *
 * - `missing`: there is no From field.
 * - `repeated`: there are several From fields; readers differ on which one counts.
 * - `incomplete`: the header exceeded a limit of the parser, so another From field may follow.
 * - `unreadable`: From has no address, or an invalid one.
 * - `several`: From has several mailboxes.
 * - `group`: From has a group (RFC 6854).
 * - `ambiguous`: From is damaged, and readers may see different addresses in it.
 */
export type AuthorReason =
  | 'missing'
  | 'repeated'
  | 'incomplete'
  | 'unreadable'
  | 'several'
  | 'group'
  | 'ambiguous';

/** The author of a message, or why the author is unknown. */
export type AuthorReading =
  | {
      readonly status: 'found';
      readonly author: Mailbox;
      /** Its domain in lower-case A-labels, or an address literal. */
      readonly domain: string;
    }
  | {
      readonly status: 'none';
      readonly reason: AuthorReason;
      /** The reason as a sentence. */
      readonly detail: string;
      /** The mailboxes found in From; do not trust any of them. */
      readonly mailboxes: readonly Mailbox[];
    };

const DETAILS: Readonly<Record<AuthorReason, string>> = {
  missing: 'There is no From field.',
  repeated: 'There are several From fields; readers differ on which one counts.',
  incomplete: 'The header is over a limit; another From field may follow.',
  unreadable: 'From has no valid address.',
  several: 'From has several mailboxes.',
  group: 'From has a group.',
  ambiguous: 'From is damaged; readers may see different addresses in it.',
};

/**
 * Finds the author of a message. This needs exactly one From field with one mailbox on which all readers agree (RFC 9989
 * §5.3.1).
 *
 * Use it for every decision about the author, such as the domain for DMARC: if programs choose differently between
 * several fields or addresses, a sender can deceive one of them.
 *
 * @param message  The result of `parseMessage`, or only its headers.
 * @example
 * const author = readAuthor(await parseMessage(octets))
 * const domain = author.status === 'found' ? author.domain : null
 */
export function readAuthor(
  message: HeaderBlock | { readonly headers: HeaderBlock; readonly defects?: readonly Defect[] },
): AuthorReading {
  const { headers, defects = [] } =
    message instanceof HeaderBlock ? { headers: message } : (message ?? { headers: undefined });
  if (!(headers instanceof HeaderBlock && Array.isArray(defects)))
    throw wrongArgument('readAuthor: message', 'a parsed message or its headers');
  const fields = headers.fields.filter(({ name }) => name.toLowerCase() === 'from');
  const [field] = fields;
  if (field === undefined) return none('missing', []);
  const readings = fields.map(({ value }) => readReceived(value));
  const addresses = readings.flatMap((reading) => reading.addresses);
  const mailboxes = addresses.flatMap((one) => ('members' in one ? one.members : [one]));
  const [author] = mailboxes;
  if (fields.length > 1) return none('repeated', mailboxes);
  if (defects.some(({ code, path }) => path === '' && /^header-too-/.test(code)))
    return none('incomplete', mailboxes);
  if (addresses.some((one) => 'members' in one)) return none('group', mailboxes);
  if (author === undefined) return none('unreadable', mailboxes);
  if (mailboxes.length > 1) return none('several', mailboxes);
  const { address, domain } = author;
  if (readings[0]!.ambiguous || hasRival(readings[0]!, domain)) return none('ambiguous', mailboxes);
  // Readers decode octets of an unknown charset differently.
  if (field.hasUnknownCharset && !isAscii(address)) return none('unreadable', mailboxes);
  try {
    checkMailbox(author, 'as-received');
    return { status: 'found', author, domain: domainToAscii(domain) };
  } catch (error) {
    if (!MimeError.isInstance(error)) throw error;
    return none('unreadable', mailboxes);
  }
}

/** Whether a reader that splits a damaged list differently, or decodes words first, could see another domain. */
function hasRival({ fault, tokens }: AddressReader, domain: string): boolean {
  const { kinds, text, starts, ends } = tokens;
  for (const [word] of text.matchAll(/=\?[^?\s]{1,60}\?[bq]\?[^?\r\n]*\?=/gi)) {
    // RFC 2047 §5 (3): in a phrase an encoded-word must not contain specials.
    if ((fault === undefined ? word : readWords(word)).includes('@')) return true;
  }
  if (fault === undefined) return false;
  return [...kinds].some((kind, i) => {
    const next = kind === '@' ? text.slice(starts[i + 1], ends[i + 1] ?? 0).toLowerCase() : '';
    return next.includes('.') && next.replace(/\.$/, '') !== domain.toLowerCase();
  });
}

function none(reason: AuthorReason, mailboxes: readonly Mailbox[]): AuthorReading {
  return { status: 'none', reason, detail: DETAILS[reason], mailboxes };
}
