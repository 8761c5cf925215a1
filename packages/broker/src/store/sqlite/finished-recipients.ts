import type { Sql } from './connection.ts';
import { chunkCount, deleteContent, deleteSingleChunks } from './content.ts';

/** A message of which a recipient was finished. */
export interface LeftMessage {
  readonly message: number;
  /** Number of recipients that were open before the transaction. */
  readonly open: number;
  /** Octets. */
  readonly size: number;
}

interface Left extends LeftMessage {
  readonly failed: boolean;
  readonly at: number;
}

const updateOpen = 'UPDATE mb_message SET open = ?, failed = max(failed, ?) WHERE id = ?';
const keepContents = 'INSERT INTO mb_kept (message, ended) SELECT value, ? FROM json_each(?)';
const finishMessages = `UPDATE mb_message SET open = 0, failed = max(failed, ?), finished = ?
  WHERE id IN (SELECT value FROM json_each(?))`;

/**
 * The recipients that one transaction finishes. Their messages are updated together at its end: the last recipient
 * finishes its message, whose content is then deleted, or kept for a time. Until then the transaction reads `open` only
 * to add here. A write that is undone removes its recipients with `mark` and `reset`.
 */
export class FinishedRecipients {
  readonly #left: Left[] = [];
  readonly #keepsContent: boolean;

  constructor({ keepsContent }: { readonly keepsContent: boolean }) {
    this.#keepsContent = keepsContent;
  }

  /** @param at  Epoch milliseconds. */
  add({ message, open, size }: LeftMessage, failed: boolean, at: number): void {
    this.#left.push({ message, open, size, failed, at });
  }

  /** The position for `reset`. */
  mark(): number {
    return this.#left.length;
  }

  /** Removes what was added after `mark`. */
  reset(mark: number): void {
    this.#left.length = mark;
  }

  /** Writes and clears the batch. */
  write(sql: Sql): void {
    const latest = this.#left.at(-1);
    if (!latest) return;
    const ended: Left[] = [];
    for (const message of this.#byMessage()) {
      if (message.open === 0) ended.push(message);
      else sql.run(updateOpen, message.open, Number(message.failed), message.message);
    }
    for (const failed of [false, true]) {
      const ids = ended.filter((message) => message.failed === failed).map(({ message }) => message);
      if (ids.length > 0) sql.run(finishMessages, Number(failed), latest.at, JSON.stringify(ids));
    }
    if (ended.length > 0) this.#endContents(sql, ended, latest.at);
    this.#left.length = 0;
  }

  #endContents(sql: Sql, ended: readonly Left[], at: number): void {
    if (this.#keepsContent) {
      sql.run(keepContents, at, JSON.stringify(ended.map(({ message }) => message)));
      return;
    }
    const [single, others] = [[] as Left[], [] as Left[]];
    for (const message of ended) (chunkCount(message.size) === 1 ? single : others).push(message);
    if (single.length > 0) {
      deleteSingleChunks(
        sql,
        single.map(({ message }) => message),
      );
    }
    for (const { message, size } of others) deleteContent(sql, message, size);
  }

  /** Each message once, with the number of recipients that stay open. */
  #byMessage(): Iterable<Left> {
    const messages = new Map<number, Left>();
    for (const left of this.#left) {
      const before = messages.get(left.message);
      const open = (before?.open ?? left.open) - 1;
      messages.set(left.message, { ...left, open, failed: left.failed || (before?.failed ?? false) });
    }
    return messages.values();
  }
}
