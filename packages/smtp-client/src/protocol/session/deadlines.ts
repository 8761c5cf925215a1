import type { Expected } from '../transaction/pipeline.ts';
import { type Timeouts, timeoutOfStage } from './timeouts.ts';

/** The deadlines of a session (RFC 5321 §4.5.3.2): each reply has its own timeout. */
export class Deadlines {
  readonly #timeouts: Timeouts;
  /** Number of blocks given to the transport, and of blocks that it has written. */
  #given = 0;
  #taken = 0;
  #blockSince = 0;
  /** When the wait for the next reply began: its command was written, and the reply before it was read. */
  #replySince: number;
  /** When the setup of the session began; undefined once it is ready. */
  setupSince: number | undefined;
  /** When the TLS handshake began. */
  handshakeSince: number | undefined;

  constructor(timeouts: Timeouts, now: number) {
    this.#timeouts = timeouts;
    this.#replySince = now;
    this.setupSince = now;
  }

  /** Whether the transport has octets that are not written yet. */
  get writing(): boolean {
    return this.#given > this.#taken;
  }

  blockGiven(now: number): void {
    if (this.#given++ === this.#taken) this.#blockSince = now;
  }

  /** @param first  What the next reply answers; further blocks do not extend the wait for it. */
  blockTaken(now: number, first: Expected | undefined): void {
    this.#blockSince = now;
    if (first?.block === this.#taken++) this.#replySince = now;
  }

  /** Records a complete reply; a part of a reply does not extend the wait. */
  replied(now: number): void {
    this.#replySince = now;
  }

  /**
   * The time at which the session fails.
   * @param first  What the next reply answers.
   * @param transactionSince  When the oldest transaction began.
   */
  next(first: Expected | undefined, transactionSince: number | undefined): number | undefined {
    return earliest(this.#waits(first), this.overall(first, transactionSince));
  }

  /** The time at which the setup, or the oldest transaction up to the end of its data, exceeds its overall timeout. */
  overall(first: Expected | undefined, transactionSince: number | undefined): number | undefined {
    const { setupMs, transactionMs } = this.#timeouts;
    if (this.setupSince !== undefined) return this.setupSince + setupMs;
    // After the end of data only the timeout of its reply counts: to give up then can deliver the message twice.
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

  /** Whether the transport has not written a block in time. */
  blockLate(now: number): boolean {
    return this.writing && now >= this.#blockSince + this.#timeouts.blockMs;
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : other === undefined ? one : Math.min(one, other);
}
