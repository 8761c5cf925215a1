import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText } from './format.ts';

/** A page of the API. */
export interface PageOf<Row> {
  readonly data: readonly Row[];
  readonly next?: string | undefined;
}

/** Loads a page. With several requests it shows what it has so far, and stops when `signal` aborts. */
type LoadPage<Row> = (
  after: string | undefined,
  show: (part: PageOf<Row>) => boolean,
) => Promise<PageOf<Row>>;

/** A list that grows page by page. */
export interface Pages<Row> {
  readonly rows: readonly Row[];
  readonly next: string | undefined;
  readonly loading: boolean;
  /** Whether the first page is loaded again while the rows stay. */
  readonly refreshing: boolean;
  readonly error: string | undefined;
  /** Whether the next page replaces the rows, so that a long list does not fill the browser. */
  readonly full: boolean;
  /** Whether the rows are not the first ones of the list. */
  readonly later: boolean;
  restart(): void;
  refresh(): void;
  more(): void;
}

/** Most rows that are shown at once. */
const mostRows = 500;

/** Loads a list page by page, and from its beginning when `key` changes; an answer that comes too late is dropped. */
// Long because the pages of a list share its state.
export function usePages<Row>(key: string, load: LoadPage<Row>): Pages<Row> {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [next, setNext] = useState<string>();
  const [loading, setLoading] = useState(true);
  const [refreshing, setRefreshing] = useState(false);
  const [error, setError] = useState<string>();
  const [later, setLater] = useState(false);
  const full = rows.length >= mostRows;
  const turn = useRef(0);
  const fetchPage = async (after: string | undefined, before: readonly Row[]) => {
    const mine = ++turn.current;
    const show = (page: PageOf<Row>) => {
      if (mine !== turn.current) return false;
      setRows([...before, ...page.data]);
      setNext(page.next);
      setLater(after !== undefined && (later || before.length === 0));
      return true;
    };
    setLoading(true);
    setError(undefined);
    try {
      show(await load(after, show));
    } catch (thrown) {
      if (mine === turn.current) setError(errorText(thrown));
    } finally {
      if (mine === turn.current) setLoading(false);
    }
  };
  const refresh = async () => {
    const mine = turn.current;
    const isWanted = () => mine === turn.current;
    setRefreshing(true);
    try {
      const page = await load(undefined, isWanted);
      if (!isWanted()) return;
      setRows(page.data);
      setNext(page.next);
      setLater(false);
    } catch {
      // The rows stay as they are.
    } finally {
      setRefreshing(false);
    }
  };
  useEffect(() => {
    setRows([]);
    setNext(undefined);
    setLater(false);
    void fetchPage(undefined, []);
    return () => {
      turn.current++;
    };
  }, [key]);
  return {
    ...{ rows, next, loading, refreshing, error, full, later },
    restart: () => void fetchPage(undefined, []),
    refresh: () => void refresh(),
    more: () => {
      if (loading || next === undefined) return;
      if (full) scrollTo(0, 0);
      void fetchPage(next, full ? [] : rows);
    },
  };
}
