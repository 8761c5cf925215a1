// Not by name: an older Node without crc32 would fail on the import, before the version check can say what is needed.
import zlib from 'node:zlib';
import {
  type ClaimedMessage,
  type ClaimedRecipient,
  formatRecipientId,
  type Learned,
  siteSpeeds,
  type UnknownPolicy,
} from '@mb/broker/store';
import { storedOctets } from './content-rows.ts';

/** A claimed recipient with its message, as the claim functions return it; a bigint is text. */
export interface ClaimedRow {
  /** Index of its request among those that were made together. */
  readonly claim_of: number;
  readonly claim_lease: string;
  readonly claim_site: string;
  readonly claim_speed: number;
  /** JSON; null for overdue claims and `claimMore`. */
  readonly claim_learned: string | null;
  readonly claim_now: string;
  readonly claim_from: string;
  readonly message: string;
  readonly position: number;
  readonly address: string;
  readonly domain: string;
  readonly own_site: boolean;
  readonly attempts: number;
  readonly options: string | null;
  readonly detail: string | null;
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly accepted: string;
  readonly expires: string;
  readonly size: string;
  readonly on_unknown: UnknownPolicy;
  readonly envelope: string | null;
  readonly schedule: string | null;
  readonly crc: string | null;
  readonly ascii: string | null;
  readonly bytes: Buffer | null;
}

/** What is known of a site, from the columns of a claim. */
export function learnedOf(speed: number, hosts: string): Learned {
  return { speed: siteSpeeds[speed] ?? 'new', hosts: JSON.parse(hosts) as Learned['hosts'] };
}

/** Claimed rows as messages, and the recipients of damaged messages. */
export interface ClaimedMessages {
  readonly messages: readonly ClaimedMessage[];
  readonly damaged: readonly string[];
}

/** Groups rows by message, in their order. */
export function claimedMessages(rows: readonly ClaimedRow[], inlineBytes: number): ClaimedMessages {
  const byMessage = new Map<string, ClaimedRow[]>();
  for (const row of rows) {
    const group = byMessage.get(row.message);
    if (group) group.push(row);
    else byMessage.set(row.message, [row]);
  }
  const messages: ClaimedMessage[] = [];
  const damaged: string[] = [];
  for (const group of byMessage.values()) {
    const message = readMessage(group, inlineBytes);
    if (message) messages.push(message);
    else damaged.push(...group.map((row) => formatRecipientId(row.message, row.position)));
  }
  return { messages, damaged };
}

/** Undefined when the record or the content differs from what was stored. */
function readMessage(rows: readonly ClaimedRow[], inlineBytes: number): ClaimedMessage | undefined {
  const [first] = rows as [ClaimedRow];
  const size = Number(first.size);
  const inline = size <= inlineBytes;
  // The content is in the first row of the message, whichever that is.
  const stored = rows.find((row) => row.crc !== null) ?? first;
  const bytes = storedOctets(stored);
  if (inline && size > 0 && (bytes?.byteLength !== size || zlib.crc32(bytes) !== Number(stored.crc)))
    return undefined;
  try {
    const expired = Number(first.expires) <= Number(first.claim_now);
    return {
      messageId: first.message,
      tenant: first.tenant,
      ...(first.tag !== null && { tag: first.tag }),
      sender: first.sender,
      size,
      acceptedAt: Number(first.accepted),
      expiresAt: Number(first.expires),
      onUnknown: first.on_unknown,
      ...(first.schedule !== null && { schedule: JSON.parse(first.schedule) as object }),
      ...(first.envelope !== null && { envelope: JSON.parse(first.envelope) as object }),
      ...(inline && { content: bytes ?? new Uint8Array() }),
      recipients: rows.map((row) => readRecipient(row, expired)),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readRecipient(row: ClaimedRow, expired: boolean): ClaimedRecipient {
  return {
    recipientId: formatRecipientId(row.message, row.position),
    address: row.address,
    domain: row.domain,
    attempt: row.attempts,
    expired,
    ...(row.own_site && { ownSite: true }),
    ...(row.options !== null && { options: JSON.parse(row.options) as object }),
    ...(row.detail !== null && { lastDetail: JSON.parse(row.detail) as object }),
  };
}
