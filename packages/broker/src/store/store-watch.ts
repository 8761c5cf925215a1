import { BrokerError } from '../errors.ts';
import { sleep, wait } from '../wait.ts';
import { isCallersFault } from './error-listeners.ts';

/** What {@link StoreWatch} needs. */
export interface StoreWatchParts {
  readonly store: { onWake(listener: () => void): () => void };
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Called with each failure of the store. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Ends all waits. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum time between two questions, in milliseconds, for changes by other processes whose wake-up was lost. */
  readonly pollMs: number;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

/** Asks a store repeatedly for what is new, and keeps asking while the store fails. */
export class StoreWatch {
  readonly #parts: StoreWatchParts;
  readonly #stopListening: () => void;
  #woken = false;
  #wake: () => void = () => {};
  #wasOpen = false;
  #failures = 0;

  constructor(parts: StoreWatchParts) {
    this.#parts = parts;
    this.#stopListening = parts.store.onWake(() => {
      this.#woken = true;
      this.#wake();
    });
  }

  /**
   * Returns the store's answer. After a failure the store is asked again after one second, doubled each time up to 30
   * seconds.
   *
   * @returns undefined when the signal fired or the store was closed.
   * @throws {BrokerError} for an invalid question; MB_BROKER_STORE_CLOSED when the store is not open at the start.
   */
  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> {
    const { signal, onError } = this.#parts;
    while (!signal?.aborted) {
      this.#woken = false;
      try {
        const answer = await question();
        this.#wasOpen = true;
        this.#failures = 0;
        return answer;
      } catch (error) {
        if (this.#wasOpen && isClosed(error)) return undefined;
        if (isCallersFault(error)) throw error;
        onError?.(error);
        await this.#pause(Math.min(firstRetryMs * 2 ** this.#failures++, longestRetryMs));
      }
    }
    return undefined;
  }

  /** Resolves when something may have changed since the last question was asked. */
  async idle(): Promise<void> {
    if (!this.#woken) await this.#pause(this.#parts.pollMs);
  }

  /** Waits for the whole time unless the signal fires, to ask less often than the queue changes. */
  rest(delayMs: number): Promise<void> {
    return sleep(delayMs, this.#parts, this.#parts.signal);
  }

  close(): void {
    this.#stopListening();
  }

  async #pause(delayMs: number): Promise<void> {
    const { setTimer, signal } = this.#parts;
    const begin = (resolve: () => void) => {
      this.#wake = resolve;
      return setTimer(resolve, delayMs);
    };
    await wait<void, 'resolve'>(begin, signal, 'resolve');
    this.#wake = () => {};
  }
}

function isClosed(error: unknown): boolean {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_STORE_CLOSED';
}
