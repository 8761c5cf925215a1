/** Identifies a message; opaque, without dots. */
export type MessageId = string;

/** `<message id>.<position in the message's recipients, from 0>`; see {@link formatRecipientId}. */
export type RecipientId = string;

/** Identifies a lease and is its fencing token: it is never used again. */
export type LeaseId = string;

/** Names a destination that shares limits: a domain, a set of mail exchangers, or a relay. */
export type SiteKey = string;

/** The id of the recipient at `position` (from 0) of a message. */
export function formatRecipientId(messageId: MessageId, position: number): RecipientId {
  return `${messageId}.${position}`;
}

/** The two halves of a recipient id; undefined for an invalid id. */
export function parseRecipientId(id: RecipientId): { messageId: MessageId; position: number } | undefined {
  const match = /^([^.]+)\.(\d{1,5})$/.exec(id);
  return match ? { messageId: match[1]!, position: Number(match[2]) } : undefined;
}
