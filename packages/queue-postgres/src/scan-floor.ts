/** How long what lies below the floor may wait to be found. */
const fullLookEveryMs = 5_000;

/**
 * Where to begin looking, so as not to walk again over index entries of what was found before: while a transaction
 * anywhere in the cluster stays open, no vacuum removes these. From time to time the look is full, for what came in
 * below after all.
 */
export class ScanFloor {
  #value = 0;
  #fullAt = Number.NEGATIVE_INFINITY;

  /** Where the next look begins. */
  next(): number {
    const now = performance.now();
    if (now - this.#fullAt < fullLookEveryMs) return this.#value;
    this.#fullAt = now;
    return 0;
  }

  /**
   * A scan from `from` on found nothing below `lowest`. A full scan replaces earlier results, and one that began
   * above what has become known meanwhile knows nothing.
   */
  saw(from: number, lowest: number): void {
    if (from === 0) this.#value = Math.max(lowest, 0);
    else if (from <= this.#value) this.#value = Math.max(this.#value, lowest);
  }

  /** Where the latest looks began, for those that need not find everything. */
  get value(): number {
    return this.#value;
  }
}
