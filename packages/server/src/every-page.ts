/** Part of a list. */
interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next?: string | undefined;
}

/** Reads one page; `after` is `next` of the page before. */
type ListPage<Row> = (page: { readonly limit: number; readonly after?: string }) => Promise<Page<Row>>;

const pageRows = 1000;

/** The rows of each page of a list, until a page has no `next`. */
export async function* everyPage<Row>(list: ListPage<Row>): AsyncGenerator<readonly Row[]> {
  let after: string | undefined;
  do {
    const { rows, next } = await list({ limit: pageRows, ...(after !== undefined && { after }) });
    yield rows;
    after = next;
  } while (after !== undefined);
}

/** Every row of a list, read page by page. */
export async function* everyRow<Row>(list: ListPage<Row>): AsyncGenerator<Row> {
  for await (const rows of everyPage(list)) yield* rows;
}
