import type { Clock } from '../clock.ts';
import { BrokerError } from '../errors.ts';
import { inTime, longestCallMs } from '../timed-calls.ts';

/**
 * Asks the application for a profile or for keys.
 *
 * @param what  Names it in errors, such as `the keys for example.com`.
 * @throws {BrokerError} MB_BROKER_PROFILE_FAILED when the function throws, rejects or takes too long, or when `read`
 *   throws; the reason of `signal` when that fires first.
 */
export async function obtain<Given, Result>(
  what: string,
  ask: () => Given | Promise<Given>,
  read: (given: Given) => Result,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<Result> {
  signal?.throwIfAborted();
  try {
    const late = () => new Error(`it took longer than ${longestCallMs / 1000} seconds.`);
    return read(await inTime(ask, late, clock, signal));
  } catch (cause) {
    if (signal?.aborted && cause === signal.reason) throw cause;
    throw profileFailure(what, cause);
  }
}

function profileFailure(what: string, cause: unknown): BrokerError {
  const said = cause instanceof Error ? cause.message : String(cause);
  const code = 'MB_BROKER_PROFILE_FAILED';
  return new BrokerError(code, 'internal', `Cannot get ${what}: ${said}`, { cause, retryable: true });
}

/** True when a profile or its keys were not available: trouble of our own, which another attempt may end. */
export function isProfileFailure(error: unknown): error is BrokerError {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_PROFILE_FAILED';
}
