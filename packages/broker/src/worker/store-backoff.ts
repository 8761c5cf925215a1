import type { Clock } from '../clock.ts';
import { sleep } from '../wait.ts';

const firstMs = 1_000;
const longestMs = 30_000;

/** How long to wait before a failing store is asked again: one second, doubled each time up to 30 seconds. */
export class StoreBackoff {
  readonly #clock: Clock;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store failed; returns how long to wait, in milliseconds. */
  grow(): number {
    return Math.min(firstMs * 2 ** this.#failures++, longestMs);
  }

  /** The store works. */
  clear(): void {
    this.#failures = 0;
  }

  /** The store failed; resolves when it may be asked again, or when the signal is aborted. */
  wait(signal?: AbortSignal): Promise<void> {
    return sleep(this.grow(), this.#clock, signal);
  }
}
