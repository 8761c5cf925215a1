import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText } from './format.ts';
import { liveTick } from './live.ts';

/** What was loaded, and what went wrong. */
export interface Resource<Data> {
  readonly data: Data | undefined;
  readonly error: string | undefined;
  readonly loading: boolean;
  reload(): void;
}

interface Options {
  /** Load again when events came in. Default false. */
  readonly live?: boolean;
  /** Load again this often, in milliseconds. */
  readonly everyMs?: number;
}

/**
 * Loads something when `key` changes; an answer that comes too late is dropped, and the old data stays until the new
 * one is there.
 */
export function useResource<Data>(
  key: string,
  load: () => Promise<Data>,
  { live = false, everyMs }: Options = {},
): Resource<Data> {
  const [state, setState] = useState<Omit<Resource<Data>, 'reload'>>({
    data: undefined,
    error: undefined,
    loading: true,
  });
  const turn = useRef(0);
  const busy = useRef(false);
  const again = useRef(false);
  const run = async (): Promise<void> => {
    if (busy.current) {
      again.current = true;
      return;
    }
    busy.current = true;
    const mine = turn.current;
    try {
      const data = await load();
      if (mine === turn.current) setState({ data, error: undefined, loading: false });
    } catch (error) {
      if (mine === turn.current) setState(({ data }) => ({ data, error: errorText(error), loading: false }));
    } finally {
      busy.current = false;
      if (again.current || mine !== turn.current) {
        again.current = false;
        // Not this function: `load` may be another one by now.
        void latest.current();
      }
    }
  };
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    turn.current++;
    setState(({ error }) => ({ data: undefined, error, loading: true }));
    void latest.current();
    const timer = everyMs === undefined ? undefined : setInterval(() => void latest.current(), everyMs);
    return () => clearInterval(timer);
  }, [key]);
  const tick = live ? liveTick.value : 0;
  useEffect(() => {
    if (tick > 0) void latest.current();
  }, [tick]);
  return { ...state, reload: () => void latest.current() };
}
