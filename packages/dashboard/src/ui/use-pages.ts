import { useEffect, useRef, useState } from 'preact/hooks';

/** A page of the API. */
interface PageOf<Row> {
  readonly data: readonly Row[];
  readonly next?: string | undefined;
}

/** A list that grows page by page; it begins anew when `key` changes. */
export function usePages<Row>(key: string, load: (after: string | undefined) => Promise<PageOf<Row>>) {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [next, setNext] = useState<string>();
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<string>();
  const turn = useRef(0);
  const fetchPage = async (after: string | undefined, before: readonly Row[]) => {
    const mine = turn.current;
    setLoading(true);
    setError(undefined);
    try {
      const page = await load(after);
      if (mine !== turn.current) return;
      setRows([...before, ...page.data]);
      setNext(page.next);
    } catch (thrown) {
      if (mine === turn.current) setError(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      if (mine === turn.current) setLoading(false);
    }
  };
  const restart = () => {
    turn.current++;
    void fetchPage(undefined, []);
  };
  useEffect(() => {
    restart();
    return () => {
      turn.current++;
    };
  }, [key]);
  return {
    rows,
    next,
    loading,
    error,
    restart,
    more: () => {
      if (!loading && next !== undefined) void fetchPage(next, rows);
    },
  };
}
