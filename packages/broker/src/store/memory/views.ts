import type { CheckedMessageFilter, MessageSummary } from '../message-filter.ts';
import type { MessageView, RecipientView, UnroutedRecipient } from '../port.ts';
import { type ClaimedMessage, formatRecipientId, inlineContentBytes, unrouted } from '../port.ts';
import { isFinal, type RecipientState, shownState } from '../recipient-state.ts';
import type { MessageRow, RecipientRow } from './records.ts';

/** Groups claimed recipients by message, in the order in which they were taken. */
export function claimedMessages(
  rows: readonly RecipientRow[],
  now: number,
  isOwnSite: (domain: string) => boolean,
): ClaimedMessage[] {
  const byMessage = new Map<MessageRow, RecipientRow[]>();
  for (const row of rows) {
    const group = byMessage.get(row.message);
    if (group) group.push(row);
    else byMessage.set(row.message, [row]);
  }
  return [...byMessage].map(([message, recipients]) => {
    const { record } = message;
    return {
      ...messageFacts(message),
      onUnknown: record.onUnknown,
      ...(record.schedule !== null && { schedule: JSON.parse(record.schedule) as object }),
      ...(record.envelope !== null && { envelope: JSON.parse(record.envelope) as object }),
      ...(record.size <= inlineContentBytes && { content: joined(message.content ?? []) }),
      recipients: recipients.map((row) => ({
        recipientId: formatRecipientId(String(message.id), row.position),
        address: row.address,
        domain: row.domain,
        attempt: row.attempts,
        expired: message.expiresAt <= now,
        ...(isOwnSite(row.domain) && { ownSite: true }),
        ...(row.options !== null && { options: JSON.parse(row.options) as object }),
        ...(row.detail !== null && { lastDetail: JSON.parse(row.detail) as object }),
      })),
    };
  });
}

/** The fields of a message that claims, views and lists have in common. */
function messageFacts({ id, record, acceptedAt, expiresAt }: MessageRow) {
  const { tenant, tag, sender, size } = record;
  return {
    messageId: String(id),
    tenant,
    ...(tag !== null && { tag }),
    sender,
    size,
    acceptedAt,
    expiresAt,
  };
}

/** Joins the chunks into a copy, which the caller may change. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

export function recipientView(row: RecipientRow): RecipientView {
  const { message } = row;
  const messageId = String(message.id);
  return {
    recipientId: formatRecipientId(messageId, row.position),
    messageId,
    address: row.address,
    domain: row.domain,
    site: siteOfRow(row),
    tenant: message.record.tenant,
    ...(message.record.tag !== null && { tag: message.record.tag }),
    state: shownState(row.state),
    inFlight: row.state === 'in-flight',
    attempts: row.attempts,
    ...(row.state === 'queued' && { dueAt: row.due }),
    acceptedAt: message.acceptedAt,
    expiresAt: message.expiresAt,
    ...(isFinal(row.state) && row.finishedAt !== undefined && { finishedAt: row.finishedAt }),
    ...(row.detail !== null && { detail: JSON.parse(row.detail) as object }),
  };
}

/** The site as it is shown: the domain, while the site is not known. */
export function siteOfRow({ lane, domain }: RecipientRow): string {
  return lane.site.key === unrouted ? domain : lane.site.key;
}

export function messageView(message: MessageRow): MessageView {
  const { record } = message;
  return {
    ...messageFacts(message),
    ...(record.envelope !== null && { envelope: JSON.parse(record.envelope) as object }),
    hasContent: message.content !== undefined,
    recipients: message.recipients.map(recipientView),
  };
}

export function messageSummary(message: MessageRow): MessageSummary {
  const { recipients } = message;
  const states: Partial<Record<RecipientState, number>> = {};
  for (const row of recipients) states[shownState(row.state)] = (states[shownState(row.state)] ?? 0) + 1;
  return {
    ...messageFacts(message),
    firstRecipient: recipients[0]!.address,
    states,
  };
}

/** Whether a message matches a filter. */
export function fits(message: MessageRow, filter: CheckedMessageFilter): boolean {
  const { tenant, tag, sender, acceptedFrom = 0, acceptedBefore = Number.POSITIVE_INFINITY } = filter;
  const { record, acceptedAt, recipients } = message;
  if (tenant !== undefined && record.tenant !== tenant) return false;
  if (tag !== undefined && record.tag !== tag) return false;
  if (sender !== undefined && record.sender.toLowerCase() !== sender) return false;
  if (acceptedAt < acceptedFrom || acceptedAt >= acceptedBefore) return false;
  const { recipient, domain, state, search } = filter;
  const found = search === undefined || record.sender.toLowerCase().includes(search);
  return recipients.some((row) => {
    const address = row.address.toLowerCase();
    if (recipient !== undefined && address !== recipient) return false;
    if (domain !== undefined && row.domain !== domain) return false;
    if (state !== undefined && shownState(row.state) !== state) return false;
    return found || address.includes(search);
  });
}

/** An unrouted recipient, with the facts that its route depends on. */
export function unroutedRecipient(row: RecipientRow): UnroutedRecipient {
  const { tenant, tag, sender, envelope } = row.message.record;
  return {
    recipientId: formatRecipientId(String(row.message.id), row.position),
    domain: row.domain,
    tenant,
    sender,
    ...(tag !== null && { tag }),
    ...(envelope !== null && { envelope: JSON.parse(envelope) as object }),
  };
}
