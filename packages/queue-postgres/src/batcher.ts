/** Calls on their way; what comes meanwhile goes together with the next. */
const mostInFlight = 3;

/**
 * Gathers calls that come while others are on their way, so that many share one statement and its commit.
 * A call that comes alone does not wait.
 */
export class Batcher<Item> {
  readonly #most: number;
  readonly #send: (items: readonly Item[]) => Promise<void>;
  readonly #waiting: Item[] = [];
  #scheduled = false;
  #inFlight = 0;

  /**
   * @param most  Items that go together.
   * @param send  Settles each item's own promise; never rejects.
   */
  constructor(most: number, send: (items: readonly Item[]) => Promise<void>) {
    this.#most = most;
    this.#send = send;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#sendSoon();
  }

  /** With all that comes in the same turn of the event loop. */
  #sendSoon(): void {
    if (this.#scheduled || this.#inFlight >= mostInFlight || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#inFlight++;
      void this.#send(this.#waiting.splice(0, this.#most)).finally(() => {
        this.#inFlight--;
        this.#sendSoon();
      });
      this.#sendSoon();
    });
  }
}
