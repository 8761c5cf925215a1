import type { ReplyStage } from './timeouts.ts';
import type { Transaction } from './transaction.ts';

/** A command, or the end of data, whose reply has not been read. */
export interface Expected {
  readonly stage: ReplyStage;
  readonly sentAt: number;
  /** Absent for what is no part of a transaction. */
  readonly transaction: Transaction | undefined;
  /** Index of the recipient in the delivery, for RCPT and for LMTP's replies to the end of data. */
  readonly recipient: number | undefined;
}

/** The replies that are awaited, first written first answered (RFC 2920 §3.1). */
export class Pipeline {
  #entries: (Expected | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** What the next reply answers. */
  get first(): Expected | undefined {
    return this.#entries[this.#head];
  }

  /** A command, or the end of data, was written. */
  expect(stage: ReplyStage, sentAt: number, transaction?: Transaction, recipient?: number): void {
    this.#entries.push({ stage, sentAt, transaction, recipient });
  }

  shift(): Expected | undefined {
    const first = this.#entries[this.#head];
    if (first === undefined) return undefined;
    this.#entries[this.#head++] = undefined;
    if (this.#head === this.#entries.length) {
      this.#entries.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}
