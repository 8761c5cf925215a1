/**
 * Runs `work` for each item, up to `width` at once, and asks for more items as soon as none waits.
 *
 * @param more  Returns further items, or none. It is asked once more when no work is under way; if it then has none,
 *   the pool ends.
 * @returns when there are no more items. After a failure it asks for no more, finishes the items that it has, and
 *   rejects with the first error.
 */
export function runPool<T>(
  given: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
  more: () => Promise<readonly T[]>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let waiting = given.values();
    let running = 0;
    let asking = false;
    /** The latest answer was empty; `over` when nothing was under way then. */
    let dry = false;
    let over = false;
    let failure: { readonly error: unknown } | undefined;

    const go = (): void => {
      while (running < width) {
        const { value, done } = waiting.next();
        if (done) break;
        running++;
        work(value)
          .catch(fail)
          .then(() => {
            running--;
            go();
          });
      }
      if (asking || running === width) return;
      if (running > 0) {
        if (!dry && !failure) ask();
      } else if (failure) reject(failure.error);
      else if (over) resolve();
      else ask();
    };
    const ask = (): void => {
      asking = true;
      const idle = running === 0;
      more()
        .then((items) => {
          dry = items.length === 0;
          over = dry && idle;
          waiting = items.values();
        })
        .catch(fail)
        .then(() => {
          asking = false;
          go();
        });
    };
    const fail = (error: unknown): void => {
      failure ??= { error };
    };
    go();
  });
}
