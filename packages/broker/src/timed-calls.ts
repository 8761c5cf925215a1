import type { Clock } from './clock.ts';
import { BrokerError } from './errors.ts';
import { wait } from './wait.ts';

/** How long a function of the application may take to give a profile, a key or a signature, in milliseconds. */
export const longestCallMs = 10_000;
/** For this time after a call took too long, others fail at once: each that waited would hold up other mail. */
const pauseMs = 30_000;

/**
 * What `ask` gives, in time.
 *
 * @throws what `ask` throws, what `late` gives after {@link longestCallMs}, or the reason of `signal`.
 */
export function inTime<Result>(
  ask: () => Result | Promise<Result>,
  late: () => Error,
  clock: Pick<Clock, 'setTimer'>,
  signal?: AbortSignal,
): Promise<Result> {
  return wait<Result, 'reject'>(
    (resolve, reject) => {
      Promise.resolve().then(ask).then(resolve, reject);
      return clock.setTimer(() => reject(late()), longestCallMs);
    },
    signal,
    'reject',
  );
}

/**
 * Calls of a key service of the application, which may never answer: each has 10 seconds. After one that took longer,
 * the calls of the next 30 seconds fail at once, so that what waits for them does not pile up.
 */
export class TimedCalls {
  readonly #clock: Clock;
  #lateAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param what  Names it in the error, such as `the vault of example.com`.
   * @throws {BrokerError} MB_BROKER_KEY_SERVICE when it took too long; what `ask` throws; the reason of `signal`.
   */
  async call<Result>(
    what: string,
    ask: () => Result | Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const sinceLate = this.#clock.now() - (this.#lateAt ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not refuse calls for longer.
    if (sinceLate >= 0 && sinceLate < pauseMs)
      throw silence(what, `before, and is asked again ${pauseMs / 1000} seconds after that`);
    const late = () => {
      this.#lateAt = this.#clock.now();
      return silence(what, '');
    };
    const result = await inTime(ask, late, this.#clock, signal);
    this.#lateAt = undefined;
    return result;
  }
}

function silence(what: string, rest: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_KEY_SERVICE',
    'internal',
    `${what} did not answer within ${longestCallMs / 1000} seconds${rest === '' ? '' : ` ${rest}`}.`,
    { retryable: true },
  );
}
