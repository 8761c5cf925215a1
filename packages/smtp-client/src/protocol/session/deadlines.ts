import type { Expected } from '../transaction/pipeline.ts';
import { type Timeouts, timeoutOfStage } from './timeouts.ts';

/** What a session waits for and since when (RFC 5321 §4.5.3.2). */
export class Deadlines {
  readonly #timeouts: Timeouts;
  #blocks = 0;
  #blockSince = 0;
  /** The last moment at which the peer did what was asked of it: a whole reply, or all octets taken. */
  #progressAt: number;
  /** Since when the TLS handshake runs. */
  handshakeSince: number | undefined;

  constructor(timeouts: Timeouts, now: number) {
    this.#timeouts = timeouts;
    this.#progressAt = now;
  }

  /** Whether the transport still holds octets that it was given. */
  get writing(): boolean {
    return this.#blocks > 0;
  }

  blockGiven(now: number): void {
    if (this.#blocks++ === 0) this.#blockSince = now;
  }

  blockTaken(now: number): void {
    this.#blocks -= 1;
    this.#blockSince = now;
    if (this.#blocks === 0) this.#progressAt = now;
  }

  /** A whole reply came; octets of a reply count for nothing. */
  replied(now: number): void {
    this.#progressAt = now;
  }

  /** The moment after which the session is given up. */
  next(first: Expected | undefined): number | undefined {
    const { handshakeMs, blockMs } = this.#timeouts;
    if (this.handshakeSince !== undefined) return this.handshakeSince + handshakeMs;
    if (this.#blocks > 0) return this.#blockSince + blockMs;
    if (first === undefined) return undefined;
    // What is awaited was written before this moment, for the transport had all of it then.
    return this.#progressAt + this.#timeouts[timeoutOfStage[first.stage]];
  }
}
