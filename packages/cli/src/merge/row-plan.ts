import { CliError } from '../errors.ts';
import type { MergedMessage } from './merged-message.ts';
import type { CsvRow, RecipientsFile } from './recipients-file.ts';
import { RowProblem } from './row-problem.ts';
import type { RowStates, RowStatus } from './row-states.ts';

/** What a run will do with the rows of a file. */
export interface RowPlan {
  /** Rows of the file. */
  readonly rows: number;
  /** Rows that this run sends. */
  readonly toSend: number;
  /** How many of `toSend` were sent before, such as deferred rows. */
  readonly again: number;
  /** Rows that were delivered or queued before. */
  readonly done: number;
  /** Rows that failed permanently before. */
  readonly failed: number;
  /** Rows with an unknown outcome, which are not sent again. */
  readonly unknown: number;
  /** Rows that cannot be sent. */
  readonly bad: number;
  /** The first rows that cannot be sent. */
  readonly badRows: readonly BadRow[];
}

/** A row that cannot be sent, and why. */
export interface BadRow {
  readonly row: number;
  readonly problem: string;
}

/** What a run does with a row. */
export type RowDecision = 'send' | 'again' | 'done' | 'failed' | 'unknown';

const MOST_SHOWN = 10;

/** Decides what to do with a row in this state. */
export function decideRow(status: RowStatus, resendUnknown: boolean): RowDecision {
  switch (status) {
    case 'delivered':
    case 'queued':
      return 'done';
    case 'failed':
      return 'failed';
    case 'started':
    case 'unknown':
      return resendUnknown ? 'again' : 'unknown';
    // The idempotency key prevents that the queue takes an offered row twice.
    case 'offered':
    case 'deferred':
      return 'again';
    default:
      return 'send';
  }
}

/**
 * Reads the whole file before anything is sent.
 *
 * @throws {CliError} MB_CLI_RECIPIENTS for invalid CSV; MB_CLI_RESULTS when a row that was sent has another address now.
 */
export async function planRows(
  file: RecipientsFile,
  message: MergedMessage,
  states: RowStates,
  resendUnknown: boolean,
): Promise<RowPlan> {
  const counts = { send: 0, again: 0, done: 0, failed: 0, unknown: 0 };
  const badRows: BadRow[] = [];
  let [rows, bad] = [0, 0];
  for await (const row of file.rows()) {
    rows += 1;
    const decision = decideRow(states.get(row.row), resendUnknown);
    if (decision !== 'send') refuseMoved(row.row, message.addressOf(row), states);
    const sending = decision === 'send' || decision === 'again';
    const problem = sending ? problemOf(row, message) : undefined;
    if (problem === undefined) counts[decision] += 1;
    else {
      bad += 1;
      if (badRows.length < MOST_SHOWN) badRows.push({ row: row.row, problem });
    }
  }
  const { send, again, done, failed, unknown } = counts;
  return { rows, toSend: send + again, again, done, failed, unknown, bad, badRows };
}

function problemOf(row: CsvRow, message: MergedMessage): string | undefined {
  try {
    message.check(row);
    return undefined;
  } catch (error) {
    if (error instanceof RowProblem) return error.message;
    throw error;
  }
}

/** Results refer to rows by number, so a row that was sent must keep its number. */
function refuseMoved(row: number, address: string | undefined, states: RowStates): void {
  if (address !== undefined && states.isAbout(row, address)) return;
  const message = `Row ${row} has another address than in the results file. Keep rows that were sent in their place and add new rows at the end, or start again with another --results.`;
  throw new CliError('MB_CLI_RESULTS', message);
}
