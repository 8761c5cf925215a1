import type { Database } from './database.ts';
import { ScanFloor } from './scan-floor.ts';

/** Maximum number of messages that one statement routes. */
const batch = 200;
/** Lower ids of slower transactions are still found in this range; those further behind by the next full scan. */
const overlap = 10_000;
/** After an empty pass, `runAgain()` does nothing for this time. */
const restMs = 10;

interface RoutedRow {
  readonly count: number;
  readonly highest: string | null;
}

/**
 * Puts accepted messages into their lanes, and wakes these. Accepting does not do so, because it must not lock
 * anything; every worker does it for all messages, one worker at a time.
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

  /** Resolves when all messages that were accepted before the call have their lanes, or another process is routing. */
  run(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    // The current pass may have begun before the latest acceptance.
    this.#again = true;
    this.#pass ??= this.#route();
    return this.#pass;
  }

  /** As `run()`, unless there was nothing to route {@link restMs} ago. */
  async runAgain(): Promise<void> {
    if (performance.now() - this.#emptyAt >= restMs) await this.run();
  }

  /** As `run()`, in the background, so that new mail does not wait until a worker finds nothing else to claim. */
  runSoon(): void {
    // A database that does not answer is asked again at the next wake-up.
    this.run().catch((error: unknown) => {
      if (!this.#closed) this.#failed(error);
    });
  }

  /** Number of passes with something to route, here or in another process. */
  get found(): number {
    return this.#found;
  }

  /** No message that waits to be routed has a lower id, except those of slow transactions. */
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
        // After a full batch there may be more.
        if (count === batch && !this.#closed) this.#again = true;
      }
    } finally {
      // In the same turn as the loop's last check of #again, so that no request is lost.
      this.#pass = undefined;
    }
  }
}
