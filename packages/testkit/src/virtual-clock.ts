import type { Clock } from './clock.ts';
import { TestkitError } from './errors.ts';
import { integer, matching, type OptionTable, readOptions } from './option-table.ts';

interface Timer {
  /** Monotonic milliseconds at which it fires. */
  readonly due: number;
  /** Order of creation, which orders timers that are due at the same time. */
  readonly order: number;
  readonly callback: () => void;
}

/** Limits of {@link VirtualClock.runUntilIdle}. */
export interface IdleOptions {
  /** Stops before a timer that is due more than this many milliseconds after the start; default no limit. */
  readonly maxMs?: number | undefined;
  /** Fails after this many timers; default 1,000,000. */
  readonly maxTimers?: number | undefined;
}

/** The checks of `IdleOptions`. */
export const idleOptions = {
  maxMs: matching<number>('a number of 0 or more (ms)', (value) => typeof value === 'number' && value >= 0),
  maxTimers: integer(0, Number.MAX_SAFE_INTEGER, { default: 1_000_000 }),
} satisfies OptionTable<IdleOptions>;

/**
 * A clock that moves only when a test advances it.
 *
 * Timers use monotonic time, like those of an operating system: {@link VirtualClock.jump} changes the result of
 * `now()`, but not when timers are due.
 *
 * @example
 * const clock = new VirtualClock();
 * clock.setTimer(() => console.log('five minutes later'), 300_000);
 * await clock.advance(300_000);
 */
export class VirtualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #created = 0;
  /** Sorted by due time, then by order of creation; the earliest is last, where removing it is cheap. */
  readonly #timers: Timer[] = [];

  /** @param startMs  Initial result of `now()`, in milliseconds since 1970; default 2026-01-01T00:00:00Z. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = startMs;
    // Bound, since the two methods of a clock are often passed separately.
    this.now = this.now.bind(this);
    this.setTimer = this.setTimer.bind(this);
  }

  /** Wall-clock milliseconds since 1970. */
  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  /** Calls `callback` when the clock has advanced by `delayMs` (0 if negative or NaN); the result cancels the timer. */
  setTimer(callback: () => void, delayMs: number): () => void {
    const due = this.#monotonicMs + Math.max(0, delayMs || 0);
    const timer: Timer = { due, order: this.#created++, callback };
    this.#timers.splice(this.#position(timer), 0, timer);
    return () => {
      const at = this.#position(timer);
      if (this.#timers[at] === timer) this.#timers.splice(at, 1);
    };
  }

  /** Number of pending timers. A test that ends with more than it began with has a leak. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer is due; undefined if there is none. */
  get nextTimerInMs(): number | undefined {
    const next = this.#timers.at(-1);
    return next && next.due - this.#monotonicMs;
  }

  /** Advances to the next timer and calls it, without letting promises settle; returns false if there is none. */
  runNext(): boolean {
    const next = this.#timers.pop();
    if (next === undefined) return false;
    this.#monotonicMs = next.due;
    next.callback();
    return true;
  }

  /**
   * Advances by `ms` and calls each timer when it is due. Promises and ready I/O settle before the first timer and
   * after each one, so that timers that are set meanwhile are called in order too.
   *
   * @throws {TestkitError} MB_TESTKIT_OPTION if `ms` is negative or not finite.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && Number.isFinite(ms))) {
      throw new TestkitError('MB_TESTKIT_OPTION', 'advance() takes milliseconds of 0 or more; use jump().');
    }
    const end = this.#monotonicMs + ms;
    await settled();
    for (let next = this.#timers.at(-1); next && next.due <= end; next = this.#timers.at(-1)) {
      this.runNext();
      await settled();
    }
    this.#monotonicMs = end;
  }

  /**
   * Runs timers until none is left, or until `maxMs`.
   *
   * @returns Milliseconds that passed on the clock.
   * @throws {TestkitError} MB_TESTKIT_WAIT if timers are left after `maxTimers`, as when one reschedules itself.
   */
  async runUntilIdle(options: IdleOptions = {}): Promise<number> {
    const read = readOptions<IdleOptions, typeof idleOptions>(options, idleOptions, 'runUntilIdle: options');
    const { maxMs = Number.POSITIVE_INFINITY, maxTimers } = read;
    const start = this.#monotonicMs;
    await settled();
    for (let ran = 0; ; ran++) {
      const next = this.#timers.at(-1);
      if (next === undefined || next.due - start > maxMs) return this.#monotonicMs - start;
      if (ran === maxTimers) {
        throw new TestkitError('MB_TESTKIT_WAIT', `Still not idle after ${maxTimers} timers; set maxMs.`);
      }
      this.runNext();
      await settled();
    }
  }

  /** Moves the wall clock by `ms`, back if negative, as an administrator or NTP does; timers do not change. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Returns the index of `timer`, or the index at which to insert it. */
  #position(timer: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle]!;
      const later = other.due > timer.due || (other.due === timer.due && other.order > timer.order);
      if (later) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Resolves after all promises that can settle now have settled, and one round of ready I/O was handled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
