import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measuringFlags } from './measuring-flags.ts';
import type { HotFrame } from './profile.ts';
import type { Row } from './row.ts';
import type { RowOrder, RowReport } from './row-process.ts';
import { compileSlowDisk } from './slow-disk.ts';
import type { RowResult } from './verdict.ts';

const DEFAULT_TIMEOUT_SECONDS = 120;
const CLOSING_MS = 5000;

/** A measured row, and with an order for a profile the functions that took the time. */
export interface RowRun {
  readonly result: RowResult;
  readonly frames?: readonly HotFrame[];
}

/** Measures a row in a process of its own; a crash or a hang becomes a result that says so. */
export function runRow(row: Row, order: RowOrder, onRound: (done: number) => void): Promise<RowRun> {
  const slowDisk = row.slowDisk ? compileSlowDisk() : undefined;
  if (row.slowDisk && !slowDisk) {
    const absent = [{ name: 'all contenders', reason: 'the slow disk is made with gcc, on Linux' }];
    return Promise.resolve({ result: { ...withoutContenders(row), absent } });
  }
  const child = fork(fileURLToPath(new URL('./row-process.ts', import.meta.url)), [JSON.stringify(order)], {
    execArgv: measuringFlags,
    // Whatever contenders print stays out of `--json`.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A group of its own, so that servers which it started can be ended with it.
    detached: true,
    ...(slowDisk && { env: { ...process.env, LD_PRELOAD: slowDisk.library } }),
  });
  const seconds = row.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  let run: RowRun | undefined;
  let complaint = '';
  let hung = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  child.on('message', (message: RowReport) => {
    if (message.kind === 'round') onRound(message.done);
    else run = message;
  });
  const timer = setTimeout(() => {
    hung = true;
    stop(child);
  }, seconds * 1000);
  const interrupted = () => {
    child.once('close', () => process.exit(130));
    stop(child);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      endGroup(child);
      slowDisk?.remove();
      const reason = hung
        ? `no result within ${seconds} s`
        : `ended with ${signal ?? code}: ${complaint.trim()}`;
      resolve(run ?? { result: failed(row, reason) });
    });
  });
}

/** Asks the row's process to end its servers and itself, and does not wait long for that. */
function stop(child: ChildProcess): void {
  child.kill('SIGTERM');
  setTimeout(() => endGroup(child), CLOSING_MS).unref();
}

/** Ends the row's process and whatever it left behind. */
function endGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}

function failed(row: Row, failure: string): RowResult {
  return { ...withoutContenders(row), failure };
}

function withoutContenders({ id, title, metric, amount, limit }: Row): RowResult {
  return { id, title, metric, amount, limit, contenders: [], goals: [], absent: [] };
}
