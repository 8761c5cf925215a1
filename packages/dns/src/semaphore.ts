/** Entries at the front of the queue that are served and still in memory; dropped together at this number. */
const compactAfter = 1024;

/** Lets a fixed number of tasks run at a time; the others wait in the order of their calls. */
export class Semaphore {
  readonly #limit: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #head = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `task` when fewer than `limit` tasks run. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  #release(): void {
    // The slot passes to the next task that waits, so that a later call cannot take it in between.
    const next = this.#waiting[this.#head++];
    if (next !== undefined) {
      if (this.#head === compactAfter) this.#compact();
      next();
      return;
    }
    this.#compact();
    this.#running--;
  }

  #compact(): void {
    this.#waiting.splice(0, this.#head);
    this.#head = 0;
  }
}
