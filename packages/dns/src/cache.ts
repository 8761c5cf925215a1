import { integer, type OptionsRead, type OptionTable, readOptions } from './option-table.ts';
import type { RecordType } from './record.ts';
import type { Answer, FoundAnswer } from './resolver.ts';

/** Limits of a resolver's cache. */
export interface CacheOptions {
  /** Maximum number of answers; beyond it, answers that were not used recently are dropped. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** Maximum time to keep a positive answer, in seconds. Default 86,400. */
  readonly maxTtlSeconds?: number | undefined;
  /** Maximum time to keep a negative answer, in seconds. Default 300. */
  readonly maxNegativeTtlSeconds?: number | undefined;
  /** How long after its TTL an answer may be used when no server answers, in seconds (RFC 8767). Default 0: never. */
  readonly staleSeconds?: number | undefined;
}

/** What {@link CacheOptions} accepts. */
export const cacheOptions = {
  maxEntries: integer(0, 10_000_000, { default: 10_000 }),
  maxTtlSeconds: integer(0, 604_800, { default: 86_400, unit: 'seconds' }),
  // RFC 2308 §5 allows hours for a negative answer, but the correction of a mistake should work sooner.
  maxNegativeTtlSeconds: integer(0, 10_800, { default: 300, unit: 'seconds' }),
  staleSeconds: integer(0, 604_800, { default: 0, unit: 'seconds' }),
} satisfies OptionTable<CacheOptions>;

interface Entry {
  answer: Answer;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Value of `#stored` when this entry was last moved to the end of its map. */
  usedAt: number;
}

/** RFC 8767 §5: a stale answer has a TTL of 30 seconds. */
const staleTtlSeconds = 30;

/** Answers by type and name; the caller passes the time. */
export class AnswerCache {
  readonly #limits: OptionsRead<CacheOptions, typeof cacheOptions>;
  readonly #byType = new Map<RecordType, Map<string, Entry>>();
  #size = 0;
  /** Number of answers stored so far, which measures how long ago an answer was used. */
  #stored = 0;

  constructor(options: CacheOptions = {}) {
    this.#limits = readOptions(options, cacheOptions, 'cache');
  }

  /** Number of answers held. */
  get size(): number {
    return this.#size;
  }

  /** The answer with its remaining TTL, or undefined. */
  get(name: string, type: RecordType, now: number): Answer | undefined {
    const byName = this.#byType.get(type);
    const entry = byName?.get(name);
    if (byName === undefined || entry === undefined) return undefined;
    const remaining = Math.ceil((entry.expiresAt - now) / 1000);
    if (remaining <= 0) {
      if (now >= entry.expiresAt + this.#limits.staleSeconds * 1000) this.#delete(byName, name);
      return undefined;
    }
    // The same object is returned until its TTL changes, so that there is at most one copy per second.
    if (entry.answer.ttlSeconds !== remaining) entry.answer = { ...entry.answer, ttlSeconds: remaining };
    // Moving an entry to the end costs more than the lookup, so it is done only after enough others were stored.
    if (this.#stored - entry.usedAt > this.#limits.maxEntries / 8) {
      byName.delete(name);
      byName.set(name, entry);
      entry.usedAt = this.#stored;
    }
    return entry.answer;
  }

  /** RFC 8767 §5: an expired answer to use because no server answers. */
  getStale(name: string, type: RecordType, now: number): FoundAnswer | undefined {
    const entry = this.#byType.get(type)?.get(name);
    if (entry === undefined || entry.answer.status !== 'found') return undefined;
    if (now >= entry.expiresAt + this.#limits.staleSeconds * 1000) return undefined;
    return { ...entry.answer, ttlSeconds: staleTtlSeconds, stale: true };
  }

  /** Stores an answer, except a failure, for its TTL within the limits. Returns it with the limited TTL. */
  set(answer: Answer, now: number): Answer {
    const { maxTtlSeconds, maxNegativeTtlSeconds, maxEntries } = this.#limits;
    if (answer.status === 'servfail' || answer.status === 'bogus' || answer.status === 'timeout')
      return answer;
    const ceiling = answer.status === 'found' ? maxTtlSeconds : maxNegativeTtlSeconds;
    const ttlSeconds = Math.min(answer.ttlSeconds, ceiling);
    const kept = ttlSeconds === answer.ttlSeconds ? answer : { ...answer, ttlSeconds };
    const byName = this.#namesOf(answer.type);
    this.#delete(byName, answer.name);
    if (ttlSeconds <= 0 || maxEntries === 0) return kept;
    byName.set(answer.name, { answer: kept, expiresAt: now + ttlSeconds * 1000, usedAt: ++this.#stored });
    if (++this.#size > maxEntries) this.#evict();
    return kept;
  }

  /** Removes all answers. */
  clear(): void {
    this.#byType.clear();
    this.#size = 0;
  }

  #namesOf(type: RecordType): Map<string, Entry> {
    let byName = this.#byType.get(type);
    if (byName === undefined) {
      byName = new Map();
      this.#byType.set(type, byName);
    }
    return byName;
  }

  /** Drops the least recently used answer of the type with the most answers. */
  #evict(): void {
    let largest: Map<string, Entry> | undefined;
    for (const byName of this.#byType.values()) if (byName.size > (largest?.size ?? 0)) largest = byName;
    if (largest !== undefined) this.#delete(largest, largest.keys().next().value!);
  }

  #delete(byName: Map<string, Entry>, name: string): void {
    if (byName.delete(name)) this.#size--;
  }
}
