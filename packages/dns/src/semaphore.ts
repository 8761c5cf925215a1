/** Number of served entries at the front of the queue after which they are removed together. */
const compactAfter = 1024;

/** Limits the number of concurrent tasks; the others wait in the order of their calls. */
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
    // The slot goes directly to the next waiting task, so that no later call can take it.
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
