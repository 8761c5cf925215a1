import { canonicalAddress, domainToAscii, parseMailbox } from '@mb/mime';

/** A recipient and its place in the caller's list. */
export interface PlannedRecipient {
  readonly address: string;
  readonly index: number;
}

/** Recipients that may share one envelope. */
export interface PlannedDelivery {
  /** The domain of all of them, in lower-case A-labels; or an address literal. */
  readonly domain: string;
  readonly recipients: readonly PlannedRecipient[];
}

/** Addresses given more than once, with every index at which each stood. */
export interface RecipientPlan {
  readonly deliveries: readonly PlannedDelivery[];
  /** For each index of the input the index of the first equal address; itself where there is none. */
  readonly firstIndex: readonly number[];
}

/**
 * Groups recipients into deliveries: domains never share an envelope, equal addresses get one copy.
 *
 * @param recipients  addr-specs in the caller's order.
 * @param maxRecipients  most recipients of one delivery; 1 for VERP.
 * @throws {MimeError} for an address that is none.
 * @example
 * planRecipients(['a@example.com', 'b@example.org', 'c@example.com'], 100).deliveries
 * // [{ domain: 'example.com', recipients: [a, c] }, { domain: 'example.org', recipients: [b] }]
 */
export function planRecipients(recipients: readonly string[], maxRecipients: number): RecipientPlan {
  const firstByAddress = new Map<string, number>();
  const byDomain = new Map<string, PlannedRecipient[][]>();
  const firstIndex = recipients.map((address, index) => {
    // They were checked when the message was composed or read.
    const mailbox = parseMailbox(address, { addresses: 'as-received' });
    const canonical = canonicalAddress(mailbox);
    const first = firstByAddress.get(canonical);
    if (first !== undefined) return first;
    firstByAddress.set(canonical, index);
    const domain = domainToAscii(mailbox.domain);
    const groups = byDomain.get(domain) ?? [[]];
    byDomain.set(domain, groups);
    if (groups.at(-1)!.length >= maxRecipients) groups.push([]);
    groups.at(-1)!.push({ address, index });
    return index;
  });
  const deliveries = [...byDomain].flatMap(([domain, groups]) =>
    groups.map((group) => ({ domain, recipients: group })),
  );
  return { deliveries, firstIndex };
}
