import { CliError } from '../errors.ts';
import { exitCodeOf, exitCodes } from '../exit-code.ts';
import { handleOutputLoss, jsonLine, lossMessage, notice, print } from '../output.ts';
import type { SendFlags } from '../send/flags.ts';
import { interruptible } from '../signals.ts';
import { printable } from '../terminal.ts';
import type { MergedMessage, MergedRow } from './merged-message.ts';
import { type MergeProgress, noProgress, showProgress } from './progress.ts';
import type { RecipientsFile } from './recipients-file.ts';
import { formatPlan, formatReport, type RunReport } from './report.ts';
import type { ResultsFile, RowResult, RunFacts } from './results-file.ts';
import { decideRow, type RowPlan } from './row-plan.ts';
import { RowProblem } from './row-problem.ts';
import { type RowSender, sendRows, type WriteResult } from './row-sender.ts';
import type { RowStatus } from './row-states.ts';

/** Maximum number of failed rows that the report shows. */
const MOST_TROUBLES = 5;

/** Makes the sender of a run's rows. */
export type CreateSender = (
  runId: string,
  write: WriteResult,
  /** Called with text that the user should see during the run. */
  note: (text: string) => void,
) => RowSender;

/** Sends the rows of a file once, with progress and a report. */
export class MergeRun {
  readonly #file: RecipientsFile;
  readonly #message: MergedMessage;
  readonly #results: ResultsFile;
  readonly #plan: RowPlan;
  readonly #flags: SendFlags;
  readonly #counts: Partial<Record<RowStatus, number>> = {};
  readonly #troubles: RowResult[] = [];
  #progress: MergeProgress = noProgress;
  #interrupted = false;
  /** Standard output failed, so the report is incomplete. */
  #outputLost = false;

  constructor(
    file: RecipientsFile,
    message: MergedMessage,
    results: ResultsFile,
    plan: RowPlan,
    flags: SendFlags,
  ) {
    this.#file = file;
    this.#message = message;
    this.#results = results;
    this.#plan = plan;
    this.#flags = flags;
  }

  /** Sends the rows of the plan, until all are done or the run is stopped. */
  async send(line: RunFacts, createSender: CreateSender): Promise<void> {
    const { json, quiet, timeout } = this.#flags;
    const runId = await this.#results.begin(line);
    if (!json && !quiet) notice(formatPlan(this.#file.path, this.#plan));
    const { toSend, bad } = this.#plan;
    if (!json && !quiet) this.#progress = showProgress(toSend + bad);
    const interruption = interruptible(timeout, ['SIGINT', 'SIGTERM', 'SIGHUP']);
    const lost = new AbortController();
    const write: WriteResult = (result) =>
      this.#write(result).catch((error: unknown) => {
        lost.abort(error);
        throw error;
      });
    interruption.signal.addEventListener('abort', () => {
      this.#interrupted = true;
      this.#progress.note('Stopping after the rows in progress; Ctrl-C again stops at once.');
    });
    const outputLost = new AbortController();
    handleOutputLoss((error) => {
      this.#outputLost = true;
      notice(`${lossMessage(error)} Stopping after the rows in progress.`);
      outputLost.abort(error);
    });
    const signal = AbortSignal.any([interruption.signal, lost.signal, outputLost.signal]);
    const note = (text: string) => {
      if (!lost.signal.aborted) this.#progress.note(printable(text));
    };
    try {
      const sender = createSender(runId, write, note);
      await sendRows(this.#rows(write, signal), sender, this.#message.weight, signal);
    } catch (error) {
      if (!lost.signal.aborted) throw error;
    } finally {
      interruption.end();
      this.#progress.end();
    }
    if (lost.signal.aborted) throw unwritable(this.#results.path, lost.signal.reason);
  }

  async *#rows(write: WriteResult, signal: AbortSignal): AsyncGenerator<MergedRow> {
    const { resendUnknown = false } = this.#flags;
    for await (const row of this.#file.rows()) {
      if (signal.aborted) return;
      const decision = decideRow(this.#results.states.get(row.row), resendUnknown);
      if (decision !== 'send' && decision !== 'again') continue;
      let merged: MergedRow;
      try {
        this.#message.check(row);
        merged = this.#message.compose(row);
      } catch (error) {
        if (!(error instanceof RowProblem)) throw error;
        await write({ row: row.row, address: '', status: 'skipped', reason: error.message });
        continue;
      }
      yield merged;
    }
  }

  async #write(result: Omit<RowResult, 'at'>): Promise<void> {
    const line = { ...result, at: new Date().toISOString() };
    await this.#results.append(line);
    const { status } = line;
    if (status === 'started' || status === 'offered' || status === 'waiting') return;
    this.#counts[status] = (this.#counts[status] ?? 0) + 1;
    const trouble = status !== 'delivered' && status !== 'queued';
    if (trouble && this.#troubles.length < MOST_TROUBLES) this.#troubles.push(line);
    this.#progress.add(status);
    if (this.#flags.json) print(jsonLine(line));
  }

  /** Prints the report, and sets the exit code to that of the most serious result of any row in any run. */
  report(): void {
    const [plan, counts] = [this.#plan, this.#counts];
    const ended = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const left = plan.toSend + plan.bad - ended;
    const { failed = 0, skipped = 0, unknown = 0, deferred = 0 } = counts;
    const statuses = [
      ...(plan.unknown + unknown > 0 ? ['unknown'] : []),
      ...(plan.failed + failed + skipped > 0 ? ['failed'] : []),
      ...(deferred + left > 0 ? ['deferred'] : []),
    ];
    const gravest = exitCodeOf(statuses.map((status) => ({ status })));
    process.exitCode = this.#interrupted && left > 0 ? exitCodes.interrupted : gravest;
    if (this.#outputLost) process.exitCode = exitCodes.outputLost;
    const report: RunReport = { plan, counts, troubles: this.#troubles, left, results: this.#results.path };
    if (this.#flags.json) {
      const { rows, done, failed: failedBefore, unknown: unknownBefore } = plan;
      const before = { done, failed: failedBefore, unknown: unknownBefore };
      print(jsonLine({ exitCode: process.exitCode, rows, counts, before, left, results: report.results }));
    } else if (!this.#flags.quiet) print(`${formatReport(report)}\n`);
    else if (gravest !== exitCodes.ok) notice(formatReport(report));
  }
}

function unwritable(path: string, cause: unknown): CliError {
  const message = `${printable(path)} cannot be written (${(cause as Error).message}), so sending was stopped. Rows in progress may have been sent; the next run reports them as unknown.`;
  return new CliError('MB_CLI_RESULTS', message, { cause, kind: 'aborted' });
}
