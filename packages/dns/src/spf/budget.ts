import type { Clock } from '../clock.ts';
import { DnsError } from '../errors.ts';
import { integer, type OptionTable } from '../option-table.ts';
import type { RecordType } from '../record.ts';
import { type Answer, isTemporary, type QueryOptions, type Resolver } from '../resolver.ts';
import { SpfStop } from './outcome.ts';

/** The limits of RFC 7208 §4.6.4. */
export interface SpfLimits {
  /** Maximum number of terms that cause lookups. Default 10. */
  readonly maxLookups?: number | undefined;
  /** Maximum number of lookups without result. Default 2. */
  readonly maxVoidLookups?: number | undefined;
  /** Maximum number of names of an `mx` term; more are a permerror. Default 10. */
  readonly maxMxNames?: number | undefined;
  /** Maximum number of PTR names; the rest is ignored. Default 10. */
  readonly maxPtrNames?: number | undefined;
  /** Timeout of the whole check, in milliseconds. Default 20,000. */
  readonly timeoutMs?: number | undefined;
}

/** What {@link SpfLimits} accepts; the defaults are those of RFC 7208 §4.6.4. */
export const spfLimits = {
  maxLookups: integer(0, 1000, { default: 10 }),
  maxVoidLookups: integer(0, 1000, { default: 2 }),
  maxMxNames: integer(0, 1000, { default: 10 }),
  maxPtrNames: integer(0, 1000, { default: 10 }),
  timeoutMs: integer(1, 600_000, { default: 20_000, unit: 'ms' }),
} satisfies OptionTable<SpfLimits>;

/** The limits of one check. */
export type ResolvedSpfLimits = { readonly [Name in keyof typeof spfLimits]: number };

/** Makes the lookups of a check, and enforces its limits. */
export class SpfBudget {
  lookups = 0;
  voidLookups = 0;
  readonly limits: ResolvedSpfLimits;
  readonly #resolver: Resolver;
  readonly #expiry: Expiry;

  constructor(resolver: Resolver, limits: ResolvedSpfLimits, expiry: Expiry) {
    this.#resolver = resolver;
    this.limits = limits;
    this.#expiry = expiry;
  }

  /** RFC 7208 §4.6.4: counts a term that causes lookups. */
  spend(term: string): void {
    if (++this.lookups > this.limits.maxLookups) {
      throw new SpfStop(
        'permerror',
        'lookup-limit',
        `The record needs more than ${this.limits.maxLookups} DNS lookups; "${term}" is one too many.`,
      );
    }
  }

  /** RFC 7208 §4.6.4: counts a lookup without result (a void lookup). */
  spendVoid(name: string): void {
    if (++this.voidLookups > this.limits.maxVoidLookups) {
      throw new SpfStop(
        'permerror',
        'void-limit',
        `More than ${this.limits.maxVoidLookups} lookups have no result; ${name} is one too many.`,
      );
    }
  }

  /** Looks up a name; undefined for an invalid name. */
  async query<T extends RecordType>(name: string, type: T): Promise<Answer<T> | undefined> {
    try {
      return await this.#resolver.query(name, type, this.#expiry.queryOptions);
    } catch (error) {
      return this.#judge(error);
    }
  }

  /** Like `query`, but a failure ends the check (RFC 7208 §5). */
  async need<T extends RecordType>(name: string, type: T): Promise<Answer<T> | undefined> {
    let answer: Answer<T>;
    try {
      answer = await this.#resolver.query(name, type, this.#expiry.queryOptions);
    } catch (error) {
      return this.#judge(error);
    }
    if (isTemporary(answer)) throw new SpfStop('temperror', 'dns-failure', answer.reason);
    return answer;
  }

  #judge(error: unknown): undefined {
    if (DnsError.isInstance(error) && error.code === 'MB_DNS_NAME_INVALID') return undefined;
    if (!this.#expiry.hasExpired) throw error;
    throw new SpfStop(
      'temperror',
      'time-limit',
      `The DNS lookups took longer than ${this.limits.timeoutMs} ms in total.`,
    );
  }
}

/**
 * The timeout of a check. Its timer starts when a resolver first reads the signal in the options of a lookup, since
 * answers from a cache need no timer.
 */
export class Expiry {
  /** Whether the timeout has expired. */
  hasExpired = false;
  /** Options for every lookup of the check. The signal aborts at the timeout, or when the caller's signal aborts. */
  readonly queryOptions: QueryOptions;
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #outer: AbortSignal | undefined;
  #release = () => {};

  constructor(clock: Clock, delayMs: number, outer: AbortSignal | undefined) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#outer = outer;
    let controller: AbortController | undefined;
    const start = () => this.#start();
    // An own accessor, so that a copy of the options has the signal too.
    this.queryOptions = {
      get signal() {
        controller ??= start();
        return controller.signal;
      },
    };
  }

  /** Cancels the timer, and removes the listener from the caller's signal. */
  release(): void {
    this.#release();
  }

  #start(): AbortController {
    const controller = new AbortController();
    const onAbort = () => controller.abort(this.#outer?.reason);
    this.#outer?.addEventListener('abort', onAbort, { once: true });
    if (this.#outer?.aborted) onAbort();
    const cancel = this.#clock.setTimer(() => {
      this.hasExpired = true;
      controller.abort();
    }, this.#delayMs);
    this.#release = () => {
      cancel();
      this.#outer?.removeEventListener('abort', onAbort);
    };
    return controller;
  }
}
