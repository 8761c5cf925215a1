import { DkimError } from './errors.ts';

/**
 * What `work` gives, unless the signal fires first; what comes of the work after that is ignored.
 *
 * @param onAbort  Ends the work; its failure is ignored.
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

/** @throws {DkimError} MB_DKIM_ABORTED after the signal has fired. */
export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The error of a call whose signal has fired. */
export function abortError(signal: AbortSignal): DkimError {
  return new DkimError('MB_DKIM_ABORTED', 'The caller aborted the operation.', {
    kind: 'aborted',
    cause: signal.reason,
  });
}
