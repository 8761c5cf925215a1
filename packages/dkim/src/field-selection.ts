import { DkimError } from './errors.ts';
import type { HeaderField } from './header-scan.ts';

/** Fields that a forger would add: signed once more often than they occur, so that adding one breaks the signature.
 *
 *  RFC 6376 §8.15 and §5.4.2; RFC 8058 §4 wants both List-Unsubscribe fields signed.
 */
export const defaultOversign: readonly string[] = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'reply-to',
  'message-id',
  'content-type',
  'mime-version',
  'list-unsubscribe',
  'list-unsubscribe-post',
];

/** Fields that are signed where they occur: RFC 6376 §5.4.1, without those that relays add or change (§5.4). */
export const defaultHeaders: readonly string[] = [
  ...defaultOversign,
  'sender',
  'in-reply-to',
  'references',
  'content-transfer-encoding',
  'content-id',
  'content-description',
  'resent-date',
  'resent-from',
  'resent-sender',
  'resent-to',
  'resent-cc',
  'resent-message-id',
  'list-id',
  'list-help',
  'list-subscribe',
  'list-post',
  'list-owner',
  'list-archive',
  'feedback-id',
  'autocrypt',
];

/** The fields that one signature covers. */
export interface FieldSelection {
  /** The value of `h=`, in lower case. */
  readonly names: readonly string[];
  /** The fields in the order of `h=`; names beyond the present fields add none (RFC 6376 §5.4). */
  readonly fields: readonly HeaderField[];
}

/** Groups fields by name, each group from the top of the message to its bottom. */
export function fieldsByName(fields: readonly HeaderField[]): Map<string, HeaderField[]> {
  const groups = new Map<string, HeaderField[]>();
  for (const field of fields) {
    const group = groups.get(field.name);
    if (group === undefined) groups.set(field.name, [field]);
    else group.push(field);
  }
  return groups;
}

/** Chooses what is signed: every occurrence of each name, bottom-up (RFC 6376 §5.4.2), and once more if oversigned. */
export function selectFields(
  groups: ReadonlyMap<string, readonly HeaderField[]>,
  headers: readonly string[],
  oversign: ReadonlySet<string>,
): FieldSelection {
  const names: string[] = [];
  const selected: HeaderField[] = [];
  for (const name of headers) {
    const group = groups.get(name);
    for (let at = (group?.length ?? 0) - 1; at >= 0; at--) {
      names.push(name);
      selected.push(group![at]!);
    }
    if (oversign.has(name)) names.push(name);
  }
  return { names, fields: selected };
}

/** Checks that a message is one that verifiers can accept: every header line a field, and a From field.
 *
 *  @throws {DkimError} MB_DKIM_HEADER_SYNTAX, MB_DKIM_FROM_MISSING.
 */
export function refuseUnsignable(fields: readonly HeaderField[]): void {
  const broken = fields.findIndex((field) => field.name === '');
  if (broken >= 0) {
    throw new DkimError(
      'MB_DKIM_HEADER_SYNTAX',
      `Header field ${broken + 1} has no valid name before a colon; the header must end with an empty line.`,
    );
  }
  // RFC 6376 §5.4: the From field MUST be signed.
  if (!fields.some((field) => field.name === 'from')) {
    throw new DkimError(
      'MB_DKIM_FROM_MISSING',
      'The message has no From field, which every signature must cover.',
    );
  }
}
