import { type MessageRecord, messageTimes } from '../new-message.ts';
import { inlineContentBytes } from '../port.ts';
import type { MessageRow } from './message-row.ts';

/** Most octets of content that are kept, each message counted as this many more. */
const mostBytes = 8 * 1024 * 1024;
const messageBytes = 1024;
/** What was not claimed by then waits for more than a free connection. */
const longestMs = 10_000;

/** What the tables hold of a message and its content. */
export interface RecentMessage {
  readonly row: MessageRow;
  readonly content: Uint8Array;
}

/**
 * Small messages that this process accepted just now, so that their first claim need not read them back.
 *
 * Only what is committed may be added: the id of a message that was rolled back is given to another one.
 */
export class RecentMessages {
  readonly #messages = new Map<number, RecentMessage>();
  #bytes = 0;

  /** @param now  The moment of acceptance, epoch milliseconds. */
  add(id: number, record: MessageRecord, now: number): void {
    const { content, tenant, tag, sender, size, onUnknown, envelope, schedule } = record;
    if (!(content instanceof Uint8Array) || size > inlineContentBytes) return;
    this.#forget(now - longestMs);
    // Messages are claimed in the order of their acceptance: those that are here go out before this one.
    if (this.#bytes >= mostBytes) return;
    const { expiresAt } = messageTimes(record, now);
    const times = { accepted: now, expires: expiresAt };
    const row = { tenant, tag, sender, ...times, size, on_unknown: onUnknown, envelope, schedule };
    this.#messages.set(id, { row, content });
    this.#bytes += size + messageBytes;
  }

  /** Gives a message away; undefined when it must be read from the tables. */
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
