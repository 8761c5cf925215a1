import type { Database } from './database.ts';

/** Messages that one statement routes. */
const batch = 200;

/**
 * Gives messages that were taken in their lanes, and wakes these. Accepting does not do it, so that it locks
 * nothing; every worker does it for all, one at a time.
 */
export class Router {
  readonly #db: Database;
  readonly #schema: string;
  readonly #now: () => number | null;
  readonly #routed: () => void;
  #pass: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** @param routed  Called after each batch that was not empty. */
  constructor(db: Database, schema: string, now: () => number | null, routed: () => void) {
    this.#db = db;
    this.#schema = schema;
    this.#now = now;
    this.#routed = routed;
  }

  /** Resolves when all that was taken in before the call has its lanes, or another process is at it. */
  run(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    // The pass that is under way may have begun before the latest acceptance.
    this.#again = true;
    this.#pass ??= this.#route();
    return this.#pass;
  }

  /** The same in the background, so that new mail does not wait for a worker to run out of old. */
  runSoon(): void {
    this.run().catch(() => {
      // A database that does not answer is asked again at the next wake-up; claims report the trouble.
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#again = false;
    await this.#pass?.catch(() => {});
  }

  async #route(): Promise<void> {
    const text = `SELECT CASE WHEN EXISTS (SELECT FROM ${this.#schema}.intake)
      THEN ${this.#schema}.route_v1($1, $2) ELSE 0 END AS count`;
    try {
      while (this.#again) {
        this.#again = false;
        const [row] = await this.#db.query<{ count: number }>(text, [batch, this.#now()]);
        if (row!.count > 0) this.#routed();
        if (row!.count === batch && !this.#closed) this.#again = true;
      }
    } finally {
      // In the turn of the loop's last look, so that no wish falls in between.
      this.#pass = undefined;
    }
  }
}
