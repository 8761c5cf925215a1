import type { ReplyStage } from '../session/timeouts.ts';
import type { Transaction } from './transaction.ts';

/** A command, or the end of data, whose reply has not been read. */
export interface Expected {
  readonly stage: ReplyStage;
  /** Absent outside of a transaction. */
  readonly transaction: Transaction | undefined;
  /** Index of the recipient in the delivery, for RCPT and for LMTP's replies to the end of data. */
  readonly recipient: number | undefined;
  /** Number of the block that holds it; negative for what the server sends unasked. */
  readonly block: number;
}

/** The replies that are awaited, first written first answered (RFC 2920 §3.1). */
export class Pipeline {
  /** A ring; its length is a power of two. */
  #ring: (Expected | undefined)[] = new Array(16).fill(undefined);
  #head = 0;
  #length = 0;
  /** The block that is being filled. */
  #block = -1;

  get length(): number {
    return this.#length;
  }

  /** What the next reply answers. */
  get first(): Expected | undefined {
    return this.#ring[this.#head];
  }

  /** A command, or the end of data, was written. */
  expect(stage: ReplyStage, transaction?: Transaction, recipient?: number): void {
    if (this.#length === this.#ring.length) this.#widen();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = {
      stage,
      transaction,
      recipient,
      block: this.#block,
    };
    this.#length += 1;
  }

  /** What is written from now on is in the next block. */
  nextBlock(): void {
    this.#block += 1;
  }

  shift(): Expected | undefined {
    const first = this.#ring[this.#head];
    if (first === undefined) return undefined;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    return first;
  }

  #widen(): void {
    const inOrder = [...this.#ring.slice(this.#head), ...this.#ring.slice(0, this.#head)];
    this.#ring = inOrder.concat(new Array(inOrder.length).fill(undefined));
    this.#head = 0;
  }
}
