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

const emptyBucket: Bucket = { all: {}, tenants: {}, domains: {} };

const counted: ReadonlySet<string> = new Set(countedTypes);

/** Counts events one by one. */
export class Tally {
  readonly #all: Growing;
  readonly #tenants: Map<string, Growing>;
  readonly #domains: Map<string, Growing>;

  /** @param bucket  What was counted before. */
  constructor({ all, tenants, domains }: Bucket = emptyBucket) {
    this.#all = growing(all);
    this.#tenants = growingNames(tenants);
    this.#domains = growingNames(domains);
  }

  add(event: QueueEvent): void {
    if (!counted.has(event.type)) return;
    const { tenant, address } = event;
    const time = timeClassOf(event);
    count(this.#all, event, time);
    if (tenant !== '') countName(this.#tenants, tenant, event, time);
    if (address === undefined) return;
    countName(this.#domains, address.slice(address.lastIndexOf('@') + 1).toLowerCase(), event, time);
  }

  /** What was counted so far; it changes with the next event. */
  get bucket(): Bucket {
    return {
      all: this.#all,
      tenants: Object.fromEntries(this.#tenants),
      domains: Object.fromEntries(this.#domains),
    };
  }
}

/** {@link Counts} that are counted. */
type Growing = Partial<Record<CountedType, number>> & { times?: Record<string, number> };

function growing({ times, ...counts }: Counts): Growing {
  return { ...counts, ...(times && { times: { ...times } }) };
}

function growingNames(named: Readonly<Record<string, Counts>>): Map<string, Growing> {
  return new Map(Object.entries(named).map(([name, counts]) => [name, growing(counts)]));
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

/** The class of the time to delivery; undefined for anything that is not a delivery. */
function timeClassOf({ type, at, detail }: QueueEvent): number | undefined {
  const { acceptedAt } = type === 'delivered' ? readOutcomeDetail(detail) : {};
  return typeof acceptedAt === 'number' ? classOf(at - acceptedAt) : undefined;
}

function count(counts: Growing, { type }: QueueEvent, time: number | undefined): void {
  counts[type as CountedType] = (counts[type as CountedType] ?? 0) + 1;
  if (time === undefined) return;
  counts.times ??= {};
  counts.times[time] = (counts.times[time] ?? 0) + 1;
}

function countName(
  named: Map<string, Growing>,
  name: string,
  event: QueueEvent,
  time: number | undefined,
): void {
  let counts = named.get(name);
  if (!counts) {
    if (named.size >= maxNames) return;
    counts = {};
    named.set(name, counts);
  }
  count(counts, event, time);
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
