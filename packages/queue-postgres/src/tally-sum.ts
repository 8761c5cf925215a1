import type { Database } from './database.ts';

/** Rows of the tally that one transaction sums up. */
export const summedRows = 10_000;
/** How often at most it is summed up in the background. */
const everyMs = 1000;
/** How often at most the rows that are gone are removed, once there are {@link summedRows} of them. */
const vacuumEveryMs = 10_000;

/**
 * Sums up the tally, to which each change adds rows: `stats()` reads all of them. Without it, holding 100,000 recipients
 * left 200,000 rows there until the next purge.
 */
export class TallySum {
  readonly #db: Database;
  readonly #text: string;
  readonly #vacuum: string;
  readonly #failed: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #begunAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #gone = 0;
  #vacuumedAt = Number.NEGATIVE_INFINITY;

  /** @param failed  Called with failures in the background. */
  constructor(db: Database, schema: string, failed: (error: unknown) => void) {
    this.#db = db;
    // A crash that undoes it leaves the rows as they were: nothing waits for the disk.
    this.#text = `SELECT ${schema}.sum_tally_v1($1) AS count, set_config('synchronous_commit', 'off', true)`;
    this.#vacuum = `VACUUM (SKIP_LOCKED) ${schema}.tally`;
    this.#failed = failed;
  }

  /** Sums up all that is there, in short transactions; nothing when another process is at it. */
  async run(): Promise<void> {
    let count = summedRows;
    while (count === summedRows && !this.#closed) {
      const [row] = await this.#db.query<{ count: number }>(this.#text, [summedRows], 'mb_sum_tally');
      count = row!.count;
      this.#gone += count;
    }
    if (this.#gone < summedRows || this.#closed || performance.now() - this.#vacuumedAt < vacuumEveryMs)
      return;
    this.#gone = 0;
    this.#vacuumedAt = performance.now();
    // The server does it by itself once a minute; until then each reader walks over the rows that are gone.
    await this.#db.query(this.#vacuum);
  }

  /** The same in the background, at most once a second. */
  runSoon(): void {
    if (this.#closed || this.#running || performance.now() - this.#begunAt < everyMs) return;
    this.#begunAt = performance.now();
    this.#running = this.run()
      // A database that does not answer is asked again at the next wake-up.
      .catch((error: unknown) => {
        if (!this.#closed) this.#failed(error);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }
}
