import type { Records } from '@mb/broker';
import { type Bucket, type Counts, sumOf } from './counts.ts';
import { type Resolution, resolutions, startOf } from './resolution.ts';
import { readAllSpans } from './spans.ts';

/** What a series is about. */
export interface SeriesRequest {
  readonly resolution: Resolution;
  /** A moment in the first span, in epoch milliseconds. */
  readonly from: number;
  /** A moment in the last span. */
  readonly to: number;
  /** Default: all. */
  readonly tenant?: string | undefined;
  /** Domain of the recipients, in lower case; without `tenant`. */
  readonly domain?: string | undefined;
}

/** A span of a series. */
export interface SeriesPoint {
  /** Its beginning, in epoch milliseconds. */
  readonly start: number;
  readonly counts: Counts;
}

/** What happened in a span of time. */
export interface Series {
  /** Without gaps, oldest first. */
  readonly points: readonly SeriesPoint[];
  readonly total: Counts;
  /** By the recipients' domain, the busiest hundred; of all tenants. */
  readonly domains: Readonly<Record<string, Counts>>;
}

/** Counts by span of time and as a whole. */
export async function readSeries(records: Records, request: SeriesRequest): Promise<Series> {
  const { resolution } = request;
  const range = { from: startOf(request.from, resolution), to: request.to };
  const spans = await readAllSpans(records, resolution, range);
  const points: SeriesPoint[] = [];
  for (let start = range.from; start <= range.to; start += resolutions[resolution].spanMs) {
    const bucket = spans.get(start);
    points.push({ start, counts: bucket ? countsOf(bucket, request) : {} });
  }
  const sum = sumOf([...spans.values()]);
  return { points, total: countsOf(sum, request), domains: sum.domains };
}

function countsOf(bucket: Bucket, { tenant, domain }: SeriesRequest): Counts {
  if (tenant === undefined && domain === undefined) return bucket.all;
  const [named, name] = tenant === undefined ? [bucket.domains, domain!] : [bucket.tenants, tenant];
  return Object.hasOwn(named, name) ? named[name]! : {};
}
