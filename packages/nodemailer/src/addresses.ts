import { type AddressInput, type Group, type Mailbox, type MailboxInput, parseAddressList } from '@mb/mime';
import { messageError } from './errors.ts';
import type { AddressOption } from './nodemailer-message.ts';

/**
 * Parses addresses in any form that nodemailer accepts: `a@example.com, "B" <b@example.com>`, `{ name, address }`, or
 * lists of both.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_MESSAGE for anything that is not an address.
 */
export function readAddresses(option: unknown, field: string): (Mailbox | Group)[] {
  if (option === undefined || option === null || option === '' || option === false) return [];
  if (Array.isArray(option)) return option.flatMap((one, i) => readAddresses(one, `${field}[${i}]`));
  if (typeof option === 'string') return readText(option, field);
  if (typeof option === 'object' && 'address' in option) {
    const { address, name, group } = option as { address: unknown; name?: unknown; group?: unknown };
    if (Array.isArray(group))
      throw messageError(field, 'is a parsed group; give it as text: "Team: a@example.com;".');
    if (typeof address !== 'string') throw messageError(`${field}.address`, 'must be a string.');
    const [mailbox, ...more] = readText(address, `${field}.address`);
    if (!mailbox || more.length > 0 || 'members' in mailbox) {
      throw messageError(
        `${field}.address`,
        `must be one address, not ${JSON.stringify(address.slice(0, 80))}.`,
      );
    }
    if (name === undefined || name === null || name === '') return [mailbox];
    if (typeof name !== 'string') throw messageError(`${field}.name`, 'must be a string.');
    return [{ ...mailbox, name }];
  }
  throw messageError(field, 'must be an address: a string, { name, address }, or a list of them.');
}

/** Parses authors. Groups are allowed for recipients only. */
export function readMailboxes(option: AddressOption | undefined, field: string): Mailbox[] {
  return readAddresses(option, field).map((entry) => {
    if ('members' in entry) throw messageError(field, 'must not be a group.');
    return entry;
  });
}

/** Parses the addresses of an envelope, without names and duplicates. */
export function envelopeAddresses(option: unknown, field: string): string[] {
  const mailboxes = readAddresses(option, field).flatMap((entry) =>
    'members' in entry ? entry.members : [entry],
  );
  return [...new Set(mailboxes.map(({ address }) => address))];
}

/** Returns undefined for an empty list, so that no field is written. */
export function orNothing<Entry extends AddressInput | MailboxInput>(
  list: readonly Entry[],
): readonly Entry[] | undefined {
  return list.length === 0 ? undefined : list;
}

function readText(text: string, field: string): (Mailbox | Group)[] {
  // Lists often have extra commas.
  let end = text.length;
  while (end > 0 && /[\s,]/.test(text[end - 1]!)) end--;
  const trimmed = text.slice(0, end).replace(/^[\s,;]+/, '');
  if (trimmed === '') return [];
  try {
    return parseAddressList(trimmed, { addresses: 'as-received' });
  } catch (error) {
    throw messageError(field, `has an invalid address: ${(error as Error).message}`);
  }
}
