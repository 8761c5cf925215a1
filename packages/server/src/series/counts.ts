import { type QueueEvent, type QueueEventType, readOutcomeDetail } from '@mb/broker';

/** Types of events that are counted. */
export const countedTypes = [
  'accepted',
  'delivered',
  'deferred',
  'failed',
  'expired',
  'unknown',
  'bounced',
  'complained',
] as const satisfies readonly QueueEventType[];

/** One of {@link countedTypes}. */
export type CountedType = (typeof countedTypes)[number];

/** How often each type of event happened; what did not happen is left out. */
export interface Counts extends Partial<Record<CountedType, number>> {
  /** Deliveries by the time since acceptance: the number of a class, and how many; see {@link classOf}. */
  readonly times?: Readonly<Record<string, number>>;
}

/** What happened in a span of time. */
export interface Bucket {
  readonly all: Counts;
  /** By tenant, at most {@link maxNames} and as many as fit into a record; the rest is in `all` only. */
  readonly tenants: Readonly<Record<string, Counts>>;
  /** By the recipients' domain, likewise. */
  readonly domains: Readonly<Record<string, Counts>>;
}

/** Most tenants, and most domains, of a bucket. */
export const maxNames = 100;
/** Most octets of a bucket: the record of the open minute holds a little more, and has at most 64 KiB. */
const maxBucketBytes = 62 * 1024;

export const emptyBucket: Bucket = { all: {}, tenants: {}, domains: {} };

const counted: ReadonlySet<string> = new Set(countedTypes);

/** A bucket with one event more. */
export function addEvent(bucket: Bucket, event: QueueEvent): Bucket {
  if (!counted.has(event.type)) return bucket;
  const { tenant } = event;
  const domain = event.address?.slice(event.address.lastIndexOf('@') + 1).toLowerCase();
  return {
    all: counting(bucket.all, event),
    tenants: tenant === '' ? bucket.tenants : countingName(bucket.tenants, tenant, event),
    domains: domain === undefined ? bucket.domains : countingName(bucket.domains, domain, event),
  };
}

/** The sum of buckets; of too many names those that occur most often are kept. */
export function sumOf(buckets: readonly Bucket[]): Bucket {
  return {
    all: buckets.map(({ all }) => all).reduce(sumOfCounts, {}),
    tenants: sumOfNames(buckets.map(({ tenants }) => tenants)),
    domains: sumOfNames(buckets.map(({ domains }) => domains)),
  };
}

/** The bucket as it is stored: without the names that occur least often where all of them do not fit into a record. */
export function fitting(bucket: Bucket): Bucket {
  let fitted = bucket;
  for (let most = maxNames; Buffer.byteLength(JSON.stringify(fitted)) > maxBucketBytes; ) {
    most = Math.floor(most * 0.8);
    fitted = {
      all: bucket.all,
      tenants: busiest(bucket.tenants, most),
      domains: busiest(bucket.domains, most),
    };
  }
  return fitted;
}

/** Classes are half an octave wide, from 50 milliseconds on: class `n` ends at 50 × 2^(n/2) milliseconds. */
export function classOf(elapsedMs: number): number {
  return Math.max(0, Math.ceil(2 * Math.log2(Math.max(elapsedMs, 1) / 50)));
}

/** The time within which a share (0 to 1) of the deliveries came, in milliseconds; undefined without deliveries. */
export function timeWithin(times: Counts['times'], share: number): number | undefined {
  const classes = Object.entries(times ?? {}).map(([number, count]) => [Number(number), count] as const);
  const total = classes.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  let seen = 0;
  for (const [number, count] of classes.sort(([a], [b]) => a - b)) {
    seen += count;
    // The middle of the class, by its ratio: at most 20 percent from each of its times.
    if (seen >= share * total) return Math.round(50 * 2 ** ((number - 0.5) / 2));
  }
  return undefined;
}

function counting(counts: Counts, { type, at, detail }: QueueEvent): Counts {
  const { acceptedAt } = readOutcomeDetail(detail);
  const next = { ...counts, [type]: (counts[type as CountedType] ?? 0) + 1 };
  if (type !== 'delivered' || typeof acceptedAt !== 'number') return next;
  const number = classOf(at - acceptedAt);
  return { ...next, times: { ...counts.times, [number]: (counts.times?.[number] ?? 0) + 1 } };
}

function countingName(
  named: Readonly<Record<string, Counts>>,
  name: string,
  event: QueueEvent,
): Readonly<Record<string, Counts>> {
  const known = Object.hasOwn(named, name) ? named[name]! : undefined;
  if (!known && Object.keys(named).length >= maxNames) return named;
  return { ...named, [name]: counting(known ?? {}, event) };
}

function sumOfCounts(a: Counts, b: Counts): Counts {
  const sum: Record<string, number> = {};
  for (const type of countedTypes) {
    const count = (a[type] ?? 0) + (b[type] ?? 0);
    if (count > 0) sum[type] = count;
  }
  const times: Record<string, number> = { ...a.times };
  for (const [number, count] of Object.entries(b.times ?? {})) times[number] = (times[number] ?? 0) + count;
  return { ...sum, ...(Object.keys(times).length > 0 && { times }) };
}

function sumOfNames(parts: readonly Readonly<Record<string, Counts>>[]): Readonly<Record<string, Counts>> {
  const sums = new Map<string, Counts>();
  for (const part of parts) {
    for (const [name, counts] of Object.entries(part))
      sums.set(name, sumOfCounts(sums.get(name) ?? {}, counts));
  }
  return busiest(Object.fromEntries(sums), maxNames);
}

function busiest(named: Readonly<Record<string, Counts>>, most: number): Readonly<Record<string, Counts>> {
  const sorted = Object.entries(named).sort(([a, x], [b, y]) => total(y) - total(x) || (a < b ? -1 : 1));
  return Object.fromEntries(sorted.slice(0, most));
}

function total(counts: Counts): number {
  return countedTypes.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
}
