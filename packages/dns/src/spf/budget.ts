import type { Clock } from '../clock.ts';
import { DnsError } from '../errors.ts';
import type { RecordType } from '../record.ts';
import { type Answer, isTemporary, type Resolver } from '../resolver.ts';
import { SpfStop } from './outcome.ts';

/** The limits of RFC 7208 §4.6.4. */
export interface SpfLimits {
  /** Terms that cause look-ups. Default 10. */
  readonly maxLookups?: number;
  /** Look-ups that give nothing. Default 2. */
  readonly maxVoidLookups?: number;
  /** Names of one `mx` term whose addresses are looked up; more are a permerror. Default 10. */
  readonly maxMxNames?: number;
  /** PTR names that are considered; the rest is ignored. Default 10. */
  readonly maxPtrNames?: number;
  /** Time for the whole check, milliseconds. Default 20,000. */
  readonly timeoutMs?: number;
}

/** Look-ups of one check, counted and timed. */
export class SpfBudget {
  lookups = 0;
  voidLookups = 0;
  readonly limits: Required<SpfLimits>;
  readonly #resolver: Resolver;
  readonly #signal: AbortSignal | undefined;
  readonly #expiry: AbortSignal;

  constructor(
    resolver: Resolver,
    limits: Required<SpfLimits>,
    expiry: AbortSignal,
    signal: AbortSignal | undefined,
  ) {
    this.#resolver = resolver;
    this.limits = limits;
    this.#expiry = expiry;
    this.#signal = signal;
  }

  /** RFC 7208 §4.6.4: counts a term that causes look-ups. */
  spend(term: string): void {
    if (++this.lookups > this.limits.maxLookups) {
      throw new SpfStop(
        'permerror',
        'lookup-limit',
        `The record needs more than ${this.limits.maxLookups} DNS look-ups; "${term}" is one too many.`,
      );
    }
  }

  /** RFC 7208 §4.6.4: counts a look-up that gave nothing. */
  spendVoid(name: string): void {
    if (++this.voidLookups > this.limits.maxVoidLookups) {
      throw new SpfStop(
        'permerror',
        'void-limit',
        `More than ${this.limits.maxVoidLookups} look-ups give nothing; ${name} is one too many.`,
      );
    }
  }

  /** Looks a name up; undefined when it cannot be a name. A failure is a temperror, unless `lenient`. */
  async query<T extends RecordType>(name: string, type: T): Promise<Answer<T> | undefined> {
    let answer: Answer<T>;
    try {
      answer = await this.#resolver.query(name, type, { signal: this.#expiry });
    } catch (error) {
      if (DnsError.isInstance(error) && error.code === 'MB_DNS_NAME_INVALID') return undefined;
      if (this.#expiry.aborted && !this.#signal?.aborted) throw this.#timeLimit();
      throw error;
    }
    return answer;
  }

  /** As `query`, but a failure ends the check (RFC 7208 §5). */
  async need<T extends RecordType>(name: string, type: T): Promise<Answer<T> | undefined> {
    const answer = await this.query(name, type);
    if (answer !== undefined && isTemporary(answer))
      throw new SpfStop('temperror', 'dns-failure', answer.reason);
    return answer;
  }

  #timeLimit(): SpfStop {
    return new SpfStop('temperror', 'time-limit', `DNS took longer than ${this.limits.timeoutMs} ms in all.`);
  }
}

/** A signal that fires after `delayMs` or with `signal`, and the function that lets go of both. */
export function expireAfter(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal | undefined,
): { expiry: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const cancel = clock.setTimer(() => controller.abort(), delayMs);
  return {
    expiry: controller.signal,
    release() {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
