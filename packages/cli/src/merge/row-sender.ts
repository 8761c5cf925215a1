import type { MergedRow } from './merged-message.ts';
import type { RowResult } from './results-file.ts';

/** Sends rows, and gives each a result. */
export interface RowSender {
  /** Resolves when the row's result is on the disk, or when the run is stopped before its attempt. */
  send(row: MergedRow): Promise<void>;
  /** Starts no more rows; resolves when those in progress have their results. */
  stop(): Promise<void>;
}

/** Writes the result of a row; resolves when it is on the disk. */
export type WriteResult = (result: Omit<RowResult, 'at'>) => Promise<void>;

/** Maximum number of rows in progress: enough for pacing to choose among destinations. */
const MAX_ROWS = 500;
/** Maximum total size of the messages in progress, in octets. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Sends all rows, with as many in progress as memory allows.
 *
 * @param weight  Approximate size of a message in octets.
 * @throws The first error of `rows` or `sender`, after the rows in progress have ended.
 */
export async function sendRows(
  rows: AsyncIterable<MergedRow>,
  sender: RowSender,
  weight: number,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<Promise<void>>();
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  let wakeUp = () => {};
  stop.addEventListener('abort', () => wakeUp());
  /** Resolves when a row has ended or the run is stopped. */
  const change = () =>
    new Promise<void>((resolve) => {
      wakeUp = resolve;
    });
  const most = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_BYTES / weight)));
  try {
    for await (const row of rows) {
      while (!stop.aborted && open.size >= most) await change();
      if (stop.aborted) break;
      const sent: Promise<void> = sender
        .send(row)
        .catch((error: unknown) => failure.abort(error))
        .finally(() => {
          open.delete(sent);
          wakeUp();
        });
      open.add(sent);
    }
    while (!stop.aborted && open.size > 0) await change();
  } finally {
    await sender.stop();
  }
  if (failure.signal.aborted) throw failure.signal.reason;
}
