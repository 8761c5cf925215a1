import { BrokerError } from '../../errors.ts';

const primaryResultCode = 0xff;
const sqliteBusy = 5;
const sqliteLocked = 6;

/** The primary result code of an SQLite error; undefined for other errors. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & primaryResultCode : undefined;
}

/** Whether another connection holds a lock that this one needs. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === sqliteBusy || code === sqliteLocked;
}

/** What a result code means for an operator, and whether the same call may succeed later (sqlite.org/rescode.html). */
const advice: Readonly<Record<number, readonly [what: string, retryable: boolean]>> = {
  3: ['this user may not use the queue file; check its owner and mode', false],
  7: ['there is not enough memory', true],
  8: ['the queue file or its file system is read-only', true],
  10: ['the disk failed to read or write; check it', true],
  11: ['the queue file is damaged; stop, and restore it from a backup', false],
  13: ['the disk is full; free some space', true],
  14: ['the queue file cannot be opened; check its path, its folder and their modes', true],
  26: ['the file is not an SQLite database, or is damaged', false],
};

/** Converts an error of the queue file to a BrokerError; a BrokerError is returned unchanged. */
export function storeError(error: unknown): unknown {
  if (BrokerError.isInstance(error)) return error;
  if (isBusy(error)) {
    return new BrokerError(
      'MB_BROKER_STORE_BUSY',
      'internal',
      'Another process holds the write lock of the queue file. End its transaction; for many processes use @mb/queue-postgres.',
      { cause: error, retryable: true },
    );
  }
  const code = resultCode(error);
  const [what, retryable] = advice[code ?? -1] ?? [];
  const said = error instanceof Error ? error.message : String(error);
  const failed =
    code === undefined
      ? 'The queue could not be written or read'
      : 'SQLite could not write or read the queue';
  return new BrokerError(
    'MB_BROKER_STORE_FAILED',
    'internal',
    `${failed}: ${said}${what ? `: ${what}` : ''}.`,
    {
      cause: error,
      // Other errors than SQLite's come from a row that cannot be read, or from the file system.
      retryable: retryable ?? (code !== undefined || isSystemError(error)),
    },
  );
}

function isSystemError(error: unknown): boolean {
  return typeof (error as { syscall?: unknown } | null)?.syscall === 'string';
}
