import type { Records } from '@mb/broker';
import { everyRow } from '../every-page.ts';
import { type Bucket, sumOf } from './counts.ts';
import { finerThan, type Resolution, resolutions, startOf, startOfKey } from './resolution.ts';

/** Collection of the records that hold the series. */
export const seriesCollection = 'series';
/** Key of the record that says how far the events are counted. */
export const stateKey = 'state';

/** How far the events are counted. */
export interface SeriesState {
  /** Events up to this cursor are counted. Absent: none. */
  readonly cursor?: string;
  /** Beginning of the minute that is counted now, in epoch milliseconds. */
  readonly start: number;
  readonly bucket: Bucket;
  /** The process that counts, and until when the others leave it alone. */
  readonly owner: string;
  readonly ownedUntil: number;
}

/** Moments in epoch milliseconds, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Buckets by the beginning of their span. */
export type Spans = ReadonlyMap<number, Bucket>;

/** The spans of a resolution that are written down and begin in a range. */
export async function readSpans(records: Records, resolution: Resolution, range: Range): Promise<Spans> {
  const spans = new Map<number, Bucket>();
  for (const prefix of prefixesOf(resolution, range)) {
    for await (const { key, value } of everyRow((page) =>
      records.list(seriesCollection, { ...page, prefix }),
    )) {
      const start = startOfKey(key);
      if (start >= range.from && start <= range.to) spans.set(start, value as Bucket);
    }
  }
  return spans;
}

/** Likewise, with the span that is open now, which is summed from finer ones. */
export async function readAllSpans(records: Records, resolution: Resolution, range: Range): Promise<Spans> {
  const row = await records.get(seriesCollection, stateKey);
  const state = row?.value as SeriesState | undefined;
  const spans = new Map(await readSpans(records, resolution, range));
  if (!state) return spans;
  const start = startOf(state.start, resolution);
  if (start < range.from || start > range.to) return spans;
  return spans.set(start, await openSpan(records, resolution, state));
}

async function openSpan(records: Records, resolution: Resolution, state: SeriesState): Promise<Bucket> {
  if (resolution === 'minute') return state.bucket;
  const finer = finerThan[resolution];
  const start = startOf(state.start, resolution);
  const closed = await readSpans(records, finer, { from: start, to: startOf(state.start, finer) - 1 });
  return sumOf([...closed.values(), await openSpan(records, finer, state)]);
}

/** Beginnings of the keys in a range: by day, or by month for days. */
function prefixesOf(resolution: Resolution, { from, to }: Range): string[] {
  const length = resolution === 'day' ? 'yyyy-mm'.length : 'yyyy-mm-dd'.length;
  const step = resolutions.day.spanMs;
  const prefixes = new Set<string>();
  for (let at = startOf(from, 'day'); at <= to; at += step) {
    prefixes.add(`${resolution}/${new Date(at).toISOString().slice(0, length)}`);
  }
  return [...prefixes];
}
