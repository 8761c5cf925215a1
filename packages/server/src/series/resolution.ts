/** How long the spans of a series are. */
export type Resolution = keyof typeof resolutions;

/** Each resolution with the length of its spans and how long these are kept, in milliseconds. */
export const resolutions = {
  minute: { spanMs: 60_000, keepMs: 2 * 3_600_000 },
  'quarter-hour': { spanMs: 15 * 60_000, keepMs: 7 * 86_400_000 },
  day: { spanMs: 86_400_000, keepMs: 2 * 366 * 86_400_000 },
} as const;

/** The resolution that each coarser one is summed from. */
export const finerThan = { 'quarter-hour': 'minute', day: 'quarter-hour' } as const;

/** Resolutions that are summed from finer ones, the finer first. */
export const summed = ['quarter-hour', 'day'] as const;

/** The beginning of the span that a moment lies in, in epoch milliseconds. */
export function startOf(at: number, resolution: Resolution): number {
  const { spanMs } = resolutions[resolution];
  return Math.floor(at / spanMs) * spanMs;
}

/** The key of a span in the records: keys sort as time does. */
export function keyOf(resolution: Resolution, start: number): string {
  return `${resolution}/${new Date(start).toISOString()}`;
}

/** The beginning of the span that a key names. */
export function startOfKey(key: string): number {
  return Date.parse(key.slice(key.indexOf('/') + 1));
}
