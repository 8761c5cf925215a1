import type { Expected } from '../transaction/pipeline.ts';
import { type Timeouts, timeoutOfStage } from './timeouts.ts';

/** What a session waits for and since when (RFC 5321 §4.5.3.2): each reply has a time of its own. */
export class Deadlines {
  readonly #timeouts: Timeouts;
  /** Blocks that the transport was given, and that it has taken. */
  #given = 0;
  #taken = 0;
  #blockSince = 0;
  /** Since when the reply that comes next is waited for: its command was taken, and the reply before it was read. */
  #replySince: number;
  /** Since when the session is being set up; undefined once it is ready. */
  setupSince: number | undefined;
  /** Since when the TLS handshake runs. */
  handshakeSince: number | undefined;

  constructor(timeouts: Timeouts, now: number) {
    this.#timeouts = timeouts;
    this.#replySince = now;
    this.setupSince = now;
  }

  /** Whether the transport still holds octets that it was given. */
  get writing(): boolean {
    return this.#given > this.#taken;
  }

  blockGiven(now: number): void {
    if (this.#given++ === this.#taken) this.#blockSince = now;
  }

  /** @param first  What the next reply answers. Further blocks do not extend the wait for it. */
  blockTaken(now: number, first: Expected | undefined): void {
    this.#blockSince = now;
    if (first?.block === this.#taken++) this.#replySince = now;
  }

  /** A whole reply came. Part of a reply does not extend the wait. */
  replied(now: number): void {
    this.#replySince = now;
  }

  /**
   * The moment after which the session is given up.
   * @param first  What the next reply answers.
   * @param transactionSince  Since when the oldest message is under way.
   */
  next(first: Expected | undefined, transactionSince: number | undefined): number | undefined {
    return earliest(this.#waits(first), this.overall(first, transactionSince));
  }

  /** The moment at which the setup, or the oldest message up to the end of its data, has taken too long as a whole. */
  overall(first: Expected | undefined, transactionSince: number | undefined): number | undefined {
    const { setupMs, transactionMs } = this.#timeouts;
    if (this.setupSince !== undefined) return this.setupSince + setupMs;
    // A retry after the end of data can deliver a message twice, so only the wait for that reply bounds it.
    if (transactionSince === undefined || first?.stage === 'final' || first?.stage === 'discard')
      return undefined;
    return transactionSince + transactionMs;
  }

  #waits(first: Expected | undefined): number | undefined {
    const { handshakeMs, blockMs } = this.#timeouts;
    if (this.handshakeSince !== undefined) return this.handshakeSince + handshakeMs;
    const block = this.writing ? this.#blockSince + blockMs : undefined;
    if (first === undefined || first.block >= this.#taken) return block;
    return earliest(block, this.#replySince + this.#timeouts[timeoutOfStage[first.stage]]);
  }

  /** Whether the transport is what is late. */
  blockLate(now: number): boolean {
    return this.writing && now >= this.#blockSince + this.#timeouts.blockMs;
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : other === undefined ? one : Math.min(one, other);
}
