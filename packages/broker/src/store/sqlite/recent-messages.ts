import { type MessageRecord, messageTimes } from '../new-message.ts';
import { inlineContentBytes } from '../port.ts';
import type { MessageRow } from './message-row.ts';

/** Maximum number of octets of content kept, and how many more each message counts. */
const mostBytes = 8 * 1024 * 1024;
const messageBytes = 1024;
/** A message that was not claimed after this time is not likely to be claimed soon. */
const longestMs = 10_000;

/** A message and its content, as in the tables. */
export interface RecentMessage {
  readonly row: MessageRow;
  readonly content: Uint8Array;
}

/**
 * Small messages that this process accepted just now, so that their first claim need not read them back.
 *
 * Only committed messages may be added: the id of a message that was rolled back is used again.
 */
export class RecentMessages {
  readonly #messages = new Map<number, RecentMessage>();
  #bytes = 0;

  /** @param now  Time of acceptance, in epoch milliseconds. */
  add(id: number, record: MessageRecord, now: number): void {
    const { content, tenant, tag, sender, size, onUnknown, envelope, schedule } = record;
    if (!(content instanceof Uint8Array) || size > inlineContentBytes) return;
    this.#forget(now - longestMs);
    // Messages are claimed in the order of acceptance, so those that are kept already are needed before this one.
    if (this.#bytes >= mostBytes) return;
    const { expiresAt } = messageTimes(record, now);
    const times = { accepted: now, expires: expiresAt };
    const row = { tenant, tag, sender, ...times, size, on_unknown: onUnknown, envelope, schedule };
    this.#messages.set(id, { row, content });
    this.#bytes += size + messageBytes;
  }

  /** Removes and returns a message; undefined when it must be read from the tables. */
  take(id: number): RecentMessage | undefined {
    const message = this.#messages.get(id);
    if (!message) return undefined;
    this.#messages.delete(id);
    this.#bytes -= message.row.size + messageBytes;
    return message;
  }

  #forget(before: number): void {
    for (const [id, { row }] of this.#messages) {
      if (row.accepted >= before) break;
      this.take(id);
    }
  }

  clear(): void {
    this.#messages.clear();
    this.#bytes = 0;
  }
}
