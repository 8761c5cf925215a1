import { BrokerError } from '../errors.ts';
import { integer, type OptionTable, text } from '../option-table.ts';

/** Which page of a list to return. */
export interface PageRequest {
  /** `next` of the previous page; absent for the first page. */
  readonly after?: string | undefined;
  /** Maximum number of rows, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
}

/** Part of a list. A page may be short, even empty, although `next` says that there is more. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** Default number of rows of a page. */
const defaultPageLimit = 100;
const maxPageLimit = 1000;

/** What `PageRequest` accepts. */
export const pageOptions = {
  after: text('`next` of the page before', { pattern: /./s }),
  limit: integer(1, maxPageLimit),
} satisfies OptionTable<PageRequest>;

/** Every row of a list, read page by page. */
export async function* everyRow<Row>(
  list: (page: PageRequest) => Promise<Page<Row>>,
): AsyncGenerator<Row, void, undefined> {
  let after: string | undefined;
  do {
    const { rows, next } = await list({ after, limit: maxPageLimit });
    yield* rows;
    after = next;
  } while (after !== undefined);
}

/** @throws {BrokerError} MB_BROKER_OPTION */
export function pageLimit(limit = defaultPageLimit): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxPageLimit) return limit;
  throw new BrokerError(
    'MB_BROKER_OPTION',
    'api-misuse',
    `limit must be 1 to ${maxPageLimit}, not ${limit}.`,
  );
}

/** Reads the number in a cursor; 0 for the first page. @throws {BrokerError} MB_BROKER_OPTION */
export function cursorNumber(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw unknownCursor();
}

/** The error for a cursor that this store did not return. */
export function unknownCursor(): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'invalid-input', 'This cursor was not given by this store.');
}
