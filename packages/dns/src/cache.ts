import type { RecordType } from './record.ts';
import type { Answer, FoundAnswer } from './resolver.ts';

/** Bounds of a resolver's cache. */
export interface CacheOptions {
  /** Most answers kept; the least recently used goes first. Default 10,000. */
  readonly maxEntries?: number;
  /** Longest time a positive answer is kept, seconds. Default 86,400. */
  readonly maxTtlSeconds?: number;
  /** Longest time "no such name" and "no such data" are kept, seconds. Default 300. */
  readonly maxNegativeTtlSeconds?: number;
  /** How long past its TTL an answer may be used when no server answers, seconds (RFC 8767). Default 0: never. */
  readonly staleSeconds?: number;
}

interface Entry {
  answer: Answer;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** RFC 8767 §5: a stale answer is handed out with a TTL of 30 seconds. */
const staleTtlSeconds = 30;

/** Answers by type and name; time comes in with each call. */
export class AnswerCache {
  readonly #limits: Required<CacheOptions>;
  readonly #byKey = new Map<string, Entry>();

  constructor(options: CacheOptions = {}) {
    this.#limits = {
      maxEntries: options.maxEntries ?? 10_000,
      maxTtlSeconds: options.maxTtlSeconds ?? 86_400,
      maxNegativeTtlSeconds: options.maxNegativeTtlSeconds ?? 300,
      staleSeconds: options.staleSeconds ?? 0,
    };
  }

  /** Number of answers held. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The answer with the TTL that remains, or undefined. */
  get(name: string, type: RecordType, now: number): Answer | undefined {
    const key = cacheKey(name, type);
    const entry = this.#byKey.get(key);
    if (entry === undefined) return undefined;
    const remaining = Math.ceil((entry.expiresAt - now) / 1000);
    if (remaining <= 0) {
      if (now >= entry.expiresAt + this.#limits.staleSeconds * 1000) this.#byKey.delete(key);
      return undefined;
    }
    // The same object is handed out until its TTL changes: one copy a second at most.
    if (entry.answer.ttlSeconds !== remaining) entry.answer = { ...entry.answer, ttlSeconds: remaining };
    this.#byKey.delete(key);
    this.#byKey.set(key, entry);
    return entry.answer;
  }

  /** RFC 8767 §5: what may be used although it has expired, because nobody answers. */
  getStale(name: string, type: RecordType, now: number): FoundAnswer | undefined {
    const entry = this.#byKey.get(cacheKey(name, type));
    if (entry === undefined || entry.answer.status !== 'found') return undefined;
    if (now >= entry.expiresAt + this.#limits.staleSeconds * 1000) return undefined;
    return { ...entry.answer, ttlSeconds: staleTtlSeconds, stale: true };
  }

  /** Keeps an answer for its TTL within the bounds; failures are not kept. Returns it with the bounded TTL. */
  set(answer: Answer, now: number): Answer {
    const { maxTtlSeconds, maxNegativeTtlSeconds, maxEntries } = this.#limits;
    if (answer.status === 'servfail' || answer.status === 'bogus' || answer.status === 'timeout')
      return answer;
    const ceiling = answer.status === 'found' ? maxTtlSeconds : maxNegativeTtlSeconds;
    const ttlSeconds = Math.min(answer.ttlSeconds, ceiling);
    const kept = ttlSeconds === answer.ttlSeconds ? answer : { ...answer, ttlSeconds };
    const key = cacheKey(answer.name, answer.type);
    this.#byKey.delete(key);
    if (ttlSeconds <= 0 || maxEntries === 0) return kept;
    this.#byKey.set(key, { answer: kept, expiresAt: now + ttlSeconds * 1000 });
    if (this.#byKey.size > maxEntries) this.#byKey.delete(this.#byKey.keys().next().value!);
    return kept;
  }

  /** Forgets everything. */
  clear(): void {
    this.#byKey.clear();
  }
}

function cacheKey(name: string, type: RecordType): string {
  return `${type} ${name}`;
}
