import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { BrokerError } from '../../errors.ts';
import { isBusy, storeError } from './store-error.ts';

/** How a write is committed. */
export interface WriteOptions {
  /** Whether the promise waits for the disk. */
  readonly durable: boolean;
  /** Whether it accepts mail: then the file must still be where it was opened. Default false. */
  readonly accepts?: boolean;
  /** Whether it may wait a few milliseconds for other writes to share its commit. Default false. */
  readonly patient?: boolean;
}

/** The write-ahead log of the file, which is flushed without blocking the event loop. */
export interface FlushedLog {
  /** Resolves when all that was committed before the call is on the disk. */
  flush(): Promise<void>;
  /** Called after each commit. */
  committed(): void;
}

/** Options of {@link GroupCommit}. */
export interface GroupCommitOptions {
  readonly setTimer: Clock['setTimer'];
  /** Batches to write at the end of each transaction, in this order. Default: none. */
  readonly gathered?: readonly Gathered[];
  /** Throws when mail must not be accepted; called before each commit that accepts mail. */
  readonly checkPlace?: () => void;
  /** Default: none; each durable commit then flushes the disk itself, which blocks the event loop. */
  readonly log?: FlushedLog | undefined;
}

/** A batch that the writes of a transaction add to, and that is written once at its end. */
export interface Gathered {
  /** The position for `reset`. */
  mark(): number;
  /** Removes what was added after `mark`, because the write that added it is undone. */
  reset(mark: number): void;
  /** Writes and clears the batch. */
  write(): void;
}

interface Write extends WriteOptions {
  readonly work: () => unknown;
  readonly committed: ((result: never) => void) | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Maximum number of writes in a transaction, so that it does not block the event loop for long. */
const mostWrites = 512;
/** How long patient writes wait for others in a busy queue. */
const patienceMs = 15;
/** The queue is busy after a transaction of this many writes. Once `companyWrites` are pending, they are committed. */
const busyWrites = 4;
const companyWrites = 192;
/** How long to wait for another process that holds the write lock. */
const busyRetryMs = 5;
const busyPatienceMs = 30_000;

/**
 * Runs all writes of one turn of the event loop in one transaction, so that they share one flush of the disk.
 *
 * A write that fails is undone alone. Savepoints cost as much as small writes, so the writes run without any at first;
 * when one fails, all are undone and run again, each in a savepoint. The promise of a durable write resolves when the
 * log was flushed after its commit, that of any other write after the commit: a power cut that loses such a write only
 * returns recipients to the queue.
 *
 * One flush is under way at a time. Durable writes that come meanwhile share the next transaction; other writes, such
 * as claims, are committed at once. A transaction can be read before it is on the disk, but no durable write of
 * it resolves before.
 *
 * In a busy queue, writes that only the worker waits for wait a few milliseconds for others, so that a page that
 * several of them change is written once. A claim does not end that wait.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #options: GroupCommitOptions;
  readonly #gathered: readonly Gathered[];
  /** Writes of the next transactions. */
  #waiting: Write[] = [];
  /** Number of writes in `#waiting` that need not be durable. */
  #relaxed = 0;
  /** Writes that wait for others, until the timer of `#cancelPatience` ends. */
  #patient: Write[] = [];
  /** A transaction is scheduled for a later turn of the event loop. */
  #scheduled = false;
  /** The log is being flushed. */
  #flushing = false;
  /** A flush failed: earlier commits may not be on the disk, even if the next flush succeeds. */
  #suspect = false;
  #cancelPatience: (() => void) | undefined;
  /** Number of writes in the latest durable transaction. */
  #latest = 0;
  #synchronous = '';
  #busySince: number | undefined;
  #idle: (() => void)[] = [];

  constructor(db: DatabaseSync, options: GroupCommitOptions) {
    this.#db = db;
    this.#options = options;
    this.#gathered = options.gathered ?? [];
    this.#savepoint = db.prepare('SAVEPOINT mb_write');
    this.#release = db.prepare('RELEASE mb_write');
  }

