/** Left-over places in front of the line that are dropped in one go. */
const compactAfter = 1024;

/** Lets a fixed number of tasks run at a time; the others wait in the order in which they came. */
export class Turnstile {
  readonly #limit: number;
  #running = 0;
  readonly #line: (() => void)[] = [];
  #head = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `task` when a place is free. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  #release(): void {
    // The place passes on to the next in line, so that no newcomer can take it in between.
    const next = this.#line[this.#head++];
    if (next !== undefined) {
      if (this.#head === compactAfter) this.#compact();
      next();
      return;
    }
    this.#compact();
    this.#running--;
  }

  #compact(): void {
    this.#line.splice(0, this.#head);
    this.#head = 0;
  }
}
