import { canonicalAddress, domainToAscii, parseMailbox } from '@mb/mime';

/** A recipient and its place in the caller's list. */
export interface PlannedRecipient {
  readonly address: string;
  /** In lower-case A-labels; or an address literal. */
  readonly domain: string;
  readonly index: number;
}

/** Recipients that share one transaction. */
export interface PlannedDelivery {
  /**
   * The domain to route: that of all recipients, or of the first one when a configured route serves several domains.
   */
  readonly domain: string;
  readonly recipients: readonly PlannedRecipient[];
}

/** The deliveries of a message, and which recipient each address of the input became. */
export interface RecipientPlan {
  readonly deliveries: readonly PlannedDelivery[];
  /** For each index of the input, the index of the first equal address, which may be itself. */
  readonly firstIndex: readonly number[];
}

/** Options of {@link planRecipients}. */
export interface PlanOptions {
  /** Maximum number of recipients in one delivery; 1 for VERP. */
  readonly maxRecipients: number;
  /** Names the relay or mail store configured for a domain; undefined when its mail exchangers are looked up. */
  readonly hopOf: (domain: string) => string | undefined;
}

/**
 * Groups recipients into deliveries: by the relay or mail store that they go to, else by domain. Equal addresses get
 * one copy.
 *
 * QUIRK(Gmail): mail exchangers that many domains share may accept only one domain in a transaction (451 4.3.0), so
 * domains are not mixed there. They share connections.
 *
 * @param recipients  addr-specs in the caller's order.
 * @throws {MimeError} for an invalid address.
 * @example
 * planRecipients(['a@example.com', 'b@example.org', 'c@example.com'], { maxRecipients: 100, hopOf: () => undefined })
 *   .deliveries // [{ domain: 'example.com', recipients: [a, c] }, { domain: 'example.org', recipients: [b] }]
 */
export function planRecipients(
  recipients: readonly string[],
  { maxRecipients, hopOf }: PlanOptions,
): RecipientPlan {
  const firstByAddress = new Map<string, number>();
  const groups = new Map<string, PlannedRecipient[][]>();
  const firstIndex = recipients.map((address, index) => {
    // Addresses were checked when the message was composed or read.
    const mailbox = parseMailbox(address, { addresses: 'as-received' });
    const canonical = canonicalAddress(mailbox);
    const first = firstByAddress.get(canonical);
    if (first !== undefined) return first;
    firstByAddress.set(canonical, index);
    const domain = domainToAscii(mailbox.domain);
    const hop = hopOf(domain);
    const key = hop === undefined ? `domain ${domain}` : `hop ${hop}`;
    const chunks = groups.get(key) ?? [[]];
    groups.set(key, chunks);
    if (chunks.at(-1)!.length >= maxRecipients) chunks.push([]);
    chunks.at(-1)!.push({ address, domain, index });
    return index;
  });
  const deliveries = [...groups.values()].flatMap((chunks) =>
    chunks.map((chunk) => ({ domain: chunk[0]!.domain, recipients: chunk })),
  );
  return { deliveries, firstIndex };
}
