/**
 * When a deferred recipient is tried again, as a pure function of the attempt, a random number and the host's reply.
 */
import { integer, matching, type OptionTable } from '../option-table.ts';

const minute = 60_000;
const hour = 60 * minute;

/** The retry schedule of a message. */
export interface RetrySchedule {
  /** Delay after the first attempt, in milliseconds; default 5 minutes. */
  readonly firstMs: number;
  /** Factor by which the delay grows from attempt to attempt; default 2. */
  readonly factor: number;
  /** Maximum delay, in milliseconds; default 4 hours. */
  readonly maxMs: number;
  /** Fraction of the delay by which it varies at random in both directions; default 0.1. */
  readonly jitter: number;
}

/** The same, each field optional. */
export type ScheduleOptions = { readonly [K in keyof RetrySchedule]?: RetrySchedule[K] | undefined };

const between = (least: number, most: number) =>
  matching<number>(
    `a number from ${least} to ${most}`,
    (value) => typeof value === 'number' && value >= least && value <= most,
  );

/** What `schedule` accepts. */
export const scheduleOptions = {
  firstMs: integer(0, 9e12, { unit: 'ms' }),
  factor: between(1, 1000),
  maxMs: integer(0, 9e12, { unit: 'ms' }),
  jitter: between(0, 1),
} satisfies OptionTable<ScheduleOptions>;

/** Five minutes, doubled from attempt to attempt up to four hours, varied by ten per cent. */
export const defaultSchedule: RetrySchedule = {
  firstMs: 5 * minute,
  factor: 2,
  maxMs: 4 * hour,
  jitter: 0.1,
};

/** A delay named by a host is raised to this, and to an eighth of the scheduled delay. */
const leastServerDelayMs = minute;
const shortestShareOfSchedule = 1 / 8;

/**
 * The delay before the next attempt, in milliseconds.
 *
 * @param attempt        Number of the attempt that was deferred, 1 for the first.
 * @param random         Draws from [0, 1).
 * @param serverDelayMs  The delay that the host named ({@link parseServerDelay}). It replaces the scheduled delay,
 *   within bounds: at least one minute and an eighth of the scheduled delay, at most the schedule's maximum. Jitter
 *   only lengthens it: a greylisting host that says 300 seconds refuses again after 299.
 * @example
 * retryDelayMs(defaultSchedule, 1, Math.random); // about 300_000
 */
export function retryDelayMs(
  schedule: RetrySchedule,
  attempt: number,
  random: () => number,
  serverDelayMs?: number,
): number {
  const doubled = schedule.firstMs * schedule.factor ** Math.max(0, attempt - 1);
  const scheduled = Math.min(Number.isFinite(doubled) ? doubled : schedule.maxMs, schedule.maxMs);
  if (serverDelayMs === undefined) {
    return Math.round(scheduled * (1 + schedule.jitter * (2 * random() - 1)));
  }
  const least = Math.max(leastServerDelayMs, scheduled * shortestShareOfSchedule);
  const named = Math.min(Math.max(serverDelayMs, least), Math.max(schedule.maxMs, least));
  return Math.round(named * (1 + schedule.jitter * random()));
}

/** Only this many characters of a host's text are searched. */
const maxSearchedText = 1024;

const millisecondsByUnit: Readonly<Record<string, number>> = { s: 1000, m: minute, h: hour };

/** "again in 300 seconds", "retry after 5 min", "greylisted for 1 hour": a keyword, a short text, a number, a unit. */
const namedDelay =
  /\b(?:again|retry|resend|come back|wait|delay(?:ed)?|gr[ea]ylist(?:ed|ing)?)\b[^.;\d]{0,40}(\d{1,6}) ?(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?)\b/i;

/** "come back in 00:05:00" */
const clockDelay = /\b(?:again|retry|come back|wait)\b[^.;\d]{0,40}(\d{1,2}):([0-5]\d):([0-5]\d)\b/i;

/**
 * Finds the delay that a host names in the text of a 4yz reply ("try again in 300 seconds").
 *
 * @returns Milliseconds; undefined when the text names none. Use it only within bounds, as {@link retryDelayMs} does.
 * @example
 * parseServerDelay('4.2.0 Greylisted, please try again in 300 seconds'); // 300_000
 */
export function parseServerDelay(text: string): number | undefined {
  const searched = text.slice(0, maxSearchedText);
  const clock = clockDelay.exec(searched);
  if (clock) return Number(clock[1]) * hour + Number(clock[2]) * minute + Number(clock[3]) * 1000;
  const named = namedDelay.exec(searched);
  if (!named) return undefined;
  return Number(named[1]) * millisecondsByUnit[named[2]![0]!.toLowerCase()]!;
}
