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

/** Rows of one page. */
const pageRows = 1024;

interface StatePage {
  readonly statuses: Uint8Array;
  readonly addresses: Uint32Array;
}

/** What is known of each row of a file, in six octets a row. Pages of rows of which nothing is known take no memory. */
export class RowStates {
  readonly #pages = new Map<number, StatePage>();
  #ends = 0;

  /** The last row that anything is known of. */
  get end(): number {
    return this.#ends;
  }

  set(row: number, status: RowStatus, address: string): void {
    const number = Math.floor(row / pageRows);
    let page = this.#pages.get(number);
    if (!page) {
      page = { statuses: new Uint8Array(pageRows), addresses: new Uint32Array(pageRows) };
      this.#pages.set(number, page);
    }
    this.#ends = Math.max(this.#ends, row);
    page.statuses[row % pageRows] = rowStatuses.indexOf(status);
    page.addresses[row % pageRows] = fingerprint(address);
  }

  get(row: number): RowStatus {
    return rowStatuses[this.#pageOf(row)?.statuses[row % pageRows] ?? 0]!;
  }

  /** Whether a row that something is known of is still about the same address. */
  isAbout(row: number, address: string): boolean {
    return this.#pageOf(row)?.addresses[row % pageRows] === fingerprint(address);
  }

  /** From here on another queue is meant, which knows nothing of what the one before was offered. */
  leaveQueue(): void {
    const [offered, unknown] = [rowStatuses.indexOf('offered'), rowStatuses.indexOf('unknown')];
    for (const { statuses } of this.#pages.values()) {
      for (const [index, status] of statuses.entries()) if (status === offered) statuses[index] = unknown;
    }
  }

  #pageOf(row: number): StatePage | undefined {
    return this.#pages.get(Math.floor(row / pageRows));
  }
}

function fingerprint(address: string): number {
  return createHash('sha256').update(address.toLowerCase()).digest().readUInt32LE();
}
