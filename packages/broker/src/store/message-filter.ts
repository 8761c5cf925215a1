import { either, integer, matching, type OptionTable, readOptions, text, word } from '../option-table.ts';
import { type RecipientState, recipientStates } from './recipient-state.ts';

/** Which messages to list. All conditions must hold; without any, all messages match. */
export interface MessageFilter {
  /** `null`: messages that were accepted without a tenant. */
  readonly tenant?: string | null | undefined;
  readonly tag?: string | undefined;
  /** The reverse-path's mailbox, in any case; empty for the null reverse-path. */
  readonly sender?: string | undefined;
  /** Accepted at this time or later, in epoch milliseconds. */
  readonly acceptedFrom?: number | undefined;
  /** Accepted before this time, in epoch milliseconds. */
  readonly acceptedBefore?: number | undefined;
  /** With this recipient address, in any case. */
  readonly recipient?: string | undefined;
  /** With a recipient in this domain. Several conditions on recipients must hold for the same recipient. */
  readonly domain?: string | undefined;
  /** With a recipient in this state. */
  readonly state?: RecipientState | undefined;
  /** With this text in the reverse-path or in a recipient's address, in any case. */
  readonly search?: string | undefined;
}

const notEmpty = text('a string that is not empty', { pattern: /./s });
const moment = integer(0, 9e15, { unit: 'ms' });

/** What `MessageFilter` accepts. */
export const messageFilter = {
  tenant: either(
    notEmpty,
    matching<null>('null', (value) => value === null),
  ),
  tag: notEmpty,
  sender: text(),
  acceptedFrom: moment,
  acceptedBefore: moment,
  recipient: notEmpty,
  domain: notEmpty,
  state: word(recipientStates),
  search: notEmpty,
} satisfies OptionTable<MessageFilter>;

/** A message as lists show it. */
export interface MessageSummary {
  readonly messageId: string;
  readonly tenant: string;
  readonly tag?: string;
  readonly sender: string;
  /** Octets. */
  readonly size: number;
  /** Epoch milliseconds. */
  readonly acceptedAt: number;
  readonly expiresAt: number;
  /** Address of the first recipient. */
  readonly firstRecipient: string;
  /** How many recipients are in each state; states without any are left out. */
  readonly states: Readonly<Partial<Record<RecipientState, number>>>;
}

/** A filter as stores use it: texts in lower case, `''` for messages without a tenant. */
export type CheckedMessageFilter = Omit<MessageFilter, 'tenant'> & { readonly tenant?: string };

/** @throws {BrokerError} MB_BROKER_OPTION */
export function checkMessageFilter(given: MessageFilter): CheckedMessageFilter {
  const { tenant, ...filter } = readOptions<MessageFilter, typeof messageFilter>(
    given,
    messageFilter,
    'listMessages: filter',
  );
  const lower = (value: string | undefined) => value?.toLowerCase();
  return {
    ...filter,
    sender: lower(filter.sender),
    recipient: lower(filter.recipient),
    domain: lower(filter.domain),
    search: lower(filter.search),
    ...(tenant !== undefined && { tenant: tenant ?? '' }),
  };
}
