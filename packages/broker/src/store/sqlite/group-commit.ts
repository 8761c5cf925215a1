import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { BrokerError } from '../../errors.ts';
import { isBusy, storeError } from './store-error.ts';

/** How a write is to be committed. */
export interface WriteOptions {
  /** Its promise waits for the disk. */
  readonly durable: boolean;
  /** It accepts mail: the file must still be where it was opened. */
  readonly accepts?: boolean;
  /** It may wait a moment for others to share its commit. */
  readonly patient?: boolean;
}

/** The write-ahead log of the file, which is flushed without blocking the event loop. */
export interface FlushedLog {
  /** Resolves when all that was committed before the call is on the disk. */
  flush(): Promise<void>;
  /** Called after each commit. */
  committed(): void;
}

/** What a {@link GroupCommit} has besides its connection. */
export interface GroupCommitOptions {
  readonly setTimer: Clock['setTimer'];
  /** Written at the end of each transaction, in this order. Default: nothing. */
  readonly gathered?: readonly Gathered[];
  /** Throws when mail must not be accepted; called before each commit that accepts some. */
  readonly checkPlace?: () => void;
  /** Default: each commit that must be durable waits for the disk itself, which blocks the event loop. */
  readonly log?: FlushedLog | undefined;
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
  readonly committed: ((result: never) => void) | undefined;
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

/**
 * Runs all writes of one turn of the event loop in one transaction, so that they share one flush of the disk.
 *
 * A write that fails is undone alone: savepoints cost as much as small writes, so the writes run without any at first,
 * and when one fails, all are undone and run once more, each in a savepoint. The promise of a durable write resolves
 * when the log was flushed after its commit, of any other after the commit; losing the others would only put
 * recipients back into the queue.
 *
 * One flush is under way at a time. Durable writes that come meanwhile share the next transaction; the others, such as
 * claims, are committed at once. A transaction can be seen before it is on the disk: what is lost then was acknowledged
 * to nobody.
 *
 * In a busy queue, writes that only the worker waits for are given a few milliseconds to gather: a page that several of
 * them change is then written once. A claim does not end that wait.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #options: GroupCommitOptions;
  readonly #gathered: readonly Gathered[];
  /** Writes of the next transactions. */
  #waiting: Write[] = [];
  /** Those of `#waiting` that need not be durable. */
  #relaxed = 0;
  /** Writes that wait for company until the timer of `#cancelPatience` ends. */
  #patient: Write[] = [];
  /** The next transaction begins in a later turn of the event loop. */
  #scheduled = false;
  /** The log is being flushed. */
  #flushing = false;
  /** A flush failed: what was committed before may not be on the disk, whatever the next flush says. */
  #suspect = false;
  #cancelPatience: (() => void) | undefined;
  /** Writes of the latest transaction that waited for the disk. */
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
   * Runs `work` in the next transaction; more than once when a transaction is undone, so it changes nothing else.
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
      // A commit that waits for the disk takes the patient writes along.
      if (options.durable) this.#endPatience();
      this.#add([write]);
      this.#schedule();
    });
  }

  /** Resolves when nothing is left to write or to flush, which now waits for nothing. */
  idle(): Promise<void> {
    this.#endPatience();
    if (!this.#scheduled && !this.#flushing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Patient writes wait no longer. */
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

  /** Writes of the next transaction: while the log is flushed, those that need not be durable. */
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
        // Blocking here would keep the transaction that we wait for from ending, if it is our own process's.
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
      // It is in the log, and may be there after a restart as well.
      else write.reject(failure);
    }
    this.#goOn();
  }

  /** Whether, after a flush that failed, what was committed is on the disk all the same. */
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
   * Carries the log over into the file and flushes that. The kernel reports a flush that failed once, and may say of
   * the next one that all is well: only what is written again is certain.
   *
   * @throws when that fails too; then no durable write is taken until it succeeds.
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

/** A write that is committed. */
interface Done {
  readonly write: Write;
  readonly value: unknown;
}

function rejectAll(writes: readonly Write[], error: unknown): void {
  for (const write of writes) write.reject(storeError(error));
}
