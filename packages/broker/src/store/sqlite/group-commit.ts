import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { BrokerError } from '../../errors.ts';

/** How a write is to be committed. */
export interface WriteOptions {
  /** The commit waits for the disk. */
  readonly durable: boolean;
  /** It accepts mail: the file must still be where it was opened. */
  readonly accepts?: boolean;
  /** It may wait a moment for others to share its commit. */
  readonly patient?: boolean;
}

/** What all writes of a transaction gather, to be written once at its end. */
export interface Gathered {
  /** The place to which `reset` goes back when what was gathered after it is undone. */
  mark(): number;
  reset(mark: number): void;
  /** Writes and clears what was gathered. */
  write(): void;
}

interface Write extends WriteOptions {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** More writes than this wait for the next transaction, so that one does not keep the event loop for long. */
const mostWrites = 512;
/** In a busy queue patient writes wait so long for others. */
const patienceMs = 15;
/** The queue is busy after a transaction of as many writes; patient writes wait no longer once `companyWrites` do. */
const busyWrites = 4;
const companyWrites = 192;
/** How long to wait for another process that holds the write lock. */
const busyRetryMs = 5;
const busyPatienceMs = 30_000;

const primaryResultCode = 0xff;
const sqliteBusy = 5;
const sqliteLocked = 6;

/**
 * Runs all writes of one turn of the event loop in one transaction, so that they share one fsync.
 *
 * A write that fails is undone alone: savepoints cost as much as small writes, so the writes run without any at first,
 * and when one fails, all are undone and run once more, each in a savepoint. A promise resolves after the commit.
 * The commit waits for the disk when one of the writes must be durable; losing the others would only put
 * recipients back into the queue.
 *
 * In a busy queue, writes that only the worker waits for are given a few milliseconds to gather: a page that several of
 * them change is then written once. A claim, which need not be durable, does not end that wait: it commits alone, without
 * waiting for the disk.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #setTimer: Clock['setTimer'];
  readonly #gathered: readonly Gathered[];
  readonly #checkPlace: () => void;
  /** Writes of the next transaction. */
  #hurried: Write[] = [];
  /** Writes that wait for company until the timer of `#cancelPatience` ends. */
  #patient: Write[] = [];
  /** The next transaction begins in a later turn of the event loop. */
  #scheduled = false;
  #cancelPatience: (() => void) | undefined;
  /** Writes of the latest transaction that waited for the disk. */
  #latest = 0;
  #synchronous = '';
  #busySince: number | undefined;
  #idle: (() => void)[] = [];

  /** @param checkPlace  Throws when mail must not be accepted; called before each commit that accepts some. */
  constructor(
    db: DatabaseSync,
    setTimer: Clock['setTimer'],
    gathered: readonly Gathered[] = [],
    checkPlace: () => void = () => {},
  ) {
    this.#db = db;
    this.#setTimer = setTimer;
    this.#gathered = gathered;
    this.#checkPlace = checkPlace;
    this.#savepoint = db.prepare('SAVEPOINT mb_write');
    this.#release = db.prepare('RELEASE mb_write');
  }

