/** Time between two lines where there is no terminal, and between two updates of the line on one. */
const lineEveryMs = 30_000;
const updateEveryMs = 200;

/** Shows on standard error how far the seeds are, how fast they go, and when they will be done. */
export class Progress {
  readonly #total: number;
  readonly #terminal = process.stderr.isTTY;
  readonly #startedAt = performance.now();
  #shownAt = this.#startedAt;

  constructor(total: number) {
    this.#total = total;
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Shows how many are done, and how many of them failed. */
  show(done: number, failed: number): void {
    const now = performance.now();
    if (now - this.#shownAt < (this.#terminal ? updateEveryMs : lineEveryMs)) return;
    this.#shownAt = now;
    const perSecond = done / this.seconds;
    const left = Math.ceil((this.#total - done) / perSecond);
    const text = `${done} of ${this.#total} seeds, ${failed} failed, ${perSecond.toFixed(0)} a second, ${left} s left`;
    process.stderr.write(this.#terminal ? `\r\u001b[K${text}` : `${text}\n`);
  }

  /** Takes the line away, so that another can be printed. */
  clear(): void {
    if (this.#terminal) process.stderr.write('\r\u001b[K');
  }
}
