/** Part of a list, as stores and the client of a server return it. */
interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next?: string | undefined;
}

/** Reads one page; `after` is `next` of the page before. */
type ListPage<Row> = (page: { readonly limit: number; readonly after?: string }) => Promise<Page<Row>>;

const pageRows = 1000;

/** Every row of a list, read page by page. */
export async function* everyRow<Row>(list: ListPage<Row>): AsyncGenerator<Row> {
  let after: string | undefined;
  do {
    const { rows, next } = await list({ limit: pageRows, ...(after !== undefined && { after }) });
    yield* rows;
    after = next;
  } while (after !== undefined);
}

/** All rows of a list, for lists that fit in memory. */
export async function allRows<Row>(list: ListPage<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of everyRow(list)) all.push(row);
  return all;
}
