/** Time between two full scans, which find entries below the floor. */
const fullScanEveryMs = 5_000;

/**
 * Where an index scan begins, so that it does not read again the dead entries of rows that were found before: while any
 * transaction in the cluster stays open, vacuum does not remove them. From time to time a scan is full, to find entries
 * that were added below.
 */
export class ScanFloor {
  #value = 0;
  #fullAt = Number.NEGATIVE_INFINITY;

  /** Where the next scan begins. */
  next(): number {
    const now = performance.now();
    if (now - this.#fullAt < fullScanEveryMs) return this.#value;
    this.#fullAt = now;
    return 0;
  }

  /**
   * Reports that a scan from `from` on found nothing below `lowest`. A full scan replaces earlier results; a scan that
   * began above the current floor is ignored.
   */
  saw(from: number, lowest: number): void {
    if (from === 0) this.#value = Math.max(lowest, 0);
    else if (from <= this.#value) this.#value = Math.max(this.#value, lowest);
  }

  /** The current floor, for scans that need not find everything. */
  get value(): number {
    return this.#value;
  }
}