  /**
   * Runs `work` in the next transaction. It runs again when a transaction is undone, so it must change nothing else.
   *
   * @param committed  Called with its result right after the commit, before a flush.
   */
  write<Result>(
    work: () => Result,
    options: WriteOptions,
    committed?: (result: Result) => void,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const write: Write = { ...options, work, committed: committed as Write['committed'], resolve, reject };
      if (options.patient && this.#latest >= busyWrites && this.#patient.length + 1 < companyWrites) {
        this.#patient.push(write);
        this.#cancelPatience ??= this.#options.setTimer(() => this.#endPatience(), patienceMs);
        return;
      }
      // Patient writes share a commit that waits for the disk.
      if (options.durable) this.#endPatience();
      this.#add([write]);
      this.#schedule();
    });
  }

  /** Ends all waits, and resolves when nothing is left to write or flush. */
  idle(): Promise<void> {
    this.#endPatience();
    if (!this.#scheduled && !this.#flushing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Moves the patient writes to the next transaction. */
  #endPatience(): void {
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#add(this.#patient.splice(0));
    this.#schedule();
  }

  #add(writes: readonly Write[]): void {
    for (const write of writes) {
      this.#waiting.push(write);
      if (!write.durable) this.#relaxed++;
    }
  }

  #schedule(): void {
    const ready = this.#flushing ? this.#relaxed : this.#waiting.length;
    if (this.#scheduled || ready === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#transact());
  }

  /** The writes of the next transaction; while the log is being flushed, only those that need not be durable. */
  #nextWrites(): readonly Write[] {
    if (!this.#flushing) return this.#waiting.slice(0, mostWrites);
    return this.#waiting.filter(({ durable }) => !durable).slice(0, mostWrites);
  }

  #transact(): void {
    const writes = this.#nextWrites();
    const durable = writes.some((write) => write.durable);
    if (durable) this.#latest = writes.length;
    let results: readonly Result[];
    try {
      if (durable && this.#suspect) this.#carryOver();
      this.#setSynchronous(durable && !this.#options.log ? 'FULL' : 'NORMAL');
      results = this.#run(writes);
    } catch (error) {
      if (isBusy(error) && this.#mayWaitLonger()) {
        // Blocking would prevent the transaction that we wait for from ending, if it is one of this process.
        setTimeout(() => this.#transact(), busyRetryMs);
        return;
      }
      this.#forget(writes);
      rejectAll(writes, error);
      this.#next();
      return;
    }
    this.#busySince = undefined;
    this.#forget(writes);
    this.#commit(writes, results);
    this.#next();
  }

  #forget(writes: readonly Write[]): void {
    const begun = new Set(writes);
    this.#waiting = this.#waiting.filter((write) => !begun.has(write));
    for (const { durable } of writes) if (!durable) this.#relaxed--;
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

  /** Undefined when a write failed, or the transaction has ended (a failing disk ends it). */
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
      if (writes.some(({ accepts }) => accepts)) this.#options.checkPlace?.();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      rejectAll(writes, error);
      return;
    }
    const { log } = this.#options;
    const unflushed: Done[] = [];
    for (const [i, write] of writes.entries()) {
      const result = results[i]!;
      if ('error' in result) {
        write.reject(storeError(result.error));
        continue;
      }
      write.committed?.(result.value as never);
      if (write.durable && log) unflushed.push({ write, value: result.value });
      else write.resolve(result.value as never);
    }
    if (log && unflushed.length > 0) void this.#flush(log, unflushed);
    log?.committed();
  }

  /** Flushes the log, and resolves the writes that wait for that. */
  async #flush(log: FlushedLog, done: readonly Done[]): Promise<void> {
    this.#flushing = true;
    let failure: unknown;
    try {
      await log.flush();
    } catch (error) {
      failure = this.#isCarriedOver() ? undefined : storeError(error);
    }
    this.#flushing = false;
    for (const { write, value } of done) {
      if (failure === undefined) write.resolve(value as never);
      // The write is in the log, and may still be there after a restart.
      else write.reject(failure);
    }
    this.#goOn();
  }

  /** After a failed flush: tries a checkpoint, and returns whether all commits are on the disk. */
  #isCarriedOver(): boolean {
    this.#suspect = true;
    try {
      this.#carryOver();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Copies the log into the file and flushes the file. The kernel reports a failed flush only once, and the next flush
   * may succeed although data was lost; only writing the pages again is safe.
   *
   * @throws when that fails too; durable writes are then refused until it succeeds.
   */
  #carryOver(): void {
    this.#setSynchronous('FULL');
    const { busy } = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
    if (busy !== 0) {
      throw new BrokerError(
        'MB_BROKER_STORE_FAILED',
        'internal',
        'The disk failed to flush the log of the queue file, which another process reads. Check the disk.',
        { retryable: true },
      );
    }
    this.#suspect = false;
  }

  /** Rolls back. A failure is ignored: the first error is reported, and the next transaction rolls back again. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {}
  }

  #attempt(work: () => unknown): Result {
    // An error that ended the whole transaction, such as a full disk, ends the remaining writes as well.
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
      // If the write cannot be undone alone, the whole transaction is.
      this.#rollBack();
    }
  }

  #next(): void {
    this.#scheduled = false;
    this.#goOn();
  }

  #goOn(): void {
    this.#schedule();
    if (this.#scheduled || this.#flushing) return;
    for (const resolve of this.#idle.splice(0)) resolve();
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

/** A committed write with its result. */
interface Done {
  readonly write: Write;
  readonly value: unknown;
}

function rejectAll(writes: readonly Write[], error: unknown): void {
  for (const write of writes) write.reject(storeError(error));
}
