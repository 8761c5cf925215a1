import type { Clock } from './clock.ts';

/**
 * Waits for what `begin` starts, or until `signal` fires. However it ends, what `begin` returned is called and nothing
 * listens to the signal any more.
 *
 * @param begin  Calls `resolve` or `reject` when the wait is over; returns what cancels it.
 * @param onAbort  What the signal does: end the wait without a value, or reject with its reason.
 */
export function wait<Value, OnAbort extends 'resolve' | 'reject'>(
  begin: (resolve: (value: Value) => void, reject: (error: unknown) => void) => () => void,
  signal: AbortSignal | undefined,
  onAbort: OnAbort,
): Promise<OnAbort extends 'resolve' ? Value | undefined : Value> {
  return new Promise((resolve, reject) => {
    let cancel = () => {};
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', abort);
    };
    const succeed = (value?: Value) => {
      end();
      resolve(value as Value);
    };
    const fail = (error: unknown) => {
      end();
      reject(error);
    };
    const abort = () => (onAbort === 'resolve' ? succeed() : fail(signal!.reason));
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort);
    cancel = begin(succeed, fail);
  });
}

/** Resolves after `delayMs`, or when `signal` fires. */
export function sleep(
  delayMs: number,
  clock: Pick<Clock, 'setTimer'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  return wait<void, 'resolve'>((resolve) => clock.setTimer(resolve, delayMs), signal, 'resolve');
}
