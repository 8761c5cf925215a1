/**
 * Time that never runs backwards.
 *
 * When the wall clock is set back, this goes on from where it was, so that nothing that is due in five minutes
 * becomes due tomorrow. When it is set forward, the time has passed: waiting mail is due, and the limits of the
 * sites keep it from leaving all at once.
 */
export class MonotonicClock {
  readonly #wall: { now(): number };
  #offsetMs = 0;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(wall: { now(): number }) {
    this.#wall = wall;
  }

  /** Epoch milliseconds, whole, ahead of the wall clock after that was set back. */
  now(): number {
    const shown = Math.floor(this.#wall.now()) + this.#offsetMs;
    if (shown < this.#latest) {
      this.#offsetMs += this.#latest - shown;
      return this.#latest;
    }
    this.#latest = shown;
    return shown;
  }
}
