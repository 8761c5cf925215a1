import { createHash } from 'node:crypto';

/**
 * What the results say of a row. `waiting`: nothing, or it was given back before its attempt. `started` (an attempt) and `offered` (to a queue) without anything behind them are the
 * marks of a run that was killed.
 */
export const rowStatuses = [
  'waiting',
  'started',
  'offered',
  'delivered',
  'queued',
  'failed',
  'deferred',
  'unknown',
  'skipped',
] as const;

/** See {@link rowStatuses}. */
export type RowStatus = (typeof rowStatuses)[number];

/** What is known of each row of a file, in six octets a row. */
export class RowStates {
  #statuses = new Uint8Array(1024);
  #addresses = new Uint32Array(1024);
  #ends = 0;

  /** The last row that anything is known of. */
  get end(): number {
    return this.#ends;
  }

  set(row: number, status: RowStatus, address: string): void {
    if (row >= this.#statuses.length) this.#grow(row + 1);
    this.#ends = Math.max(this.#ends, row);
    this.#statuses[row] = rowStatuses.indexOf(status);
    this.#addresses[row] = fingerprint(address);
  }

  get(row: number): RowStatus {
    return rowStatuses[this.#statuses[row] ?? 0]!;
  }

  /** Whether a row that something is known of is still about the same address. */
  isAbout(row: number, address: string): boolean {
    return this.#addresses[row] === fingerprint(address);
  }

  /** From here on another queue is meant, which knows nothing of what the one before was offered. */
  leaveQueue(): void {
    const [offered, unknown] = [rowStatuses.indexOf('offered'), rowStatuses.indexOf('unknown')];
    for (let row = 0; row <= this.#ends; row += 1) {
      if (this.#statuses[row] === offered) this.#statuses[row] = unknown;
    }
  }

  #grow(least: number): void {
    const size = Math.max(least, this.#statuses.length * 2);
    const [statuses, addresses] = [new Uint8Array(size), new Uint32Array(size)];
    statuses.set(this.#statuses);
    addresses.set(this.#addresses);
    [this.#statuses, this.#addresses] = [statuses, addresses];
  }
}

function fingerprint(address: string): number {
  return createHash('sha256').update(address.toLowerCase()).digest().readUInt32LE();
}
