import { closeSync, fdatasync, fstatSync, openSync, readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Checkpointer } from './checkpointer.ts';
import type { FlushedLog } from './group-commit.ts';

/**
 * Number of pages of the log (4 KiB each) after which a checkpoint copies them into the database file. Each checkpoint
 * flushes that file, so a checkpoint for some thousand messages costs less than one for some hundred.
 */
const checkpointPages = 8_192;
/**
 * After this many pages SQLite runs the checkpoint itself and blocks the event loop, in case no worker thread can run.
 */
const mostPages = 4 * checkpointPages;
/** The length of the log is read once in this many commits. */
const commitsPerLook = 32;

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of the log, and one before each page.
const headerBytes = 32;
const frameHeaderBytes = 24;
const pageSizeAt = 8;
const saltAt = 16;
const frameSaltAt = 8;
const saltBytes = 8;

/**
 * The write-ahead log of a queue file that SQLite has open. It moves to other threads what `PRAGMA synchronous = FULL`
 * does at each commit and `PRAGMA wal_autocheckpoint` at some: flushes run in the thread pool, checkpoints in a worker.
 */
export class WriteAheadLog implements FlushedLog {
  readonly #file: number;
  readonly #checkpointer: Checkpointer;
  readonly #onError: (error: unknown) => void;
  #commits = 0;
  /** The next checkpoint begins at this many pages. */
  #enough = checkpointPages;

  /**
   * @param db  A connection to the queue file.
   * @param path  Path of the queue file.
   * @param onError  Called when a checkpoint failed; the next one is tried when the log has grown further.
   */
  constructor(db: DatabaseSync, path: string, onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#file = openSync(`${path}-wal`, 'r+');
    this.#checkpointer = new Checkpointer(path, onError);
    db.exec(`PRAGMA wal_autocheckpoint = ${mostPages}`);
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => (error ? reject(error) : resolve()));
    });
  }

  committed(): void {
    if (++this.#commits < commitsPerLook || this.#checkpointer.busy) return;
    this.#commits = 0;
    try {
      this.#look();
    } catch (error) {
      this.#onError(error);
    }
  }

  #look(): void {
    const pages = this.pages();
    if (pages < checkpointPages) this.#enough = checkpointPages;
    if (pages < this.#enough) return;
    // If the log does not begin again, because a reader uses an old state of the file, the next try comes later.
    this.#enough = pages + checkpointPages;
    this.#checkpointer.run();
  }

  /** Number of pages since the log began again: each time it does, its frames get another salt. */
  pages(): number {
    const header = Buffer.alloc(headerBytes);
    if (readSync(this.#file, header, 0, headerBytes, 0) < headerBytes) return 0;
    const salt = header.subarray(saltAt, saltAt + saltBytes);
    const frameBytes = frameHeaderBytes + header.readUInt32BE(pageSizeAt);
    const found = Buffer.alloc(saltBytes);
    let low = 0;
    let high = Math.floor((fstatSync(this.#file).size - headerBytes) / frameBytes);
    while (low < high) {
      const middle = (low + high) >>> 1;
      readSync(this.#file, found, 0, saltBytes, headerBytes + middle * frameBytes + frameSaltAt);
      if (found.equals(salt)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Ends checkpoints and closes the log; called before SQLite closes the file. */
  async close(): Promise<void> {
    await this.#checkpointer.close();
    // SQLite holds no lock on the log, so closing this descriptor releases none.
    closeSync(this.#file);
  }
}
