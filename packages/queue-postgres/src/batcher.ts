/** Maximum number of calls under way; items that come meanwhile share the next call. */
const mostInFlight = 3;

/**
 * Collects items that come while calls are under way, so that many share one statement and its commit. A single item
 * does not wait.
 */
export class Batcher<Item> {
  readonly #most: number;
  readonly #send: (items: readonly Item[]) => Promise<void>;
  readonly #waiting: Item[] = [];
  #scheduled = false;
  #inFlight = 0;

  /**
   * @param most  Maximum number of items in a call.
   * @param send  Sends items and settles the promise of each; never rejects.
   */
  constructor(most: number, send: (items: readonly Item[]) => Promise<void>) {
    this.#most = most;
    this.#send = send;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#sendSoon();
  }

  /** Sends what is waiting, together with all that comes in the same turn of the event loop. */
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
