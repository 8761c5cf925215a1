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

  /** Nothing that was there is below `value`. */
  raise(value: number): void {
    this.#value = Math.max(this.#value, value, 0);
  }

  /** Where the latest looks began, for those that need not find everything. */
  get value(): number {
    return this.#value;
  }
}
