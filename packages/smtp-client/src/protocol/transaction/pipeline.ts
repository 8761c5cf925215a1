import type { ReplyStage } from '../session/timeouts.ts';
import type { Transaction } from './transaction.ts';

/** A command, or the end of data, whose reply has not been read. */
export interface Expected {
  readonly stage: ReplyStage;
  /** Absent outside of a transaction. */
  readonly transaction: Transaction | undefined;
  /** Index of the recipient in the delivery, for RCPT and for LMTP's replies to the end of data. */
  readonly recipient: number | undefined;
  /** Number of the block that contains it; negative for the greeting, which needs no command. */
  readonly block: number;
}

/** The replies that are awaited, in the order of their commands (RFC 2920 §3.1). */
export class Pipeline {
  /** A ring buffer; its length is a power of two. */
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

  /** Adds the reply to a command, or to the end of data. */
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

  /** Starts the next block. */
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
