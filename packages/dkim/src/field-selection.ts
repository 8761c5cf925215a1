import { DkimError } from './errors.ts';
import type { HeaderField } from './header-scan.ts';

/**
 * Fields that an attacker may add: they are signed once more than they occur, so that adding one breaks the signature.
 *
 * RFC 6376 §8.15 and §5.4.2; RFC 8058 §4 requires that both List-Unsubscribe fields are signed.
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

/** Fields that are signed if they occur: RFC 6376 §5.4.1, without those that relays add or change (§5.4). */
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

/** The fields of a signature. */
export interface FieldSelection {
  /** The value of `h=`, in lower case. */
  readonly names: readonly string[];
  /** The fields in the order of `h=`; oversigned names add none (RFC 6376 §5.4). */
  readonly fields: readonly HeaderField[];
}

/** Groups fields by name; each group is in the order of the message. */
export function fieldsByName(fields: readonly HeaderField[]): Map<string, HeaderField[]> {
  const groups = new Map<string, HeaderField[]>();
  for (const field of fields) {
    const group = groups.get(field.name);
    if (group === undefined) groups.set(field.name, [field]);
    else group.push(field);
  }
  return groups;
}

/**
 * Selects the fields to sign: every occurrence of each name, bottom-up (RFC 6376 §5.4.2), and once more if oversigned.
 */
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

/**
 * Checks that verifiers can accept a message: every header line is a field, and there is a From field.
 *
 * @throws {DkimError} MB_DKIM_HEADER_SYNTAX, MB_DKIM_FROM_MISSING.
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