  /** Runs `work` in the next transaction; more than once when a transaction is undone, so it changes nothing else. */
  write<Result>(work: () => Result, options: WriteOptions): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const write = { ...options, work, resolve, reject };
      if (options.patient && this.#latest >= busyWrites && this.#patient.length + 1 < companyWrites) {
        this.#patient.push(write);
        this.#cancelPatience ??= this.#setTimer(() => this.#endPatience(), patienceMs);
        return;
      }
      // A commit that waits for the disk takes the patient writes along.
      if (options.durable) this.#endPatience();
      this.#hurried.push(write);
      this.#schedule();
    });
  }

  /** Resolves when nothing is left to write, which now waits for nothing. */
  idle(): Promise<void> {
    this.#endPatience();
    if (!this.#scheduled) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Patient writes wait no longer. */
  #endPatience(): void {
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#hurried.push(...this.#patient.splice(0));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#hurried.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const writes = this.#hurried.slice(0, mostWrites);
    const durable = writes.some((write) => write.durable);
    if (durable) this.#latest = writes.length;
    let results: readonly Result[];
    try {
      this.#setSynchronous(durable ? 'FULL' : 'NORMAL');
      results = this.#run(writes);
    } catch (error) {
      if (isBusy(error) && this.#mayWaitLonger()) {
        // Blocking here would keep the transaction that we wait for from ending, if it is our own process's.
        setTimeout(() => this.#flush(), busyRetryMs);
        return;
      }
      this.#hurried = this.#hurried.slice(writes.length);
      for (const write of writes) write.reject(storeError(error));
      this.#next();
      return;
    }
    this.#busySince = undefined;
    this.#hurried = this.#hurried.slice(writes.length);
    this.#commit(writes, results);
    this.#next();
  }

  /**
   * Runs the writes in a new transaction, which stays open.
   * @throws when no transaction can begin; then nothing was done.
   */
  #run(writes: readonly Write[]): readonly Result[] {
    this.#begin();
    const results = this.#runTogether(writes);
    if (results) return results;
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#begin();
    return writes.map(({ work }) => this.#attempt(work));
  }

  #begin(): void {
    // A transaction that could not be rolled back is still open.
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#db.exec('BEGIN IMMEDIATE');
    for (const gathered of this.#gathered) gathered.reset(0);
  }

  /** Undefined when one of the writes failed, or the transaction did not outlive it (a failing disk ends it). */
  #runTogether(writes: readonly Write[]): readonly Result[] | undefined {
    const results: Result[] = [];
    try {
      for (const { work } of writes) {
        results.push({ value: work() });
        if (!this.#db.isTransaction) return undefined;
      }
      return results;
    } catch {
      return undefined;
    }
  }

  #commit(writes: readonly Write[], results: readonly Result[]): void {
    try {
      if (!this.#db.isTransaction) throw results.find((result) => 'error' in result)?.error;
      for (const gathered of this.#gathered) gathered.write();
      if (writes.some(({ accepts }) => accepts)) this.#checkPlace();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      for (const write of writes) write.reject(storeError(error));
      return;
    }
    for (let i = 0; i < writes.length; i++) {
      const result = results[i]!;
      if ('error' in result) writes[i]!.reject(storeError(result.error));
      else writes[i]!.resolve(result.value as never);
    }
  }

  /** The error that led here is the one that is reported; the next transaction tries again to roll back. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {}
  }

  #attempt(work: () => unknown): Result {
    // An error that ended the whole transaction (a full disk does) leaves nothing to do for those behind it.
    if (!this.#db.isTransaction) return { error: new Error('The transaction was rolled back.') };
    const marks = this.#gathered.map((gathered) => gathered.mark());
    try {
      this.#savepoint.run();
      const value = work();
      this.#release.run();
      return { value };
    } catch (error) {
      this.#undo();
      for (const [i, gathered] of this.#gathered.entries()) gathered.reset(marks[i]!);
      return { error };
    }
  }

  #undo(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK TO mb_write; RELEASE mb_write');
    } catch {
      // What cannot be undone alone is undone with the others.
      this.#rollBack();
    }
  }

  #next(): void {
    this.#scheduled = false;
    this.#schedule();
    if (!this.#scheduled) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return;
    this.#db.exec(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }

  #mayWaitLonger(): boolean {
    this.#busySince ??= performance.now();
    if (performance.now() - this.#busySince < busyPatienceMs) return true;
    this.#busySince = undefined;
    return false;
  }
}

type Result = { readonly value: unknown } | { readonly error: unknown };

/** SQLite's primary result code; undefined for errors that are not SQLite's. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & primaryResultCode : undefined;
}

function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === sqliteBusy || code === sqliteLocked;
}

/** What an operator can do about a result code, and whether the same call may succeed later (sqlite.org/rescode.html). */
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

/** The broker's error for what went wrong with the queue file; errors that are the broker's stay what they are. */
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
      // What is no error of SQLite comes from a row that cannot be read, or from the file system.
      retryable: retryable ?? (code !== undefined || isSystemError(error)),
    },
  );
}

function isSystemError(error: unknown): boolean {
  return typeof (error as { syscall?: unknown } | null)?.syscall === 'string';
}
