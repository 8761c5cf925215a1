import { DkimError } from './errors.ts';

/**
 * Returns the result of `work`, unless the signal aborts first; the result of the work is then ignored.
 *
 * @param onAbort  Called to end the work; its failure is ignored.
 * @throws {DkimError} MB_DKIM_ABORTED
 */
export function unlessAborted<Value>(
  signal: AbortSignal,
  work: () => Value | Promise<Value>,
  onAbort: () => unknown = () => {},
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(abortError(signal));
      Promise.resolve()
        .then(onAbort)
        .catch(() => {});
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    Promise.resolve()
      .then(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Throws if the signal is aborted. @throws {DkimError} MB_DKIM_ABORTED */
export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The error of a call whose signal is aborted. */
export function abortError(signal: AbortSignal): DkimError {
  return new DkimError('MB_DKIM_ABORTED', 'The caller aborted the operation.', {
    kind: 'aborted',
    cause: signal.reason,
  });
}
