import { cleanRunToDouble, type HostExperience, largestWindow } from '../session/host-experience.ts';
import type { SessionLimits } from '../session/limits.ts';

/** Refusals after which a session no longer runs ahead; Postfix hangs up after 20. */
const mostRefusals = 4;

/** How far commands may run ahead of their replies. */
export type Pipelining = 'off' | 'within-message' | 'across-messages';

/** What FlightWindow needs from the session. */
export interface FlightWindowContext {
  readonly limits: SessionLimits;
  readonly pipelining: Pipelining;
  readonly experience: HostExperience;
}

/** The number of messages that may be in flight in a session, by what the host and this session have shown. */
export class FlightWindow {
  readonly #context: FlightWindowContext;
  #refusals = 0;
  #ownSize = largestWindow;
  #ownRun = 0;
  #overlaps = true;
  /** The server does not support what it offers, so each command waits for its reply. */
  #cautious = false;
  /** Whether the server offers PIPELINING. */
  pipelining = false;

  constructor(context: FlightWindowContext) {
    this.#context = context;
  }

  /** Whether each command waits for its reply. */
  get lockstep(): boolean {
    return this.#cautious || !this.pipelining || this.#context.pipelining === 'off';
  }

  /**
   * Messages that may be in flight now.
   * @param mails  Number of MAILs written in this session.
   * @param answered  Number of messages answered in this session.
   */
  size(mails: number, answered: number): number {
    const { window, endedAfter } = this.#context.experience;
    const size = Math.min(window, this.#ownSize);
    // An earlier session ended after `endedAfter` messages: have only one message in flight there.
    return endedAfter !== undefined && answered <= endedAfter && mails + size > endedAfter ? 1 : size;
  }

  /** Whether a transaction may begin while `open` others are not over. */
  admits(open: number, mails: number, answered: number): boolean {
    if (open === 0) return true;
    if (this.#context.pipelining !== 'across-messages' || !this.#overlaps || this.lockstep) return false;
    return open < Math.min(this.size(mails, answered), this.#context.limits.chunkingWindow);
  }

  /** Counts an answered message. A refusal resets the window, since servers hang up after too many. */
  count(clean: boolean): void {
    if (!clean) {
      this.#refusals += 1;
      this.#ownSize = 1;
      this.#ownRun = 0;
      return;
    }
    if (this.#ownSize >= largestWindow || this.#refusals > mostRefusals) return;
    this.#ownRun += 1;
    if (this.#ownRun < cleanRunToDouble) return;
    this.#ownSize *= 2;
    this.#ownRun = 0;
  }

  /** Allows only one message in flight: the server cannot handle a MAIL before it has answered the previous message. */
  forbidOverlap(): void {
    this.#overlaps = false;
  }

  /** Makes each further command wait for its reply. */
  becomeCautious(): void {
    this.#cautious = true;
  }
}
