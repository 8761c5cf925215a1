import type { Database } from './database.ts';
import { ScanFloor } from './scan-floor.ts';

/** Messages that one statement routes. */
const batch = 200;
/** Transactions that drew lower numbers may commit a little later; those far behind are found by the next full look. */
const overlap = 10_000;
/** Who finds nothing to claim need not ask again for what was not there a moment ago. */
const restMs = 10;

interface RoutedRow {
  readonly count: number;
  readonly highest: string | null;
}

/**
 * Gives messages that were taken in their lanes, and wakes these. Accepting does not do it, so that it locks
 * nothing; every worker does it for all, one at a time.
 */
export class Router {
  readonly #db: Database;
  readonly #schema: string;
  readonly #now: () => number | null;
  readonly #routed: () => void;
  readonly #failed: (error: unknown) => void;
  #pass: Promise<void> | undefined;
  #found = 0;
  #emptyAt = Number.NEGATIVE_INFINITY;
  readonly #floor = new ScanFloor();
  #again = false;
  #closed = false;

  /**
   * @param routed  Called after each batch that was not empty.
   * @param failed  Called with failures in the background.
   */
  constructor(
    db: Database,
    schema: string,
    now: () => number | null,
    routed: () => void,
    failed: (error: unknown) => void,
  ) {
    this.#db = db;
    this.#schema = schema;
    this.#now = now;
    this.#routed = routed;
    this.#failed = failed;
  }

  /** Resolves when all that was taken in before the call has its lanes, or another process is at it. */
  run(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    // The pass that is under way may have begun before the latest acceptance.
    this.#again = true;
    this.#pass ??= this.#route();
    return this.#pass;
  }

  /** The same, but when a moment ago nothing was there. */
  async runAgain(): Promise<void> {
    if (performance.now() - this.#emptyAt >= restMs) await this.run();
  }

  /** The same in the background, so that new mail does not wait for a worker to run out of old. */
  runSoon(): void {
    // A database that does not answer is asked again at the next wake-up.
    this.run().catch((error: unknown) => {
      if (!this.#closed) this.#failed(error);
    });
  }

  /** How often there was something to route, here or in another process. */
  get found(): number {
    return this.#found;
  }

  /** No message that waits to be routed is below, but for stragglers. */
  get seenFrom(): number {
    return this.#floor.value;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#again = false;
    await this.#pass?.catch(() => {});
  }

  async #route(): Promise<void> {
    const text = `SELECT * FROM ${this.#schema}.route_v1($1, $2, $3)`;
    try {
      while (this.#again) {
        this.#again = false;
        const from = this.#floor.next();
        const begun = performance.now();
        const [row] = await this.#db.query<RoutedRow>(text, [batch, from, this.#now()], 'mb_route');
        const { count, highest } = row!;
        if (highest !== null) this.#floor.saw(from, Number(highest) - overlap);
        if (count !== 0) this.#found++;
        if (count > 0) this.#routed();
        this.#emptyAt = count === 0 ? begun : Number.NEGATIVE_INFINITY;
        // A full look that found a whole batch has not seen the end.
        if (count === batch && !this.#closed) this.#again = true;
      }
    } finally {
      // In the turn of the loop's last look, so that no wish falls in between.
      this.#pass = undefined;
    }
  }
}
