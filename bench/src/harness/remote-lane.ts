import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Lane, Series } from './lane.ts';
import type { LaneCommand, LaneOrder, LaneReport } from './lane-process.ts';
import { measuringFlags } from './measuring-flags.ts';
import type { Contender } from './row.ts';

/** A contender in a process of its own, which shares no garbage, code or type feedback with the others. */
export class RemoteLane implements Lane {
  readonly #contender: Contender;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  #report: LaneReport = { wall: [], cpu: [], told: [], threw: false };

  constructor(contender: Contender, order: Omit<LaneOrder, 'contender'>) {
    this.#contender = contender;
    const argument: LaneOrder = { ...order, contender: contender.name };
    this.#child = fork(
      fileURLToPath(new URL('./lane-process.ts', import.meta.url)),
      [JSON.stringify(argument)],
      { execArgv: measuringFlags },
    );
    this.#ready = this.#answer();
  }

  async warmUp(): Promise<void> {
    await this.#ready;
    await this.#ask('warm-up');
  }

  sample(): Promise<void> {
    return this.#ask('sample');
  }

  series(): Series {
    return { contender: this.#contender, ...this.#report };
  }

  /** Resolves when the process has released what it held and is gone. */
  async close(): Promise<void> {
    if (this.#isGone()) return;
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  async #ask(command: LaneCommand): Promise<void> {
    if (this.#report.threw) return;
    const answer = this.#answer();
    if (!this.#isGone()) this.#child.send(command);
    await answer;
  }

  /** The next report, or what is left when there will be none. */
  #answer(): Promise<void> {
    return new Promise((resolve) => {
      const answered = (report: LaneReport) => {
        this.#child.off('message', answered).off('exit', ended);
        this.#report = report;
        resolve();
      };
      const ended = (code: number | null, signal: string | null) =>
        answered({ ...this.#report, threw: true, problem: `its process ended with ${signal ?? code}` });
      if (this.#isGone()) ended(this.#child.exitCode, this.#child.signalCode);
      else this.#child.on('message', answered).on('exit', ended);
    });
  }

  #isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
