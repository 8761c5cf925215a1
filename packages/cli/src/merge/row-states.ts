import { createHash } from 'node:crypto';

/**
 * The state of a row in the results. `waiting`: no result, or it was returned before its attempt. `started` (an attempt)
 * and `offered` (to a queue) are followed by a result, except in a run that was killed.
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

/** The states of the rows of a file, in five octets per row. A page of 1024 rows without a state takes no memory. */
export class RowStates {
  readonly #pages = new Map<number, StatePage>();

  set(row: number, status: RowStatus, address: string): void {
    const number = Math.floor(row / pageRows);
    let page = this.#pages.get(number);
    if (!page) {
      page = { statuses: new Uint8Array(pageRows), addresses: new Uint32Array(pageRows) };
      this.#pages.set(number, page);
    }
    page.statuses[row % pageRows] = rowStatuses.indexOf(status);
    page.addresses[row % pageRows] = fingerprint(address);
  }

  get(row: number): RowStatus {
    return rowStatuses[this.#pageOf(row)?.statuses[row % pageRows] ?? 0]!;
  }

  /** Whether a row with a state still has the same address. */
  isAbout(row: number, address: string): boolean {
    return this.#pageOf(row)?.addresses[row % pageRows] === fingerprint(address);
  }

  /** Makes offered rows unknown: the run continues with another queue, which cannot recognise them. */
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
