import { cleanRunToDouble, type HostExperience, largestWindow } from '../session/host-experience.ts';
import type { SessionLimits } from '../session/limits.ts';

/** With more refusals than this a session does not run ahead again: Postfix allows 20 before it hangs up. */
const mostRefusals = 4;

/** How far commands may run ahead of their replies. */
export type Pipelining = 'off' | 'within-message' | 'across-messages';

/** What the window depends on. */
export interface FlightWindowContext {
  readonly limits: SessionLimits;
  readonly pipelining: Pipelining;
  readonly experience: HostExperience;
}

/** How many messages may be in flight in one session: what the host has earned, less what this session has shown. */
export class FlightWindow {
  readonly #context: FlightWindowContext;
  #refusals = 0;
  #ownSize = largestWindow;
  #ownRun = 0;
  #overlaps = true;
  /** The server does not do what it offers, so each command waits for its reply. */
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
   * @param mails  MAILs written in this session.
   * @param answered  Messages answered in this session.
   */
  size(mails: number, answered: number): number {
    const { window, endedAfter } = this.#context.experience;
    const size = Math.min(window, this.#ownSize);
    // Where an earlier session has ended, this one may end too: no message is in flight after another one there.
    return endedAfter !== undefined && answered <= endedAfter && mails + size > endedAfter ? 1 : size;
  }

  /** Whether a transaction may begin while `open` others are not over. */
  admits(open: number, mails: number, answered: number): boolean {
    if (open === 0) return true;
    if (this.#context.pipelining !== 'across-messages' || !this.#overlaps || this.lockstep) return false;
    return open < Math.min(this.size(mails, answered), this.#context.limits.chunkingWindow);
  }

  /** Servers count refusals and hang up at the last one that they allow, so after one the window is earned again. */
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

  /** The server cannot take a message before it has answered the one before it. */
  forbidOverlap(): void {
    this.#overlaps = false;
  }

  /** From now on each command waits for its reply. */
  becomeCautious(): void {
    this.#cautious = true;
  }
}
